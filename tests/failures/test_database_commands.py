"""The commands while the database fails, and the loop that outlives both servers."""

from __future__ import annotations

import pytest
from django.db import connection

from tests.failures.conftest import FailingRedis
from tests.failures.test_commands import COMMANDS, refusal, running, wait_for
from tests.failures.test_database import come_back
from tests.mariadb import MariaDB
from tests.sync.test_sweep import write_behind_the_index
from tests.testapp.models import Plain

pytestmark = pytest.mark.django_db(transaction=True)


@COMMANDS
def test_the_database_away(redis: FailingRedis, mariadb: MariaDB, command: str) -> None:
    mariadb.stop()
    text = refusal(command, "testapp.Plain")
    assert text.startswith("testapp.Plain: the database 'default' failed: (20")
    assert text.endswith("Does it run, and is the table made (by migrate or sonic_build_tables)?")


@COMMANDS
def test_as_a_process(redis: FailingRedis, mariadb: MariaDB, command: str) -> None:
    """The system checks, which run first, do not need the database either."""
    mariadb.stop()
    socket = str(mariadb.socket)
    with running(
        command, "testapp.Plain", redis=redis, SONIC_TEST_MARIADB_SOCKET=socket
    ) as process:
        _, said = process.communicate()
    assert process.returncode == 1
    assert said.startswith("CommandError: testapp.Plain: the database 'default' failed: ")
    assert "Traceback" not in said


def test_a_class_without_its_table_holds_up_no_other(redis: FailingRedis, mariadb: MariaDB) -> None:
    Plain.objects.create(name="first")
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE testapp_author")
        write_behind_the_index("behind")
        cursor.execute("UPDATE testapp_plain SET dirty_at = '2020-01-01'")
    assert "testapp.Author: the database 'default' failed" in refusal("sonic_sync", "testapp")
    assert Plain.objects.filter(name="behind").exists()


class TestLoop:
    @pytest.mark.parametrize("which", ["redis", "database", "both"])
    def test_it_outlives_the_servers(
        self, redis: FailingRedis, mariadb: MariaDB, which: str
    ) -> None:
        Plain.objects.create(name="first")
        with running(
            *("sonic_sync", "testapp.Plain", "--loop", "0.05"),
            redis=redis,
            SONIC_TEST_MARIADB_SOCKET=str(mariadb.socket),
            SONIC_TEST_DB_NAME="private",
        ) as process:
            assert process.stderr is not None
            if which != "database":
                redis.stop()
            if which != "redis":
                mariadb.stop()
            said = process.stderr.readline()
            assert said.startswith("testapp.Plain: ")
            assert said.endswith("Trying again.\n")
            redis.start()
            come_back(mariadb)
            write_behind_the_index("behind")
            with connection.cursor() as cursor:
                cursor.execute("UPDATE testapp_plain SET dirty_at = '2020-01-01'")
            wait_for(lambda: Plain.objects.filter(name="behind").exists())
            assert process.poll() is None

    def test_it_says_so_each_time(self, redis: FailingRedis, mariadb: MariaDB) -> None:
        redis.stop()
        with running(
            *("sonic_sync", "testapp", "--loop", "0.05"),
            redis=redis,
            SONIC_TEST_MARIADB_SOCKET=str(mariadb.socket),
            SONIC_TEST_DB_NAME="private",
        ) as process:
            assert process.stderr is not None
            for _ in range(2):
                assert "Redis does not answer (Error" in process.stderr.readline()
