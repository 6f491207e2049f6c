"""Building the index from the rows, in place, while readers and writers go on.

Rows are read in batches by id and applied under their versions, so a newer write wins whichever
comes first. Before a batch is read from SQL, the index is asked what it holds in that range of
ids: what is there and has no row is removed.

How far it came is noted in Redis, so that a rebuild that was killed goes on from there. The note is
also how a rebuild knows that nothing it did was undone: each note, and the end, requires the one
before. Redis that was emptied or set back meanwhile lacks it, a write by code with another
declaration removes it, and another rebuild replaces it.
"""

from __future__ import annotations

import logging
import uuid
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from django.core.exceptions import FieldError
from redis.exceptions import ResponseError

from ..conf import is_available
from ..exceptions import PayloadError, RebuildUndone, UnindexableRow
from ..fulltext import queue
from ..index.inspection import Inspection
from ..index.store import IndexStore
from ..table.digests import IDS_PER_RANGE, includes
from ..table.rows import Row
from ..table.versions import following
from ..transport.data_sets import data_sets
from . import confirmed
from .check.report import Drift
from .check.uniques import UniquesCheck
from .checkpoints import is_set_back, last_token
from .damage import beside_damage, dropped_keys, is_of_contents
from .documents import OnUnreadable, documents_of
from .testcase_rollbacks import resync

if TYPE_CHECKING:
    from ..schema.schema import Schema, Stores

#: Called with (rows done, rows in all).
Progress = Callable[[int, int], None]

_LAST_ID = 2**62
_RANGES_PER_CALL = 100
BATCH = 500
#: Attempts to build an index while Redis loses it.
_ATTEMPTS = 3

logger = logging.getLogger("sonic_django.sync")


def rebuild(
    stores: Stores,
    *,
    batch_size: int = BATCH,
    progress: Progress | None = None,
    on_duplicate: Callable[[Drift], None] | None = None,
    on_unreadable: OnUnreadable | None = None,
) -> int:
    """Rebuild every index of the class; the number of rows. Two round trips and one statement a
    batch, memory for one batch.

    If Redis is emptied or set back meanwhile, all begins again. ``RebuildUndone`` if that happens
    again and again, if code with another declaration writes, or if another rebuild takes over.

    Rows written before a unique was declared get to hold their values, for one statement a batch
    more; ``on_duplicate`` is called with those that cannot, ``on_unreadable`` with rows that cannot
    be read, and the index of all others is built all the same.
    """
    stores.schema.raise_problems()
    after, done = beside_damage(stores, lambda: _resume(stores), lambda: None)
    for attempt in range(_ATTEMPTS):
        try:
            return _build(stores, after, done, batch_size, progress, on_duplicate, on_unreadable)
        except ResponseError as error:
            if not is_of_contents(error) or attempt + 1 == _ATTEMPTS:
                raise
            if not dropped_keys(stores):
                # No key is of a wrong type, so the contents of one are: all is built again.
                logger.error(
                    "%s: its index is damaged (%s) and removed.", stores.schema.label, error
                )
                stores.index.wipe()
            after = done = 0
        except _LostNotes as lost:
            _raise_if_overtaken(stores, lost.run)
            logger.warning(
                "%s: Redis was emptied or set back during the rebuild; it begins again.",
                stores.schema.label,
            )
            after = done = 0
    raise RebuildUndone(
        f"{stores.schema.label}: Redis was emptied or set back during each of {_ATTEMPTS} attempts "
        f"to build the index. Find what empties it, and run sonic_reindex again."
    )


class _LostNotes(Exception):
    """The index no longer has the last note of this run of a rebuild."""

    def __init__(self, run: str) -> None:
        super().__init__(run)
        self.run = run


