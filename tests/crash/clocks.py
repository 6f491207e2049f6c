"""Clocks that are wrong: what Sonic reads as the present time in one process."""

from __future__ import annotations

import datetime as datetimes
import time
from typing import Any

from django.utils import timezone

from sonic_django.table import rows

HOUR = 3600

#: The modules that ask their ``datetime`` for the present time.
_ASKING: tuple[Any, ...] = (timezone, rows)


class _Kind(type(datetimes.datetime)):  # type: ignore[misc]
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetimes.datetime)


def skew(seconds: float) -> None:
    """Set the clocks of this process ahead (or behind) by so many seconds, once. The clock that
    measures how long something takes (``time.monotonic``) is not touched, as by a wrong host."""
    if not seconds:
        return
    now, now_ns = time.time, time.time_ns
    difference = datetimes.timedelta(seconds=seconds)

    class Skewed(datetimes.datetime, metaclass=_Kind):
        @classmethod
        def now(cls, tz: datetimes.tzinfo | None = None) -> Any:
            return datetimes.datetime.now(tz) + difference

    for module in _ASKING:
        module.datetime = Skewed
    time.time = lambda: now() + seconds
    time.time_ns = lambda: now_ns() + int(seconds * 1e9)
