"""The deep check: every entry both ways, full text and the uniques."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ...exceptions import PayloadError, UnindexableRow
from ...table.digests import IDS_PER_RANGE, includes, versions_of
from .full_text import TextCheck
from .recheck import recheck_versions
from .report import Drift
from .uniques import UniquesCheck

if TYPE_CHECKING:
    from ...index.documents import Document
    from ...index.inspection import Inspection
    from ...schema.schema import Stores
    from ...table.rows import Row
    from .repairs import Repairs

BATCH = 500
#: Objects that are looked at again together: there is one wait for all of them.
_MOST_SUSPECTS = 5000


class Decoded(NamedTuple):
    """A row that can be read, its primitives, and its document."""

    row: Row
    values: Mapping[str, Any]
    document: Document


class DeepCheck:
    """One pass over the rows, one over the index; memory for a batch, and for 17 bytes an object
    of full text."""

    def __init__(
        self,
        stores: Stores,
        inspection: Inspection,
        repairs: Repairs,
        with_index: bool,
    ) -> None:
        self.schema = stores.schema
        self.table = stores.table
        self.inspection = inspection
        self.repairs = repairs
        self.result = repairs.result
        self.with_index = with_index
        self.text = TextCheck(stores, inspection, repairs, with_index)
        self.uniques = UniquesCheck(stores, repairs=repairs.enabled)
        self._suspects: dict[int, int | None] = {}
        self._ranges = array("q")

    def run(self, progress: Callable[[int, int], None] | None) -> None:
        """Two round trips and a statement for 500 rows, more where something differs; then the
        walk through the index."""
        total = self.table.count() if progress else 0
        for rows in self.table.walk(batch=BATCH):
            self._check_rows(rows)
            self.result.rows += len(rows)
            if progress:
                progress(self.result.rows, max(total, self.result.rows))
        self._recheck()
        self._count_uniques(self.uniques.end())
        self.uniques.note_claimed()
        self.result.uniques = self.uniques.compared
        if self.with_index:
            self._find_records_without_row()
            self._walk_sets()
            self._check_digests()
        self.text.end()

    # The rows -----------------------------------------------------------------------------------

    def _check_rows(self, rows: list[Row]) -> None:
        for row in rows:
            one = row.id // IDS_PER_RANGE
            if not self._ranges or self._ranges[-1] != one:
                self._ranges.append(one)
        decoded = [found for row in rows if (found := self._decode(row))]
        if self.with_index:
            self._compare([one.document for one in decoded])
        live = [one for one in decoded if not one.row.is_deleted]
        self._count_uniques(
            self.uniques.rows([(one.row.id, one.row.version, one.values) for one in live])
        )
        self.text.rows([one.row for one in live])

    def _decode(self, row: Row) -> Decoded | None:
        try:
            values, entries = self.schema.read(row)
        except (PayloadError, UnindexableRow) as error:
            self.result.add(Drift("payload", row.id, str(error)))
            return None
        return Decoded(row, values, self.schema.document(row, entries))

    def _compare(self, documents: list[Document]) -> None:
        self.result.entries += sum(len(document.entries) for document in documents)
        wanted = {document.id: document.version for document in documents}
        drifts: list[Drift] = []
        for difference in self.inspection.compare(documents):
            if difference.version != wanted[difference.id]:
                self._suspects[difference.id] = wanted[difference.id]
            drifts += [
                Drift(kind, difference.id, self._described(name))
                for kind, name in difference.problems
            ]
        self.repairs.objects(drifts)
        if len(self._suspects) >= _MOST_SUSPECTS:
            self._recheck()

    def _recheck(self) -> None:
        suspects, self._suspects = self._suspects, {}
        self.repairs.objects(recheck_versions(self.table, self.inspection, suspects).values())

    def _count_uniques(self, found: Iterable[tuple[Drift, bool]]) -> None:
        for drift, repaired in found:
            self.result.add(drift, repaired=repaired)

    # The index ----------------------------------------------------------------------------------

    def _find_records_without_row(self) -> None:
        for ids in self.inspection.census():
            rows = versions_of(self.table, ids)
            self._suspects.update((id, None) for id in ids if id not in rows)
            if len(self._suspects) >= _MOST_SUSPECTS:
                self._recheck()
        self._recheck()

    def _walk_sets(self) -> None:
        repair = self.repairs.enabled
        for walked in self.inspection.walk(repair=repair):
            name = self._described(walked.name.decode("utf-8", "backslashreplace"))
            self.repairs.count(
                Drift("stale entry", int(id) if id.isascii() and id.isdigit() else None, name)
                for id in walked.stale
            )
            if walked.is_uncounted:
                self.repairs.count([Drift("count", None, f"{name} has none")])
        for spec, value in self.inspection.wrong_counts(repair=repair):
            self.repairs.count([Drift("count", None, f"{spec.label}: {value}")])

    def _check_digests(self) -> None:
        self.repairs.digests(self._ranges)
        self.result.ranges = len(self._ranges)
        others = {one for one in self.inspection.ranges() if not includes(self._ranges, one)}
        self.repairs.digests(sorted(others))
        self.result.differing = self.result.found["digest"]

    def _described(self, name: str) -> str:
        spec = self.inspection.specs.get(name[:8].encode())
        return f"{spec.label}: {name}" if spec else name
