"""Values that an index is of, but that are no field of their own: texts without their case, and
what a path leads to within a field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from django.core.exceptions import FieldError, ValidationError
from django.db.models.constants import LOOKUP_SEP

from ..fields.names import FOLDED, UNKNOWN
from ..index.casefold import fold
from ..index.specs import BY_TEXT, Part
from ..payload.primitives import CONTAINERS
from .base import plain


class Indexed(Protocol):
    """What a condition can be on: a field, or what is derived from fields."""

    name: str
    many: bool
    mixed: bool
    native_type: type | None
    ordered_as: Any

    @property
    def no_index(self) -> str: ...

    @property
    def order_kind(self) -> str | None: ...

    @property
    def part(self) -> Part: ...

    def of(self, values: Mapping[str, Any]) -> Any:
        """The primitive in an object with these primitives, by field name."""

    def of_stored(self, stored: Mapping[str, Any]) -> Any:
        """The primitive in a payload; UNKNOWN if it depends on a default that is missing there
        and differs each time."""

    def lookup_value(self, value: Any) -> Any: ...

    def range_value(self, value: Any) -> Any: ...


class Derived:
    """The base of what is derived."""

    many = False
    mixed = False
    native_type: type | None = None
    order_kind: str | None = None
    #: Why it cannot be in an index, and what can; "" if it can.
    no_index = ""
    #: What an index ordered by it is ordered by, if that is something else.
    ordered_as: Any = None
    #: Whether a lookup begins with its name.
    is_looked_up = True

    def __init__(self, name: str) -> None:
        self.name = name

    #: What tells an index of it from one of something else by the same name.
    origin = ""

    @property
    def part(self) -> Part:
        return Part(self.name, self.many, self.order_kind, self.mixed, self.origin)

    def lookup_value(self, value: Any) -> Any:
        """The primitive for a value that is looked up. ValidationError if it can be none."""
        value = plain(value)
        if type(value) in CONTAINERS:
            raise ValidationError(
                {self.name: [f"{value!r} is no single value, and an index holds those."]}
            )
        return value

    def range_value(self, value: Any) -> Any:
        return self.lookup_value(value)


class Folded(Derived):
    """A text without its case, or each text of a list; other values as they are."""

    is_looked_up = False

    def __init__(self, source: Indexed) -> None:
        super().__init__(source.name + FOLDED)
        self.source = source
        self.many, self.mixed = source.many, source.mixed
        self.order_kind = source.order_kind

    def of(self, values: Mapping[str, Any]) -> Any:
        return _folded(self.source.of(values))

    def of_stored(self, stored: Mapping[str, Any]) -> Any:
        return _folded(self.source.of_stored(stored))

    def lookup_value(self, value: Any) -> Any:
        return _folded(self.source.lookup_value(value))


def _folded(value: Any) -> Any:
    if type(value) is str:
        return fold(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_folded(item) for item in value]
    return value


def has_case(source: Indexed) -> bool:
    """Whether it may hold texts."""
    element = getattr(source, "element", source)
    return bool(source.mixed or element.order_kind == BY_TEXT)


def folded(source: Indexed, label: str) -> Folded:
    """The value without its case. FieldError if it holds no texts."""
    if not has_case(source):
        raise FieldError(f"{label}.{source.name} holds no texts, so it has no iexact.")
    return Folded(source)


class Path(Derived):
    """What a path of keys leads to in nested dicts, ``meta__address__city``.

    Lists on the way are gone through, and a list at the end is looked up by its elements.
    """

    many = True
    mixed = True

    def __init__(self, root: Any, keys: Sequence[str]) -> None:
        super().__init__(LOOKUP_SEP.join([root.name, *keys]))
        self.root = root
        self.keys = tuple(keys)

    def of(self, values: Mapping[str, Any]) -> Any:
        return reach(values[self.root.name], self.keys)

    def of_stored(self, stored: Mapping[str, Any]) -> Any:
        value = self.root.of_stored(stored)
        return value if value is UNKNOWN else reach(value, self.keys)


def reach(value: Any, keys: Sequence[str], absent: Any = None) -> Any:
    """The value at the end of the path; None if the way does not exist, and ``absent`` if only its
    last key does not. If a list is met on the way, a list of what is found in its elements,
    without None."""
    for at, key in enumerate(keys):
        if isinstance(value, (list, tuple, set, frozenset)):
            return list(_reach_all(value, keys[at:], absent))
        if not isinstance(value, dict):
            return None
        value = value.get(key, absent if at == len(keys) - 1 else None)
    return value


def _reach_all(values: Iterable[Any], keys: Sequence[str], absent: Any) -> Iterable[Any]:
    for value in values:
        found = reach(value, keys, absent)
        if isinstance(found, (list, tuple, set, frozenset)):
            yield from found
        elif found is not None:
            yield found
