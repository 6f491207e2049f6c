"""Values computed by a function of the project, for ``Index(expression=..., name=...)``."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from inspect import getattr_static
from typing import Any, Protocol

from ..exceptions import UnindexableRow
from ..fields.base import VirtualField, exact_primitive
from ..fields.derived import Derived
from ..fields.names import UNKNOWN
from ..fields.origins import Code, digest_of
from ..interruptions import is_interruption
from ..payload.stored import Payload

_SHOWN_FIELDS, _SHOWN_LENGTH = 3, 40


class Declared(Protocol):
    """The class whose objects the function is given."""

    model: Any
    label: str
    fields: dict[str, VirtualField]

    def by_name(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        """A payload dict by field name; defaults where a key is missing."""


class Computed(Derived):
    """The result of a function for an object: a value, a list of values, or None."""

    many = True

    def __init__(
        self, schema: Declared, name: str, function: Callable[[Any], Any], version: int
    ) -> None:
        super().__init__(name)
        self.schema = schema
        self.function = function
        self.origin = f"expression {version} {self._origin()}"

    def _origin(self) -> str:
        """The function, the members of the class that it reads, and the fields that those read."""
        fields = self.schema.fields.values()
        code = Code(self.function, lambda name: getattr_static(self.schema.model, name, None))
        reads_any = code.is_open or not _READS_ANY.isdisjoint(code.names)
        read = [
            field.origin
            for field in fields
            if reads_any or field.name in code.names or field.attname in code.names
        ]
        return digest_of(code.described, *read)

    def of(self, values: Mapping[str, Any]) -> Any:
        """UnindexableRow, a ValueError, names the index and the object if the function fails."""
        try:
            found = self.function(self._object(values))
        except Exception as error:
            if is_interruption(error):
                raise
            raise UnindexableRow(
                f"{self.schema.label}: the expression of the index {self.name!r} "
                f"failed for the object with {self._shown(values)}: "
                f"{type(error).__name__}: {error}",
                field=self.name,
            ) from error
        if isinstance(found, (list, tuple, set, frozenset)):
            return [exact_primitive(item) for item in found if item is not None]
        return exact_primitive(found)

    def of_stored(self, stored: Mapping[str, Any]) -> Any:
        """The value for a payload dict; UNKNOWN if it lacks a field whose default varies."""
        fields = self.schema.fields.values()
        if any(field.has_nondeterministic_default and field.key not in stored for field in fields):
            return UNKNOWN
        return self.of(self.schema.by_name(stored))

    def _object(self, values: Mapping[str, Any]) -> Any:
        """The object as the function sees it: its fields, and no id, which a new object does not
        have yet when its entries are made."""
        obj = self.schema.model.from_db(None, _COLUMNS, (None, Payload(b""), False, 0))
        for name, field in self.schema.fields.items():
            # A copy, so that the function cannot change what is being saved.
            value = field.from_primitive(copy.deepcopy(values[name]))
            obj.__dict__[field.attname] = value
        obj.__dict__["_sonic_extra"] = {}
        return obj

    def _shown(self, values: Mapping[str, Any]) -> str:
        fields = [field for field in self.schema.fields.values() if not field.is_secret]
        pairs = (f"{field.name}={values[field.name]!r}" for field in fields[:_SHOWN_FIELDS])
        return ", ".join(pair[:_SHOWN_LENGTH] for pair in pairs)


#: Names by which a function may read any field.
_READS_ANY = frozenset(["getattr", "vars", "__dict__"])
_COLUMNS = ("id", "sonic_payload", "is_deleted", "sonic_version")
