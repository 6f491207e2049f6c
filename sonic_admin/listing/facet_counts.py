"""Values of fields and their numbers of objects, for all filters of a page in one round trip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sonic_django.exceptions import IndexNotBuilt
from sonic_django.query.batch import FacetOf

#: Different values of a sorted index that are walked through: one look-up each, well under a
#: millisecond together.
MOST_DISTINCT = 200
#: Objects of a filtered list that are counted, for each field: some milliseconds together.
MOST_OBJECTS = 1000


@dataclass(frozen=True)
class Values:
    """(value, number of objects) pairs of one field, most objects first."""

    pairs: tuple[tuple[Any, int], ...] = ()
    #: Whether all values were looked at, and all objects of the filter.
    complete: bool = True
    #: The reason why nothing is known, if so.
    problem: IndexNotBuilt | None = None


def values_of(wanted: Mapping[str, tuple[Any, int]]) -> dict[str, Values]:
    """The values of fields and the number of objects of each.

    ``wanted`` gives for each field the queryset, all of one class, and how many values. One round
    trip for all. A field whose index cannot list its values is left out; one whose index is not
    built has a ``problem`` and does not keep the others from answering. IndexUnavailable if Redis
    is away.
    """
    items = [
        FacetOf(queryset, name, limit, MOST_DISTINCT if queryset.is_unfiltered else MOST_OBJECTS)
        for name, (queryset, limit) in wanted.items()
        if queryset.has_values_index(name)
    ]
    if not items:
        return {}
    results = items[0].queryset.batch(items, return_exceptions=True)
    return {item.name: _values(result) for item, result in zip(items, results, strict=True)}


def _values(result: Any) -> Values:
    if isinstance(result, IndexNotBuilt):
        return Values(problem=result)
    # Of values too many to be walked through, those met first say nothing.
    is_walk_cut = not result.complete and result.is_walk
    return Values(() if is_walk_cut else result.pairs, result.complete)
