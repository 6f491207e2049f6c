"""A private MariaDB for tests: a child of this process, on a unix socket."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sonic_django.local_redis import log_tail, socket_path, spawn

INSTALL_HELP = "install {what} or run `sh test.sh`, which installs what is missing"
# Both take less than half a second; more only on a machine that is very busy.
START_SECONDS = 60
STOP_SECONDS = 30


class ServerError(Exception):
    """A server for the tests cannot be had; the message says what to do."""


class MariaDB:
    """A MariaDB whose data live in ``directory``; user ``root``, no password, a unix socket only.

    A committed transaction survives ``kill()``: innodb_flush_log_at_trx_commit stays at 1 (with 0
    a crash was measured to lose all of 200 commits).
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        self.data = self.directory / "data"
        self.log = self.directory / "mariadb.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> MariaDB:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def socket(self) -> Path:
        return socket_path(self.directory, "mariadb.sock")

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.poll() is None else None

    def connect(self, **options: Any) -> Any:
        """A new MySQLdb connection as root."""
        import MySQLdb

        return MySQLdb.connect(unix_socket=str(self.socket), user="root", **options)

    def execute(self, sql: str) -> Sequence[tuple[Any, ...]]:
        """Run one statement in a connection of its own; the rows it gave."""
        connection = self.connect(autocommit=True)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
                return rows
        finally:
            connection.close()

    def start(self) -> None:
        """Make the data directory if there is none (0.4 s), start, return when it answers."""
        if self.pid is not None:
            return
        if not (self.data / "mysql").is_dir():
            self._install()
        self._process = spawn(
            [
                _program("mariadbd"),
                "--no-defaults",
                *_as_this_user(),
                f"--datadir={self.data}",
                f"--socket={self.socket}",
                f"--pid-file={self.directory / 'mariadb.pid'}",
                f"--tmpdir={self.directory}",
                "--skip-networking",
                # without Debian's configuration files the default would be latin1
                "--character-set-server=utf8mb4",
                "--collation-server=utf8mb4_general_ci",
                "--innodb-flush-log-at-trx-commit=1",
                "--innodb-buffer-pool-size=64M",
                "--innodb-log-file-size=16M",
                "--innodb-lock-wait-timeout=10",
                "--max-allowed-packet=64M",
            ],
            self.log,
        )
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """An orderly end. Nothing happens when it does not run."""
        if self.pid is not None:
            self._end(signal.SIGTERM)

    def kill(self) -> None:
        """A crash: SIGKILL. ``start()`` then recovers what was committed."""
        assert self.pid is not None, "not started"
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        assert process is not None
        process.send_signal(number)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _install(self) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        done = subprocess.run(
            [
                _program("mariadb-install-db"),
                "--no-defaults",
                *_as_this_user(),
                f"--datadir={self.data}",
                f"--tmpdir={self.directory}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--innodb-log-file-size=4M",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ServerError(f"mariadb-install-db failed:\n{done.stdout}")

    def _wait_until_it_answers(self) -> None:
        try:
            from MySQLdb import OperationalError
        except ImportError as error:
            raise ServerError(INSTALL_HELP.format(what="mysqlclient")) from error
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.connect().close()
                return
            except OperationalError:
                if self.pid is None or time.monotonic() > deadline:
                    raise ServerError(f"mariadbd did not start:\n{log_tail(self.log)}") from None
                time.sleep(0.005)


def _as_this_user() -> list[str]:
    """mariadbd refuses to run as root unless an option allows it."""
    return ["--user=root"] if os.getuid() == 0 else []


def _program(name: str) -> str:
    """The path of a server program; an ordinary user's PATH may lack the sbin directories."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/local/sbin:/usr/sbin")
    if found is None:
        help_text = INSTALL_HELP.format(what="mariadb-server-core and mariadb-client-core")
        raise ServerError(f"{name} not found: {help_text}, or set SONIC_TEST_DATABASE=sqlite")
    return found
