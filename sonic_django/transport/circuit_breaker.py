"""A pause in the writes to a Redis that hangs, so that not every save waits for the time-out.

The rows keep their marks, so the sweep applies what was left out. A Redis that is away needs no
pause: it refuses at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from ..conf import sonic_settings
from .client import redis_client


class Paused(RedisTimeoutError):
    """Redis did not answer a moment ago and was not asked again."""


#: Until when (monotonic) nothing is written, by pool of connections: empty while all is well.
_until: WeakKeyDictionary[Any, float] = WeakKeyDictionary()


@contextmanager
def pausing() -> Iterator[None]:
    """Around a write to Redis that the sweep repeats when it fails.

    A time-out within it starts a pause of ``SONIC["TIMEOUT"]`` seconds in this process, in which
    it raises ``Paused``, an error of Redis, and runs nothing. When it is over, one write goes
    ahead; the others go on when that has been answered. No round trip.
    """
    if _until:
        _wait_for_one()
    try:
        yield
    except RedisTimeoutError as error:
        note(error)
        raise
    except BaseException:
        _resume()
        raise
    _resume()


def note(error: RedisError) -> None:
    """Start a pause if this is a time-out; for the errors of what was not waited for."""
    if isinstance(error, RedisTimeoutError) and not isinstance(error, Paused):
        _until[_pool()] = time.monotonic() + sonic_settings().TIMEOUT


def raise_if_paused() -> None:
    """Raise ``Paused`` in a pause; for what was calm a moment ago."""
    if _until:
        _wait_for_one()


def is_calm() -> bool:
    """Whether there is no pause, nor one that is over and not ended by an answer."""
    return not _until or _pool() not in _until


def is_paused() -> bool:
    """Whether a write would raise ``Paused`` now: for work that can as well be done later."""
    return bool(_until) and time.monotonic() < _until.get(_pool(), 0.0)


def _wait_for_one() -> None:
    """Raise ``Paused`` in a pause; after it, keep the others out while this caller tries."""
    pool, now = _pool(), time.monotonic()
    until = _until.get(pool)
    if until is None:
        return
    if now < until:
        raise Paused(
            f"Redis did not answer in time, and is not asked again for {until - now:.1f} s"
        )
    _until[pool] = now + sonic_settings().TIMEOUT


def _resume() -> None:
    if _until:
        _until.pop(_pool(), None)


def _pool() -> Any:
    return redis_client().connection_pool
