"""Output of the commands: tables for people, progress with a rate and an estimate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text


class RateColumn(ProgressColumn):
    """Rows per second."""

    def render(self, task: Task) -> Text:
        """The speed of the task, as items per second."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "-/s", style="cyan")


def console(stream: Any) -> Console:
    """A console on a command's stdout: colours and bars on a terminal, plain text elsewhere."""
    # Django wraps the stream; rich asks the real one whether it is a terminal.
    screen = Console(file=getattr(stream, "_out", stream), highlight=False, soft_wrap=True)
    if not screen.is_terminal:
        # A pipe or a file has no width of its own; 80 columns would cut names off.
        screen.width = 160
    return screen


@contextmanager
def progress(
    stream: Any, label: str, *, is_shown: bool = True
) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on a terminal, a line every 10 % elsewhere; nothing unless ``is_shown``. Gives
    ``report(done, total)``, or None."""
    if not is_shown:
        yield None
        return
    screen = console(stream)
    if not screen.is_terminal:
        yield _lines(screen, label)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=screen) as bar:
        task = bar.add_task(label, total=None)

        def report(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield report


def _lines(screen: Console, label: str) -> Callable[[int, int], None]:
    started, shown = time.monotonic(), -1

    def report(done: int, total: int) -> None:
        nonlocal shown
        tenth = 10 if total == 0 else done * 10 // total
        if tenth > shown:
            shown = tenth
            rate = done / max(time.monotonic() - started, 1e-6)
            left = (total - done) / rate if rate else 0.0
            screen.print(f"{label}: {done:,} of {total:,}, {rate:,.0f}/s, {left:,.0f} s left")

    return report


def table(stream: Any, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table; numbers are aligned right and grouped by thousands."""
    shown = Table(header_style="bold")
    for position, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[position], (int, float)) for row in rows)
        shown.add_column(name, justify="right" if numeric else "left", no_wrap=numeric)
    for row in rows:
        shown.add_row(*(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row))
    console(stream).print(shown)


def size(number: int) -> str:
    """Bytes as a person reads them."""
    amount = float(number)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{number} B"
