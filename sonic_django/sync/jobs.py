"""Jobs that the sweep does beside applying marked rows. The app registers them when it starts.

A job brings one class in one database up to date and returns the number of objects it took.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..schema.schema import Stores


class Job(Protocol):
    """``limit`` is the most objects that are written one by one (None: all). ``in_worker`` tells
    whether a worker runs the job (``sonic_sync``), or a process that has just served a write."""

    def __call__(self, stores: Stores, limit: int | None, *, in_worker: bool) -> int:
        """Do the job for one class in one database; the number of objects."""


#: The jobs by name, in the order in which they are done.
JOBS: dict[str, Job] = {}


def register(name: str, job: Job) -> None:
    """Let the sweep do the job for each class; a job of the same name is replaced."""
    JOBS[name] = job
