"""Jobs that the sweep does beside applying marked rows. The app registers them when it starts.

A job brings one class in one database up to date and returns the number of objects it took.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from django.db import DatabaseError
from redis.exceptions import RedisError

from ..interruptions import is_interruption

if TYPE_CHECKING:
    from ..schema.schema import Stores

logger = logging.getLogger("sonic_django.sync")


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


def run(stores: Stores, limit: int | None, *, in_worker: bool) -> dict[str, int]:
    """Do each job for one class; the objects that each took, by its name.

    A job runs code of the project: receivers, and what makes full text. An error of it is logged
    with its traceback and holds up no other job. In a worker the first one comes out at the end;
    behind a write none does. Errors of Redis and of the database come out at once.
    """
    taken: dict[str, int] = {}
    failure: Exception | None = None
    for name, job in JOBS.items():
        try:
            taken[name] = job(stores, limit, in_worker=in_worker)
        except (RedisError, DatabaseError):
            raise
        except Exception as error:
            if is_interruption(error):
                raise
            logger.exception("%s: the job %r of the sweep failed.", stores.schema.label, name)
            failure = failure or error
    if failure is not None and in_worker:
        raise failure
    return taken
