"""Destroying what has outlived ``expire_after``: a job of the sweep."""

from __future__ import annotations

from django.utils import timezone

from ..exceptions import SonicError
from ..schema.schema import Stores
from ..sync import jobs

_BATCH = 500


def expire(stores: Stores, limit: int | None = None) -> int:
    """Destroy the class's expired objects, ``limit`` at most, with signals and cascades; how many.

    Nothing for a class without ``expire_after``; none now where the index cannot be asked. One
    round trip where there are none.
    """
    if getattr(stores.schema.model, "expire_after", None) is None:
        return 0
    done = 0
    while limit is None or done < limit:
        number = _BATCH if limit is None else min(_BATCH, limit - done)
        expired = stores.schema.objects(stores.using).filter(expires_at__lte=timezone.now())
        try:
            batch = list(expired.order_by("expires_at")[:number])
        except SonicError:
            break  # not built, or Redis is away: the next sweep comes to it
        for obj in batch:
            obj.destroy(using=stores.using)
        done += len(batch)
        if len(batch) < number:
            break
    return done


jobs.register("expiry", expire)
