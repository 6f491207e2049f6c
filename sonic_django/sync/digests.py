"""Leaving exact digests behind a rebuild: an index that older code built has none."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..index.inspection import Inspection
from ..table.digests import IDS_PER_RANGE

if TYPE_CHECKING:
    from ..index.store import IndexStore

_RANGES_PER_CALL = 100


class DigestsOfRebuild:
    """Works out the digest of each range of ids once all of its rows are in the index."""

    def __init__(self, store: IndexStore) -> None:
        self._inspection = Inspection(store, ())
        self._done = array("q")
        self._present = -1

    def rows_applied(self, ids: Iterable[int]) -> None:
        """Note rows in the order of their ids. One round trip for 20 ranges that were passed."""
        passed = []
        for one in sorted({id // IDS_PER_RANGE for id in ids}):
            if one != self._present and self._present >= 0:
                passed.append(self._present)
            self._present = one
        self._set_right(passed)
        self._done.extend(passed)

    def end(self) -> None:
        """Work out the last range, and those that have a digest and were not passed."""
        if self._present >= 0:
            self._set_right([self._present])
            self._done.append(self._present)
        waiting = []
        for one in self._inspection.ranges():
            if not contains(self._done, one):
                waiting.append(one)
            if len(waiting) == _RANGES_PER_CALL:
                self._set_right(waiting)
                waiting = []
        self._set_right(waiting)

    def _set_right(self, ranges: list[int]) -> None:
        if ranges:
            self._inspection.work_out_digests(ranges, repair=True)


def contains(ascending: array[int], number: int) -> bool:
    """Whether the number is in the array, which is in ascending order: by bisection."""
    place = bisect_left(ascending, number)
    return place < len(ascending) and ascending[place] == number
