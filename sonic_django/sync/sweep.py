"""The sweep: bring what a crash or a loss of Redis left behind into the index.

Each write leaves a mark on its row, in the same statement. The sweep takes marked rows, compares
their versions with those in the index, applies what lags, and takes the mark off once the index
has held the version for the retention: until then a restart of Redis may still lose it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from ..conf import sonic_settings
from ..fulltext import queue
from ..fulltext.availability import is_available
from ..index.store import Document
from .journal import resync

if TYPE_CHECKING:
    from ..index.store import IndexStore
    from ..models.base import SonicObj
    from ..table.rows import DirtyRow

BATCH = 500


@dataclass
class SweepResult:
    """Numbers of rows: looked at, applied because the index lagged, and cleared of their mark."""

    checked: int = 0
    applied: int = 0
    cleared: int = 0
    #: Objects whose full text was brought up to date.
    texts: int = 0


def sweep(
    model: type[SonicObj], using: str, *, limit: int | None = None, now: datetime | None = None
) -> SweepResult:
    """Sweep the class's marked rows, ``limit`` at most. Errors of Redis come out as they are.

    One statement and one or two round trips for 500 rows, one statement more to clear marks.
    """
    settings = sonic_settings()
    now = now or timezone.now()
    table, store = model._sonic.table(using), model._sonic.store(using)
    result = SweepResult()
    after = 0
    while limit is None or result.checked < limit:
        number = BATCH if limit is None else min(BATCH, limit - result.checked)
        rows = table.dirty(now - timedelta(seconds=settings.GRACE), after, number)
        if rows:
            _sweep_batch(model, using, store, rows, now, result)
            after = rows[-1].row.id
            result.checked += len(rows)
        if len(rows) < number:
            break
    if is_available():
        result.texts = queue.drain(model, using, force=True)
    return result


def _sweep_batch(
    model: type[SonicObj],
    using: str,
    store: IndexStore,
    rows: list[DirtyRow],
    now: datetime,
    result: SweepResult,
) -> None:
    options = model._sonic
    text = bool(options.text_fields) and is_available()
    held = {id: version for id, (version, _) in store.entries_of([d.row.id for d in rows]).items()}
    lagging, ahead = [], []
    for dirty in rows:
        known = held.get(dirty.row.id, -1)
        if known < dirty.row.version:
            lagging.append(dirty.row)
        elif known > dirty.row.version:
            ahead.append(dirty.row.id)
    if ahead:
        # Written again since it was read here, or the database lost a commit that the index has.
        fresh = options.table(using).fetch(ahead)
        lost = [id for id, row in fresh.items() if row.version < held[id]]
        resync(model, using, lost)
        result.applied += len(lost)
    if lagging:
        documents: list[Document] = [options.document(row, text_changed=text) for row in lagging]
        store.apply(documents)
        # The index has only now got them: let them keep their marks for the retention anew.
        options.table(using).renew_dirty([(row.id, row.version) for row in lagging])
        result.applied += len(lagging)
    settled_before = now - timedelta(seconds=sonic_settings().RETENTION)
    settled = [
        (dirty.row.id, dirty.row.version)
        for dirty in rows
        if dirty.dirty_at < settled_before and held.get(dirty.row.id) == dirty.row.version
    ]
    result.cleared += options.table(using).clear_dirty(settled)
