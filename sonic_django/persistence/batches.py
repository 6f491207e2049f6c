"""Batching, with progress callbacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias, TypeVar

T = TypeVar("T")

#: Called after each batch with (objects done, objects in all).
Progress: TypeAlias = Callable[[int, int], None]


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The items in batches of this size; the last one may be smaller."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def with_progress(
    some: Iterable[Sequence[T]], total: int, progress: Progress | None
) -> Iterator[Sequence[T]]:
    """The batches; ``progress`` is called when the one after it is asked for."""
    done = 0
    for batch in some:
        yield batch
        done += len(batch)
        if progress:
            progress(done, total)
