"""``python -m tests.crash``: see the package."""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter as Tally
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from .crew import ASKED, REBUILDING, REBUILT, WRITERS, Crew, last_words, set_up_django
from .ledger import Ledger
from .stores import DISKS, Stores

#: Seconds between two kills, on average, when the time is not given.
_PAUSE = 0.6
_LONGEST_ABSENCE = 0.8
_LOOK_SECONDS = 0.02
#: The parts of the kills that set Redis back to a copy, and that empty it.
_SET_BACK, _EMPTIED = 0.08, 0.03
#: Snapshots and copies of the files of Redis, a second.
_SNAPSHOTS, _COPIES = 0.4, 0.2


def main() -> int:
    options = _options()
    rng = random.Random(options.seed)
    console = Console(highlight=False, soft_wrap=True)
    disk = options.redis_disk or rng.choice(DISKS)
    with Stores(options.directory, disk) as stores:
        console.print(f"seed {options.seed}, {stores.directory}, Redis' disk: {disk}")
        set_up_django()
        from .verify import resolve_and_verify

        crew = Crew(stores, options.seed)
        crew.prepare()
        kills = Kills(stores, crew, rng)
        try:
            crew.start()
            with _Bar(console, options.kills) as report:
                for _ in _pauses(options, rng, kills):
                    if crew.failed():
                        break
                    kills.strike()
                    report(kills.number, crew.done.sum())
            failed = crew.failed()
            if not failed:
                stores.start()
                failed = crew.stop()
        finally:
            crew.end()
        differences = failed
        if not differences:
            differences = resolve_and_verify(stores, WRITERS, may_be_unbuilt=kills.set_back > 0)
        _summary(console, stores, kills)
        if differences:
            print(last_words(differences, stores, options.seed), file=sys.stderr)
            return 1
    stores.remove()
    console.print(f"{kills.number} kills, {crew.done.sum():,} operations: nothing lost or wrong.")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--minutes", type=float, help="how long to go on killing")
    parser.add_argument("--kills", type=int, help="how many, spread over the minutes if given")
    parser.add_argument("--seed", type=int, default=random.randrange(2**31))
    parser.add_argument("--directory", type=Path, help="for the servers and the logs")
    parser.add_argument(
        "--redis-disk", choices=DISKS, help="how Redis keeps its data; by default the seed decides"
    )
    options = parser.parse_args()
    if options.minutes is None and options.kills is None:
        parser.error("give --minutes, --kills or both")
    return options


def _pauses(options: argparse.Namespace, rng: random.Random, kills: Kills) -> Iterator[None]:
    """Wait before each kill, until there were enough of them or, if no number of them was given,
    until the time is over."""
    pause, end = _PAUSE, float("inf")
    if options.kills is None:
        end = time.monotonic() + options.minutes * 60
    elif options.minutes is not None:
        pause = options.minutes * 60 / options.kills
    while time.monotonic() < end and kills.number < (options.kills or float("inf")):
        kills.wait(rng.uniform(0.1, 2 * pause - 0.1))
        yield


class Kills:
    """Kills at random, and brings back what was killed."""

    def __init__(self, stores: Stores, crew: Crew, rng: random.Random) -> None:
        self.stores = stores
        self.crew = crew
        self.rng = rng
        self.number = 0
        self.victims: Tally[str] = Tally()
        #: How often Redis was emptied, or came back older than it had told its disk.
        self.set_back = 0

    def wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.stores.watch_redis()
            chance = self.rng.random() / _LOOK_SECONDS
            if chance < _SNAPSHOTS:
                self.stores.snapshot()
            elif chance < _SNAPSHOTS + _COPIES:
                self.stores.copy_redis()
            time.sleep(_LOOK_SECONDS)

    def strike(self) -> None:
        """Kill one, now and then two; servers stay away for a while."""
        victims = {self._victim()}
        if self.rng.random() < 0.2:
            victims.add(self._victim())
        if "redis, set back" in victims:
            victims -= {"redis", "redis, emptied"}
        if {"redis", "redis, emptied"} <= victims:
            victims.remove("redis")
        for victim in sorted(victims):
            self._kill(victim)
        if victims & {"redis", "mariadb", "redis, set back"}:
            self.wait(self.rng.uniform(0.0, _LONGEST_ABSENCE))
            self.stores.start()

    def _victim(self) -> str:
        if self.crew.kept[REBUILDING] and self.rng.random() < 0.3:
            return "rebuild"
        chance = self.rng.random()
        if chance < _SET_BACK:
            return "redis, set back"
        if chance < _SET_BACK + _EMPTIED:
            return "redis, emptied"
        servers = ["redis"] if self.stores.mariadb is None else ["redis", "mariadb"]
        return self.rng.choice([*servers, *["writer"] * 2])

    def _kill(self, victim: str) -> None:
        self.number += 1
        self.victims[victim] += 1
        if victim == "redis":
            self.victims["redis, its last second lost"] += self.stores.kill_redis(self.rng) > 0
        elif victim == "redis, set back":
            self.set_back += self.stores.set_redis_back(self.rng)
        elif victim == "redis, emptied":
            self.stores.empty_redis()
            self.set_back += 1
        elif victim == "rebuild":
            self.crew.kill_keeper()
        elif victim == "mariadb":
            assert self.stores.mariadb is not None
            self.stores.mariadb.kill()
        else:
            self.crew.kill(self.rng.randrange(WRITERS))


def _summary(console: Console, stores: Stores, kills: Kills) -> None:
    tally: Tally[str] = Tally()
    for writer in range(WRITERS):
        tally.update(Ledger(stores.directory, writer).counts)
    console.print("killed: " + ", ".join(f"{n} {v}" for v, n in sorted(kills.victims.items())))
    clocks = ", ".join(f"{seconds / 3600:+.0f} h" for seconds in kills.crew.clocks)
    kept = kills.crew.kept
    console.print(f"writers' clocks: {clocks}; {kept[ASKED]} looks, {kept[REBUILT]} rebuilds")
    ends = ("committed", "failed", "found", "lost")
    for kind in sorted({key.split()[0] for key in tally}):
        numbers = "  ".join(f"{tally[f'{kind} {end}']:>8,} {end}" for end in ends)
        console.print(f"{kind:>14}: {numbers}")


class _Report:
    def __init__(self, bar: Progress, task: Any) -> None:
        self.bar, self.task, self.started = bar, task, time.monotonic()

    def __call__(self, kills: int, operations: int) -> None:
        rate = operations / (time.monotonic() - self.started)
        done = f"{operations:,} operations, {rate:,.0f}/s"
        self.bar.update(self.task, completed=kills, done=done, refresh=True)


class _Bar:
    """A bar of the kills; drawn by hand, since a thread of rich must not be there when forking."""

    def __init__(self, console: Console, kills: int | None) -> None:
        columns = ("kills", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self.bar = Progress(
            *(TextColumn(c) if isinstance(c, str) else c for c in columns),
            TextColumn("{task.fields[done]}"),
            console=console,
            auto_refresh=False,
        )
        self.kills = kills

    def __enter__(self) -> _Report:
        self.bar.start()
        return _Report(self.bar, self.bar.add_task("kills", total=self.kills, done=""))

    def __exit__(self, *error: object) -> None:
        self.bar.stop()


if __name__ == "__main__":
    sys.exit(main())
