"""The sweep: bring what a crash or a loss of Redis left behind into the index.

Each write leaves a dirty mark on its row, in the same statement; a row that is removed leaves a
tombstone. The sweep takes what is marked, compares the versions with those in the index, applies
what lags, and clears a mark once the index has had its version for the retention: until then
a restart of Redis may still lose it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from ..conf import sonic_settings
from ..table import clock, tombstones
from . import built, read_repair
from .documents import documents_of
from .jobs import JOBS
from .testcase_rollbacks import resync

if TYPE_CHECKING:
    from ..schema.schema import Stores
    from ..table.dirty import DirtyMark, MarkPosition

BATCH = 500

#: The dirty marks of rows, and the tombstones of destroyed rows.
Kind = Literal["rows", "tombstones"]
KINDS: tuple[Kind, ...] = ("rows", "tombstones")


@dataclass
class SweepResult:
    """Numbers of dirty marks: looked at, applied because the index lagged, and cleared."""

    checked: int = 0
    applied: int = 0
    cleared: int = 0
    #: Objects that each registered job took, by its name.
    jobs: dict[str, int] = field(default_factory=dict)

    @property
    def texts(self) -> int:
        """Objects whose full text was brought up to date."""
        return self.jobs.get("full text", 0)

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
    now = now or clock.now(stores.using)
    store = stores.index
    read_repair.drain(stores)
    server, swept = store.runs()
    grace = timedelta(seconds=sonic_settings().GRACE if server == swept else 0)
    result = SweepResult()
    finished = all(_sweep_kind(stores, kind, now - grace, limit, result) for kind in KINDS)
    if finished and server != swept:
        store.note_swept(server)
    for name, job in JOBS.items():
        result.jobs[name] = job(stores, limit, in_worker=True)
    return result


def _sweep_kind(
    stores: Stores,
    kind: Kind,
    before: datetime,
    limit: int | None,
    result: SweepResult,
) -> bool:
    """Whether all marks of the kind were looked at within the limit."""
    position: MarkPosition | None = None
    while limit is None or result.checked < limit:
        number = BATCH if limit is None else min(BATCH, limit - result.checked)
        position = sweep_batch(stores, kind, before, position, number, result)
        if position is None:
            return True
    return False


def sweep_batch(
    stores: Stores,
    kind: Kind,
    before: datetime,
    after: MarkPosition | None,
    number: int,
    result: SweepResult,
) -> MarkPosition | None:
    """Sweep up to ``number`` dirty marks set before a time, behind a position.

    Returns the position to go on from, or None after the last mark. One statement if there is none.
    """
    schema = stores.schema
    if kind == "rows":
        marks = stores.table.dirty(before, after, number)
    else:
        marks = tombstones.tombstones(schema.label_lower, stores.using, before, after, number)
    if marks:
        work = _sweep_rows if kind == "rows" else _sweep_tombstones
        work(stores, marks, result)
        result.checked += len(marks)
    return marks[-1].position if len(marks) == number else None


def _sweep_rows(stores: Stores, marks: list[DirtyMark], result: SweepResult) -> None:
    schema = stores.schema
    table, store = stores.table, stores.index
    recorded = _recorded_versions(stores, marks)
    lagging = [mark.id for mark in marks if recorded.get(mark.id, -1) < mark.version]
    ahead = [mark.id for mark in marks if recorded.get(mark.id, -1) > mark.version]
    if ahead:
        # Written again since it was read here, or the database lost a commit that the index has.
        fresh = table.fetch(ahead)
        lost = [id for id, row in fresh.items() if row.version < recorded[id]]
        resync(stores, lost)
        result.applied += len(lost)
    if lagging:
        rows = table.fetch(lagging).values()
        documents = documents_of(schema, rows, text_changed=schema.has_text)
        if not store.apply(documents).complete:
            built.adopt_if_complete(stores)
        # The index has only now got them: they keep their marks for the whole retention.
        table.renew_dirty([(document.id, document.version) for document in documents])
        result.applied += len(documents)
    past = _past_retention(stores.using, marks)
    cleared = [m for m in past if recorded.get(m.id) == m.version]
    result.cleared += table.clear_dirty([(mark.id, mark.version) for mark in cleared])


def _sweep_tombstones(stores: Stores, marks: list[DirtyMark], result: SweepResult) -> None:
    schema = stores.schema
    recorded = _recorded_versions(stores, marks)
    past = _past_retention(stores.using, marks)
    lagging = [mark for mark in marks if recorded.get(mark.id, -1) < mark.version]
    cleared = [mark for mark in past if recorded.get(mark.id, -1) >= mark.version]
    # Read behind the look at the index. Versions of an id that was given again need not rise: the
    # row decides, not its tombstone.
    rows = stores.table.versions([mark.id for mark in {*lagging, *cleared}])
    again = [mark for mark in marks if mark.id in rows]
    if again:
        resync(stores, [mark.id for mark in again if recorded.get(mark.id) != rows[mark.id]])
    gone = [mark for mark in lagging if mark.id not in rows]
    if gone:
        stores.index.apply([schema.tombstone(mark.id, mark.version) for mark in gone])
        tombstones.renew([mark.position.id for mark in gone], stores.using)
        result.applied += len(gone)
    done = [mark.position.id for mark in {*cleared, *again}]
    if done:
        tombstones.remove(done, stores.using)
    result.cleared += len(done)


def _recorded_versions(stores: Stores, marks: Sequence[DirtyMark]) -> dict[int, int]:
    found = stores.index.entries_of([mark.id for mark in marks])
    return {id: version for id, (version, _) in found.items()}


def _past_retention(using: str, marks: Sequence[DirtyMark]) -> list[DirtyMark]:
    """The marks older than the retention."""
    limit = clock.now(using) - timedelta(seconds=sonic_settings().RETENTION)
    return [mark for mark in marks if mark.dirty_at < limit]
