"""The circuit breakers of Redis: when Redis hangs, one save waits for the time-out, not every save.

The rows keep their dirty marks, so the sweep applies the writes that were left out. A Redis that is
down needs no circuit breaker: it refuses at once.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from redis.exceptions import TimeoutError as RedisTimeoutError

from ..conf import sonic_settings
from .circuit_breaker import CircuitBreaker, CircuitOpen
from .client import primary_client


class RedisCircuitOpen(CircuitOpen, RedisTimeoutError):
    """Redis timed out a moment ago, so the call was not sent."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"Redis did not answer in time, and is not asked again for {seconds:.1f} s"
        )


#: django-redis makes one pool of connections for each address.
_breakers: WeakKeyDictionary[Any, CircuitBreaker] = WeakKeyDictionary()


def redis_circuit() -> CircuitBreaker:
    """The circuit breaker of the Redis that is written to; its error is ``RedisCircuitOpen``.

    A time-out opens it for ``SONIC["TIMEOUT"]`` seconds in this process. No round trip.
    """
    pool = primary_client().connection_pool
    breaker = _breakers.get(pool)
    if breaker is None:
        new = CircuitBreaker(_seconds, RedisTimeoutError, RedisCircuitOpen)
        # Two threads that create one at the same time share it.
        breaker = _breakers.setdefault(pool, new)
    return breaker


def _seconds() -> float:
    return sonic_settings().TIMEOUT
