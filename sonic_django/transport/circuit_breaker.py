"""A circuit breaker: after a time-out, callers do not wait for the same store for a while.

Closed is the normal state: every call runs. A time-out opens the circuit: calls fail at once. After
its time the open circuit is half-open: one call runs, and the others fail until that one has ended.
An answer closes the circuit; another time-out opens it again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class CircuitOpen(Exception):
    """The store timed out a moment ago, so the call was not sent."""


class CircuitBreaker:
    """The circuit of one store, in this process. Threads share it.

    ``seconds`` gives the time that the circuit stays open. ``opened_by`` are the errors that open
    it. ``error`` makes the error that is raised while it is open, from the seconds that are left.
    """

    __slots__ = ("__weakref__", "_error", "_lock", "_opened_by", "_seconds", "_until")

    def __init__(
        self,
        seconds: Callable[[], float],
        opened_by: type[BaseException] | tuple[type[BaseException], ...] = (),
        error: Callable[[float], CircuitOpen] = CircuitOpen,
    ) -> None:
        self._seconds = seconds
        self._opened_by = opened_by
        self._error = error
        #: Until when (monotonic) calls fail. None is a closed circuit.
        self._until: float | None = None
        self._lock = threading.Lock()

    @property
    def is_closed(self) -> bool:
        """Whether every call runs: the circuit is neither open nor half-open."""
        return self._until is None

    @property
    def is_open(self) -> bool:
        """Whether a call would fail now. Work that can wait checks this."""
        until = self._until
        return until is not None and time.monotonic() < until

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Run a call whose time-out opens the circuit, and whose answer closes it.

        Any error that is not a time-out counts as an answer. Raises ``error`` and runs nothing
        while the circuit is open.
        """
        self.raise_if_open()
        try:
            yield
        except BaseException as error:
            if self._is_time_out(error):
                self.open()
            else:
                self.close()
            raise
        self.close()

    def note(self, error: BaseException) -> None:
        """Open the circuit if this error of an unguarded call is a time-out."""
        if self._is_time_out(error):
            self.open()

    def raise_if_open(self) -> None:
        """Raise ``error`` while the circuit is open; half-open, let one caller proceed."""
        if self._until is None:
            return
        with self._lock:
            until, now = self._until, time.monotonic()
            if until is None:
                return
            if now < until:
                raise self._error(until - now)
            # Other calls fail while this one runs.
            self._until = now + self._seconds()

    def open(self) -> None:
        """Make calls fail for the next ``seconds``."""
        self._until = time.monotonic() + self._seconds()

    def close(self) -> None:
        """Let every call run."""
        self._until = None

    def _is_time_out(self, error: BaseException) -> bool:
        # For callers the error of an open circuit may be a time-out too.
        return isinstance(error, self._opened_by) and not isinstance(error, CircuitOpen)
