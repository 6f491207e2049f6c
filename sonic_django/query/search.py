"""Objects found by full text, among those of a filter, in the order of their relevance."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, TypeVar

from django.db import NotSupportedError

from ..fulltext import searching
from .conditions import Condition, conjoin

if TYPE_CHECKING:
    from .execute import Asking

_Asking = TypeVar("_Asking", bound="Asking")

#: Hits that are looked at: their ids go to Redis, which tests each against the filter.
MOST = 5000
#: Hits that are looked at first for a page, besides four for each object on it and before it.
FEW = 100


class RelevanceSource:
    """The best hits first: a read of Xapian, and one round trip in which the index tests the hits.

    Twice that where the filter leaves too few of the first hits for the page. An answer that hits
    beyond the limit could change is a NotSupportedError.
    """

    def __init__(self, queryset: Asking) -> None:
        self.queryset = queryset

    def ids(self) -> list[int]:
        queryset = self.queryset
        low, high = queryset._low, queryset._high
        if high == low:
            return []
        if high is not None and not queryset._reversed and 4 * high + FEW < MOST:
            hits, is_cut = hits_of(queryset, 4 * high + FEW)
            found = satisfying(queryset, hits)
            if len(found) >= high or not is_cut:
                return found[low:high]
        hits, is_cut = hits_of(queryset, MOST)
        found = satisfying(queryset, hits)
        if is_cut and (high is None or len(found) < high or queryset._reversed):
            refuse(queryset)
        return (found[::-1] if queryset._reversed else found)[low:high]

    def count(self) -> int:
        return settled(self.queryset)._source().count()

    def exists(self) -> bool:
        hits, is_cut = hits_of(self.queryset, MOST)
        some = among(self.queryset, hits)
        some._low, some._high = self.queryset._low, self.queryset._high
        found = some._source().exists()
        if is_cut and not found:
            refuse(self.queryset)
        return found

    def random_ids(self, number: int) -> list[int]:
        return settled(self.queryset)._source().random_ids(number)


def hits_of(queryset: Asking, number: int) -> tuple[list[int], bool]:
    """(the best hits, whether there are more): one read of Xapian."""
    hits = searching.search_ids(queryset.model._sonic, queryset._text or "", 0, number + 1)
    return hits[:number], len(hits) > number


def satisfying(queryset: Asking, hits: list[int]) -> list[int]:
    """The live ones of the hits that satisfy the filter, in their order: one round trip."""
    found = set(among(queryset, hits).ids()) if hits else ()
    return [id for id in hits if id in found]


def among(queryset: _Asking, hits: list[int]) -> _Asking:
    """The live ones of the hits that satisfy the filter, asked of the index; not sliced."""
    narrowed = queryset._clone()
    narrowed._text = None
    narrowed._low, narrowed._high = 0, None
    narrowed._reversed = False
    narrowed._logic = conjoin(queryset._logic, Condition("id", "in", tuple(hits)))
    return narrowed


def settled(queryset: _Asking) -> _Asking:
    """The same objects, sliced alike, asked of the index alone. One read of Xapian."""
    hits, is_cut = hits_of(queryset, MOST)
    if is_cut:
        refuse(queryset)
    narrowed = among(queryset, hits)
    narrowed._low, narrowed._high = queryset._low, queryset._high
    narrowed._reversed = queryset._reversed
    return narrowed


def refuse(queryset: Asking) -> NoReturn:
    raise NotSupportedError(
        f"{queryset.model._meta.label}.objects.search({queryset._text!r}): more than {MOST} "
        f"objects have these words, and the answer depends on those beyond. Search for more words, "
        f"or take a page of the best ([:20])."
    )
