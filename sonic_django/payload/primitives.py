"""The values a payload may hold, and when two of them are the same stored value."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from ..exceptions import PayloadError

#: Exact types: a subclass (an enum, a lazy string, a model) would be pickled by reference.
SCALARS: frozenset[type] = frozenset(
    [type(None), bool, int, float, str, bytes, Decimal, date, time, datetime, timedelta, UUID]
)
_SCALAR_NAMES = (
    "None, bool, int, float, str, bytes, Decimal, date, time, datetime, timedelta, UUID, "
    "or lists, tuples, sets and dicts of these"
)
#: Deeper nesting is refused on the way in, so that no stored payload exhausts the stack later.
MAX_DEPTH = 100


def check_primitive(value: Any, path: str, depth: int = 0) -> None:
    """Raise PayloadError naming the path of the first value that a payload cannot hold.

    Cost: one visit a value, no copy.
    """
    kind = type(value)
    if kind in SCALARS:
        if kind is datetime or kind is time:
            _check_timezone(value, path)
        return
    if depth >= MAX_DEPTH:
        raise PayloadError(f"{path} is nested deeper than {MAX_DEPTH} levels; flatten it.")
    if kind is list or kind is tuple:
        for position, item in enumerate(value):
            check_primitive(item, f"{path}[{position}]", depth + 1)
    elif kind is set or kind is frozenset:
        for item in value:
            check_primitive(item, f"{path}{{...}}", depth + 1)
    elif kind is dict:
        for key, item in value.items():
            check_primitive(key, f"a key of {path}", depth + 1)
            check_primitive(item, f"{path}[{key!r}]", depth + 1)
    else:
        raise PayloadError(
            f"{path} is {value!r} of type {kind.__module__}.{kind.__qualname__}, which a payload "
            f"cannot hold. Use {_SCALAR_NAMES}."
        )


def _check_timezone(value: datetime | time, path: str) -> None:
    zone = value.tzinfo
    # Only fixed offsets are stored; fields convert named zones to UTC before they get here.
    if zone is not None and type(zone).__name__ != "timezone":
        raise PayloadError(
            f"{path} is {value!r} in a named time zone, which a payload cannot hold. "
            f"Convert it to UTC: value.astimezone(datetime.timezone.utc)."
        )


def same(one: Any, other: Any) -> bool:
    """Whether both would be stored alike: ``0``, ``False`` and ``0.0`` differ, NaN equals NaN."""
    kind = type(one)
    if kind is not type(other):
        return False
    if kind is float:
        return repr(one) == repr(other)  # tells 0.0 from -0.0, and NaN is itself
    if kind is Decimal:
        return bool(one.as_tuple() == other.as_tuple())  # 1.0 and 1.00 are written differently
    if kind is list or kind is tuple:
        return len(one) == len(other) and all(map(same, one, other))
    if kind is dict:
        return len(one) == len(other) and all(
            key in other and same(item, other[key]) for key, item in one.items()
        )
    if kind is datetime or kind is time:
        return bool(one == other and one.utcoffset() == other.utcoffset() and one.fold == other.fold)
    return bool(one == other)
