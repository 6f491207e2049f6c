"""The writers' processes: forked from one that has loaded Django, killed, forked again."""

from __future__ import annotations

import mmap
import multiprocessing
import os
import random
import signal
import struct
import sys
from collections.abc import Callable, Sequence
from typing import Any

from .clocks import HOUR, skew
from .stores import Stores

WRITERS = 4
COUNTERS = 6
#: The tallies of the keeper.
ASKED, REBUILT, REBUILDING = range(3)
_STOP_SECONDS = 120
#: Differences that a report shows.
_SHOWN = 30


class Tallies:
    """A number for each writer, shared by all processes."""

    def __init__(self, number: int) -> None:
        self._memory = mmap.mmap(-1, 8 * number)
        self.number = number

    def __getitem__(self, writer: int) -> int:
        return int(struct.unpack_from("q", self._memory, 8 * writer)[0])

    def __setitem__(self, writer: int, value: int) -> None:
        struct.pack_into("q", self._memory, 8 * writer, value)

    def sum(self) -> int:
        return sum(self[writer] for writer in range(self.number))


class Crew:
    """The writers of a run. This process must not have used Django's connections before."""

    def __init__(self, stores: Stores, seed: int, writers: int = WRITERS) -> None:
        self.stores = stores
        self.seed = seed
        self.done = Tallies(writers)
        self.processes: list[Any] = []
        with_users = stores.mariadb is not None
        self.users = [stores.user(n) if with_users else None for n in range(writers)]
        self.counters: list[int] = list(range(1, COUNTERS + 1))
        #: Seconds by which the clock of each writer, each a host, is wrong.
        rng = random.Random(f"{seed}/clocks")
        self.clocks = [rng.choice([-HOUR, 0, HOUR]) for _ in range(writers)]
        self.keeper: Any = None
        #: How often the keeper has asked, and rebuilt; whether it rebuilds now.
        self.kept = Tallies(3)

    def prepare(self) -> None:
        """Make the tables and the counters, in a process of its own."""
        run_apart(self._make_tables)
        self.stores.keep_redis_so_far()

    def _make_tables(self) -> None:
        from django.core.management import call_command

        from .models import Counter

        call_command("migrate", run_syncdb=True, verbosity=0, interactive=False)
        made = [Counter.objects.create() for _ in range(COUNTERS)]
        assert [counter.id for counter in made] == self.counters

    def start(self, *, with_keeper: bool = True) -> None:
        self.processes = [self._start(writer) for writer in range(len(self.users))]
        if with_keeper:
            self._start_keeper()

    def kill_keeper(self) -> None:
        """SIGKILL the keeper, which may be rebuilding, and start its next process."""
        self.keeper.kill()
        self.keeper.join()
        self._start_keeper()

    def _start_keeper(self) -> None:
        self.kept[REBUILDING] = 0
        self.keeper = fork(self._keep)

    def kill(self, writer: int) -> None:
        """SIGKILL one, and start its next process."""
        process = self.processes[writer]
        process.kill()
        process.join()
        self.processes[writer] = self._start(writer)

    def failed(self) -> list[str]:
        """The output of writers that ended by themselves, which they never should."""
        return [
            f"{name} ended with status {process.exitcode}:\n{self.said(name)}"
            for name, process in self._named()
            if process.exitcode is not None
        ]

    def stop(self) -> list[str]:
        """Let the writers finish and resolve operations in doubt; return the errors."""
        if self.keeper is not None:
            self.keeper.kill()
            self.keeper.join()
            self.keeper = None
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.join(_STOP_SECONDS)
        hanging = [process for process in self.processes if process.exitcode is None]
        for process in hanging:
            process.kill()
            process.join()
        return [
            f"writer {number} ended with status {process.exitcode}:\n{self.said(f'writer{number}')}"
            for number, process in enumerate(self.processes)
            if process.exitcode != 0
        ]

    def end(self) -> None:
        """No writer outlives the run."""
        for _, process in self._named():
            if process.exitcode is None:
                process.kill()
                process.join()

    def _named(self) -> list[tuple[str, Any]]:
        named = [(f"writer{number}", process) for number, process in enumerate(self.processes)]
        return [*named, *([("keeper", self.keeper)] if self.keeper else [])]

    def said(self, name: str, lines: int = 30) -> str:
        path = self.stores.directory / f"{name}.err"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])

    def _start(self, writer: int) -> Any:
        # SIGTERM waits until the writer can take it in an orderly way.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        try:
            return fork(self._write, writer)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

    def _write(self, writer: int) -> None:
        self._log_to(f"writer{writer}")
        from .writer import Writer

        skew(self.clocks[writer])
        user = self.users[writer]
        directory, counters = self.stores.directory, self.counters
        sys.exit(Writer(directory, writer, self.seed, counters, user, self.done).run())

    def _keep(self) -> None:
        self._log_to("keeper")
        from .keeper import Keeper

        number = self.kept[ASKED] + self.kept[REBUILT]
        sys.exit(Keeper(random.Random(f"{self.seed}/keeper/{number}"), self.kept).run())

    def _log_to(self, name: str) -> None:
        path = self.stores.directory / f"{name}.err"
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(descriptor, 2)


def fork(target: Callable[..., None], *args: Any) -> Any:
    """A child that has all that this process has loaded."""
    process = multiprocessing.get_context("fork").Process(target=target, args=args)
    process.start()
    return process


def run_apart(target: Callable[..., None], *args: Any) -> None:
    """Run it in a child, so that this process opens no connection that children would inherit."""
    process = fork(target, *args)
    process.join()
    if process.exitcode != 0:
        raise RuntimeError(f"{target.__qualname__} ended with status {process.exitcode}")


def set_up_django() -> None:
    """Load Django with the settings of the run, whose servers must have been started."""
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.crash.settings"
    django.setup()


def last_words(differences: Sequence[str], stores: Stores, seed: int) -> str:
    """The report of a failure: what differs, how it came to it, and how to run it again."""
    from .ledger import histories

    shown = [f"- {difference}" for difference in differences[:_SHOWN]]
    if len(differences) > _SHOWN:
        shown.append(f"- and {len(differences) - _SHOWN} more")
    shown += histories(stores.directory, differences[:_SHOWN])
    shown.append(f"\n{len(differences)} difference(s). Seed {seed}; kept in {stores.directory}")
    return "\n".join(shown)
