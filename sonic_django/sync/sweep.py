"""The sweep: bring what a crash or a loss of Redis left behind into the index.

Each write leaves a mark on its row, in the same statement; a row that is removed leaves a
tombstone. The sweep takes what is marked, compares the versions with those in the index, applies
what lags, and takes a mark off once the index has held its version for the retention: until then
a restart of Redis may still lose it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from django.utils import timezone

from ..conf import is_available, sonic_settings
from ..fulltext import queue
from ..index.store import Document
from ..table import tombstones
from . import built, read_repair
from .documents import documents_of
from .jobs import JOBS
from .testcase_rollbacks import resync

if TYPE_CHECKING:
    from ..schema.schema import Stores
    from ..table.dirty import Mark, Place

BATCH = 500

#: Whose marks: those of rows, and those of rows that are gone.
Kind = Literal["rows", "tombstones"]
KINDS: tuple[Kind, ...] = ("rows", "tombstones")


@dataclass
class SweepResult:
    """Numbers of marks: looked at, applied because the index lagged, and taken off."""

    checked: int = 0
    applied: int = 0
    cleared: int = 0
    #: Objects whose full text was brought up to date.
    texts: int = 0
    #: Objects that each registered job took, by its name.
    jobs: dict[str, int] = field(default_factory=dict)

    @property
    def expired(self) -> int:
        """Objects that have outlived ``expire_after``."""
        return self.jobs.get("expiry", 0)


def sweep(stores: Stores, *, limit: int | None = None, now: datetime | None = None) -> SweepResult:
    """Sweep all of the class that was written before ``SONIC["GRACE"]``, ``limit`` marks at most;
    all marks there are when Redis was restarted or replaced since it was last swept. Errors of
    Redis come out as they are.

    Two statements and one round trip, and for each 500 marks one statement and one or two round
    trips more, two statements more where something lags.
    """
    now = now or timezone.now()
    store = stores.index
    read_repair.drain(stores)
    server, swept = store.runs()
    grace = timedelta(seconds=sonic_settings().GRACE if server == swept else 0)
    result = SweepResult()
    finished = all(_sweep_kind(stores, kind, now - grace, limit, result) for kind in KINDS)
    if finished and server != swept:
        store.note_swept(server)
    for name, job in JOBS.items():
        result.jobs[name] = job(stores, limit)
    if is_available():
        result.texts = queue.drain(stores, force=True)
    return result


def _sweep_kind(
    stores: Stores,
    kind: Kind,
    before: datetime,
    limit: int | None,
    result: SweepResult,
) -> bool:
    """Whether all marks of the kind were looked at within the limit."""
    place: Place | None = None
    while limit is None or result.checked < limit:
        number = BATCH if limit is None else min(BATCH, limit - result.checked)
        place = sweep_batch(stores, kind, before, place, number, result)
        if place is None:
            return True
    return False


def sweep_batch(
    stores: Stores,
    kind: Kind,
    before: datetime,
    after: Place | None,
    number: int,
    result: SweepResult,
) -> Place | None:
    """Sweep up to ``number`` marks set before a time, behind a place; the place to go on behind,
    or None if these were the last. One statement if there are none."""
    schema = stores.schema
    if kind == "rows":
        marks = stores.table.dirty(before, after, number)
    else:
        marks = tombstones.tombstones(schema.label_lower, stores.using, before, after, number)
    if marks:
        work = _sweep_rows if kind == "rows" else _sweep_tombstones
        work(stores, marks, result)
        result.checked += len(marks)
    return marks[-1].place if len(marks) == number else None


def _sweep_rows(stores: Stores, marks: list[Mark], result: SweepResult) -> None:
    schema = stores.schema
    table, store = stores.table, stores.index
    held = _held_versions(stores, marks)
    lagging = [mark.id for mark in marks if held.get(mark.id, -1) < mark.version]
    ahead = [mark.id for mark in marks if held.get(mark.id, -1) > mark.version]
    if ahead:
        # Written again since it was read here, or the database lost a commit that the index has.
        fresh = table.fetch(ahead)
        lost = [id for id, row in fresh.items() if row.version < held[id]]
        resync(stores, lost)
        result.applied += len(lost)
    if lagging:
        rows = table.fetch(lagging).values()
        documents = documents_of(schema, rows, text_changed=schema.has_text)
        if not store.apply(documents).complete:
            built.adopt_if_complete(stores)
        # The index has only now got them: let them keep their marks for the retention anew.
        table.renew_dirty([(document.id, document.version) for document in documents])
        result.applied += len(documents)
    settled = [m for m in _settled(marks) if held.get(m.id) == m.version]
    result.cleared += table.clear_dirty([(mark.id, mark.version) for mark in settled])


def _sweep_tombstones(stores: Stores, marks: list[Mark], result: SweepResult) -> None:
    schema = stores.schema
    text = schema.has_text
    held = _held_versions(stores, marks)
    lagging = [mark for mark in marks if held.get(mark.id, -1) < mark.version]
    if lagging:
        stores.index.apply([Document(mark.id, mark.version, "gone", (), text) for mark in lagging])
        tombstones.renew([mark.place.id for mark in lagging], stores.using)
        result.applied += len(lagging)
    settled = [m.place.id for m in _settled(marks) if held.get(m.id, -1) >= m.version]
    if settled:
        tombstones.remove(settled, stores.using)
    result.cleared += len(settled)


def _held_versions(stores: Stores, marks: Sequence[Mark]) -> dict[int, int]:
    found = stores.index.entries_of([mark.id for mark in marks])
    return {id: version for id, (version, _) in found.items()}


def _settled(marks: Sequence[Mark]) -> list[Mark]:
    """The marks older than the retention."""
    limit = timezone.now() - timedelta(seconds=sonic_settings().RETENTION)
    return [mark for mark in marks if mark.dirty_at < limit]
