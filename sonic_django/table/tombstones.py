"""Tombstones: which objects were destroyed, in one narrow table shared by all models.

A removed row can carry no dirty mark. So the transaction that removes a row leaves a tombstone,
which the sweep keeps until the index has confirmed the removal for the retention.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import models

from . import clock
from .dirty import DirtyMark, MarkPosition


class Tombstone(models.Model):
    """An object that was destroyed, until the index is known to have forgotten it."""

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    label: models.CharField[str, str] = models.CharField(max_length=200, editable=False)
    object_id: models.BigIntegerField[int, int] = models.BigIntegerField(editable=False)
    version: models.BigIntegerField[int, int] = models.BigIntegerField(editable=False)
    dirty_at: models.DateTimeField[Any, Any] = models.DateTimeField(editable=False, db_index=True)

    class Meta:
        app_label = "sonic_django"
        db_table = "sonic_gone"
        default_permissions = ()


def record(label: str, id: int, version: int, using: str) -> None:
    """Leave a tombstone for the object ``id``, whose removal is ``version``. One statement."""
    rows = Tombstone.objects.using(using)
    rows.create(label=label, object_id=id, version=version, dirty_at=clock.now(using))


def tombstones(
    label: str, using: str, before: datetime, after: MarkPosition | None, limit: int
) -> list[DirtyMark]:
    """Up to ``limit`` tombstones of the model set before a time, behind a position, the oldest
    first; the id in a position is the tombstone's own. One statement, by the index on the time."""
    waiting = Tombstone.objects.using(using).filter(label=label, dirty_at__lt=before)
    if after is not None:
        beside = models.Q(dirty_at=after.time, id__gt=after.id)
        waiting = waiting.filter(models.Q(dirty_at__gt=after.time) | beside)
    return [
        DirtyMark(row.object_id, row.version, row.dirty_at, MarkPosition(row.dirty_at, row.id))
        for row in waiting.order_by("dirty_at", "id")[:limit]
    ]


def renew(ids: Sequence[int], using: str) -> None:
    """Set the time of tombstones to now. One statement."""
    Tombstone.objects.using(using).filter(id__in=ids).update(dirty_at=clock.now(using))


def renew_objects(label: str, object_ids: Sequence[int], using: str) -> None:
    """Set the time of the tombstones of these objects to now. One statement for 900, if any."""
    for start in range(0, len(object_ids), 900):
        some = Tombstone.objects.using(using).filter(
            label=label, object_id__in=object_ids[start : start + 900]
        )
        some.update(dirty_at=clock.now(using))


def remove(ids: Sequence[int], using: str) -> int:
    """Take tombstones away; how many. One statement."""
    return Tombstone.objects.using(using).filter(id__in=ids).delete()[0]


def latest_version(label: str, id: int, using: str) -> int:
    """The greatest version of a tombstone of the object; 0 if there is none. One statement."""
    waiting = Tombstone.objects.using(using).filter(label=label, object_id=id)
    version: int | None = waiting.aggregate(latest=models.Max("version"))["latest"]
    return version or 0


def count(label: str, using: str) -> int:
    """The number of the model's tombstones. One statement."""
    return Tombstone.objects.using(using).filter(label=label).count()
