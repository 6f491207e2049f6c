"""What ``values()`` and ``values_list()`` give instead of objects."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import FieldError

if TYPE_CHECKING:
    from ..schema.schema import Schema


#: Names that are columns of the row, and no fields of the payload.
_COLUMNS = frozenset(["pk", "id", "is_deleted", "sonic_version", "sonic_dirty_at"])


class ValueShape:
    """The names of the values, and how a dict, a tuple or a single value is made of them."""

    def __init__(
        self, schema: Schema, names: Sequence[str], kind: str, *, flat: bool, named: bool
    ) -> None:
        if flat and len(names) != 1:
            raise TypeError("'flat' is not valid when values_list is called with several fields.")
        if flat and named:
            raise TypeError("'flat' and 'named' can't be used together.")
        self.kind = kind
        self.flat = flat
        shown = [field for field in schema.fields.values() if not field.is_secret]
        given = list(names) or ["id", *(field.attname for field in shown)]
        self.names = given
        self.getters = [self._getter(schema, name) for name in given]
        self._fields = {name: schema.field(name) for name in given if name not in _COLUMNS}
        self.row_class = namedtuple("Row", given) if named else None

    @property
    def only_ids(self) -> bool:
        """Whether the index alone can answer."""
        return all(name in ("pk", "id") for name in self.names)

    @property
    def has_id(self) -> bool:
        """Whether the id is among the values, so that no two objects have the same."""
        return not {"pk", "id"}.isdisjoint(self.names)

    @property
    def given_fields(self) -> frozenset[str]:
        """The names of the values, with both names of a reference."""
        own = (field.name for field in self._fields.values())
        attributes = (field.attname for field in self._fields.values())
        return frozenset([*self.names, *own, *attributes])

    def primitives(self, obj: Any) -> Iterator[Any]:
        """The primitives of an object's values, which show whether two rows are equal."""
        for name, getter in zip(self.names, self.getters, strict=True):
            value, field = getter(obj), self._fields.get(name)
            yield value if field is None else field.to_primitive(value)

    @staticmethod
    def _getter(schema: Schema, name: str) -> Any:
        if name in ("pk", "id"):
            return lambda obj: obj.id
        if name in _COLUMNS:
            return lambda obj: getattr(obj, name)
        field = schema.field(name)
        if field.is_secret:
            raise FieldError(f"{schema.label}.{name} is a password, which values() does not give.")
        return field.value_from_object

    def shape(self, objects: Iterable[Any]) -> Iterator[Any]:
        """The values of each object, or of each id where ``only_ids`` holds."""
        for obj in objects:
            values = [obj if self.only_ids else getter(obj) for getter in self.getters]
            if self.kind == "dict":
                yield dict(zip(self.names, values, strict=True))
            elif self.flat:
                yield values[0]
            else:
                yield self.row_class(*values) if self.row_class else tuple(values)
