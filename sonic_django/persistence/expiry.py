"""Destroying what has outlived ``expire_after``: a job of the sweep."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction

from ..exceptions import SonicError
from ..fields.ttl import NAME
from ..sync.testcase_rollbacks import undo_rollbacks
from ..table import clock

if TYPE_CHECKING:
    from ..schema.schema import Stores
    from ..table.rows import Row

_BATCH = 500


def expire(stores: Stores, limit: int | None = None, *, in_worker: bool = True) -> int:
    """Destroy the class's expired objects, ``limit`` at most, with signals and cascades; how many.

    Nothing for a class without ``expire_after``; none now where the index cannot be asked. By the
    clock of the database, and by each row as it is when it is locked: one that another process has
    saved meanwhile has more time. One round trip where there are none.
    """
    if getattr(stores.schema.model, "expire_after", None) is None:
        return 0
    done = seen = 0
    while limit is None or seen < limit:
        number = _BATCH if limit is None else min(_BATCH, limit - seen)
        now = clock.now(stores.using)
        expired = stores.schema.objects(stores.using).filter(**{f"{NAME}__lte": now})
        try:
            batch = list(expired.order_by(NAME)[:number])
        except SonicError:
            break  # not built, or Redis is away: the next sweep comes to it
        done += sum(_destroy_if_due(stores, obj, now) for obj in batch)
        seen += len(batch)
        if len(batch) < number:
            break
    return done


def _destroy_if_due(stores: Stores, obj: Any, now: datetime) -> bool:
    """Destroy the object if its row, locked, has still passed its end; whether it did."""
    using = stores.using
    undo_rollbacks(using)
    with transaction.atomic(using=using):
        row = stores.table.fetch_latest(obj.id)
        if row is None or row.is_deleted or not _is_due(stores, row, now):
            return False
        stores.schema.from_row(using, row, type(obj)).destroy(using=using)
    return True


def _is_due(stores: Stores, row: Row, now: datetime) -> bool:
    end = stores.schema.values_of(row.payload, row.id)[NAME]
    return end is not None and end <= now
