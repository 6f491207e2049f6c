"""The index beside the life of a table: made, flushed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.db import DatabaseError, router
from redis.exceptions import RedisError

from . import state

if TYPE_CHECKING:
    from ..models.base import SonicObj

logger = logging.getLogger("sonic_django.sync")


def start_empty_index(model: type[SonicObj], using: str) -> bool:
    """If the model's table is there and empty, clear its index and count it as built.

    Without Redis nothing happens: the first query or save does it. Whether it was done.
    """
    if not router.allow_migrate_model(using, model):
        return False
    table = model._sonic.table(using)
    try:
        if not table.exists() or not table.is_empty():
            return False
    except DatabaseError:
        return False  # made by hand with other columns; the first query will say so
    store = model._sonic.store(using)
    state.forget()
    try:
        if store.number_of_ids() or len(store.built()) < len(store.schema.digests):
            store.clear()
            store.mark_built()
    except RedisError as error:
        logger.info("%s: Redis is away (%s); its index starts later.", model._meta.label, error)
        return False
    return True
