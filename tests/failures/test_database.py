"""The database away, failing over or read-only: nothing is half written."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.db import OperationalError, connection, transaction

from sonic_django.sync import built
from sonic_django.sync.sweep import sweep
from tests.failures.conftest import FailingRedis, connected_to
from tests.failures.proxy import Proxy
from tests.mariadb import MariaDB
from tests.sync.test_sweep import age
from tests.testapp.models import Author, Plain
from tests.versions import writes

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _with_own_servers(redis: FailingRedis, mariadb: MariaDB) -> None:
    """Every test here has a Redis and a MariaDB of its own."""


@pytest.fixture
def plain() -> Plain:
    return Plain.objects.create(name="before", group="g")


def stop(server: MariaDB) -> None:
    server.stop()


def kill(server: MariaDB) -> None:
    server.kill()


def become_read_only(server: MariaDB) -> None:
    """Make the server read-only, as a failover does with the former primary."""
    server.execute("SET GLOBAL read_only = 1")


def come_back(server: MariaDB) -> None:
    server.start()
    server.execute("SET GLOBAL read_only = 0")
    connection.close()  # as Django does between requests


FAILURES = pytest.mark.parametrize("fail", [stop, kill, become_read_only])


class TestWrites:
    @FAILURES
    def test_a_new_object_stays_new(
        self, mariadb: MariaDB, fail: Callable[[MariaDB], None], plain: Plain
    ) -> None:
        new = Plain(name="new")
        fail(mariadb)
        with pytest.raises(OperationalError):
            new.save()
        assert (new.pk, new._state.adding) == (None, True)
        assert Plain.objects.count() == 1
        come_back(mariadb)
        assert new.save()
        assert Plain.objects.filter(name="new").ids() == [new.pk]

    @FAILURES
    def test_a_changed_object_stays_changed(
        self, mariadb: MariaDB, fail: Callable[[MariaDB], None], plain: Plain
    ) -> None:
        plain.name = "after"
        fail(mariadb)
        with pytest.raises(OperationalError):
            plain.save()
        assert writes(plain) == 1
        assert Plain.objects.filter(name="before").ids() == [plain.pk]
        assert Plain.objects.filter(name="after").ids() == []
        come_back(mariadb)
        assert plain.save()
        assert writes(Plain.objects.get(name="after")) == 2

    @FAILURES
    def test_an_object_with_uniques(
        self, mariadb: MariaDB, fail: Callable[[MariaDB], None]
    ) -> None:
        ada, bob = (Author.objects.create(username=name) for name in ("ada", "bob"))
        new = Author(username="eve")
        ada.username = "ann"
        fail(mariadb)
        for author in (new, ada):
            with pytest.raises(OperationalError):
                author.save()
        come_back(mariadb)
        assert new.save()
        assert ada.save()
        assert Author.objects.filter(username="ann").ids() == [ada.pk]
        bob.username = "ada"  # was given up
        assert bob.save()

    @FAILURES
    def test_removal_can_be_tried_again(
        self, mariadb: MariaDB, fail: Callable[[MariaDB], None], plain: Plain
    ) -> None:
        other = Plain.objects.create(name="other")
        fail(mariadb)
        with pytest.raises(OperationalError):
            plain.delete()
        with pytest.raises(OperationalError):
            other.destroy()
        assert not plain.is_deleted
        assert other.pk is not None
        assert Plain.objects.count() == 2
        come_back(mariadb)
        plain.delete()
        other.destroy()
        assert Plain.objects.count() == 0

    @FAILURES
    def test_many_at_once(
        self, mariadb: MariaDB, fail: Callable[[MariaDB], None], plain: Plain
    ) -> None:
        new = [Plain(name="new") for _ in range(3)]
        fail(mariadb)
        with pytest.raises(OperationalError):
            Plain.objects.bulk_create(new)
        with pytest.raises(OperationalError):
            Plain.objects.filter(group="g").update(name="after")
        with pytest.raises(OperationalError):
            Plain.objects.filter(group="g").delete()
        assert {one.pk for one in new} == {None}
        assert Plain.objects.filter(name="before").ids() == [plain.pk]
        come_back(mariadb)
        Plain.objects.bulk_create(new)
        assert Plain.objects.count() == 4


class TestReads:
    def test_what_the_index_answers_goes_on(self, mariadb: MariaDB, plain: Plain) -> None:
        mariadb.stop()
        assert Plain.objects.filter(group="g").ids() == [plain.pk]
        assert Plain.objects.filter(group="g").count() == 1
        assert Plain.objects.filter(name="before").exists()

    def test_what_needs_rows_says_so(self, mariadb: MariaDB, plain: Plain) -> None:
        mariadb.stop()
        for read in (
            lambda: Plain.objects.get(pk=plain.pk),
            lambda: list(Plain.objects.filter(group="g")),
            plain.reload,
        ):
            with pytest.raises(OperationalError):
                read()

    def test_a_read_only_database_answers_everything(self, mariadb: MariaDB, plain: Plain) -> None:
        become_read_only(mariadb)
        assert Plain.objects.get(group="g") == plain
        assert list(Plain.walk_all_objs()) == [plain]


class TestAnAnswerThatWasLost:
    """The database has committed and could not tell: the writer sees an error, and the sweep
    finds the row by its dirty mark."""

    @pytest.fixture
    def wire(self, mariadb: MariaDB, plain: Plain) -> Iterator[Proxy]:
        path = mariadb.directory / "proxy.sock"
        with Proxy(path, mariadb.socket) as wire, connected_to(path):
            yield wire

    def test_of_an_insert(self, mariadb: MariaDB, wire: Proxy) -> None:
        new = Plain(name="committed")
        connection.ensure_connection()
        wire.lose_reply(b"INSERT", then=mariadb.kill)
        with pytest.raises(OperationalError):
            new.save()
        assert new.pk is None
        come_back(mariadb)
        assert Plain.objects.filter(name="committed").ids() == []
        age(10)
        assert sweep(Plain._sonic.at("default")).applied == 1
        assert Plain.objects.get(name="committed") == Plain.sql.latest("pk")

    def test_of_an_update(self, mariadb: MariaDB, wire: Proxy, plain: Plain) -> None:
        plain.name = "committed"
        connection.ensure_connection()
        wire.lose_reply(b"UPDATE", then=mariadb.kill)
        with pytest.raises(OperationalError):
            plain.save()
        assert writes(plain) == 1
        come_back(mariadb)
        age(10)
        sweep(Plain._sonic.at("default"))
        assert Plain.objects.filter(name="committed").ids() == [plain.pk]
        assert Plain.objects.filter(name="before").ids() == []

    def test_of_a_commit(self, mariadb: MariaDB, wire: Proxy, plain: Plain) -> None:
        connection.ensure_connection()

        def change() -> None:
            with transaction.atomic():
                plain.name = "committed"
                plain.save()
                Author.objects.create(username="ada")
                wire.lose_reply(b"COMMIT", then=mariadb.kill)

        with pytest.raises(OperationalError):
            change()
        come_back(mariadb)
        assert Plain.objects.filter(name="before").ids() == [plain.pk]
        age(10)
        sweep(Plain._sonic.at("default"))
        sweep(Author._sonic.at("default"))
        assert Plain.objects.filter(name="committed").ids() == [plain.pk]
        assert Author.objects.filter(username="ada").exists()

    def test_of_what_is_asked_behind_the_commit(
        self, redis: FailingRedis, wire: Proxy, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Whether the index is complete is a question of its own: the save has succeeded."""
        redis.client().flushall()
        built.forget()
        connection.ensure_connection()
        wire.lose_reply(b"SELECT")
        new = Plain.objects.create(name="committed")
        assert "cannot see whether its index is complete" in caplog.text
        connection.close()
        assert Plain.objects.get(pk=new.pk).name == "committed"

    def test_a_commit_that_never_arrived(self, mariadb: MariaDB, wire: Proxy, plain: Plain) -> None:
        connection.ensure_connection()

        def change() -> None:
            with transaction.atomic():
                plain.name = "rolled back"
                plain.save()
                wire.lose_request(b"COMMIT")

        with pytest.raises(OperationalError):
            change()
        connection.close()
        age(10)
        sweep(Plain._sonic.at("default"))
        assert Plain.objects.filter(name="before").ids() == [plain.pk]
        assert Plain.objects.filter(name="rolled back").ids() == []


def test_both_servers_away_and_back(redis: FailingRedis, mariadb: MariaDB, plain: Plain) -> None:
    mariadb.kill()
    redis.kill()
    plain.name = "after"
    with pytest.raises(OperationalError):
        plain.save()
    come_back(mariadb)
    plain.save()
    redis.start()
    age(10)
    sweep(Plain._sonic.at("default"))
    assert Plain.objects.filter(name="after").ids() == [plain.pk]
