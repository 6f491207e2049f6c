"""Lock time-outs for full-text writers: short in a save, long in a worker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ..conf import sonic_settings
from ..transport.circuit_breaker import CircuitBreaker

#: The most seconds to wait for the lock; None is the engine's own limit.
lock_seconds: ContextVar[float | None] = ContextVar("lock_seconds", default=None)


def _seconds() -> float:
    return sonic_settings().TIMEOUT


#: While it is open, saves leave full text to its queue.
circuit = CircuitBreaker(_seconds)


@contextmanager
def briefly() -> Iterator[None]:
    """For a save: wait ``SONIC["TIMEOUT"]`` at most. A failure after so long opens the circuit.

    Raises CircuitOpen, and runs nothing, while the circuit is open.
    """
    circuit.raise_if_open()
    limit = _seconds()
    token = lock_seconds.set(limit)
    started = time.monotonic()
    try:
        yield
    except BaseException:
        # Engines have errors of their own for a lock: the time tells that it was one.
        if time.monotonic() - started >= limit:
            circuit.open()
        else:
            circuit.close()
        raise
    finally:
        lock_seconds.reset(token)
    circuit.close()
