"""Jobs that the sweep does beside applying marked rows: stations above register theirs.

A job brings one class in one database up to date: it takes at most ``limit`` objects (None: all)
and returns how many it took.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..schema.schema import Stores

#: (stores, limit) -> objects.
Job = Callable[["Stores", "int | None"], int]

#: The jobs by name, in the order in which they are done.
JOBS: dict[str, Job] = {}


def register(name: str, job: Job) -> None:
    """Let the sweep do the job for each class; a job of the same name is replaced."""
    JOBS[name] = job
