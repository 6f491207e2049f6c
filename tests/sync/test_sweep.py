"""The sweep: what a writer left behind reaches the index without a person acting on it."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from sonic_django.index.store import Document
from sonic_django.sync.sweep import sweep
from sonic_django.table import tombstones
from tests.sync.marking import age, destroy_behind_the_index, write_behind_the_index
from tests.testapp.models import Author, Plain
from tests.versions import ahead_of

pytestmark = pytest.mark.django_db(transaction=True)


class TestSweep:
    def test_lagging_rows_are_applied(self) -> None:
        Plain.objects.create(name="indexed")
        id = write_behind_the_index("behind")
        age(10)
        result = sweep(Plain._sonic.at("default"))
        assert (result.checked, result.applied, result.cleared) == (2, 1, 0)
        assert Plain.objects.filter(name="behind").ids() == [id]
        assert sweep(Plain._sonic.at("default")).applied == 0

    def test_young_rows_are_left_to_their_writer(self) -> None:
        sweep(Plain._sonic.at("default"))
        write_behind_the_index("young")
        assert sweep(Plain._sonic.at("default")).checked == 0
        age(10)
        assert sweep(Plain._sonic.at("default")).applied == 1

    def test_after_a_restart_of_redis_young_rows_too(self) -> None:
        sweep(Plain._sonic.at("default"))
        id = write_behind_the_index("young")
        Plain._sonic.store("default").note_swept("another run")
        assert sweep(Plain._sonic.at("default")).applied == 1
        assert Plain.objects.filter(name="young").ids() == [id]
        write_behind_the_index("younger")
        assert sweep(Plain._sonic.at("default")).checked == 0, "the restart is dealt with"

    def test_marks_stay_for_the_retention(self) -> None:
        Plain.objects.create(name="x")
        table = Plain._sonic.table("default")
        age(30)
        assert sweep(Plain._sonic.at("default")).cleared == 0
        assert table.count_dirty() == 1
        age(61)
        assert sweep(Plain._sonic.at("default")).cleared == 1
        assert table.count_dirty() == 0

    def test_what_was_applied_only_now_keeps_its_mark(self) -> None:
        write_behind_the_index("x")
        age(300)
        assert sweep(Plain._sonic.at("default")).cleared == 0
        assert sweep(Plain._sonic.at("default")).checked == 0
        age(61)
        assert sweep(Plain._sonic.at("default")).cleared == 1

    def test_a_write_lost_by_redis_within_the_retention_is_applied_again(self) -> None:
        kept = Plain.objects.create(name="kept")
        lost = Plain.objects.create(name="lost")
        store = Plain._sonic.store("default")
        store.apply([Document(lost.pk, 0, "destroyed")], "reset")
        assert Plain.objects.all().ids() == [kept.pk]
        age(30)
        sweep(Plain._sonic.at("default"))
        assert Plain.objects.filter(name="lost").ids() == [lost.pk]

    def test_an_index_ahead_of_the_row_is_set_back(self) -> None:
        plain = Plain.objects.create(name="committed")
        entries = Plain._sonic.entries({"name": "never", "group": "", "number": None})
        Plain._sonic.store("default").apply([Document(plain.pk, ahead_of(plain), "live", entries)])
        age(10)
        assert sweep(Plain._sonic.at("default")).applied == 1
        assert Plain.objects.filter(name="never").ids() == []
        assert Plain.objects.filter(name="committed").ids() == [plain.pk]

    def test_deleted_rows(self) -> None:
        plain = Plain.objects.create(name="x")
        table = Plain._sonic.table("default")
        table.update(plain.pk, plain.sonic_version, bytes(plain.sonic_payload), is_deleted=True)
        age(10)
        sweep(Plain._sonic.at("default"))
        assert not Plain.objects.filter(name="x").exists()

    def test_more_rows_than_a_batch(self) -> None:
        Plain.objects.create(name="first")
        for number in range(1100):
            write_behind_the_index(f"n{number}")
        age(10)
        result = sweep(Plain._sonic.at("default"))
        assert (result.checked, result.applied) == (1101, 1100)
        assert Plain.objects.count() == 1101
        age(10)
        assert sweep(Plain._sonic.at("default"), limit=7).checked == 7

    def test_a_row_that_cannot_be_read_keeps_no_other_from_being_swept(self, caplog) -> None:
        Plain.objects.create(name="first")
        damaged = Plain._sonic.table("default").insert(b"no payload")
        write_behind_the_index("behind")
        age(10)
        assert sweep(Plain._sonic.at("default")).applied == 1
        assert f"testapp.Plain {damaged}: the bytes start with" in caplog.text
        assert Plain.objects.filter(name="behind").exists()


class TestDestroyed:
    def test_the_row_goes_and_a_tombstone_stays_for_the_retention(self) -> None:
        Plain.objects.create(name="x").destroy()
        assert not Plain.sql.exists()
        assert tombstones.count("testapp.plain", "default") == 1
        age(30)
        sweep(Plain._sonic.at("default"))
        assert tombstones.count("testapp.plain", "default") == 1
        age(61)
        assert sweep(Plain._sonic.at("default")).cleared == 1
        assert tombstones.count("testapp.plain", "default") == 0

    def test_what_was_destroyed_behind_the_index_is_forgotten(self) -> None:
        destroyed = Plain.objects.create(name="x", group="g")
        kept = Plain.objects.create(name="y", group="g")
        destroy_behind_the_index(destroyed)
        assert Plain.objects.filter(group="g").count() == 2
        age(10)
        assert sweep(Plain._sonic.at("default")).applied == 1
        assert Plain.objects.filter(group="g").count() == 1
        assert Plain.objects.all().ids() == [kept.pk]

    def test_a_removal_that_redis_lost_is_applied_again(self) -> None:
        plain = Plain.objects.create(name="x")
        document = Plain._sonic.document(Plain._sonic.table("default").fetch([plain.pk])[plain.pk])
        plain.destroy()
        store = Plain._sonic.store("default")
        store.apply([document], "reset")
        assert Plain.objects.count() == 1
        age(30)
        sweep(Plain._sonic.at("default"))
        assert Plain.objects.count() == 0

    def test_an_id_that_was_given_to_a_new_object_is_left_alone(self) -> None:
        plain = Plain.objects.create(name="old")
        id = plain.pk
        plain.destroy()
        Plain(id=id, name="new").save()
        age(61)
        sweep(Plain._sonic.at("default"))
        assert Plain.objects.filter(name="new").ids() == [id]
        assert tombstones.count("testapp.plain", "default") == 0

    def test_a_rollback_brings_row_and_index_back(self) -> None:
        plain = Plain.objects.create(name="x")
        with pytest.raises(RuntimeError), transaction.atomic():
            Plain.objects.get(pk=plain.pk).destroy()
            raise RuntimeError
        assert Plain.objects.filter(name="x").ids() == [plain.pk]
        assert tombstones.count("testapp.plain", "default") == 0


class TestFullTextQueue:
    def test_a_worker_drains_it(self, settings) -> None:
        Author.objects.create(username="first")
        settings.SONIC = {"FULLTEXT": "queue"}
        author = Author.objects.create(username="a", intro="sailing")
        assert Author.search("sailing") == []
        assert Author._sonic.store("default").text_backlog() == 1
        assert sweep(Author._sonic.at("default")).texts == 1
        assert Author.search("sailing") == [author]
        assert Author._sonic.store("default").text_backlog() == 0


class TestCommand:
    def test_once(self) -> None:
        Plain.objects.create(name="first")
        write_behind_the_index("behind")
        age(10)
        stream = io.StringIO()
        call_command("sonic_sync", "testapp.Plain", stdout=stream)
        (line,) = [line for line in stream.getvalue().splitlines() if "testapp.Plain" in line]
        cells = [cell.strip() for cell in line.split("│")[1:-1]]
        assert cells == ["testapp.Plain", "2", "1", "0", "0", "0"]

    def test_mistakes(self) -> None:
        with pytest.raises(CommandError, match="--loop is 0"):
            call_command("sonic_sync", "--loop", "0")
        with pytest.raises(CommandError, match="'nope' names no SonicObj class"):
            call_command("sonic_sync", "nope")


def test_the_marks_are_found_by_their_index() -> None:
    """The sweep reads no more than the marked rows: by the plan of the engine."""
    Plain.objects.bulk_create([Plain(name=str(n)) for n in range(2000)])
    age(100)
    sweep(Plain._sonic.at("default"))
    write_behind_the_index("x")
    age(10)
    if connection.vendor == "mysql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE TABLE testapp_plain")
    statement = "EXPLAIN " + ("QUERY PLAN " if connection.vendor == "sqlite" else "")
    with connection.cursor() as cursor:
        cursor.execute(statement + "SELECT id FROM testapp_plain WHERE dirty_at IS NOT NULL")
        assert "dirty_at" in str(cursor.fetchall())


class TestLongTransactions:
    """The retention counts from the commit, however long ago the statements were."""

    @pytest.fixture
    def long_ago(self, monkeypatch) -> Callable[[], None]:
        def pass_time() -> None:
            age(3600)
            monkeypatch.setattr("sonic_django.sync.apply.time.monotonic", lambda: 1e12)

        return pass_time

    def test_rows_keep_their_marks(self, long_ago: Callable[[], None]) -> None:
        with transaction.atomic():
            plain = Plain.objects.create(name="x")
            long_ago()
        assert sweep(Plain._sonic.at("default")).cleared == 0
        assert Plain._sonic.table("default").count_dirty() == 1
        assert Plain.objects.filter(name="x").ids() == [plain.pk]

    def test_tombstones_stay(self, long_ago: Callable[[], None]) -> None:
        plain = Plain.objects.create(name="x")
        with transaction.atomic():
            plain.destroy()
            long_ago()
        assert sweep(Plain._sonic.at("default")).cleared == 0
        assert tombstones.count("testapp.plain", "default") == 1
