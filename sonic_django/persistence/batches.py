"""Consecutive stretches of many items, and somebody who is told how far the work is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias, TypeVar

T = TypeVar("T")

#: Called after each batch with (objects done, objects in all).
Progress: TypeAlias = Callable[[int, int], None]


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The items in stretches of this size."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def told(
    stretches: Iterable[Sequence[T]], total: int, progress: Progress | None
) -> Iterator[Sequence[T]]:
    """The stretches; ``progress`` is called when the next one is asked for."""
    done = 0
    for stretch in stretches:
        yield stretch
        done += len(stretch)
        if progress:
            progress(done, total)
