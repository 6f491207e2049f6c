"""Counting what a check finds and, where it is told to, mending it while writers are at work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..fulltext import queue
from ..table.digests import range_bounds
from . import repair
from .drift import CheckResult, Drift

if TYPE_CHECKING:
    from ..index.inspection import Inspection
    from ..models.base import SonicObj

_OBJECTS_PER_CALL = 500
_RANGES_PER_CALL = 100
#: Kinds that say the index has not followed the row, so that full text has not either.
_OF_VERSIONS = frozenset(["missing", "stale", "ahead", "without row", "state"])


class Mender:
    """Takes drifts down in the result; mends them first if ``enabled``."""

    def __init__(
        self,
        model: type[SonicObj],
        using: str,
        inspection: Inspection,
        result: CheckResult,
        *,
        enabled: bool,
    ) -> None:
        self.model = model
        self.using = using
        self.inspection = inspection
        self.result = result
        self.enabled = enabled

    def objects(self, drifts: Iterable[Drift]) -> None:
        """Differences of single objects. Mended by writing them again as their rows are: three
        round trips and a statement or two for 500."""
        drifts = list(drifts)
        mended: set[int] = set()
        if self.enabled and drifts:
            mended = self._write_again(sorted({drift.id for drift in drifts if drift.id}))
            lagging = {drift.id for drift in drifts if drift.kind in _OF_VERSIONS} & mended
            if lagging and self.model._sonic.has_text:
                store = self.model._sonic.store(self.using)
                store.queue_text([(id, 0) for id in lagging if id])
                queue.drain(self.model, self.using)
        for drift in drifts:
            self.result.add(drift, mended=drift.id in mended)

    def _write_again(self, ids: Sequence[int]) -> set[int]:
        mended: set[int] = set()
        for start in range(0, len(ids), _OBJECTS_PER_CALL):
            some = ids[start : start + _OBJECTS_PER_CALL]
            try:
                repair.repair(self.model, self.using, some)
            except (ValueError, TypeError):
                # One of the rows cannot be read: the others are mended without it.
                mended.update(id for id in some if self._is_written_again(id))
            else:
                mended.update(some)
        return mended

    def _is_written_again(self, id: int) -> bool:
        try:
            repair.repair(self.model, self.using, [id])
        except (ValueError, TypeError):
            return False
        return True

    def digests(self, ranges: Sequence[int]) -> None:
        """Compare the digests that are kept of these ranges with their records. One round trip
        for 100."""
        for start in range(0, len(ranges), _RANGES_PER_CALL):
            some = ranges[start : start + _RANGES_PER_CALL]
            pairs = self.inspection.work_out_digests(some, mend=self.enabled)
            for one, (kept, given) in zip(some, pairs, strict=True):
                if kept != given:
                    low, high = range_bounds(one)
                    drift = Drift("digest", None, f"of the ids {low} to {high}")
                    self.result.add(drift, mended=self.enabled)

    def mended_already(self, drifts: Iterable[Drift]) -> None:
        """Differences that were mended, if at all, where they were found."""
        for drift in drifts:
            self.result.add(drift, mended=self.enabled)
