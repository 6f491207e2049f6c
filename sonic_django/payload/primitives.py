"""The values that a payload can hold, and the equality of stored values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

from ..exceptions import PayloadError

#: Exact types: a subclass (an enum, a lazy string, a model) would be pickled by reference.
SCALARS: frozenset[type] = frozenset(
    [type(None), bool, int, float, str, bytes, Decimal, date, time, datetime, timedelta, UUID]
)
CONTAINERS: frozenset[type] = frozenset([list, tuple, set, frozenset, dict])
#: Scalars that are always whole: most values are of these types.
_PLAIN = SCALARS - {datetime, time, UUID}
_SCALAR_NAMES = (
    "None, bool, int, float, str, bytes, Decimal, date, time, datetime, timedelta, UUID, "
    "or lists, tuples, sets and dicts of these"
)
#: Values of one of these types that are equal are stored alike.
_EQUAL_IF_ALIKE: frozenset[type] = frozenset([type(None), bool, int, str, bytes, date])
#: Deeper nesting is refused on the way in, so that no stored payload exhausts the stack later.
MAX_DEPTH = 100
#: A list of at most this many elements is checked at each occurrence.
_SHORT = 16


def is_primitive(value: Any) -> bool:
    """Whether a payload can hold the value and everything in it."""
    if type(value) in SCALARS:
        return _is_whole(value)
    return _are_containers({id(value): value}, 1)


def are_primitive(values: Collection[Any]) -> bool:
    """Whether a payload can hold all of them, the values of its dict."""
    if _PLAIN.issuperset(map(type, values)):
        return True
    containers: dict[int, Any] = {}
    noted = _note_containers(values, containers, 1)
    return not containers or _are_containers(containers, 2, is_shared=noted > len(containers))


def _are_containers(level: Mapping[int, Any], first_depth: int, *, is_shared: bool = False) -> bool:
    """Whether a payload can hold these values at this depth, and all that is in them.

    Level by level, each container once: however often a forged or shared container is reached, the
    cost is no more than its content.
    """
    seen = set(level)
    roots = level.values()
    for depth in range(first_depth, MAX_DEPTH + 1):
        deeper: dict[int, Any] = {}
        noted = 0
        for container in level.values():
            kind = type(container)
            if kind not in CONTAINERS:
                return False
            # Most containers hold plain scalars only, which is seen without a loop in Python.
            if not _PLAIN.issuperset(map(type, container)):
                noted += _note_containers(container, deeper, depth)
            if kind is dict and not _PLAIN.issuperset(map(type, container.values())):
                noted += _note_containers(container.values(), deeper, depth)
        if not deeper:
            return not is_shared or _is_shallow(roots, first_depth)
        if noted > len(deeper) or not seen.isdisjoint(deeper):
            is_shared = True
            for known in seen.intersection(deeper):
                del deeper[known]
        seen.update(deeper)
        level = deeper
    return False


def _is_shallow(roots: Iterable[Any], first_depth: int) -> bool:
    """Whether values that share containers are nothing within themselves, and not too deep.

    Each container is looked at once, and without recursion: forged values are as deep as they like.
    """
    #: The levels from a container down, by identity; None while that is not known.
    levels: dict[int, int | None] = {}
    for root in roots:
        path = [root]
        while path:
            container = path[-1]
            if levels.get(id(container)) is not None:
                path.pop()
                continue
            inner = _containers_in(container)
            if id(container) not in levels:
                levels[id(container)] = None
                if any(levels.get(key, 0) is None for key in inner):
                    return False  # it holds itself
                path.extend(item for key, item in inner.items() if key not in levels)
            else:
                levels[id(container)] = 1 + max([levels[key] or 0 for key in inner], default=0)
                path.pop()
        if first_depth + (levels[id(root)] or 0) - 1 > MAX_DEPTH:
            return False
    return True


def _containers_in(container: Any) -> dict[int, Any]:
    """The containers directly in one, by identity."""
    items = {id(item): item for item in container if type(item) in CONTAINERS}
    if type(container) is dict:
        items.update((id(item), item) for item in container.values() if type(item) in CONTAINERS)
    return items


def _note_containers(items: Iterable[Any], found: dict[int, Any], depth: int) -> int:
    """Add the items that are no whole scalars to those found, by identity; their number, with
    repetitions.

    Most lists are short and contain only plain scalars; they are checked at once. A long list is
    noted, to be checked once only, since a forged payload may refer to one a million times.
    """
    noted = 0
    for item in items:
        kind = type(item)
        if kind in _PLAIN:
            continue
        is_short = kind is list and len(item) <= _SHORT and depth < MAX_DEPTH
        if is_short and _PLAIN.issuperset(map(type, item)):
            continue
        if not _is_whole(item):
            found[id(item)] = item
            noted += 1
    return noted


def _is_whole(value: Any) -> bool:
    """Whether it is a scalar in a state that its constructor can make."""
    kind = type(value)
    if kind is datetime or kind is time:
        # Only fixed offsets are stored; fields convert named zones to UTC before they get here.
        return value.tzinfo is None or type(value.tzinfo) is timezone
    if kind is UUID:
        # Unpickling fills in its number without a look at it.
        number = getattr(value, "int", None)
        return type(number) is int and 0 <= number < 2**128
    return kind in SCALARS


def check_primitive(value: Any, path: str) -> None:
    """Raise PayloadError naming the path of a value that a payload cannot hold. No copy."""
    if not is_primitive(value):
        _raise_problem(value, path, 0, {})
        raise PayloadError(f"{path} is {value!r}, which a payload cannot hold.")


def check_values(values: dict[str, Any]) -> None:
    """Raise PayloadError for a payload's dict that cannot be written; it names the key."""
    for key in values:
        if type(key) is not str:
            raise PayloadError(f"the payload key {key!r} is not a str.")
    if not are_primitive(values.values()):
        seen: dict[int, int] = {}
        for key, value in values.items():
            _raise_problem(value, key, 1, seen)
        raise PayloadError("the payload holds a value that no payload can hold.")


