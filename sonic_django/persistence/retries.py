"""Optimistic writes: a write under a version is tried again on top of a newer row."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, TypeVar

from django.db import transaction

from ..exceptions import StaleObjectError
from ..schema.schema import StoredObject
from ..table.rows import Row

_T = TypeVar("_T")

#: How often a write is tried on top of a newer row.
ATTEMPTS = 20
#: From this attempt on the row is locked, if the engine supports it.
_LOCKS_FROM = 4
#: The longest pause before an attempt, in milliseconds.
_LONGEST_PAUSE = 10


class Overtaken(Exception):
    """Another writer was faster: the row no longer has the version of the write."""


def retry(
    obj: StoredObject,
    using: str,
    write: Callable[[Row | None], _T],
    *,
    fields: Callable[[], Iterable[str]] = tuple,
) -> _T:
    """Call ``write`` with the current row (None: destroyed) until it does not raise ``Overtaken``.

    Two statements an attempt. After some attempts the row is locked for the write. After
    ``ATTEMPTS`` of them StaleObjectError, with the names that ``fields`` gives.
    """
    table = obj._sonic.table(using)
    for attempt in range(ATTEMPTS):
        if attempt > 1:
            # A random pause, so that busy writers of one row do not collide again and again.
            time.sleep(random.random() * min(attempt, _LONGEST_PAUSE) / 1000)
        with transaction_if(attempt >= _LOCKS_FROM, using), suppress(Overtaken):
            return write(table.fetch_latest(obj.id))
    raise StaleObjectError(
        f"{obj._meta.label} {obj.id} was written by others {ATTEMPTS} times meanwhile; try again.",
        fields(),
    )


def transaction_if(needed: bool, using: str) -> AbstractContextManager[Any]:
    """A transaction if one is needed: for a single statement it would cost four more."""
    return transaction.atomic(using=using, savepoint=False) if needed else nullcontext()
