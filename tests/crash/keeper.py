"""The keeper: asks for everything all the time, and rebuilds what is not built.

It compares answers with the rows: a row that was not written for a while is in the answer, or there
is an error. This is what an index that was set back without anybody noticing breaks.
"""

from __future__ import annotations

import os
import random
import sys
import time
from typing import Any

from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from redis.exceptions import RedisError

from sonic_django.exceptions import IndexNotBuilt, IndexUnavailable, RebuildUndone

from .crew import ASKED, REBUILDING, REBUILT, Tallies
from .models import Counter, Item

#: Seconds after which a row must be found: the retention, and a few for the jobs that sweep.
_SETTLED = 10.0
_PAUSE = 0.25
#: Seconds until an operator has seen that something is not built.
_UNNOTICED = 2.0

#: The version of each row, and whether it is deleted.
Rows = dict[int, tuple[int, bool]]


class Keeper:
    """The process; ``kept`` are its numbers, shared with the process that started it."""

    def __init__(self, rng: random.Random, kept: Tallies) -> None:
        self.rng = rng
        self.kept = kept
        self.parent = os.getppid()
        #: For each model and row: its version, whether it is deleted, since when it is seen so.
        self._since: dict[Any, dict[int, tuple[tuple[int, bool], float]]] = {}

    def run(self) -> int:
        """Go on until killed; the exit status of a broken promise."""
        while os.getppid() == self.parent:
            time.sleep(self.rng.uniform(0.0, 2 * _PAUSE))
            try:
                for model in (Item, Counter):
                    if wrong := self._look(model):
                        print(f"keeper: VIOLATION: {wrong}", file=sys.stderr, flush=True)
                        return 3
            except IndexNotBuilt:
                self._rebuild()
            except (IndexUnavailable, RedisError):
                continue
            except DatabaseError:
                connection.close()
        return 0

    def _look(self, model: Any) -> str:
        """Ask for all objects; what is wrong with the answer."""
        before = time.monotonic()
        self._note(model, before)
        found = set(model.objects.all().ids())
        self.kept[ASKED] += 1
        rows = self._note(model, before)
        settled = {
            id
            for id, (state, since) in self._since[model].items()
            if since <= before - _SETTLED and not state[1]
        }
        missing = sorted((settled & rows.keys()) - found)
        if not missing:
            return ""
        recorded = model._sonic.store("default").entries_of(missing[:10])
        return (
            f"{len(missing)} {model.__name__} not found, though not written for {_SETTLED} s: "
            f"{[(f'#{id}', rows[id], recorded.get(id, ('none',))[0]) for id in missing[:10]]}"
        )

    def _note(self, model: Any, now: float) -> Rows:
        """Note which rows are as they were; all there are."""
        table = model._sonic.table("default").name
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT id, version, is_deleted FROM {table}")
            rows: Rows = {id: (version, bool(deleted)) for id, version, deleted in cursor}
        former = self._since.get(model, {})
        self._since[model] = {
            id: (state, former[id][1] if id in former and former[id][0] == state else now)
            for id, state in rows.items()
        }
        return rows

    def _rebuild(self) -> None:
        """Do what the error says, some moments later."""
        time.sleep(self.rng.uniform(0.0, _UNNOTICED))
        self.kept[REBUILDING] = 1
        try:
            with open(os.devnull, "w") as nowhere:
                call_command("sonic_reindex", batch_size=50, stdout=nowhere)
            self.kept[REBUILT] += 1
        except (RedisError, IndexUnavailable, RebuildUndone, CommandError) as error:
            print(f"sonic_reindex: {error}", file=sys.stderr, flush=True)
        except DatabaseError as error:
            print(f"sonic_reindex: {error}", file=sys.stderr, flush=True)
            connection.close()
        finally:
            self.kept[REBUILDING] = 0