def _raise_problem(value: Any, path: str, depth: int, seen: dict[int, int]) -> None:
    """PayloadError for the first problem, if there is one.

    ``seen`` maps the id of each container without a problem to its greatest depth so far.
    """
    kind = type(value)
    if kind in SCALARS:
        if not _is_whole(value):
            raise PayloadError(
                f"{path} is {value!r} in a named time zone, which a payload cannot hold. "
                f"Convert it to UTC: value.astimezone(datetime.timezone.utc)."
            )
        return
    if kind not in CONTAINERS:
        raise PayloadError(
            f"{path} is {value!r} of type {kind.__module__}.{kind.__qualname__}, which a payload "
            f"cannot hold. Use {_SCALAR_NAMES}."
        )
    if depth >= MAX_DEPTH:
        raise PayloadError(f"{path} is nested deeper than {MAX_DEPTH} levels; flatten it.")
    if seen.get(id(value), -1) >= depth:
        return
    if kind is dict:
        for key, item in value.items():
            _raise_problem(key, f"a key of {path}", depth + 1, seen)
            _raise_problem(item, f"{path}[{key!r}]", depth + 1, seen)
    else:
        is_set = kind in (set, frozenset)
        for position, item in enumerate(value):
            where = f"{path}{{...}}" if is_set else f"{path}[{position}]"
            _raise_problem(item, where, depth + 1, seen)
    seen[id(value)] = depth


def same(one: Any, other: Any) -> bool:
    """Whether both are stored alike: ``0``, ``False`` and ``0.0`` differ, NaN equals NaN."""
    kind = type(one)
    if kind is not type(other):
        return False
    if kind in _EQUAL_IF_ALIKE:
        return bool(one == other)
    if kind is list or kind is tuple or kind is dict:
        return _have_same_parts(one, other, set())
    return bool(_spelling(one) == _spelling(other))


def _have_same_parts(one: Any, other: Any, compared: set[tuple[int, int]]) -> bool:
    """``same`` for two lists, tuples or dicts. Pairs of containers are compared once, since one
    that holds others repeatedly has more paths than parts."""
    if len(one) != len(other):
        return False
    if (id(one), id(other)) in compared:
        return True
    compared.add((id(one), id(other)))
    if type(one) is dict:
        # By spelling, since {0: 1} == {False: 1}.
        others = {_spelling(key): item for key, item in other.items()}
        missing = object()
        pairs: Iterable[tuple[Any, Any]] = [
            (item, others.get(_spelling(key), missing)) for key, item in one.items()
        ]
    else:
        pairs = zip(one, other, strict=True)
    for mine, yours in pairs:
        kind = type(mine)
        if kind is list or kind is tuple or kind is dict:
            if kind is not type(yours) or not _have_same_parts(mine, yours, compared):
                return False
        elif not same(mine, yours):
            return False
    return True


def _spelling(value: Any) -> Any:
    """A hashable key, equal for values that are the same when stored."""
    kind = type(value)
    if kind is str or kind is int:
        return kind, value
    if kind is float:
        return kind, repr(value)  # tells 0.0 from -0.0, and NaN is itself
    if kind is Decimal:
        return kind, value.as_tuple()  # 1.0 and 1.00 are written differently
    if kind is datetime or kind is time:
        return kind, value.isoformat(), value.fold
    if kind is tuple:
        return kind, tuple(map(_spelling, value))
    if kind is frozenset or kind is set:
        return kind, frozenset(map(_spelling, value))
    return kind, value
