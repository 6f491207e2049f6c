"""The time on which all hosts agree: the database's.

Marks, tombstones and ends of objects are written by one host and judged by another. If a clock of
a host were asked, one that is an hour wrong would let objects end early, and marks before the index
is known to hold their rows. So each process asks the database once a minute, and adds the time
since.
"""

from __future__ import annotations

import time
from contextlib import closing
from datetime import datetime, timezone
from typing import NamedTuple

from django.conf import settings
from django.db import connections

#: Seconds until the database is asked again: its own clock may be set, or the server replaced.
_EVERY = 60.0

_SQLITE_UNIT = 0.001
_STATEMENTS = {
    "mysql": "SELECT UTC_TIMESTAMP(6)",
    "sqlite": "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')",
}
#: A clock that nobody sets; on Linux one that goes on while the machine sleeps.
_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class _Answer(NamedTuple):
    #: The database's time at zero of the clock that nobody sets, and when it was asked by that.
    base: float
    asked: float


_answers: dict[str, _Answer] = {}


def seconds(using: str) -> float:
    """The database's time in seconds since 1970. One statement a minute in each process, else
    none; it is not among those that Django logs."""
    elapsed = time.clock_gettime(_CLOCK)
    answer = _answers.get(using)
    if answer is None or elapsed - answer.asked > _EVERY:
        answer = _answers[using] = _ask(using)
    return answer.base + elapsed


def now(using: str) -> datetime:
    """The database's time, as Django's ``timezone.now()`` gives the host's."""
    moment = datetime.fromtimestamp(seconds(using), timezone.utc)
    return moment if settings.USE_TZ else moment.astimezone().replace(tzinfo=None)


def _ask(using: str) -> _Answer:
    connection = connections[using]
    connection.ensure_connection()
    before = time.clock_gettime(_CLOCK)
    with connection.wrap_database_errors, closing(connection.create_cursor()) as cursor:
        cursor.execute(_STATEMENTS[connection.vendor])
        (given,) = cursor.fetchone()
    after = time.clock_gettime(_CLOCK)
    moment = datetime.fromisoformat(given) if isinstance(given, str) else given
    told = moment.replace(tzinfo=timezone.utc).timestamp()
    if isinstance(given, str) and 0 <= time.time() - told < 2 * _SQLITE_UNIT:
        told = time.time()  # SQLite tells milliseconds; the host's clock agrees and has the rest
    return _Answer(told - (before + after) / 2, after)


def forget() -> None:
    """Ask again at the next use; for tests."""
    _answers.clear()
