"""Values computed by a function of the project, for ``Index(expression=..., name=...)``."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..fields.base import plain
from ..fields.derived import Derived
from ..models.payload_column import Payload
from ..query.verify import UNKNOWN

if TYPE_CHECKING:
    from .declarations import Declarations

_SHOWN_FIELDS, _SHOWN_LENGTH = 3, 40


class Computed(Derived):
    """What a function gives for an object: a value, a list of values, or None."""

    many = True

    def __init__(
        self, options: Declarations, name: str, function: Callable[[Any], Any], version: int
    ) -> None:
        super().__init__(name)
        self.options = options
        self.function = function
        self.origin = f"expression {version}"

    def of(self, values: Mapping[str, Any]) -> Any:
        """ValueError names the index and the object if the function fails."""
        try:
            found = self.function(self._object(values))
        except Exception as error:
            raise ValueError(
                f"{self.options.model._meta.label}: the expression of the index {self.name!r} "
                f"failed for the object with {self._shown(values)}: "
                f"{type(error).__name__}: {error}"
            ) from error
        if isinstance(found, (list, tuple, set, frozenset)):
            return [plain(item) for item in found if item is not None]
        return plain(found)

    def of_stored(self, stored: Mapping[str, Any]) -> Any:
        fields = self.options.fields.values()
        if any(field.has_unsteady_default and field.key not in stored for field in fields):
            return UNKNOWN
        return self.of(self.options.by_name(stored))

    def _object(self, values: Mapping[str, Any]) -> Any:
        """The object as the function sees it: its fields, and no id, which a new object does not
        have yet when its entries are made."""
        obj = self.options.model.from_db(None, _COLUMNS, (None, Payload(b""), False, 0))
        for name, field in self.options.fields.items():
            # A copy, so that the function cannot change what is being saved.
            value = field.from_primitive(copy.deepcopy(values[name]))
            obj.__dict__[field.attname] = value
        obj.__dict__["_sonic_extra"] = {}
        return obj

    def _shown(self, values: Mapping[str, Any]) -> str:
        fields = [field for field in self.options.fields.values() if not field.is_secret]
        pairs = (f"{field.name}={values[field.name]!r}" for field in fields[:_SHOWN_FIELDS])
        return ", ".join(pair[:_SHOWN_LENGTH] for pair in pairs)


_COLUMNS = ("id", "sonic_payload", "is_deleted", "sonic_version")
