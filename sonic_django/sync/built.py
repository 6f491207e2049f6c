"""The state of built indexes, and when a table counts as built without a rebuild."""

from __future__ import annotations

import atexit
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, router
from redis.exceptions import RedisError

from ..exceptions import IndexNotBuilt
from ..index.keys import is_in_memory
from ..transport.data_sets import data_sets
from . import confirmed
from .checkpoints import last_token

if TYPE_CHECKING:
    from ..index.store import IndexStore
    from ..schema.schema import Stores

logger = logging.getLogger("sonic_django.sync")

#: Tables up to this many rows are compared with the index, to see whether it is complete.
_SMALL = 100
#: Seconds for which a process remembers that a table was not small or not complete.
_PATIENCE = 10.0
_not_before: dict[tuple[str, str], float] = {}
#: The indexes (key, declaration) that were complete when they were last written to.
_complete: set[tuple[str, str]] = set()
#: Indexes of databases in memory, by base key: they end with this process.
_ends_with_process: dict[str, IndexStore] = {}


def was_complete(store: IndexStore) -> bool:
    """Whether the last write of this process met every index of the declaration built."""
    return (store.base, store.layout.fingerprint) in _complete


def note_complete(store: IndexStore, complete: bool) -> None:
    """Note what a write has met."""
    (_complete.add if complete else _complete.discard)((store.base, store.layout.fingerprint))


def adopt_if_empty(stores: Stores) -> bool:
    """Count the indexes as built if the table has no row; whether it has none.

    One statement, and another and one round trip if so.
    """
    if not stores.table.is_empty():
        return False
    stores.index.mark_built(last_token(stores))
    return True


def adopt_if_complete(stores: Stores) -> bool:
    """Count the indexes as built if the index holds every row of a small table.

    This is how the first saves of a new project make its index complete without a command; after
    a loss of Redis it says no, until the rows are in the index again. Two statements and up to two
    round trips, at most every ten seconds in a process. Only errors of Redis come out: the write
    that it follows is committed, so neither the database nor a row that cannot be read may fail it.
    """
    schema = stores.schema
    store = stores.index
    now = time.monotonic()
    if now < _not_before.get((store.base, stores.using), 0.0):
        return False
    try:
        rows: list[Any] = next(stores.table.walk(batch=_SMALL + 1), [])
        wanted = {row.id: schema.document(row) for row in rows[:_SMALL]}
        token = last_token(stores)
    except (DatabaseError, ValueError) as error:
        logger.warning(
            "%s: cannot see whether its index is complete: %s", stores.schema.label, error
        )
        _not_before[store.base, stores.using] = now + _PATIENCE
        return False
    if len(rows) <= _SMALL:
        recorded = store.entries_of(list(wanted))
        if all(
            recorded.get(id) == (document.version, {entry[::2] for entry in document.entries})
            for id, document in wanted.items()
        ):
            store.mark_built(token)
            return True
    else:
        _not_before[store.base, stores.using] = now + _PATIENCE
    return False


def not_built(stores: Stores, digests: tuple[str, ...]) -> IndexNotBuilt:
    """The error for a query that needs these indexes."""
    schema = stores.schema
    names = {spec.digest: name for name, spec in schema.indexes.items()}
    wanted = [names.get(digest, "the set of all objects") for digest in digests]
    label = schema.label
    return IndexNotBuilt(
        f"{label}: not built in Redis for the database {stores.using!r}: {', '.join(wanted)}. "
        f"Run: python manage.py sonic_reindex {label}",
        wanted,
    )


def start_empty_index(stores: Stores) -> bool:
    """If the model's table is there and empty, clear its index and count it as built.

    Without Redis nothing happens: the first query or save does it. Whether it was done. Two
    statements and some round trips.
    """
    if not router.allow_migrate_model(stores.using, stores.schema.model):
        return False
    try:
        if not stores.table.is_empty():
            return False
        token = last_token(stores)
    except DatabaseError:
        return False  # not made yet, or by hand with other columns; the first query will say so
    store = stores.index
    forget()
    try:
        if store.number_of_ids() or store.built() < set(store.layout.digests):
            store.clear()
            store.mark_built(token)
        # There is nothing that the server could have lost.
        store.note_swept(store.server().data_set)
        confirmed.note(store.base, data_sets())
    except RedisError as error:
        logger.info("%s: Redis is away (%s); its index starts later.", stores.schema.label, error)
        return False
    if is_in_memory(stores.using):
        if not _ends_with_process:
            atexit.register(_clear_ended)
        _ends_with_process[store.base] = store
    return True


def _clear_ended() -> None:
    """Leave nothing in Redis of databases that were in this process's memory."""
    for store in _ends_with_process.values():
        with suppress(RedisError):
            store.clear()


def forget() -> None:
    """Forget what this process remembers; for tests and after ``flush``."""
    _not_before.clear()
    _complete.clear()
