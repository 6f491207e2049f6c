"""How long a writer of full text waits for another one: a save not as long as a worker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ..conf import sonic_settings

#: The most seconds to wait for the lock; None is the engine's own limit.
lock_seconds: ContextVar[float | None] = ContextVar("lock_seconds", default=None)

#: Until when (monotonic) saves leave full text to its queue.
_until = 0.0


@contextmanager
def briefly() -> Iterator[None]:
    """For a save: wait ``SONIC["TIMEOUT"]`` at most. What has failed after so long starts a pause
    of the same length, in which ``is_paused``."""
    global _until
    limit = sonic_settings().TIMEOUT
    token = lock_seconds.set(limit)
    started = time.monotonic()
    try:
        yield
    except Exception:
        if time.monotonic() - started >= limit:
            _until = time.monotonic() + limit
        raise
    finally:
        lock_seconds.reset(token)


def is_paused() -> bool:
    """Whether a save has waited in vain a moment ago, so that the next one need not."""
    return time.monotonic() < _until


def forget() -> None:
    """End the pause; for tests."""
    global _until
    _until = 0.0
