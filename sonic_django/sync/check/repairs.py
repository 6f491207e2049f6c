"""Repairs: the drifts of a check are counted and, on demand, repaired while writers work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ...fulltext import queue
from ...table.digests import range_bounds
from .. import read_repair
from .report import CheckResult, Drift

if TYPE_CHECKING:
    from ...index.inspection import Inspection
    from ...schema.schema import Stores

_OBJECTS_PER_CALL = 500
_RANGES_PER_CALL = 100
#: Kinds of a row that was changed under the same version.
_UNDER_ONE_VERSION = ("state", "record")


class Repairs:
    """Records drifts in the result; repairs them first if ``enabled``."""

    def __init__(
        self,
        stores: Stores,
        inspection: Inspection,
        result: CheckResult,
        *,
        enabled: bool,
    ) -> None:
        self.stores = stores
        self.inspection = inspection
        self.result = result
        self.enabled = enabled

    def objects(self, drifts: Iterable[Drift]) -> None:
        """Differences of single objects, repaired by writing them again as their rows are: three
        round trips and a statement or two for 500."""
        drifts = list(drifts)
        repaired: set[int] = set()
        if self.enabled and drifts:
            repaired = self._write_again(sorted({drift.id for drift in drifts if drift.id}))
            if repaired and self.stores.schema.has_text:
                # Where the version is the same, the apply script has not queued the text.
                same = {drift.id for drift in drifts if drift.kind in _UNDER_ONE_VERSION} & repaired
                self.stores.index.queue_text([(id, 0) for id in same if id])
                queue.drain(self.stores)
        for drift in drifts:
            self.result.add(drift, repaired=drift.id in repaired)

    def _write_again(self, ids: Sequence[int]) -> set[int]:
        repaired: set[int] = set()
        for start in range(0, len(ids), _OBJECTS_PER_CALL):
            some = ids[start : start + _OBJECTS_PER_CALL]
            repaired.update(set(some) - read_repair.repair(self.stores, some))
        return repaired

    def digests(self, ranges: Sequence[int]) -> None:
        """Compare the digests that are kept of these ranges with their records. One round trip
        for 20 ranges."""
        for start in range(0, len(ranges), _RANGES_PER_CALL):
            some = ranges[start : start + _RANGES_PER_CALL]
            pairs = self.inspection.compute_digests(some, repair=self.enabled)
            for one, (kept, given) in zip(some, pairs, strict=True):
                if kept != given:
                    low, high = range_bounds(one)
                    drift = Drift("digest", None, f"of the ids {low} to {high}")
                    self.result.add(drift, repaired=self.enabled)

    def count(self, drifts: Iterable[Drift]) -> None:
        """Differences that were repaired, if at all, where they were found."""
        for drift in drifts:
            self.result.add(drift, repaired=self.enabled)
