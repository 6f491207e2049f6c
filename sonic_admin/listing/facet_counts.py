"""What the index knows of values and numbers: for all filters of a page in one round trip each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sonic_django.exceptions import IndexNotBuilt
from sonic_django.query.batch import CountOf, FacetOf, IdsOf
from sonic_django.query.queryset import SonicQuerySet

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
    #: Why nothing is known, if so.
    problem: IndexNotBuilt | None = None


def values_of(wanted: Mapping[str, tuple[Any, int]]) -> dict[str, Values]:
    """The values of fields and how many objects have each.

    ``wanted`` says for each field among which queryset of one class, and how many values. One round
    trip for all. A field whose index cannot list its values is left out; one whose index is not
    built says so in ``problem`` and does not keep the others from answering. IndexUnavailable if
    Redis is away.
    """
    asked: dict[str, FacetOf] = {}
    for name, (queryset, limit) in wanted.items():
        if queryset.has_values_index(name):
            most = MOST_DISTINCT if queryset.is_unfiltered else MOST_OBJECTS
            asked[name] = FacetOf(queryset, name, limit, most)
    found: dict[str, Values] = {}
    if not asked:
        return found
    queryset = next(iter(wanted.values()))[0]
    answers = queryset.batch(asked.values(), return_exceptions=True)
    for name, values in zip(asked, answers, strict=True):
        if isinstance(values, IndexNotBuilt):
            found[name] = Values(problem=values)
        else:
            # Of values too many to be walked through, those met first say nothing.
            is_walk_cut = not values.complete and values.is_walk
            found[name] = Values(() if is_walk_cut else values.pairs, values.complete)
    return found


def answers_of(questions: Sequence[tuple[Any, str]]) -> list[Any]:
    """To each (queryset, "count") the number of its objects, to each (queryset, "ids") its ids; an
    IndexNotBuilt where that is not known.

    All querysets are of one class. One round trip for all.
    """
    if not questions:
        return []
    kinds: dict[str, Any] = {"count": CountOf, "ids": IdsOf}
    items = [kinds[what](queryset) for queryset, what in questions]
    answers: list[Any] = questions[0][0].batch(items, return_exceptions=True)
    return answers


def is_askable(queryset: Any) -> bool:
    """Whether ``answers_of`` may be asked about a queryset: whether its ids are the index's own,
    and not those of a full text, of rows or of another class's way to find them."""
    return isinstance(queryset, SonicQuerySet) and queryset.is_batchable