def _build(
    stores: Stores,
    after: int,
    done: int,
    batch_size: int,
    progress: Progress | None,
    on_duplicate: Callable[[Drift], None] | None,
    on_unreadable: OnUnreadable | None,
) -> int:
    table, store = stores.table, stores.index
    sees_all_rows = done == 0
    run = uuid.uuid4().hex
    data_set = store.server().data_set
    seen = data_sets()
    store.begin_job(run, after, done)
    if not done:
        store.forget_left_out()
    total = table.count()
    digests = _Digests(store)
    claims = UniquesCheck(stores, repairs=True)
    meets_damage = False
    for rows in table.walk(after, batch=batch_size):
        high = rows[-1].id
        meets_damage |= _apply_range(stores, store, after + 1, high, rows, on_unreadable)
        digests.rows_applied(row.id for row in rows)
        for drift in _claim_uniques(claims, rows):
            if on_duplicate is not None and drift.kind == "duplicate":
                on_duplicate(drift)
        done += len(rows)
        if is_available():
            # An object that the index knew nothing of, after a loss of Redis, is queued again.
            queue.drain(stores)
        if not store.note_job(run, after, high, done):
            raise _LostNotes(run)
        after = high
        if progress:
            progress(done, max(total, done))
    meets_damage |= _apply_range(stores, store, after + 1, _LAST_ID, [], on_unreadable)
    if meets_damage:
        _remove_unrecorded(store)
    digests.end()
    if sees_all_rows:
        claims.note_claimed()
    _drop_orphaned_keys(store)
    if not store.end_job(run, after, last_token(stores)):
        raise _LostNotes(run)
    if store.server().data_set == data_set:
        store.note_swept(data_set)
        confirmed.note(store.base, seen)
    return done


def _raise_if_overtaken(stores: Stores, run: str) -> None:
    """RebuildUndone if another rebuild is at work, or code with another declaration."""
    store, label = stores.index, stores.schema.label
    if store.job().get("run", run) != run:
        raise RebuildUndone(
            f"{label}: another sonic_reindex of this class has begun and goes on; this one stops."
        )
    if store.has_other_writers():
        raise RebuildUndone(
            f"{label}: code with another declaration of its indexes has written during the "
            f"rebuild, so the index cannot be complete. End the processes that run the other code, "
            f"and run sonic_reindex again."
        )


def _claim_uniques(claims: UniquesCheck, rows: list[Row]) -> Iterator[Drift]:
    schema = claims.schema
    if schema.uniques:
        decoded = []
        for row in rows:
            # Such a row was reported when its entries were made.
            with suppress(PayloadError, UnindexableRow):
                if not row.is_deleted:
                    decoded.append((row.id, row.version, schema.values_of(row.payload, row.id)))
        yield from (drift for drift, _ in claims.rows(decoded))


def _resume(stores: Stores) -> tuple[int, int]:
    """(id to go on behind, rows done) of a rebuild of this declaration that did not end.

    An index that was set back is built from the first row on, and answers nothing until then.
    """
    store = stores.index
    if is_set_back(stores, store.server()):
        store.forget_built()
    job = store.job()
    if job.get("fingerprint") != store.layout.fingerprint or "run" not in job:
        return 0, 0
    if not (job.get("after", "").isdigit() and job.get("done", "").isdigit()):
        return 0, 0
    return int(job["after"]), int(job["done"])


def _apply_range(
    stores: Stores,
    store: IndexStore,
    low: int,
    high: int,
    rows: list[Row],
    on_unreadable: OnUnreadable | None,
) -> bool:
    """Apply the rows of a range of ids; whether a record in it was damaged."""
    meets_damage = False
    for last, recorded in store.records(low, high):
        meets_damage |= any(version == 0 for version, _ in recorded.values())
        chunk = [row for row in rows if low <= row.id <= last]
        _apply_chunk(stores, store, recorded, chunk, on_unreadable)
        low = last + 1
    return meets_damage


def _remove_unrecorded(store: IndexStore) -> None:
    """Remove the entries that no record names: those of objects whose records were damaged."""
    inspection = Inspection(store, store.layout.digests)
    for _ in inspection.walk(repair=True):
        pass
    for _ in inspection.wrong_counts(repair=True):
        pass


