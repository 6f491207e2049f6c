# SPDX-License-Identifier: GPL-2.0-or-later
# Part of an engine that is derived from xapian-haystack, whose licence this is.
"""The directory of an index: one writer at a time, any number of readers that never wait.

::

    PATH/lockfile            held while writing; never removed
    PATH/rows.lockfile       held from reading rows to writing them; never removed
    PATH/XAPIANDB            names the current generation (Xapian's own stub format, so that
                             xapian-delve and friends can be pointed at PATH)
    PATH/sonic-1-000007/     the Xapian database

Emptying an index starts a new generation and changes the name in XAPIANDB, in one rename: that
costs the same for any number of documents (deleting 63,000 took 7 s and half the directory's
size again), and readers of the old generation are not disturbed. A generation is removed when it
has been out of use for a minute.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import xapian
from filelock import FileLock, Timeout
from haystack.exceptions import HaystackError
from xapian_backend import InvalidIndexError

from ..waiting import lock_seconds

Result = TypeVar("Result")

# The number is that of the layout: terms, slots and document data. Raise it when they change.
GENERATION = "sonic-1-"
STUB = "XAPIANDB"
# Opening tables that are first needed halfway through a search takes their names, so a database
# that is no longer current stays for as long as any search could last.
RETIRED_SECONDS = 60.0
# A batch is written in a fraction of a second: a process that holds the lock this long hangs.
LOCK_SECONDS = 300.0
POLL_SECONDS = 0.02
# A search fails in this way when two batches are committed while it runs.
READ_ATTEMPTS = 10


class IndexLocked(HaystackError):  # type: ignore[misc]  # Haystack has no types
    """Another process has locked the index for longer than a writer waits."""


class Store:
    """The Xapian databases under one path."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.stub = self.path / STUB

    # Reading

    def read(self, action: Callable[[Any], Result]) -> Result:
        """``action(database)``, repeated from the start when writers have overtaken it.

        A database is opened for each reading, which takes 20 microseconds and always gives the
        newest state. Raises InvalidIndexError for an index that cannot be read.
        """
        for attempt in range(READ_ATTEMPTS):
            try:
                with self.explained():
                    return action(self.open())
            except xapian.DatabaseModifiedError:
                time.sleep(POLL_SECONDS * attempt)
        with self.explained():
            return action(self.open())

    def open(self) -> Any:
        """A database to read from; an empty one where there is no index yet."""
        generation = self.current()
        if generation is None:
            return xapian.WritableDatabase("", xapian.DB_BACKEND_INMEMORY)
        return xapian.Database(str(generation))

    def current(self) -> Path | None:
        """The directory of the current generation, None before the first document."""
        try:
            name = self.stub.read_text().split()[-1]
        except FileNotFoundError:
            if (self.path / "iamglass").exists():
                raise InvalidIndexError(
                    f"The index in {self.path} was made by another engine. Run `rebuild_index`"
                    " (or `sonic_reindex --fulltext`)."
                ) from None
            return None
        except (OSError, UnicodeDecodeError, IndexError) as error:
            raise self.damaged(error) from error
        if not name.startswith(GENERATION):
            raise InvalidIndexError(
                f"The index in {self.path} is of another version ({name}). Run `rebuild_index`"
                " (or `sonic_reindex --fulltext`)."
            )
        return self.path / name

    # Writing

    @contextmanager
    def write(self) -> Iterator[Any]:
        """A database to write to, in one transaction: readers see all of it or nothing.

        Waits for other writers; raises IndexLocked after five minutes, in a save after its
        time-out. Opening and committing take a few milliseconds, so write in batches.
        """
        with self.lock():
            self.remove_retired()
            generation = self.current() or self.start_generation()
            with self.explained():
                database = self.open_to_write(generation)
                try:
                    database.begin_transaction()
                    yield database
                    database.commit_transaction()
                finally:
                    # This forgets a transaction that was not committed.
                    database.close()

    def empty(self) -> None:
        """Leave no document, whatever state the index is in. Costs a few milliseconds."""
        with self.lock():
            self.remove_retired()
            self.start_generation()

    def exclusively(self) -> AbstractContextManager[None]:
        """The lock for work that reads rows and then writes their documents."""
        return self.lock("rows.lockfile")

    @contextmanager
    def lock(self, name: str = "lockfile") -> Iterator[None]:
        """Keep other writers out.

        Xapian's own lock would wait inside C++ with Python's global lock held, and so for ever
        when the holder is a thread of this process. Each call makes a new lock object: one that
        was made before a fork must not be used after it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        seconds = self.patience()
        try:
            with FileLock(str(self.path / name), seconds).acquire(poll_interval=POLL_SECONDS):
                yield
        except Timeout as error:
            raise IndexLocked(
                f"{self.path} has been locked by another process for {seconds:g} s."
            ) from error

    def open_to_write(self, generation: Path) -> Any:
        """Open under the lock. A child forked while its parent wrote can hold Xapian's lock on."""
        deadline = time.monotonic() + self.patience()
        while True:
            try:
                # A missing database is not created: the loss of its documents would go unnoticed.
                return xapian.WritableDatabase(str(generation), xapian.DB_OPEN)
            except xapian.DatabaseLockError as error:
                if time.monotonic() > deadline:
                    raise IndexLocked(f"{generation} stays locked: {error}") from error
            time.sleep(POLL_SECONDS)

    @staticmethod
    def patience() -> float:
        """Seconds to wait for another writer."""
        limit = lock_seconds.get()
        return LOCK_SECONDS if limit is None else min(LOCK_SECONDS, limit)

    def start_generation(self) -> Path:
        """Make an empty database and point the stub to it, in one rename."""
        numbers = [int(one.name.rpartition("-")[2]) for one in self.generations()]
        generation = self.path / f"{GENERATION}{max(numbers, default=0) + 1:06d}"
        previous = self.stub_target()
        xapian.WritableDatabase(str(generation), xapian.DB_CREATE).close()
        if previous is not None and previous.exists():
            os.utime(previous)  # it is retired now, not when it was last written to
        draft = self.path / f"{STUB}.new"
        with draft.open("w") as file:
            file.write(f"auto {generation.name}\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, self.stub)
        return generation

    def remove_retired(self) -> None:
        """Remove the generations that have been out of use for RETIRED_SECONDS."""
        current = self.stub_target()
        for one in self.generations():
            if one != current and one.stat().st_mtime < time.time() - RETIRED_SECONDS:
                shutil.rmtree(one, ignore_errors=True)

    def generations(self) -> list[Path]:
        """The directories of all generations, the current one among them."""
        return [one for one in self.path.glob("sonic-*-*") if one.name[-6:].isdigit()]

    def stub_target(self) -> Path | None:
        """The directory that the stub names, of any version and state; None without a stub."""
        try:
            return self.path / self.stub.read_text().split()[-1]
        except (OSError, UnicodeDecodeError, IndexError):
            return None

    # Errors

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn Xapian's error for a damaged index into one that names the remedy."""
        try:
            yield
        except (xapian.DatabaseModifiedError, xapian.DatabaseLockError):
            raise
        except xapian.DatabaseError as error:
            raise self.damaged(error) from error

    def damaged(self, error: Exception) -> InvalidIndexError:
        """The error for an index that Xapian cannot read."""
        return InvalidIndexError(
            f"The index in {self.path} cannot be read ({error}). Run `rebuild_index` (or"
            " `sonic_reindex --fulltext`): it starts a new one."
        )
