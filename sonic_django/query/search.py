"""``search()``: objects found by full text, among those of a filter, in order of relevance."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, Protocol

from django.db import NotSupportedError

from ..fulltext import searching
from .builder import narrowed, unsliced
from .conditions import Condition
from .state import QueryState

#: Hits that are looked at: their ids go to Redis, which tests each against the filter.
MOST = 5000
#: Hits that are looked at first for a page, besides four for each object on it and before it.
FEW = 100


class Source(Protocol):
    """Where the ids of a state come from; the state's slice is considered."""

    def ids(self) -> list[int]:
        """The ids, in order."""

    def count(self) -> int:
        """The number of objects."""

    def exists(self) -> bool:
        """Whether there is an object."""

    def random_ids(self, number: int) -> list[int]:
        """Up to so many different ids; the slice is left out of account."""
        ...


class RelevanceSource:
    """The best hits first: a read of Xapian, and one round trip in which the index tests the hits.

    Twice that where the filter leaves too few of the first hits for the page. A result that hits
    beyond the limit could change is a NotSupportedError. ``source_of`` gives the source of a state
    without words.
    """

    def __init__(self, state: QueryState, source_of: Callable[[QueryState], Source]) -> None:
        self.state = state
        self.source_of = source_of

    def ids(self) -> list[int]:
        """The best hits of the slice, in the order of their relevance."""
        state = self.state
        low, high = state.low, state.high
        if high == low:
            return []
        if high is not None and not state.is_reversed and 4 * high + FEW < MOST:
            hits, is_cut = hits_of(state, 4 * high + FEW)
            found = self._matching(hits)
            if len(found) >= high or not is_cut:
                return found[low:high]
        hits, is_cut = hits_of(state, MOST)
        found = self._matching(hits)
        if is_cut and (high is None or len(found) < high or state.is_reversed):
            refuse(state)
        return (found[::-1] if state.is_reversed else found)[low:high]

    def count(self) -> int:
        """The number of hits that satisfy the filter, in the slice."""
        return self.source_of(without_search(self.state)).count()

    def exists(self) -> bool:
        """Whether a hit satisfies the filter."""
        hits, is_cut = hits_of(self.state, MOST)
        found = self.source_of(_among(self.state, hits)).exists()
        if is_cut and not found:
            refuse(self.state)
        return found

    def random_ids(self, number: int) -> list[int]:
        """Up to ``number`` of the hits that satisfy the filter, in random order."""
        return self.source_of(without_search(self.state)).random_ids(number)

    def _matching(self, hits: list[int]) -> list[int]:
        """The live ones of the hits that satisfy the filter, in their order: one round trip."""
        if not hits:
            return []
        among = unsliced(_among(self.state, hits)).changed(is_reversed=False)
        found = set(self.source_of(among).ids())
        return [id for id in hits if id in found]


def hits_of(state: QueryState, number: int) -> tuple[list[int], bool]:
    """(the best hits, whether there are more): one read of Xapian."""
    hits = searching.search_ids(state.schema, state.text or "", 0, number + 1)
    return hits[:number], len(hits) > number


def without_search(state: QueryState) -> QueryState:
    """The same objects and slice, by the ids that full text finds now. One read of Xapian, unless
    there are no words."""
    if state.text is None:
        return state
    hits, is_cut = hits_of(state, MOST)
    if is_cut:
        refuse(state)
    return _among(state, hits)


def _among(state: QueryState, hits: list[int]) -> QueryState:
    return narrowed(state, Condition("id", "in", tuple(hits))).changed(text=None)


def refuse(state: QueryState) -> NoReturn:
    """The error for a result that depends on hits beyond the limit."""
    raise NotSupportedError(
        f"{state.model._meta.label}.objects.search({state.text!r}): more than {MOST} "
        f"objects have these words, and the answer depends on those beyond. Search for more words, "
        f"or take a page of the best ([:20])."
    )
