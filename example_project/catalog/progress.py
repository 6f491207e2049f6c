"""Progress of a long command: a bar on a terminal, a plain line now and then anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

# Often enough to see that it lives, seldom enough for a log.
SECONDS_BETWEEN_LINES = 5.0


class _RateColumn(ProgressColumn):
    """Items per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("-/s" if speed is None else f"{speed:,.0f}/s")


@contextmanager
def progress(console: Console, title: str, total: int) -> Iterator[Callable[[int], None]]:
    """A function to call with the number of items done since its last call."""
    if console.is_terminal:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _RateColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=console) as bar:
            task = bar.add_task(title, total=total)
            yield lambda done: bar.advance(task, done)
    else:
        yield _Lines(console, title, total).advance


class _Lines:
    """Plain lines with count, rate and the estimated time left."""

    def __init__(self, console: Console, title: str, total: int) -> None:
        self._console = console
        self._title = title
        self._total = total
        self._done = 0
        self._start = self._last_line = time.monotonic()

    def advance(self, done: int) -> None:
        self._done += done
        now = time.monotonic()
        if now - self._last_line < SECONDS_BETWEEN_LINES and self._done < self._total:
            return
        self._last_line = now
        rate = self._done / max(now - self._start, 0.001)
        left = (self._total - self._done) / max(rate, 0.001)
        self._console.print(
            f"{self._title}: {self._done:,} of {self._total:,}, {rate:,.0f}/s, {left:.0f} s left",
            soft_wrap=True,
        )
