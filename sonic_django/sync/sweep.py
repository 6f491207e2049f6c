"""The sweep: bring what a crash or a loss of Redis left behind into the index.

Each write leaves a dirty mark on its row, in the same statement; a row that is removed leaves a
tombstone. The sweep takes what is marked, compares the versions with those in the index, applies
what lags, and clears a mark once the index has had its version for the retention: until then
a restart of Redis may still lose it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING, Literal

from django.conf import settings
from django.db import connections

from ..conf import sonic_settings
from ..table import clock, tombstones
from . import built, checkpoints, jobs, read_repair
from .checkpoints import Clearing
from .damage import beside_damage, names_in
from .documents import documents_of
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
    all marks there are when Redis was restarted or replaced since it was last swept. If one of the
    stores was set back, the indexes count as not built. Errors of Redis come out as they are.

    Three statements and one round trip, and for each 500 marks one statement and one or two round
    trips more, two statements more where something lags, and some to clear marks.
    """
    return beside_damage(stores, lambda: _sweep(stores, limit, now), lambda: None)


def _sweep(stores: Stores, limit: int | None, now: datetime | None) -> SweepResult:
    now = now or clock.now(stores.using)
    store = stores.index
    read_repair.drain(stores)
    server = store.server()
    is_known = server.swept == server.data_set
    if checkpoints.is_set_back(stores, server):
        checkpoints.distrust(stores)
    # Behind a restart nothing is cleared: another process may only just have applied it.
    clearing = Clearing(stores, server) if is_known else None
    before = now - timedelta(seconds=sonic_settings().GRACE) if is_known else ever()
    result = SweepResult()
    finished = all(_sweep_kind(stores, kind, before, limit, result, clearing) for kind in KINDS)
    if finished and not is_known:
        store.note_swept(server.data_set)
    if clearing and result.checked > result.cleared:
        clearing.prepare()
    result.jobs.update(jobs.run(stores, limit, in_worker=True))
    return result


def _sweep_kind(
    stores: Stores,
    kind: Kind,
    before: datetime,
    limit: int | None,
    result: SweepResult,
    clearing: Clearing | None,
) -> bool:
    """Whether all marks of the kind were looked at within the limit."""
    position: MarkPosition | None = None
    while limit is None or result.checked < limit:
        number = BATCH if limit is None else min(BATCH, limit - result.checked)
        position = sweep_batch(stores, kind, before, position, number, result, clearing)
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
    clearing: Clearing | None = None,
) -> MarkPosition | None:
    """Sweep up to ``number`` dirty marks set before a time, behind a position; without ``clearing``
    none is cleared.

    Returns the position to go on from, or None after the last mark. One statement if there is none.
    """
    schema = stores.schema
    if kind == "rows":
        marks = stores.table.dirty(before, after, number)
    else:
        marks = tombstones.tombstones(schema.label_lower, stores.using, before, after, number)
    if marks:
        work = _sweep_rows if kind == "rows" else _sweep_tombstones
        work(stores, marks, result, clearing)
        result.checked += len(marks)
    return marks[-1].position if len(marks) == number else None


def ever() -> datetime:
    """A time behind all dirty marks, also those of a host whose clock is ahead."""
    return datetime(9000, 1, 1, tzinfo=timezone.utc if settings.USE_TZ else None)


def _sweep_rows(
    stores: Stores, marks: list[DirtyMark], result: SweepResult, clearing: Clearing | None
) -> None:
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
        documents = documents_of(stores, rows, text_changed=schema.has_text)
        applied_now = beside_damage(
            stores, partial(store.apply, documents), partial(names_in, documents)
        )
        if not applied_now.complete:
            built.adopt_if_complete(stores)
        # The index has only now got them: they keep their marks for the whole retention.
        applied = [(document.id, document.version) for document in documents]
        _when_committed(stores.using, partial(table.renew_dirty, applied))
        result.applied += len(documents)
    if clearing:
        held = [
            (mark.id, mark.version)
            for mark in marks
            if mark.dirty_at < clearing.before and recorded.get(mark.id) == mark.version
        ]
        if held:
            result.cleared += clearing.clear(partial(table.clear_dirty, held))


def _sweep_tombstones(
    stores: Stores, marks: list[DirtyMark], result: SweepResult, clearing: Clearing | None
) -> None:
    schema = stores.schema
    recorded = _recorded_versions(stores, marks)
    lagging = [mark for mark in marks if recorded.get(mark.id, -1) < mark.version]
    held = [
        mark
        for mark in marks
        if clearing
        and mark.dirty_at < clearing.before
        and recorded.get(mark.id, -1) >= mark.version
    ]
    # Read behind the look at the index. Versions of an id that was given again need not rise: the
    # row decides, not its tombstone.
    rows = stores.table.versions([mark.id for mark in marks])
    again = [mark for mark in marks if mark.id in rows]
    if again:
        resync(stores, [mark.id for mark in again if recorded.get(mark.id) != rows[mark.id]])
        tombstones.remove([mark.position.id for mark in again], stores.using)
        result.cleared += len(again)
    gone = [mark for mark in lagging if mark.id not in rows]
    if gone:
        stores.index.apply([schema.tombstone(mark.id, mark.version) for mark in gone])
        _when_committed(
            stores.using,
            partial(tombstones.renew, [mark.position.id for mark in gone], stores.using),
        )
        result.applied += len(gone)
    held = [mark for mark in held if mark.id not in rows]
    if clearing and held:
        seen = [mark.position.id for mark in held]
        result.cleared += clearing.clear(partial(tombstones.remove, seen, stores.using))


def _when_committed(using: str, action: Callable[[], object]) -> None:
    """Do it now, or within a transaction when that has committed: a query that sweeps after a
    restart holds no locks on rows of others."""
    connection = connections[using]
    if connection.in_atomic_block:
        connection.on_commit(action)
    else:
        action()


def _recorded_versions(stores: Stores, marks: Sequence[DirtyMark]) -> dict[int, int]:
    found = stores.index.entries_of([mark.id for mark in marks])
    return {id: version for id, (version, _) in found.items()}
