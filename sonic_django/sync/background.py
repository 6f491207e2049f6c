"""Background jobs: a small part of the sweep now and then, in the processes that write.

With it a project needs no worker: while anything is written, what a killed process or an outage
left behind reaches the index. A job follows a write that has ended, takes a bounded number of
dirty marks of one class, and never fails the write. It costs one statement and one round trip, and
more only where there is something to do.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from django.conf import settings
from django.core import mail
from django.db import DatabaseError, connections, router
from redis.exceptions import RedisError

from ..conf import sonic_settings
from ..exceptions import SonicError
from ..schema.registry import sonic_models
from ..table import clock
from . import checkpoints, jobs, read_repair
from .checkpoints import Clearing
from .damage import beside_damage
from .sweep import KINDS, Kind, SweepResult, ever, sweep_batch

if TYPE_CHECKING:
    from ..schema.schema import Schema, Stores
    from ..table.dirty import MarkPosition

logger = logging.getLogger("sonic_django.sync")

#: Dirty marks that one job looks at.
_MARKS = 500
#: The part of a writing process's time that jobs may take when there is much to do.
_SHARE = 0.05


@dataclass
class _Turn:
    """One class's dirty marks of one kind, and how far a pass through them has come."""

    stores: Stores
    kind: Kind
    position: MarkPosition | None = None


@dataclass
class _Pass:
    """A pass through all dirty marks set before a time: after an outage, or a restart of Redis."""

    before: datetime
    turns: list[_Turn]
    #: The data set of the Redis server that it brings up to date.
    data_set: str


@dataclass
class _Schedule:
    """The schedule of this process's background jobs for one database."""

    due: float = 0.0
    position: int = 0
    #: The classes that this process has written to.
    written: set[Schema] = field(default_factory=set)
    #: An apply has failed, so the index lags; to be made up for once Redis answers.
    lags: bool = False
    #: How far the jobs have come through marks that could not be cleared.
    positions: dict[tuple[Schema, Kind], MarkPosition] = field(default_factory=dict)
    catching_up: _Pass | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


_schedules: dict[str, _Schedule] = {}


def after_write(stores: Stores, *, applied: bool) -> None:
    """Called after each write, with whether the index has it; does a job if one is due."""
    schedule = _schedule_of(stores)
    if not applied:
        schedule.lags = True
        return
    pause = sonic_settings().SWEEP_EVERY
    if pause is None or not _is_due(schedule) or connections[stores.using].in_atomic_block:
        return
    # One thread of the process at a time; the others go on writing.
    if not schedule.lock.acquire(blocking=False):
        return
    try:
        started = time.monotonic()
        more = _safe_job(stores.using, schedule)
        taken = time.monotonic() - started
        schedule.due = time.monotonic() + (min(pause, taken / _SHARE) if more else pause)
    finally:
        schedule.lock.release()


def is_due(stores: Stores) -> bool:
    """Whether a job may follow a write of this class now; notes that it is written to."""
    schedule = _schedule_of(stores)
    return sonic_settings().SWEEP_EVERY is not None and _is_due(schedule)


def _schedule_of(stores: Stores) -> _Schedule:
    schedule = _schedules.get(stores.using)
    if schedule is None:
        schedule = _schedules.setdefault(stores.using, _Schedule())
    schedule.written.add(stores.schema)
    return schedule


def _is_due(schedule: _Schedule) -> bool:
    if schedule.lags:
        return True
    if _is_test_run() and schedule.catching_up is None:
        return False
    return time.monotonic() >= schedule.due


def _is_test_run() -> bool:
    """Whether a project's tests are running, which may count their statements: then, unless
    ``SWEEP_EVERY`` is set, jobs only make up for an outage that this process has met."""
    return hasattr(mail, "outbox") and "SWEEP_EVERY" not in getattr(settings, "SONIC", {})


