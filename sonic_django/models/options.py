"""What a class declares, worked out once: fields, indexes, uniques, full text, stores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.core.exceptions import FieldError
from django.db.models import DateField, Field, TimeField
from django.db.models.constants import LOOKUP_SEP

from ..conf import sonic_settings
from ..fulltext.availability import is_available
from ..index.encoding import key_part
from ..index.specs import Entry, IndexSpec
from ..index.store import Document, IndexStore, Schema, State
from ..payload import Codec
from ..query.logic import FOLDED
from ..table.rows import Row, Table, table
from ..table.uniques import unique_key
from .derived import Folded, Indexed, folded, has_case
from .indexes import Index, name_of
from .virtual import VirtualField

if TYPE_CHECKING:
    from .base import SonicObj


@dataclass(frozen=True)
class Problem:
    """A mistake in a declaration, reported by the system checks and at first use."""

    id: str
    message: str
    hint: str


@dataclass(frozen=True)
class UniqueConstraint:
    """Fields whose values together belong to one object at most."""

    name: str
    fields: tuple[str, ...]


class SonicOptions:
    """The declaration of one concrete class. Built at first use, when all fields are known."""

    def __init__(self, model: type[SonicObj]) -> None:
        self.model = model
        self.label = model._meta.label_lower
        self.problems: list[Problem] = []
        self.fields: dict[str, VirtualField] = {
            field.name: field
            # In the order of the declarations, those of abstract bases first.
            for field in sorted(model._meta.private_fields)
            if isinstance(field, VirtualField)
        }
        self.by_key = {field.key: field for field in self.fields.values()}
        self.attnames = {field.attname: field for field in self.fields.values()}
        self.indexes: dict[str, IndexSpec] = {}
        #: What indexes are of that is no field, by name.
        self.derived: dict[str, Indexed] = {}
        self._read_indexes(self._declared("indexes"))
        self.uniques = list(self._read_uniques(self._declared("uniques")))
        #: Full text: field name -> weight; "groups" are filtered on, not searched.
        self.text_weights: dict[str, int | float] = {}
        self.text_groups: list[str] = []
        self._read_fulltext(self._declared("fulltext_indexes"))
        self.text_fields = frozenset([*self.text_weights, *self.text_groups])

    # Stores -------------------------------------------------------------------------------------

    @property
    def schema(self) -> Schema:
        return self._schema_with_text if self.has_text else self._schema

    @cached_property
    def _schema(self) -> Schema:
        specs = {spec.digest: spec for spec in self.indexes.values()}
        return Schema(self.label, tuple(specs.values()))

    @cached_property
    def _schema_with_text(self) -> Schema:
        return replace(self._schema, has_text=True)

    @property
    def has_text(self) -> bool:
        """Whether full text is declared, and can be kept where Haystack is installed."""
        return bool(self.text_fields) and is_available()

    def table(self, using: str) -> Table:
        return table(self.model._meta.db_table, using)

    def store(self, using: str) -> IndexStore:
        return IndexStore(self.schema, using)

    @property
    def codec(self) -> Codec:
        settings = sonic_settings()
        return _codec(settings.MAX_PAYLOAD_SIZE, settings.COMPRESS_OVER)

    @cached_property
    def fields_with_pre_save(self) -> list[VirtualField]:
        """Fields that set themselves before a save: auto_now, files, and the user's own."""
        hooked = []
        for field in self.fields.values():
            overridden = type(field).pre_save is not Field.pre_save
            automatic = getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
            if overridden and (automatic or not isinstance(field, (DateField, TimeField))):
                hooked.append(field)
        return hooked

    # Objects ------------------------------------------------------------------------------------

    def values_of(self, payload: bytes, id: int) -> dict[str, Any]:
        """Primitives by field name of a stored payload; defaults where a key is missing."""
        return self.by_name(self.decode(payload, id))

    def by_name(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        """A payload dict by field name; defaults where a key is missing."""
        return {
            name: stored[field.key]
            if field.key in stored
            else field.to_primitive(field.get_default())
            for name, field in self.fields.items()
        }

    def decode(self, payload: bytes, id: int) -> dict[str, Any]:
        """The dict in a payload; the PayloadError says whose it is."""
        try:
            return self.codec.decode(bytes(payload))
        except ValueError as error:
            raise type(error)(f"{self.model._meta.label} {id}: {error}") from error

    def entries(self, values: Mapping[str, Any]) -> tuple[Entry, ...]:
        """The entries of an object with these primitives. ValueError names the field."""
        found: list[Entry] = []
        if self.derived:
            values = {**values, **{name: one.of(values) for name, one in self.derived.items()}}
        for spec in self.schema.specs:
            try:
                found.extend(spec.entries(values))
            except (TypeError, ValueError) as error:
                shown = ", ".join(f"{p.name}={values[p.name]!r}" for p in spec.parts)
                order = f" {spec.order.name}={values[spec.order.name]!r}" if spec.order else ""
                raise ValueError(
                    f"{self.model._meta.label} cannot be indexed by {spec.label}, "
                    f"{shown}{order}: {error}."
                ) from error
        return tuple(found)

    def document(self, row: Row, *, text_changed: bool = False) -> Document:
        """What the index shall hold of a stored row."""
        if row.is_deleted:
            return Document(row.id, row.version, "deleted", (), text_changed)
        entries = self.entries(self.values_of(row.payload, row.id))
        return Document(row.id, row.version, "live", entries, text_changed)

    def unique_keys(self, values: Mapping[str, Any]) -> dict[bytes, UniqueConstraint]:
        """The keys an object with these primitives holds; a None in any part exempts it."""
        keys: dict[bytes, UniqueConstraint] = {}
        for constraint in self.uniques:
            parts = [values[name] for name in constraint.fields]
            if None not in parts:
                key = unique_key(self.label, constraint.name, map(key_part, parts))
                keys[key] = constraint
        return keys

    # Declarations -------------------------------------------------------------------------------

    def field(self, name: str) -> VirtualField:
        """The field called so; FieldError lists those there are."""
        try:
            return self.fields.get(name) or self.attnames[name]
        except KeyError:
            known = ", ".join(["id", *self.fields])
            raise FieldError(
                f"{self.model._meta.label} has no field {name!r}. Its fields are {known}."
            ) from None

    def indexed(self, name: str) -> Indexed:
        """What an index or a condition by this name is on: a field, what a path leads to, or a
        text without its case. FieldError if there is no such thing."""
        found = self.fields.get(name) or self.attnames.get(name) or self.derived.get(name)
        if found is not None:
            return found
        if name.endswith(FOLDED):
            return folded(self.indexed(name.removesuffix(FOLDED)), self.model._meta.label)
        root, *keys = name.split(LOOKUP_SEP)
        reached: Indexed | None = self.field(root).at_path(keys) if keys else None
        return reached or self.field(name)

    def raise_problems(self) -> None:
        """Refuse to work with a declaration that the system checks would refuse."""
        if self.problems:
            raise FieldError(" ".join(f"{p.message} {p.hint}" for p in self.problems))

    def _declared(self, attribute: str) -> Mapping[Any, Any]:
        declared = getattr(self.model, attribute, None) or {}
        if isinstance(declared, Mapping):
            return declared
        self._problem(
            "sonic.E003",
            f"{self.model._meta.label}.{attribute} is a {type(declared).__name__}.",
            f"Make it a dict, as in {attribute} = {{...}}.",
        )
        return {}

    def _read_indexes(self, declared: Mapping[Any, Any]) -> None:
        for name, given in declared.items():
            self._add_index(str(name), self._index_of(str(name), given))
        for name, field in self.fields.items():
            if field.sonic_index:
                ordered = field.order_kind and not field.many
                self._add_index(name, Index(order_by=name) if ordered else Index([name]))

    def _index_of(self, name: str, given: Any) -> Index:
        """An Index for what stands in ``indexes``: an Index, or a list of fields.

        A list under a name that contains ``order_by_<field>`` is the ancestor's spelling of order.
        """
        if isinstance(given, Index):
            return given
        order = name.partition("order_by_")[2] or None
        fields = [given] if isinstance(given, str) or not hasattr(given, "__iter__") else given
        return Index(list(fields), order)

    def _add_index(self, name: str, index: Index) -> None:
        try:
            names, order_name = index.field_names(), index.order_name()
        except TypeError as error:
            hint = "Name fields of the class itself."
            self._problem(
                "sonic.E001", f"{self.model._meta.label}.indexes[{name!r}]: {error}", hint
            )
            return
        if not names and not order_name:
            self._problem(
                "sonic.E001",
                f"{self.model._meta.label}.indexes[{name!r}] names no field.",
                "Give fields, order_by or both.",
            )
            return
        where = f"indexes[{name!r}]"
        wanted = [*names, *([order_name] if order_name else [])]
        found = [one for name in wanted if (one := self._indexed_or_problem(name, where))]
        if len(found) < len(wanted):
            return
        if index.case_insensitive:
            if not any(map(has_case, found)):
                self._problem(
                    "sonic.E007",
                    f"{self.model._meta.label}.{where} is case-insensitive, and none of its "
                    f"fields holds texts.",
                    "Take case_insensitive away, or name a text field.",
                )
                return
            found = [Folded(one) if has_case(one) else one for one in found]
        order = found.pop().part if order_name else None
        if order is not None and (order.many or order.order is None):
            self._problem(
                "sonic.E002",
                f"{self.model._meta.label}.{where} orders by {order_name}, whose values "
                f"have no order.",
                "Order by a text, number or time field.",
            )
            return
        # How a field orders says nothing about the postings it chooses.
        parts = tuple(replace(one.part, order=None) for one in found)
        spec = IndexSpec(parts, order)
        if spec not in self.indexes.values():
            self.indexes[name if name not in self.indexes else f"{name}_index"] = spec
            for part in (*spec.parts, *([spec.order] if spec.order else [])):
                if part.name not in self.fields:
                    self.derived[part.name] = self.indexed(part.name)

    def _indexed_or_problem(self, name: str, where: str) -> Indexed | None:
        """What an index names, or None and a problem."""
        try:
            return self.indexed(name)
        except FieldError:
            self._known([name], where)
            return None

    def _read_uniques(self, declared: Mapping[Any, Any]) -> Iterable[UniqueConstraint]:
        groups = {str(name): given for name, given in declared.items()}
        for name, field in self.fields.items():
            if field.unique:
                groups.setdefault(name, [name])
        for name, given in groups.items():
            members = given if isinstance(given, (list, tuple)) else [given]
            try:
                names = tuple(name_of(member) for member in members)
            except TypeError as error:
                hint = "Name fields of the class itself."
                where = f"{self.model._meta.label}.uniques[{name!r}]"
                self._problem("sonic.E001", f"{where}: {error}", hint)
                continue
            if not self._known(names, f"uniques[{name!r}]"):
                continue
            lists = [n for n in names if self.fields[n].many]
            if lists:
                self._problem(
                    "sonic.E004",
                    f"{self.model._meta.label}.uniques[{name!r}] contains the list {lists[0]}.",
                    "A list cannot be unique; use single fields.",
                )
                continue
            # So that the object can be found by them; the database alone enforces them.
            one = self.fields[names[0]]
            ordered = len(names) == 1 and one.order_kind
            self._add_index(name, Index(order_by=names[0]) if ordered else Index(names))
            yield UniqueConstraint(name, names)

    def _read_fulltext(self, declared: Mapping[Any, Any]) -> None:
        for given, weight in declared.items():
            if given == "groups":
                names = [name_of(member) for member in weight]
                if self._known(names, "fulltext_indexes['groups']"):
                    self.text_groups = names
                continue
            name = name_of(given)
            if not self._known([name], "fulltext_indexes"):
                continue
            if isinstance(weight, bool) or not isinstance(weight, (int, float)) or weight <= 0:
                self._problem(
                    "sonic.E005",
                    f"{self.model._meta.label}.fulltext_indexes[{name}] has the weight {weight!r}.",
                    "A weight is a number above 0.",
                )
                continue
            self.text_weights[name] = weight

    def _known(self, names: Iterable[str], where: str) -> bool:
        unknown = [name for name in names if name not in self.fields]
        if unknown:
            self._problem(
                "sonic.E001",
                f"{self.model._meta.label}.{where} names {', '.join(unknown)}, which the class "
                f"does not declare.",
                f"Its fields are {', '.join(self.fields) or 'none'}.",
            )
        return not unknown

    def _problem(self, id: str, message: str, hint: str) -> None:
        self.problems.append(Problem(id, message, hint))


_CODECS: dict[tuple[int, int | None], Codec] = {}


def _codec(max_size: int, compress_over: int | None) -> Codec:
    key = (max_size, compress_over)
    if key not in _CODECS:
        _CODECS[key] = Codec(max_size, compress_over)
    return _CODECS[key]


__all__ = ["Problem", "SonicOptions", "State", "UniqueConstraint"]
