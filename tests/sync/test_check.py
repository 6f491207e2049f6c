"""The quick check: digests of a thousand ids, and rows only where they differ."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.core.management.color import no_style
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sonic_django.fulltext import queue
from sonic_django.index.store import Document
from sonic_django.sync.rebuild import rebuild
from sonic_django.table.digests import digests
from tests.packed import take_out
from tests.sync.checking import (
    checked,
    forget_indexes,
    is_repaired,
    key,
    kinds,
    payload,
    redis,
    sql,
)
from tests.testapp.models import Author, Plain
from tests.versions import ahead_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def short_grace(settings: Any) -> None:
    settings.SONIC = {"GRACE": 0.05}


@pytest.fixture(autouse=True)
def nothing_left(transactional_db: None) -> Iterator[None]:
    """Damage that was not repaired must not reach the next test."""
    yield
    forget_indexes(Author, Plain)


@pytest.fixture
def plains() -> list[Plain]:
    objects = [Plain(name=f"n{i:04}", group=f"g{i % 7}", number=i % 11) for i in range(2500)]
    return Plain.objects.bulk_create(objects)


class TestClean:
    def test_nothing_is_found(self, plains: list[Plain]) -> None:
        plains[0].delete()
        plains[1].destroy()
        plains[2].save()
        result = checked(Plain)
        assert result.found == {}
        assert (result.rows, result.differing) == (2499, 0)
        assert 3 <= result.ranges <= 4

    def test_an_empty_table(self) -> None:
        assert kinds(Plain) == {}

    def test_an_empty_table_whose_index_was_never_met(self) -> None:
        forget_indexes(Plain)
        assert kinds(Plain) == {}
        assert kinds(Plain, deep=True) == {}

    def test_no_row_leaves_the_database(self, plains: list[Plain]) -> None:
        checked(Plain)
        with CaptureQueriesContext(connection) as queries:
            checked(Plain)
        (statement,) = [query["sql"] for query in queries]
        assert "GROUP BY" in statement
        assert "data" not in statement

    if "SONIC_TEST_MARIADB_SOCKET" in os.environ:

        def test_bytes_sent_by_the_database(self, plains: list[Plain]) -> None:
            def sent() -> int:
                with connection.cursor() as cursor:
                    cursor.execute("SHOW SESSION STATUS LIKE 'Bytes_sent'")
                    return int(cursor.fetchone()[1])

            measuring = -sent() + sent()
            before = sent()
            checked(Plain)
            assert sent() - before - measuring < 600  # 4 ranges; the payloads have 100,000 bytes

    def test_the_last_range_of_a_statement_is_never_cut(self, plains: list[Plain]) -> None:
        table = Plain._sonic.table("default")
        whole = [one for some in digests(table) for one in some]
        for rows in (1000, 1001, 1700, 2500, 2501):
            assert [one for some in digests(table, rows=rows) for one in some] == whole

    def test_ids_of_any_size(self) -> None:
        # The doubles of the last ones do not tell the ranges of a thousand apart.
        large = (2**62 - 1001, 2**62 - 1, 2**62)
        try:
            for id in (1, 999, 1000, 10**15 + 1, 2**53 + 1, *large):
                Plain(id=id, name="x").save(force_insert=True)
            assert kinds(Plain) == {}
            assert kinds(Plain, deep=True) == {}
            sql("UPDATE testapp_plain SET version = version + 1 WHERE id = %s", 2**62)
            assert [drift.id for drift in checked(Plain).drifts] == [2**62]
        finally:
            # Without the reset, the ids of other tests would go on from there.
            sql("DELETE FROM testapp_plain")
            sequence = [{"table": "testapp_plain", "column": "id"}]
            for statement in connection.ops.sequence_reset_by_name_sql(no_style(), sequence):
                sql(statement)


class TestDrift:
    def test_a_row_written_by_sql(self, plains: list[Plain]) -> None:
        changed = payload(Plain, name="by hand", group="", number=1)
        id = plains[7].pk
        statement = "UPDATE testapp_plain SET data = %s, version = version + 1 WHERE id = %s"
        sql(statement, changed, id)
        (drift,) = checked(Plain).drifts
        before = plains[7].sonic_version
        assert drift == ("stale", id, f"the row has version {before + 1}, the index {before}")
        assert is_repaired(Plain)
        assert Plain.objects.filter(name="by hand").ids() == [id]

    def test_a_row_inserted_by_sql(self, plains: list[Plain]) -> None:
        id = Plain._sonic.table("default").insert(payload(Plain, name="x", group="", number=1))
        version = Plain._sonic.table("default").versions([id])[id]
        assert checked(Plain).drifts == [("missing", id, f"the row has version {version}")]
        assert is_repaired(Plain)
        assert Plain.objects.filter(name="x").ids() == [id]

    def test_a_row_removed_by_sql(self, plains: list[Plain]) -> None:
        sql("DELETE FROM testapp_plain WHERE id = %s", plains[9].pk)
        text = f"the index has version {plains[9].sonic_version}"
        assert checked(Plain).drifts == [("without row", plains[9].pk, text)]
        assert is_repaired(Plain)
        assert Plain.objects.count() == 2499

    def test_all_rows_removed_by_sql(self, plains: list[Plain]) -> None:
        sql("DELETE FROM testapp_plain")
        assert kinds(Plain) == {"without row": 2500}
        assert is_repaired(Plain)

    def test_a_row_deleted_by_sql(self, plains: list[Plain]) -> None:
        sql("UPDATE testapp_plain SET is_deleted = %s WHERE id = %s", True, plains[9].pk)
        (drift,) = checked(Plain).drifts
        assert drift == ("state", plains[9].pk, "the row is deleted, the index live")
        assert is_repaired(Plain)
        assert Plain.objects.count() == 2499

    def test_rows_set_back_to_a_backup(self, plains: list[Plain]) -> None:
        entries = Plain._sonic.entries({"name": "later", "group": "", "number": 1})
        Plain._sonic.store("default").apply(
            [Document(plains[0].pk, ahead_of(plains[0]), "live", entries)]
        )
        assert kinds(Plain) == {"ahead": 1}
        assert is_repaired(Plain)
        assert Plain.objects.filter(name="later").ids() == []

    def test_a_digest_that_is_off(self, plains: list[Plain]) -> None:
        sums = key(Plain, "sum")
        redis().hincrby(sums, redis().hkeys(sums)[0].decode(), 5)
        assert kinds(Plain) == {"digest": 1}
        assert is_repaired(Plain)
        redis().hset(sums, "123456", 5)
        assert kinds(Plain) == {"digest": 1}
        assert is_repaired(Plain)
        assert not redis().hexists(sums, "123456")

    def test_many_are_counted_and_some_are_listed(self, plains: list[Plain]) -> None:
        sql("UPDATE testapp_plain SET version = version + 1")
        result = checked(Plain)
        assert result.found == {"stale": 2500}
        assert len(result.drifts) == 100

    def test_what_cannot_be_read_is_left_and_keeps_no_other(self, plains: list[Plain]) -> None:
        statement = "UPDATE testapp_plain SET data = %s, version = version + 1 WHERE id = %s"
        sql(statement, b"rubbish", plains[3].pk)
        sql("UPDATE testapp_plain SET version = version + 1 WHERE id = %s", plains[4].pk)
        result = checked(Plain, repair=True)
        assert (result.found["stale"], result.repairs, result.remaining) == (2, 1, 1)
        assert kinds(Plain) == {"stale": 1}


class TestNotBuilt:
    def test_it_is_named_with_the_cure_and_not_a_million_missing_rows(
        self, plains: list[Plain]
    ) -> None:
        forget_indexes(Plain)
        for deep in (False, True):
            result = checked(Plain, deep=deep)
            assert result.found == {"not built": 4}
            assert result.rows == 2500
            assert str(result.drifts[0]) == (
                "not built: the set of all objects. "
                "Run: python manage.py sonic_reindex testapp.Plain"
            )


class TestRebuild:
    def test_it_leaves_exact_digests(self, plains: list[Plain]) -> None:
        """Of an index by older code, which kept none, and where others had been kept."""
        redis().delete(key(Plain, "sum"))
        redis().hset(key(Plain, "sum"), "5555", 1)
        rebuild(Plain._sonic.at("default"), batch_size=300)
        assert kinds(Plain) == {}


class TestWritersMeanwhile:
    def test_what_is_on_its_way_is_no_drift(self, plains: list[Plain], settings: Any) -> None:
        settings.SONIC = {"GRACE": 30}
        stop = threading.Event()
        failures: list[BaseException] = []

        def write(start: int) -> None:
            try:
                number = 0
                while not stop.is_set():
                    obj = Plain.objects.get(pk=plains[start + number % 40].pk)
                    obj.number = number
                    obj.save()
                    fresh = Plain.objects.create(name="fresh", group="g", number=1)
                    fresh.delete()
                    if number % 2:
                        fresh.destroy()
                    number += 1
            except BaseException as error:
                failures.append(error)
            finally:
                connection.close()

        writers = [threading.Thread(target=write, args=(start,)) for start in (0, 1000)]
        for writer in writers:
            writer.start()
        try:
            found = [kinds(Plain, deep=deep) for deep in [False] * 10 + [True] * 2]
        finally:
            stop.set()
            for writer in writers:
                writer.join()
        assert failures == []
        assert found == [{}] * 12

    def test_an_object_that_is_written_without_pause(
        self, plains: list[Plain], settings: Any
    ) -> None:
        """Its index is a version behind at every look, and not the same one."""
        settings.SONIC = {"GRACE": 0.3}
        id = plains[3].pk
        (row,) = Plain._sonic.table("default").fetch([id]).values()
        document = Plain._sonic.document(row)
        sql("UPDATE testapp_plain SET version = version + 1 WHERE id = %s", id)
        stop = threading.Event()

        def write() -> None:
            version = row.version + 1
            while not stop.is_set():
                version += 1
                sql("UPDATE testapp_plain SET version = %s WHERE id = %s", version, id)
                Plain._sonic.store("default").apply([replace(document, version=version - 1)])
            connection.close()

        writer = threading.Thread(target=write)
        writer.start()
        try:
            found = [kinds(Plain) for _ in range(5)]
        finally:
            stop.set()
            writer.join()
        assert found == [{}] * 5

    def test_an_apply_that_comes_within_the_grace(self, plains: list[Plain], settings: Any) -> None:
        settings.SONIC = {"GRACE": 30}
        sql("UPDATE testapp_plain SET version = version + 1 WHERE id = %s", plains[3].pk)
        row = Plain._sonic.table("default").fetch([plains[3].pk])[plains[3].pk]

        def apply() -> None:
            Plain._sonic.store("default").apply([Plain._sonic.document(row)])

        timer = threading.Timer(0.1, apply)
        timer.start()
        result = checked(Plain)
        timer.join()
        assert (result.found, result.differing) == ({}, 1)


class TestFullTextAfterARepair:
    @pytest.fixture
    def author(self) -> Author:
        queue.clear(Author._sonic)
        return Author.objects.create(username="a", intro="sailing")

    def test_it_has_the_words_of_the_row(self, author: Author) -> None:
        changed = payload(Author, username="a", nick="", intro="climbing")
        sql(
            "UPDATE testapp_author SET data = %s, version = version + 1 WHERE id = %s",
            changed,
            author.pk,
        )
        assert is_repaired(Author)
        assert Author.search("sailing") == []
        assert Author.search("climbing") == [author]

    @pytest.mark.parametrize("how", ["UPDATE {} SET is_deleted = 1", "DELETE FROM {}"])
    def test_it_forgets_what_is_gone(self, author: Author, how: str) -> None:
        sql(how.format("testapp_author"))
        sql("DELETE FROM sonic_unique")
        assert is_repaired(Author)
        assert queue.indexed_ids(Author._sonic) == set()


def test_a_posting_is_none_of_its_business(plains: list[Plain]) -> None:
    """Only --deep finds it."""
    take_out(redis(), key(Plain, "ids"), plains[0].pk)
    assert kinds(Plain) == {}