def _safe_job(using: str, schedule: _Schedule) -> bool:
    try:
        return do_job(using, schedule)
    except (RedisError, DatabaseError, SonicError) as error:
        # The write that this follows is committed and indexed: no store may make it fail. Errors of
        # rows, receivers and jobs are met where those are called. Anything else means this
        # process, such as the soft time limit of a worker, and is not the job's to swallow.
        logger.warning("A background job of %r failed (%s); the next one goes on.", using, error)
        return False


def do_job(using: str, schedule: _Schedule | None = None) -> bool:
    """Do one job; whether there is more to do at once."""
    schedule = schedule or _schedules.setdefault(using, _Schedule())
    if schedule.catching_up is None:
        turns = _turns(using, schedule.written)
        if not turns:
            return False
        turn = turns[schedule.position % len(turns)]
        schedule.position += 1
        server = beside_damage(turn.stores, turn.stores.index.server, _no_names)
        is_known = server.data_set == server.swept
        if is_known and not schedule.lags:
            job = partial(_quiet_job, turn, Clearing(turn.stores, server), schedule)
            return beside_damage(turn.stores, job, _no_names)
        schedule.lags = False
        before = clock.now(using) if is_known else ever()
        schedule.catching_up = _Pass(before, turns, server.data_set)
    return _catch_up(schedule, schedule.catching_up)


def _quiet_job(turn: _Turn, clearing: Clearing, schedule: _Schedule) -> bool:
    """Clear the dirty marks that are old enough. Those of a killed process are among them, and
    are applied instead."""
    read_repair.drain(turn.stores)
    if turn.kind == KINDS[0]:
        jobs.run(turn.stores, _MARKS // 10, in_worker=False)
    before = clock.now(turn.stores.using) - timedelta(seconds=sonic_settings().RETENTION)
    result = SweepResult()
    key = turn.stores.schema, turn.kind
    after = schedule.positions.pop(key, None)
    position = sweep_batch(turn.stores, turn.kind, before, after, _MARKS, result, clearing)
    if position is not None and result.cleared < result.checked:
        # Some stay, such as those that are in no snapshot yet: the next job goes on behind them.
        schedule.positions[key] = position
    if result.checked > result.cleared:
        clearing.prepare()
    return result.checked == _MARKS


def _catch_up(schedule: _Schedule, work: _Pass) -> bool:
    """Go on with a pass through all dirty marks, as far as one job goes; whether it goes on."""
    result = SweepResult()
    while work.turns and result.checked < _MARKS:
        turn = work.turns[0]
        try:
            if turn.kind == KINDS[0] and turn.position is None:
                server = turn.stores.index.server()
                if checkpoints.is_set_back(turn.stores, server):
                    checkpoints.distrust(turn.stores)
            batch = partial(sweep_batch, turn.stores, turn.kind, work.before)
            turn.position = beside_damage(
                turn.stores, partial(batch, turn.position, _MARKS, result), _no_names
            )
            if turn.position is not None:
                continue
            if turn.kind == KINDS[-1]:
                turn.stores.index.note_swept(work.data_set)
        except RedisError:
            # Away again: a new pass begins when it is back.
            schedule.catching_up, schedule.lags = None, True
            raise
        except DatabaseError as error:
            logger.warning("%s cannot be swept: %s", turn.stores.schema.label, error)
        del work.turns[0]
    if not work.turns:
        schedule.catching_up = None
    return bool(work.turns)


def _no_names() -> tuple[bytes, ...]:
    """None but the keys that every class has: a write that waits is no time for a SCAN."""
    return ()


def _turns(using: str, written: set[Schema]) -> list[_Turn]:
    schemas = [
        model._sonic
        for model in sonic_models()
        if model._sonic in written or router.db_for_write(model) == using
    ]
    # Those first that this process knows to have been written to.
    schemas.sort(key=lambda schema: schema not in written)
    return [_Turn(schema.at(using), kind) for schema in schemas for kind in KINDS]


def forget() -> None:
    """Forget what this process has planned; for tests."""
    _schedules.clear()
