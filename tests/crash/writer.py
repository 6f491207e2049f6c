"""One writer: a process that writes until it is killed, and its next process, which goes on."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from django.db import DatabaseError, IntegrityError, connection, transaction

from sonic_django.exceptions import IndexNotBuilt, IndexUnavailable, StaleObjectError
from sonic_django.sync.sweep import sweep
from sonic_django.table import uniques

from .known import Done, Step, is_as
from .ledger import Intent, Ledger, State
from .models import Counter, Item
from .promises import GivenUp, Violation
from .reading import look
from .steps import Steps

#: The exit status of a writer that met a broken promise.
VIOLATION = 3
_RETRY_SECONDS = 0.02


class Writer:
    """The writer ``number`` of the run in ``directory``; ``done`` is where it counts operations."""

    def __init__(
        self,
        directory: Path,
        number: int,
        seed: int,
        counters: Sequence[int],
        user: str | None,
        done: Any = None,
    ) -> None:
        self.ledger = Ledger(directory, number)
        for id in counters:
            self.ledger.shares.setdefault(id, 0)
        self.number = number
        self.rng = random.Random(f"{seed}/{number}/{self.ledger.number}")
        self.done = done
        self.parent = os.getppid()
        self.stopping = False
        self.user = user
        if user is not None:
            connection.settings_dict["USER"] = user

    def run(self) -> int:
        """Write until SIGTERM; the exit status."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        try:
            self._recover()
            while not self.stopping and os.getppid() == self.parent:
                self._operate()
                if self.done is not None:
                    self.done[self.number] += 1
            self.ledger.snapshot()
        except Violation as violation:
            self.ledger.note(f"VIOLATION: {violation}")
            print(f"writer {self.number}: VIOLATION: {violation}", file=sys.stderr, flush=True)
            return VIOLATION
        return 0

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    # One operation ------------------------------------------------------------------------------

    def _operate(self) -> None:
        try:
            chance = self.rng.random()
            if chance < 0.08:
                look(self.rng, self.number, self.ledger.items)
            elif chance < 0.09:
                self._sweep()
            elif chance < 0.30:
                self.ledger.begin("transaction")
                self._transaction()
            else:
                self._single()
        except GivenUp as reason:
            self.ledger.fail(str(reason))
        except StaleObjectError as error:
            raise Violation(f"no one else writes what this wanted to write: {error}") from error
        except IntegrityError as error:
            self.ledger.fail(str(error))
        except (IndexUnavailable, IndexNotBuilt) as error:
            # Queries come before the writes of their step, and reads have no intent.
            if self.ledger.pending is not None:
                self.ledger.fail(str(error))
        except DatabaseError as error:
            self.ledger.note(repr(error))
            self._recover()

    def _single(self) -> None:
        """One step, as the product commits it by itself."""
        ledger = self.ledger
        steps = self._steps(ledger.number + 1, ledger.items, ledger.shares)
        kind, step = steps.choose()
        ledger.begin(kind)
        ledger.intend(Intent(ledger.number, step.items, step.shares, step.each))
        done = step.run()
        ledger.commit(done.ids, done.unchanged)

    def _transaction(self) -> None:
        """Several steps that are committed together; some are taken back before."""
        rng, ledger = self.rng, self.ledger
        items, shares = dict(ledger.items), dict(ledger.shares)
        after = Intent(ledger.number)
        with transaction.atomic():
            # One for all steps: what they make has different codes.
            steps = self._steps(ledger.number, items, shares)
            for _ in range(rng.randint(1, 5)):
                _, step = steps.choose()
                if rng.random() < 0.3:
                    # Without a savepoint: what it breaks, breaks the whole transaction.
                    _follow(items, shares, after, step, step.run())
                    continue
                try:
                    with transaction.atomic():
                        done = step.run()
                        if rng.random() < 0.2:
                            raise GivenUp("on purpose")
                except (GivenUp, IntegrityError, IndexUnavailable, IndexNotBuilt):
                    continue
                _follow(items, shares, after, step, done)
            if rng.random() < 0.15:
                raise GivenUp("on purpose")
            ledger.intend(after)
            if rng.random() < 0.05:
                raise GivenUp("on purpose")
        ledger.commit({}, set())

    def _steps(self, number: int, items: dict[str, State], shares: dict[int, int]) -> Steps:
        return Steps(self.rng, self.number, number, items, shares)

    def _sweep(self) -> None:
        """Sweep beside the writers, as ``sonic_sync --loop`` does."""
        from redis.exceptions import RedisError

        for model in (Item, Counter):
            try:
                sweep(model._sonic.at("default"))
            except RedisError:
                return

    # After a death, its own or the server's -----------------------------------------------------

    def _recover(self) -> None:
        """Reconnect, wait until the server has forgotten the former connection, and resolve
        the operation in doubt."""
        while os.getppid() == self.parent:
            connection.close()
            try:
                if self._is_alone():
                    self._resolve()
                    self.ledger.snapshot()
                    return
            except DatabaseError:
                pass  # the server is away
            time.sleep(_RETRY_SECONDS)

    def _is_alone(self) -> bool:
        if self.user is None:
            return True  # SQLite: what a process has not committed ends with it
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT COUNT(*) FROM information_schema.processlist "
                "WHERE user = %s AND id <> CONNECTION_ID()",
                [self.user],
            )
            return bool(cursor.fetchone()[0] == 0)

    def _resolve(self) -> None:
        pending = self.ledger.pending
        if pending is None:
            return
        ids = _ids_of_new(pending)
        written, not_written = set(), set()
        for code, after in pending.items.items():
            before = self.ledger.items.get(code)
            if after == before:
                continue  # made and destroyed at once, or deleted and undeleted
            known = before or after
            id = known.id if known and known.id is not None else ids.get(code)
            row = Item.get(id, read_deleted=True) if id is not None else None
            if is_as(after, row):
                written.add(code)
            elif is_as(before, row):
                not_written.add(code)
            else:
                raise Violation(
                    f"item {code} is neither as before nor as after operation {pending.number}: "
                    f"{before}, {after}, but {row and row.to_dict()}"
                )
        counted = {id for id, share in pending.shares.items() if self._has_counted(id, share)}
        both = bool(written or counted) and bool(not_written or set(pending.shares) - counted)
        if both and not pending.each:
            raise Violation(f"operation {pending.number} is half there: {written} {counted}")
        self.ledger.resolve(ids, not_written, found=bool(written or counted))

    def _has_counted(self, id: int, share: int) -> bool:
        found = getattr(Counter.get(id), f"share{self.number}")
        if found not in (share, self.ledger.shares[id]):
            raise Violation(f"counter {id}: share{self.number} is {found}, not {share} or before")
        return bool(found == share)


def _follow(
    items: dict[str, State], shares: dict[int, int], after: Intent, step: Step, done: Done
) -> None:
    """Let the view of a transaction, and what it will have changed, follow a step."""
    for code, state in step.items.items():
        if code in done.unchanged:
            continue
        items.pop(code, None)
        if state is not None:
            id = state.id if state.id is not None else done.ids[code]
            state = items[code] = State(id, state.deleted, state.values)
        after.items[code] = state
    shares.update(step.shares)
    after.shares.update(step.shares)


def _ids_of_new(intent: Intent) -> dict[str, int]:
    """The ids of what an operation made, by the unique code: the database knows who holds it."""
    new = {code for code, state in intent.items.items() if state is not None and state.id is None}
    if not new:
        return {}
    options = Item._sonic
    keys: dict[bytes, str] = {}
    for code in new:
        values = dict.fromkeys(options.fields)
        (key,) = options.unique_keys({**values, "code": code})
        keys[key] = code
    return {keys[key]: id for key, id in uniques.owners(list(keys), "default").items()}
