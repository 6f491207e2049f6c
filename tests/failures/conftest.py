"""Servers that fail: each test has its own, and Sonic is pointed at them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
from django.core.management import call_command
from django.db import connection

from sonic_django.signals import index_failed
from sonic_django.sync import background, built
from tests.failures.proxy import Proxy
from tests.mariadb import MariaDB
from tests.servers import PrivateRedis, redis_binary

# What is said of MariaDB cannot be asked of SQLite.
_OF_MARIADB = ["test_database.py", "test_database_commands.py"]
collect_ignore = [] if "SONIC_TEST_MARIADB_SOCKET" in os.environ else _OF_MARIADB


class FailingRedis(PrivateRedis):
    """A Redis that can also hang, and be started with more options."""

    options: tuple[str, ...] = ()
    _guard: subprocess.Popen[bytes] | None = None

    def _command(self) -> list[str]:
        return [*super()._command(), *self.options]

    def restart_with(self, *options: str) -> None:
        """Restart with these options (``"--maxmemory", "1mb"``)."""
        self.options = options
        self.restart()

    def hang(self) -> None:
        """From here on it accepts connections and answers nothing."""
        assert self.pid is not None
        os.kill(self.pid, signal.SIGSTOP)
        # A stopped server does not notice that the test run was killed, and would stay for ever.
        waiting = f"while kill -0 {os.getpid()}; do sleep 1; done; kill -CONT {self.pid}"
        self._guard = subprocess.Popen(["sh", "-c", waiting], stderr=subprocess.DEVNULL)

    def resume(self) -> None:
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.kill()
            guard.wait()
        if self.pid is not None:
            os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        self.resume()
        super().stop()

    def client(self, **options: Any) -> Any:
        """A client of the test's own, beside Sonic's."""
        return redis_py.Redis.from_url(self.url, **options)


@pytest.fixture
def make_redis(private_directory: Path) -> Iterator[Callable[..., FailingRedis]]:
    """Starts a Redis of the version that the test run uses: ``make_redis("name", "--option")``."""
    made: list[FailingRedis] = []

    def make(name: str, *options: str) -> FailingRedis:
        server = FailingRedis(private_directory / name, binary=redis_binary())
        server.options = options
        server.start()
        made.append(server)
        return server

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def point_at(settings: Any) -> Iterator[Callable[..., None]]:
    """Points Sonic at another address: ``point_at(url, SOCKET_TIMEOUT=1)``; an OPTION of the cache
    may follow."""

    def point(location: Any, **options: Any) -> None:
        cache = {**settings.CACHES["sonic"], "LOCATION": location, "OPTIONS": options}
        settings.CACHES = {**settings.CACHES, "sonic": cache}
        built.forget()
        background.forget()

    yield point
    built.forget()
    background.forget()


@pytest.fixture
def redis(make_redis: Callable[..., FailingRedis], point_at: Callable[..., None]) -> FailingRedis:
    """The Redis that Sonic uses in this test."""
    server = make_redis("redis")
    point_at(server.url)
    return server


@pytest.fixture
def proxy(redis: FailingRedis, point_at: Callable[..., None], tmp_path: Path) -> Iterator[Proxy]:
    """Stands between Sonic and its Redis."""
    with Proxy(redis.directory / "proxy.sock", redis.socket) as proxy:
        point_at(proxy.url)
        yield proxy


@pytest.fixture
def failures() -> Iterator[list[Any]]:
    """The exceptions that ``index_failed`` reports meanwhile, oldest first."""
    received: list[Any] = []

    def receiver(*, exception: Exception, **kwargs: Any) -> None:
        received.append(exception)

    index_failed.connect(receiver)
    yield received
    index_failed.disconnect(receiver)


@pytest.fixture
def mariadb(private_mariadb: MariaDB, transactional_db: None) -> Iterator[MariaDB]:
    """The MariaDB that Django's default connection uses in this test, as an ordinary user."""
    private_mariadb.execute("CREATE DATABASE private")
    private_mariadb.execute("CREATE USER site@localhost")
    private_mariadb.execute("GRANT ALL ON private.* TO site@localhost")
    with connected_to(private_mariadb.socket):
        call_command("sonic_build_tables", "testapp", verbosity=0)
        yield private_mariadb


@contextmanager
def connected_to(socket: Path) -> Iterator[None]:
    """Points Django's default connection at the database ``private`` behind another socket."""
    connection.close()
    before = dict(connection.settings_dict)
    options = {**before["OPTIONS"], "unix_socket": str(socket)}
    connection.settings_dict.update(NAME="private", USER="site", OPTIONS=options)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(before)
