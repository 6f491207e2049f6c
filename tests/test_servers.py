"""The private servers: the Redis of the demo (embedded.py) and those of a test run."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from contextlib import nullcontext
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.db import connection

from sonic_django import local_redis
from sonic_django.local_redis import (
    EmbeddedRedis,
    EmbeddedRedisError,
    bundled_redis,
    refuse_unsafe,
    system_redis,
)
from tests.servers import MariaDB, PrivateRedis

BINARIES = {"system": system_redis, "bundled": bundled_redis}


@pytest.fixture(params=[name for name, find in BINARIES.items() if find()])
def binary(request: pytest.FixtureRequest) -> Path:
    """Each of the servers that there are: the wheel of the second is not made for all machines."""
    found = BINARIES[request.param]()
    assert found is not None
    return found


def client_of(server: EmbeddedRedis) -> redis.Redis:
    return redis.Redis.from_url(server.url)


def is_running(pid: int) -> bool:
    """Whether the process lives; one that has ended and was not yet waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until_ended(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not is_running(pid)


class TestEmbeddedRedis:
    def test_listens_on_a_socket_of_its_user_and_on_no_port(
        self, private_directory: Path, binary: Path
    ) -> None:
        with EmbeddedRedis(private_directory / "redis", binary=binary) as server:
            assert client_of(server).config_get("port") == {"port": "0"}
            assert stat.S_IMODE(server.socket.stat().st_mode) == 0o700
            assert stat.S_IMODE(server.directory.stat().st_mode) == 0o700

    def test_keeps_its_data_over_stop_and_start(
        self, private_directory: Path, binary: Path
    ) -> None:
        server = EmbeddedRedis(private_directory / "redis", binary=binary)
        with server:
            client_of(server).set("key", "value")
        assert server.pid is None
        with server:
            assert client_of(server).get("key") == b"value"

    def test_writes_no_data_without_persist(self, private_directory: Path) -> None:
        server = EmbeddedRedis(private_directory / "redis", persist=False)
        with server:
            client_of(server).set("key", "value")
        with server:
            assert client_of(server).get("key") is None

    def test_is_reused_and_left_alone_by_a_second_process(
        self, private_redis: PrivateRedis
    ) -> None:
        program = (
            "import sys; from sonic_django.embedded import EmbeddedRedis\n"
            "with EmbeddedRedis(sys.argv[1]) as server: print(server.reused, server.pid)"
        )
        command = [sys.executable, "-c", program, str(private_redis.directory)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.split() == ["True", str(private_redis.pid)]
        assert client_of(private_redis).ping()

    def test_is_one_when_several_processes_start_at_once(self, private_directory: Path) -> None:
        program = (
            "import sys; from sonic_django.embedded import EmbeddedRedis\n"
            "with EmbeddedRedis(sys.argv[1]) as server:\n"
            "    print(server.reused, server.pid, flush=True); sys.stdin.read()"
        )
        command = [sys.executable, "-c", program, str(private_directory / "redis")]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        processes = [subprocess.Popen(command, **pipes) for _ in range(4)]
        answers = [process.stdout.readline().split() for process in processes]
        for process in processes:
            process.communicate()
        assert sorted(reused for reused, _ in answers) == ["False", "True", "True", "True"]
        assert len({pid for _, pid in answers}) == 1

    def test_starts_again_after_a_crash(self, private_redis: PrivateRedis) -> None:
        client_of(private_redis).set("key", "value")
        time.sleep(1.1)  # appendfsync everysec
        private_redis.kill()
        assert private_redis.pid is None
        private_redis.start()
        assert client_of(private_redis).get("key") == b"value"

    def test_works_where_the_path_is_too_long_for_a_socket(self, private_directory: Path) -> None:
        with EmbeddedRedis(private_directory.joinpath(*["long-name"] * 12)) as server:
            assert client_of(server).ping()
            assert len(os.fsencode(server.socket)) <= local_redis.SOCKET_PATH_BYTES
            assert stat.S_IMODE(server.socket.parent.stat().st_mode) == 0o700
            assert EmbeddedRedis(server.directory).socket == server.socket
        server.socket.parent.rmdir()

    def test_works_where_the_path_has_special_characters(self, private_directory: Path) -> None:
        with EmbeddedRedis(private_directory / "a b?c#d%41é") as server:
            assert client_of(server).ping()

    def test_says_what_the_log_says_when_it_does_not_start(self, private_directory: Path) -> None:
        program = private_directory / "redis-server"
        program.write_text("#!/bin/sh\necho out of luck\nexit 3\n")
        program.chmod(0o700)
        server = EmbeddedRedis(private_directory / "redis", binary=program)
        with pytest.raises(EmbeddedRedisError, match=r"status 3[^$]*out of luck"):
            server.start()

    def test_says_what_to_install_when_there_is_no_redis(
        self, private_directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(local_redis, "system_redis", lambda: None)
        monkeypatch.setattr(local_redis, "bundled_redis", lambda: None)
        with pytest.raises(EmbeddedRedisError, match="apt-get install redis-server"):
            EmbeddedRedis(private_directory / "redis").start()

    def test_ends_with_a_process_that_is_killed(self, private_directory: Path) -> None:
        program = (
            "import sys, time; from sonic_django.embedded import EmbeddedRedis\n"
            "server = EmbeddedRedis(sys.argv[1]); server.start()\n"
            "print(server.pid, flush=True); time.sleep(60)"
        )
        command = [sys.executable, "-c", program, str(private_directory / "redis")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            pid = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
        assert wait_until_ended(pid)


class TestServersOfTheRun:
    def test_database_is_the_one_that_was_asked_for(self) -> None:
        wanted = os.environ.get("SONIC_TEST_DATABASE") or "mariadb"
        assert connection.vendor == {"mariadb": "mysql"}.get(wanted, wanted)

    def test_redis_is_the_one_that_was_asked_for(self) -> None:
        version = redis.Redis.from_url(os.environ["SONIC_TEST_REDIS_URL"]).info("server")
        if os.environ.get("SONIC_TEST_REDIS") == "embedded":
            assert version["redis_version"].startswith("6.2.")
        assert version["tcp_port"] == 0

    def test_fulltext_index_is_of_this_worker_alone(self) -> None:
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        assert settings.HAYSTACK_CONNECTIONS["default"]["PATH"].endswith(f"-{worker}")

    @pytest.mark.django_db(transaction=True)
    def test_threads_share_the_test_database(self, django_user_model: type) -> None:
        django_user_model.objects.create(username="seen")
        counts: list[int] = []

        def count() -> None:
            counts.append(django_user_model.objects.count())
            connection.close()

        thread = threading.Thread(target=count)
        thread.start()
        thread.join()
        assert counts == [1]


class TestMariaDB:
    def test_keeps_what_was_committed_over_a_crash(self, private_mariadb: MariaDB) -> None:
        private_mariadb.execute("CREATE DATABASE d")
        private_mariadb.execute("CREATE TABLE d.t (id INT PRIMARY KEY) ENGINE=InnoDB")
        private_mariadb.execute("INSERT INTO d.t VALUES (1), (2)")
        private_mariadb.kill()
        assert private_mariadb.pid is None
        private_mariadb.start()
        assert private_mariadb.execute("SELECT id FROM d.t ORDER BY id") == ((1,), (2,))

    def test_speaks_utf8_and_is_strict(self, private_mariadb: MariaDB) -> None:
        ((charset, mode, port),) = private_mariadb.execute(
            "SELECT @@character_set_server, @@sql_mode, @@skip_networking"
        )
        assert charset == "utf8mb4"
        assert "STRICT_TRANS_TABLES" in mode
        assert port == 1


class TestPytestWithoutServers:
    """What a developer reads when a server is missing: one line, no traceback."""

    @staticmethod
    def run_pytest(**variables: str) -> subprocess.CompletedProcess[str]:
        ours = ("SONIC_TEST_", "PYTEST_", "DJANGO_SETTINGS_MODULE")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        return subprocess.run(
            [sys.executable, "-m", "pytest", "--collect-only", "-q", __file__],
            env={**environment, **variables},
            cwd=settings.BASE_DIR,
            capture_output=True,
            text=True,
            check=False,
        )

    @pytest.mark.parametrize(
        ("variables", "message"),
        [
            ({"SONIC_TEST_DATABASE": "oracle"}, "not one of: mariadb, sqlite"),
            ({"SONIC_TEST_REDIS": "newest"}, "not one of: system, embedded"),
            ({"PATH": "/nonexistent"}, "install redis-server or run `sh test.sh`"),
        ],
    )
    def test_says_what_to_do(self, variables: dict[str, str], message: str) -> None:
        done = self.run_pytest(**variables)
        assert done.returncode == pytest.ExitCode.USAGE_ERROR
        assert message in done.stderr
        assert "Traceback" not in done.stdout + done.stderr


@pytest.fixture
def foreign(private_directory: Path) -> Path:
    """A directory that another user made: root's, or if we are root, that of nobody."""
    if os.geteuid():
        return Path("/usr")
    directory = private_directory / "foreign"
    directory.mkdir()
    directory.chmod(0o777)
    os.chown(directory, NOBODY, NOBODY)
    return directory


NOBODY = 65534
#: Names that redis-server or we open in the directory.
FILES = [
    "redis.sock", "redis.log", "redis.lock", "dump.rdb", "appendonly.aof", "appendonlydir",
    "appendonlydir/appendonly.aof.manifest",
]  # fmt: skip


class TestUnsafeDirectories:
    def refused(self, directory: Path, message: str) -> None:
        server = EmbeddedRedis(directory)
        with pytest.raises(EmbeddedRedisError, match=message):
            server.start()
        assert server.pid is None

    def test_one_of_another_user(self, foreign: Path) -> None:
        self.refused(foreign, f"{foreign} belongs to the user (root|nobody|65534), who could")
        assert not (foreign / "redis.log").exists()

    @pytest.mark.parametrize("mode", [0o777, 0o1777, 0o775, 0o722])
    def test_one_that_others_can_write_to(self, private_directory: Path, mode: int) -> None:
        directory = private_directory / "open"
        directory.mkdir()
        directory.chmod(mode)
        self.refused(directory, f"mode {mode:o}, so other users .* run chmod 700 {directory}")
        assert list(directory.iterdir()) == []

    def test_one_that_others_can_read_is_used(self, private_directory: Path) -> None:
        directory = private_directory / "readable"
        directory.mkdir()
        directory.chmod(0o755)
        with EmbeddedRedis(directory) as server:
            assert client_of(server).ping()

    @pytest.mark.parametrize("name", FILES)
    def test_one_with_a_link(self, private_directory: Path, name: str) -> None:
        directory, target = private_directory / "linked", private_directory / "precious"
        target.write_text("kept")
        (directory / name).parent.mkdir(mode=0o700, parents=True)
        (directory / name).symlink_to(target)
        self.refused(directory, f"{directory / name} is a symbolic link to {target}.* remove the")
        assert target.read_text() == "kept"

    def test_one_with_a_link_to_nothing(self, private_directory: Path) -> None:
        directory, target = private_directory / "linked", private_directory / "not there"
        directory.mkdir(mode=0o700)
        (directory / "redis.log").symlink_to(target)
        self.refused(directory, "redis.log is a symbolic link")
        assert not target.exists()

    def test_one_where_every_user_can_replace_it(self, private_directory: Path) -> None:
        above = private_directory / "above"
        above.mkdir()
        above.chmod(0o777)
        self.refused(above / "redis", f"is in {above}, where every user can replace it")
        above.chmod(0o1777)
        with EmbeddedRedis(above / "redis") as server:
            assert stat.S_IMODE(server.directory.stat().st_mode) == 0o700

    def test_a_link_of_ones_own_to_a_directory(self, private_directory: Path) -> None:
        (private_directory / "real").mkdir(mode=0o700)
        link = private_directory / "link"
        link.symlink_to(private_directory / "real")
        with EmbeddedRedis(link) as server:
            assert server.directory == private_directory / "real"

    def test_a_file(self, private_directory: Path) -> None:
        (private_directory / "file").write_text("")
        self.refused(private_directory / "file", "file cannot be made .* name another directory")

    def test_a_socket_directory_of_another_user(
        self, private_directory: Path, foreign: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The directory for sockets of long paths, which another user made first."""
        long = private_directory / ("x" * 100)
        temporary = private_directory / "t"
        temporary.mkdir(mode=0o700)
        monkeypatch.setattr("tempfile.tempdir", str(temporary))
        made = EmbeddedRedis(long).socket.parent
        made.rmdir()
        made.symlink_to(foreign)
        self.refused(long, f"{made} is not a directory of yours alone: remove it")


class TestFilesOfOthers:
    """Only root can make them."""

    @pytest.mark.parametrize("name", FILES)
    def test_in_the_directory(self, private_directory: Path, name: str) -> None:
        directory = private_directory / "mixed"
        (directory / name).parent.mkdir(mode=0o700, parents=True)
        (directory / name).write_text("")
        owner = os.geteuid()
        if owner == 0:
            os.chown(directory / name, NOBODY, NOBODY)
        with pytest.raises(EmbeddedRedisError, match="belongs to") if owner == 0 else nullcontext():
            refuse_unsafe(directory)