def _apply_chunk(
    stores: Stores,
    store: IndexStore,
    recorded: dict[int, tuple[int, bool]],
    rows: list[Row],
    on_unreadable: OnUnreadable | None,
) -> None:
    schema = stores.schema
    if recorded:
        # Read again behind the look at the index: a row that is missing now is missing for good.
        fresh = stores.table.fetch([row.id for row in rows] + list(recorded))
        rows = list(fresh.values())
        destroyed = [
            schema.tombstone(id, following(version))
            for id, (version, _) in recorded.items()
            if id not in fresh
        ]
        if destroyed:
            store.apply(destroyed)
    documents = documents_of(stores, rows, on_unreadable=on_unreadable)
    if store.apply(documents, "rebuild").written < len(documents):
        _reset_what_is_ahead(stores, [document.id for document in documents])


def _reset_what_is_ahead(stores: Stores, ids: list[int]) -> None:
    """Bring back to their rows the objects of which the index knows later versions, or a removal:
    the database was set back. Those written meanwhile are left alone."""
    known = stores.index.entries_of(ids)
    # Read behind the look at the index, so a row that is older now was set back.
    rows = stores.table.fetch(list(known))
    set_back = [id for id, row in rows.items() if known[id][0] > row.version]
    if set_back:
        resync(stores, set_back)


def _drop_orphaned_keys(store: IndexStore) -> None:
    """Remove what former declarations left behind."""
    for key in store.orphaned_keys():
        store.drop_key(key)


class _Digests:
    """Sets the digest of each range of ids right once all of its rows are in the index: an index
    that older code built has no digests."""

    def __init__(self, store: IndexStore) -> None:
        self._inspection = Inspection(store, ())
        self._done = array("q")
        self._current = -1

    def rows_applied(self, ids: Iterable[int]) -> None:
        """Note rows in the order of their ids. One round trip for 20 ranges that are complete."""
        complete = []
        for one in sorted({id // IDS_PER_RANGE for id in ids}):
            if one != self._current and self._current >= 0:
                complete.append(self._current)
            self._current = one
        self._correct(complete)
        self._done.extend(complete)

    def end(self) -> None:
        """Correct the last range, and those that have a digest and no rows."""
        if self._current >= 0:
            self._correct([self._current])
            self._done.append(self._current)
        others = []
        for one in self._inspection.ranges():
            if not includes(self._done, one):
                others.append(one)
            if len(others) == _RANGES_PER_CALL:
                self._correct(others)
                others = []
        self._correct(others)

    def _correct(self, ranges: list[int]) -> None:
        if ranges:
            self._inspection.compute_digests(ranges, repair=True)


def check_name(schema: Schema, name: str) -> None:
    """FieldError if the class has no index of this name."""
    if name not in schema.indexes and name != "ids":
        known = ", ".join(["ids", *schema.indexes])
        raise FieldError(f"{schema.label} has no index {name!r}. It has: {known}.")


def rebuild_fulltext(
    stores: Stores,
    *,
    batch_size: int = BATCH * 2,
    progress: Progress | None = None,
) -> int:
    """Rebuild full text of the class from the rows; the number of live objects."""
    if not stores.schema.text_fields:
        return 0
    table = stores.table
    total = table.count(live=True)
    done = 0
    stale = queue.indexed_ids(stores.schema)
    for rows in table.walk(batch=batch_size):
        # In place, so that searches meanwhile find everything.
        queue.update(stores, [row.id for row in rows])
        live = [row.id for row in rows if not row.is_deleted]
        stale.difference_update(live)
        done += len(live)
        if progress:
            progress(done, max(total, done))
    queue.remove(stores.schema, sorted(stale))
    # What was written meanwhile, and what had waited before.
    queue.drain(stores, force=True)
    return done
