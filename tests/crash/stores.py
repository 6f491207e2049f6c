"""The three stores of a run, in one directory, and how they are killed."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
from collections import deque
from contextlib import suppress
from pathlib import Path

import redis
from redis.exceptions import RedisError

from tests.mariadb import MariaDB
from tests.servers import PrivateRedis, Run, choice, redis_binary

#: What a Redis that syncs its file each second may lose when the machine fails.
LOSS_SECONDS = 1.0
#: More than any one transaction is long.
_TAIL_BYTES = 4 * 1024 * 1024


#: The ways in which Redis keeps its data: a file it appends to, or snapshots alone, its default.
DISKS = ("appended", "snapshots")
#: Copies of the files of Redis that are kept, to be restored.
_COPIES = 4

#: Where manage.py is.
ROOT = Path(__file__).resolve().parent.parent.parent


#: The files in which Redis keeps its data; those that it has.
_REDIS_FILES = ("dump.rdb", "appendonly.aof", "appendonlydir")


class SnapshotRedis(PrivateRedis):
    """A Redis as it is without a configuration file."""

    def _command(self) -> list[str]:
        save_points = [("3600", "1"), ("300", "100"), ("60", "10000")]
        arguments = [part for point in save_points for part in ("--save", *point)]
        return [*super()._command(), *arguments]


class Stores:
    """MariaDB (or SQLite), Redis and Xapian of a run; they start when entered."""

    def __init__(self, directory: Path | None, redis_disk: str = DISKS[0]) -> None:
        if directory is None:
            directory = Path(tempfile.mkdtemp(prefix="sonic-crash-", dir=Run.parent()))
        if directory.exists() and any(directory.iterdir()):
            raise SystemExit(f"{directory} is not empty; it would be removed at the end.")
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.redis_disk = redis_disk
        kind = PrivateRedis if redis_disk == "appended" else SnapshotRedis
        self.redis = kind(directory / "redis", redis_disk == "appended", redis_binary())
        self.mariadb: MariaDB | None = None
        if choice("SONIC_TEST_DATABASE", "mariadb", "sqlite") == "mariadb":
            self.mariadb = MariaDB(directory / "mariadb")
        #: (time, file, size) of the file that Redis appends to, and the size it must not go below.
        self._sizes: deque[tuple[float, Path, int]] = deque(maxlen=200)
        self._floor = (Path(), 0)
        #: Copies of the files of Redis, the oldest first, and how many there were.
        self._copies: deque[Path] = deque()
        self._copied = 0

    def __enter__(self) -> Stores:
        self.redis.start()
        os.environ["SONIC_CRASH_DIRECTORY"] = str(self.directory)
        os.environ["SONIC_CRASH_REDIS_URL"] = self.redis.url
        if self.mariadb is not None:
            self.mariadb.start()
            os.environ["SONIC_CRASH_MARIADB_SOCKET"] = str(self.mariadb.socket)
            self.mariadb.execute("CREATE DATABASE IF NOT EXISTS crash")
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start what does not run."""
        self.redis.start()
        if self.mariadb is not None:
            self.mariadb.start()

    def stop(self) -> None:
        self.redis.stop()
        if self.mariadb is not None:
            self.mariadb.stop()

    def restart(self) -> None:
        self.stop()
        self.start()

    def remove(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)

    def user(self, writer: int) -> str:
        """A user of MariaDB for one writer, so that the connections of its former process can be
        distinguished from others."""
        assert self.mariadb is not None
        name = f"writer{writer}"
        self.mariadb.execute(f"CREATE USER IF NOT EXISTS {name}@localhost")
        self.mariadb.execute(f"GRANT ALL ON *.* TO {name}@localhost")
        return name

    # Redis that is set back ----------------------------------------------------------------------

    def snapshot(self) -> None:
        """Let Redis begin a snapshot, as it does now and then by itself."""
        self._redis_command("BGSAVE")

    def empty_redis(self) -> None:
        self._redis_command("FLUSHALL")

    def _redis_command(self, name: str) -> None:
        # One under way already, or Redis is away.
        with suppress(RedisError), redis.Redis.from_url(self.redis.url) as client:
            client.execute_command(name)

    def copy_redis(self) -> None:
        """Keep a copy of what Redis has on its disk, as a backup does."""
        copy = self.directory / f"redis-copy{self._copied}"
        try:
            self._copy_files(self.redis.directory, copy)
        except (FileNotFoundError, shutil.Error):  # replaced by a new one meanwhile
            shutil.rmtree(copy, ignore_errors=True)
            return
        self._copied += 1
        self._copies.append(copy)
        if len(self._copies) > _COPIES:
            shutil.rmtree(self._copies.popleft())

    def set_redis_back(self, rng: random.Random) -> bool:
        """Kill Redis and put a copy in the place of its files; whether there was one."""
        if not self._copies:
            return False
        self.redis.kill()
        for name in _REDIS_FILES:
            path = self.redis.directory / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        self._copy_files(rng.choice(self._copies), self.redis.directory)
        self._sizes.clear()
        if found := self._appended():
            _cut_torn_transaction(found[0])
        return True

    def _copy_files(self, source: Path, target: Path) -> None:
        target.mkdir(exist_ok=True)
        for name in _REDIS_FILES:
            path = source / name
            if path.is_dir():
                shutil.copytree(path, target / name)
            elif path.exists():
                shutil.copy(path, target / name)

    # The database that is set back ----------------------------------------------------------------

    def copy_database(self) -> None:
        """Keep a copy of the database and of what the writers know, who must have ended."""
        self._stop_database()
        copy = self.directory / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for path in self._of_the_database():
            (shutil.copytree if path.is_dir() else shutil.copy)(path, copy / path.name)
        self.start()

    def set_database_back(self) -> None:
        """Put the copy in the place of the database and of what the writers know."""
        self._stop_database()
        for path in self._of_the_database():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path in (self.directory / "copy").iterdir():
            target = self.directory / path.name
            (shutil.copytree if path.is_dir() else shutil.copy)(path, target)
        self.start()

    def _of_the_database(self) -> list[Path]:
        files = ("mariadb", "crash.sqlite3*", "writer*.json", "writer*.log")
        return [path for pattern in files for path in self.directory.glob(pattern)]

    def _stop_database(self) -> None:
        if self.mariadb is not None:
            self.mariadb.stop()

    # Redis that loses its last second -----------------------------------------------------------

    def keep_redis_so_far(self) -> None:
        """Keep the present state of Redis: it has long been synced, so no kill loses it."""
        if self.redis_disk == "snapshots":
            self._redis_command("SAVE")
        if found := self._appended():
            self._floor = found
        self.copy_redis()

    def watch_redis(self) -> None:
        """Note how long the file is; to be called often."""
        if found := self._appended():
            self._sizes.append((time.monotonic(), *found))

    def kill_redis(self, rng: random.Random) -> float:
        """SIGKILL, and in half of the cases the end of the file is lost too: of how many seconds.
        With snapshots alone all since the last one is lost.

        The kernel keeps what a killed process has written; a machine that fails does not.
        """
        self.redis.kill()
        found = self._appended()
        if found is None:
            return 0.0
        path, size = found
        lost = rng.choice([0.0, rng.uniform(0.0, LOSS_SECONDS)])
        if lost:
            now = time.monotonic()
            floor = self._floor[1] if self._floor[0] == path else 0
            older = [kept for at, seen, kept in self._sizes if seen == path and at <= now - lost]
            # A file that is younger than that is left as it is.
            os.truncate(path, max(floor, older[-1]) if older else size)
        self._sizes.clear()
        _cut_torn_transaction(path)
        return lost if path.stat().st_size < size else 0.0

    def _appended(self) -> tuple[Path, int] | None:
        """The file that Redis appends to, and its size."""
        folder = self.redis.directory
        if self.redis_disk == "snapshots":
            return None
        files = [*folder.glob("appendonlydir/*.incr.aof"), *folder.glob("appendonly.aof")]
        if not files:
            return None
        try:
            newest = max(files, key=lambda path: path.stat().st_mtime_ns)
            return newest, newest.stat().st_size
        except FileNotFoundError:
            return None  # replaced by a new one between the two looks


def _cut_torn_transaction(path: Path) -> None:
    """Do what ``redis-check-aof --fix`` does: end the file before a transaction without its end.

    Redis 6.2 and 7.0 ignore such a transaction at the first restart, but leave its beginning in
    the file, and at the second restart execute the half that is there. A script is a transaction.
    """
    with path.open("r+b") as file:
        start = max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES)
        file.seek(start)
        tail = file.read()
        after = tail.rfind(b"*1\r\n$4\r\nEXEC\r\n")
        begun = tail.find(b"*1\r\n$5\r\nMULTI\r\n", max(after, 0))
        if begun >= 0:
            file.truncate(start + begun)
