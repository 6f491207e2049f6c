"""Which indexes answer which conditions. The names of fields and lookups decide, never the values,
so each choice for a class is kept: its declaration does not change."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from ..index.specs import IndexSpec

if TYPE_CHECKING:
    from ..schema.schema import Schema

#: Answered by the order of an index, and by the values that choose its sets.
RANGES = frozenset(["gt", "gte", "lt", "lte", "startswith", "exact", "isnull", "notnull"])
EQUAL = frozenset(["exact", "isnull", "empty"])

#: (field, lookup) of each condition of a conjunction; below, a condition is its position in it.
Shape: TypeAlias = "tuple[tuple[str, str], ...]"


class Choice(NamedTuple):
    """An index, the conditions that choose its sets, and those that its order answers."""

    spec: IndexSpec
    chosen: tuple[int, ...]
    ranges: tuple[int, ...]


@lru_cache(maxsize=1024)
def choices(
    schema: Schema, shape: Shape, unanswered: tuple[int, ...]
) -> tuple[tuple[Choice, ...], tuple[int, ...]]:
    """The indexes that answer the unanswered ones of the conditions, the one that answers most of
    them first; and the conditions that none answers."""
    found: list[Choice] = []
    while unanswered:
        best = _best(schema, shape, unanswered)
        if best is None:
            break
        found.append(best)
        answered = {*best.chosen, *best.ranges}
        unanswered = tuple(at for at in unanswered if at not in answered)
    return tuple(found), unanswered


def _best(schema: Schema, shape: Shape, unanswered: tuple[int, ...]) -> Choice | None:
    """The index that answers most of the conditions. Those that are equalities may choose its sets
    too, although they are answered already."""
    equal = _first(shape, range(len(shape)))
    open_ones = _first(shape, unanswered)
    best: Choice | None = None
    best_rank = (0, False, 0)
    for spec in schema.layout.specs:
        if not all(part.name in equal for part in spec.parts):
            continue
        chosen = tuple(open_ones.get(part.name, equal[part.name]) for part in spec.parts)
        ranges = tuple(
            at
            for at in unanswered
            if spec.order is not None
            and shape[at][0] == spec.order.name
            and shape[at][1] in RANGES
            and at not in chosen
        )
        answered = len(ranges) + sum(part.name in open_ones for part in spec.parts)
        # Of equally useful ones the plainest: a posting by id costs one look-up a test; then
        # the one whose sets are smallest.
        rank = (answered, spec.order is None, len(spec.parts))
        if answered and rank > best_rank:
            best, best_rank = Choice(spec, chosen, ranges), rank
    return best


@lru_cache(maxsize=1024)
def ordering(schema: Schema, name: str, shape: Shape) -> Choice | None:
    """The index that orders by a field, and the equalities that choose its smallest sets."""
    equal = _first(shape, range(len(shape)))
    best: IndexSpec | None = None
    for spec in schema.layout.specs:
        if spec.order is None or spec.order.name != name:
            continue
        if all(part.name in equal for part in spec.parts) and (
            best is None or len(spec.parts) > len(best.parts)
        ):
            best = spec
    return Choice(best, tuple(equal[part.name] for part in best.parts), ()) if best else None


@lru_cache(maxsize=1024)
def has_index(schema: Schema, name: str, lookup: str) -> bool:
    """Whether a declared index can have a part in answering such a condition."""
    return any(_mentions(spec, name, lookup) for spec in schema.layout.specs)


def _mentions(spec: IndexSpec, name: str, lookup: str) -> bool:
    if spec.order is not None and spec.order.name == name:
        return lookup != "empty"
    lookups = EQUAL | {"notnull", "related"}
    return lookup in lookups and any(part.name == name for part in spec.parts)


def _first(shape: Shape, positions: range | tuple[int, ...]) -> dict[str, int]:
    """The first equality on each field."""
    found: dict[str, int] = {}
    for at in positions:
        name, lookup = shape[at]
        if lookup in EQUAL:
            found.setdefault(name, at)
    return found
