"""Derived values, which an index can hold beside fields: case-folded text, values at a path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol
from unicodedata import unidata_version

from django.core.exceptions import FieldError, ValidationError
from django.db.models.constants import LOOKUP_SEP

from ..index.casefold import fold
from ..index.specs import BY_TEXT, Part
from ..payload.primitives import CONTAINERS
from .base import exact_primitive
from .names import FOLDED, UNKNOWN


class Indexed(Protocol):
    """A field or a derived value, which an index can hold and a condition can be on."""

    name: str
    many: bool
    mixed: bool
    native_type: type | None
    ordered_as: Any

    @property
    def origin(self) -> str:
        """What its index entries depend on beside the payload; see ``origins``."""

    @property
    def no_index(self) -> str:
        """The reason why it cannot be in an index, and the remedy; "" if it can."""

    @property
    def order_kind(self) -> str | None:
        """The order of its values in an index; None if they have none."""

    @property
    def part(self) -> Part:
        """The part that it is of an index."""

    def of(self, values: Mapping[str, Any]) -> Any:
        """The primitive in an object with these primitives, by field name."""

    def of_stored(self, stored: Mapping[str, Any]) -> Any:
        """The primitive in a payload's dict.

        UNKNOWN if it depends on a key that is missing there and whose default is
        non-deterministic.
        """

    def lookup_value(self, value: Any) -> Any:
        """The primitive by which an index finds objects with this value."""

    def range_value(self, value: Any) -> Any:
        """The primitive of a range's bound."""


class Derived:
    """The base of derived values."""

    many = False
    mixed = False
    native_type: type | None = None
    order_kind: str | None = None
    #: The reason why it cannot be in an index, and the remedy; "" if it can.
    no_index = ""
    #: The derived value by which an index ordered by it is ordered; None: the value.
    ordered_as: Any = None
    #: Whether a lookup begins with its name.
    is_looked_up = True

    def __init__(self, name: str) -> None:
        self.name = name

    #: What its index entries depend on beside the payload; part of the digest of its indexes.
    origin = ""

    @property
    def part(self) -> Part:
        """The part that it is of an index."""
        return Part(self.name, self.many, self.order_kind, self.mixed, self.origin)

    def lookup_value(self, value: Any) -> Any:
        """The primitive by which an index finds the value. ValidationError for a container."""
        value = exact_primitive(value)
        if type(value) in CONTAINERS:
            raise ValidationError(
                {self.name: [f"{value!r} is no single value, and an index holds those."]}
            )
        return value

    def range_value(self, value: Any) -> Any:
        """The primitive of a range's bound."""
        return self.lookup_value(value)


class Folded(Derived):
    """Case-folded text, or each text of a list; other values as they are."""

    is_looked_up = False

    def __init__(self, source: Indexed) -> None:
        super().__init__(source.name + FOLDED)
        self.source = source
        self.many, self.mixed = source.many, source.mixed
        self.order_kind = source.order_kind
        #: Other tables of Unicode, as another Python brings them, may fold a text differently.
        self.origin = f"{source.origin} folded by Unicode {unidata_version}"

    def of(self, values: Mapping[str, Any]) -> Any:
        """The folded primitive, from an object's primitives by field name."""
        return _folded(self.source.of(values))

    def of_stored(self, stored: Mapping[str, Any]) -> Any:
        """The folded primitive, from a payload's dict."""
        return _folded(self.source.of_stored(stored))

    def lookup_value(self, value: Any) -> Any:
        """The folded primitive for a value."""
        return _folded(self.source.lookup_value(value))


def _folded(value: Any) -> Any:
    if type(value) is str:
        return fold(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_folded(item) for item in value]
    return value


def has_case(source: Indexed) -> bool:
    """Whether its values may be texts."""
    element = getattr(source, "element", source)
    return bool(source.mixed or element.order_kind == BY_TEXT)


def folded(source: Indexed, label: str) -> Folded:
    """The case-folded value. FieldError if its values are no texts."""
    if not has_case(source):
        raise FieldError(f"{label}.{source.name} holds no texts, so it has no iexact.")
    return Folded(source)


class Path(Derived):
    """The value at a path of keys in nested dicts, ``meta__address__city``.

    Of a list on the way, the path goes into each element; a list at the end is looked up by its
    elements.
    """

    many = True
    mixed = True

    def __init__(self, root: Any, keys: Sequence[str]) -> None:
        super().__init__(LOOKUP_SEP.join([root.name, *keys]))
        self.root = root
        self.keys = tuple(keys)
        self.origin = root.origin

    def of(self, values: Mapping[str, Any]) -> Any:
        """The value at the path, from an object's primitives by field name."""
        return reach(values[self.root.name], self.keys)

    def of_stored(self, stored: Mapping[str, Any]) -> Any:
        """The value at the path, from a payload's dict."""
        value = self.root.of_stored(stored)
        return value if value is UNKNOWN else reach(value, self.keys)


def reach(value: Any, keys: Sequence[str], absent: Any = None) -> Any:
    """The value at the end of the path.

    ``absent`` if only the last key is missing, None if another one is. Of a list on the way: a
    list of the values found in its elements, without None.
    """
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
