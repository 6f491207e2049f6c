"""Repairing what a query met: entries that do not agree with the rows they lead to.

A query drops such an object from its answer and reports it here. It is repaired at once where
that can be done; within a transaction, which may see the rows as they were, and where Redis
refuses to be written to, it waits for the next sweep of this process. A repair goes by the row's
version, so one that comes late or meets a writer at work changes nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from django.db import DatabaseError, connections
from redis.exceptions import RedisError

from .documents import documents_of
from .testcase_rollbacks import resync

if TYPE_CHECKING:
    from ..schema.schema import Stores

logger = logging.getLogger("sonic_django.sync")

#: Objects that wait in this process; what exceeds it will be met again.
_MOST_WAITING = 10_000

_lock = threading.Lock()
_waiting: dict[tuple[str, str], dict[int, set[bytes]]] = {}


def report(stores: Stores, ids: Sequence[int], sets: Iterable[bytes]) -> None:
    """Repair objects that a query met in these sets of the index without their rows agreeing.

    Three round trips and a statement at once, or none now. Never raises.
    """
    wanted = set(sets)
    if connections[stores.using].in_atomic_block:
        _wait(stores, ids, wanted)
        return
    try:
        repair(stores, ids, wanted)
    except (RedisError, DatabaseError) as error:
        logger.warning(
            "%s: %d index entries that do not agree with their rows could not be repaired now "
            "(%s); queries leave them out.",
            stores.schema.label,
            len(ids),
            error,
        )
        _wait(stores, ids, wanted)


def drain(stores: Stores) -> int:
    """Repair what waits in this process; how many objects. Errors come out, and lose nothing."""
    key = (stores.schema.label_lower, stores.using)
    with _lock:
        waiting = _waiting.pop(key, {})
    done: list[int] = []
    try:
        for id, sets in waiting.items():
            repair(stores, [id], sets)
            done.append(id)
    finally:
        for id, sets in waiting.items():
            if id not in done:
                _wait(stores, [id], sets)
    return len(done)


def repair(stores: Stores, ids: Sequence[int], sets: Iterable[bytes] = ()) -> set[int]:
    """Make the entries of these objects what their rows say, and take them out of those of the
    sets that their records do not name; the ids whose rows cannot be read. Two or three round
    trips and a statement."""
    schema = stores.schema
    store = stores.index
    # The index is looked at before the rows: a row that is missing or older than what the index
    # has seen is so for good, and not merely on its way.
    recorded = store.entries_of(ids)
    rows = stores.table.fetch(ids)
    unreadable: set[int] = set()
    documents = documents_of(stores, rows.values(), on_unreadable=lambda id, _: unreadable.add(id))
    store.apply(documents, "rebuild")
    destroyed = [schema.tombstone(id, recorded[id][0] + 1) for id in recorded if id not in rows]
    if destroyed:
        store.apply(destroyed)
    ahead = [id for id, row in rows.items() if id in recorded and recorded[id][0] > row.version]
    if ahead:
        resync(stores, ahead)
    names = sorted(sets)
    if names:
        store.prune(ids, names)
    return unreadable


def _wait(stores: Stores, ids: Sequence[int], sets: set[bytes]) -> None:
    with _lock:
        waiting = _waiting.setdefault((stores.schema.label_lower, stores.using), {})
        for id in ids:
            if id in waiting or len(waiting) < _MOST_WAITING:
                waiting.setdefault(id, set()).update(sets)


def waiting(stores: Stores) -> int:
    """The number of objects that wait in this process."""
    with _lock:
        return len(_waiting.get((stores.schema.label_lower, stores.using), {}))
