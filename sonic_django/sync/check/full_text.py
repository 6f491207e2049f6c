"""Comparing full text with the rows, by a digest that the engine keeps with each document."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...fulltext import queue
from ...interruptions import is_interruption
from .recheck import recheck
from .report import Drift

if TYPE_CHECKING:
    from ...index.inspection import Inspection
    from ...schema.schema import Stores
    from ...table.rows import Row
    from .repairs import Repairs

_MOST_SUSPECTS = 900


class TextCheck:
    """Whether full text has each live object as its row is, and no other. Memory: 17 bytes for
    each document. Does nothing for a class without full text."""

    def __init__(
        self,
        stores: Stores,
        inspection: Inspection,
        repairs: Repairs,
        with_index: bool,
    ) -> None:
        self.stores = stores
        self.table = stores.table
        self.inspection = inspection
        self.repairs = repairs
        self.with_index = with_index
        self.enabled = False
        self._suspects: list[int] = []
        if not stores.schema.has_text:
            return
        self.index: Any = queue.haystack_index(stores.schema)
        self.backend: Any = self.index.get_backend()
        if not hasattr(self.backend, "indexed_digests"):
            repairs.result.notes.append(
                f"Full text cannot be compared: {type(self.backend).__name__} keeps no digests."
            )
            return
        if self.backend.database != stores.using:
            repairs.result.notes.append(
                f"Full text is that of the database {self.backend.database!r} and was not compared."
            )
            return
        self.enabled = self._read_digests()

    def _read_digests(self) -> bool:
        from haystack.exceptions import HaystackError  # noqa: PLC0415 - Haystack is optional

        try:
            self.ids, self.digests = self.backend.indexed_digests(self.stores.schema.model)
        except HaystackError as error:
            self.repairs.result.add(Drift("full text unreadable", None, str(error)))
            return False
        self._seen = bytearray(len(self.ids))
        return True

    def rows(self, rows: Sequence[Row]) -> None:
        """Compare live rows, which can be read. No statement where they agree."""
        if not self.enabled:
            return
        for row in rows:
            position = bisect_left(self.ids, row.id)
            known = position < len(self.ids) and self.ids[position] == row.id
            if known:
                self._seen[position] = 1
            if not known or self.digests[position] != self._expected(row):
                self._suspects.append(row.id)
        if len(self._suspects) >= _MOST_SUSPECTS:
            self._recheck()

    def end(self) -> None:
        """Look for documents without a live row."""
        if not self.enabled:
            return
        self._recheck()
        self.repairs.result.documents = len(self.ids)
        for position, seen in enumerate(self._seen):
            if not seen:
                self._suspects.append(self.ids[position])
                if len(self._suspects) >= _MOST_SUSPECTS:
                    self._recheck()
        self._recheck()

    def _expected(self, row: Row) -> int | None:
        try:
            digest: int = self.backend.digest_of(
                self.index, self.stores.schema.from_row(self.stores.using, row)
            )
            return digest
        except Exception as error:
            if is_interruption(error):
                raise
            # Whatever a project's prepare_...() raises: then there can be no document either.
            return None

    def _recheck(self) -> None:
        """Look at the suspects again until the grace is over; what is left is drift."""
        suspects, self._suspects = self._suspects, []
        self._repair(recheck(suspects, self._look_again))

    def _look_again(self, ids: list[int]) -> tuple[dict[int, Drift], list[int]]:
        """(what differs and was not written meanwhile, what was written meanwhile).

        The order counts: a row that has reached the index has queued its full text, and what is
        no longer queued has been written.
        """
        rows = self.table.fetch(ids)
        recorded = self.inspection.versions(ids)
        waiting = self.inspection.queued_for_text(ids)
        documents = self.backend.digests_of(self.stores.schema.model, ids)
        present = self.table.versions(ids)
        drifts: dict[int, Drift] = {}
        moving: list[int] = []
        for id in ids:
            row = rows.get(id)
            version = row.version if row else None
            lags = row is not None and (id not in recorded or recorded[id].version < row.version)
            if id in waiting or (self.with_index and lags):
                continue  # the worker's, or counted as a drift of the index
            if present.get(id) != version:
                moving.append(id)
            elif drift := self._drift(id, row, documents.get(id)):
                drifts[id] = drift
        return drifts, moving

    def _drift(self, id: int, row: Row | None, digest: int | None) -> Drift | None:
        """``digest`` is None without a document, 0 in one that has none."""
        if row is None or row.is_deleted:
            what = "deleted" if row else "destroyed"
            return None if digest is None else Drift("document without row", id, f"it is {what}")
        if digest is None:
            return Drift("document missing", id, "it is not in full text")
        if digest == 0:
            return Drift("document without digest", id, "written by an older version")
        if digest != self._expected(row):
            return Drift("document stale", id, "its words are not those of the row")
        return None

    def _repair(self, drifts: dict[int, Drift]) -> None:
        left = drifts
        if self.repairs.enabled and drifts:
            store = self.stores.index
            store.queue_text([(id, 0) for id in drifts])
            queue.drain(self.stores, force=True)
            # The engine may have refused a document, and only said so in the log.
            left = self._look_again(list(drifts))[0]
        for id, drift in drifts.items():
            self.repairs.result.add(drift, repaired=self.repairs.enabled and id not in left)
