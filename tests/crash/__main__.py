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

from .crew import WRITERS, Crew, last_words, set_up_django
from .ledger import Ledger
from .stores import Stores

#: Seconds between two kills, on average, when the time is not given.
_PAUSE = 0.6
_LONGEST_ABSENCE = 0.8
_LOOK_SECONDS = 0.02


def main() -> int:
    options = _options()
    rng = random.Random(options.seed)
    console = Console(highlight=False, soft_wrap=True)
    with Stores(options.directory) as stores:
        console.print(f"seed {options.seed}, {stores.directory}")
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
            differences = resolve_and_verify(stores, WRITERS)
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

    def wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.stores.watch_redis()
            time.sleep(_LOOK_SECONDS)

    def strike(self) -> None:
        """Kill one, now and then two; servers stay away for a while."""
        victims = {self._victim()}
        if self.rng.random() < 0.2:
            victims.add(self._victim())
        for victim in sorted(victims):
            self._kill(victim)
        if victims & {"redis", "mariadb"}:
            self.wait(self.rng.uniform(0.0, _LONGEST_ABSENCE))
            self.stores.start()

    def _victim(self) -> str:
        servers = ["redis"] if self.stores.mariadb is None else ["redis", "mariadb"]
        return self.rng.choice([*servers, *["writer"] * 2])

    def _kill(self, victim: str) -> None:
        self.number += 1
        self.victims[victim] += 1
        if victim == "redis":
            self.victims["redis, its last second lost"] += self.stores.kill_redis(self.rng) > 0
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
