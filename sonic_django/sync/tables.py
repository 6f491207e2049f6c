"""The index beside the life of a table: made, flushed, gone with its process."""

from __future__ import annotations

import atexit
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from django.db import DatabaseError, router
from redis.exceptions import RedisError

from ..index.keys import is_in_memory
from ..index.store import IndexStore
from . import built

if TYPE_CHECKING:
    from ..schema.schema import Stores

logger = logging.getLogger("sonic_django.sync")

#: Indexes of databases in memory, by base key: they end with this process.
_ends_with_process: dict[str, IndexStore] = {}


def start_empty_index(stores: Stores) -> bool:
    """If the model's table is there and empty, clear its index and count it as built.

    Without Redis nothing happens: the first query or save does it. Whether it was done. One
    statement and two round trips.
    """
    if not router.allow_migrate_model(stores.using, stores.schema.model):
        return False
    try:
        if not stores.table.is_empty():
            return False
    except DatabaseError:
        return False  # not made yet, or by hand with other columns; the first query will say so
    store = stores.index
    built.forget()
    try:
        if store.number_of_ids() or store.built() < set(store.layout.digests):
            store.clear()
            store.mark_built()
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
