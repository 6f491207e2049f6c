"""Losing Redis, changing declarations, rebuilding: loud until built, and never blinding readers."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from redis import Redis

from sonic_django import Index
from sonic_django.exceptions import IndexNotBuilt, IndexUnavailable
from sonic_django.index.store import Document
from sonic_django.schema.schema import Schema
from sonic_django.signals import index_failed, post_index
from sonic_django.sync import built
from sonic_django.sync.rebuild import rebuild
from sonic_django.sync.status import model_status
from sonic_django.transport.client import redis_client
from tests.testapp.models import Author, Blog, Plain

pytestmark = pytest.mark.django_db(transaction=True)


def forget_index(*models: type) -> None:
    """Do what FLUSHALL does, to these classes only: other test runs share the server."""
    client = redis_client()
    for model in models:
        store = model._sonic.store("default")
        for key in list(store.keys()):
            client.delete(key)
    built.forget()


@pytest.fixture
def plains() -> list[Plain]:
    objects = [Plain(name=f"n{i:03}", group=f"g{i % 7}", number=i % 11) for i in range(300)]
    return Plain.objects.bulk_create(objects)


class TestLossOfRedis:
    def test_queries_are_loud_and_name_the_command(self, plains: list[Plain]) -> None:
        forget_index(Plain)
        for query in (
            lambda: Plain.objects.filter(group="g1").ids(),
            lambda: Plain.objects.count(),
            lambda: list(Plain.objects.all()[:5]),
            lambda: Plain.objects.filter(name="n001").exists(),
        ):
            with pytest.raises(IndexNotBuilt, match="manage.py sonic_reindex testapp.Plain"):
                query()
        # What needs no index still works.
        assert Plain.objects.get(pk=plains[0].pk) == plains[0]
        assert len(list(Plain.walk_all_objs())) == 300

    def test_reindex_brings_all_back(self, plains: list[Plain]) -> None:
        plains[3].delete()
        forget_index(Plain)
        assert rebuild(Plain._sonic.at("default"), batch_size=37) == 300
        assert Plain.objects.count() == 299
        assert Plain.objects.filter(group="g1").count() == 43
        assert Plain.objects.deleted().ids() == [plains[3].pk]
        assert model_status(Plain._sonic.at("default")).unbuilt == []

    def test_saves_go_on_and_do_not_pretend(self, plains: list[Plain]) -> None:
        forget_index(Plain)
        Plain.objects.create(name="new", group="g1")
        with pytest.raises(IndexNotBuilt):
            Plain.objects.filter(group="g1").ids()
        rebuild(Plain._sonic.at("default"))
        assert Plain.objects.filter(group="g1").count() == 44

    def test_saving_every_row_of_a_small_table_again_completes_it(self) -> None:
        objects = [Plain.objects.create(name=str(i)) for i in range(3)]
        forget_index(Plain)
        for number, obj in enumerate(objects):
            with pytest.raises(IndexNotBuilt):
                Plain.objects.count()
            obj.number = number
            obj.save()
        assert Plain.objects.count() == 3

    def test_empty_table_counts_as_built(self) -> None:
        forget_index(Plain)
        assert Plain.objects.count() == 0
        forget_index(Plain)
        Plain.objects.create(name="first")
        assert Plain.objects.filter(name="first").exists()
        forget_index(Author)
        Author.objects.bulk_create([Author(username=str(i)) for i in range(150)])
        assert Author.objects.count() == 150


class TestStaleEntries:
    def test_entries_without_a_row_are_removed(self, plains: list[Plain]) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM testapp_plain WHERE id = %s", [plains[5].pk])
        rebuild(Plain._sonic.at("default"), batch_size=50)
        assert Plain.objects.count() == 299
        assert Plain.objects.filter(name="n005").ids() == []

    def test_rows_changed_behind_the_back(self, plains: list[Plain]) -> None:
        stored = Plain._sonic.values_of(plains[0].sonic_payload, plains[0].pk)
        payload = Plain._sonic.codec.encode({**stored, "group": "changed"})
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE testapp_plain SET data = %s WHERE id = %s", [payload, plains[0].pk]
            )
        rebuild(Plain._sonic.at("default"))
        assert Plain.objects.filter(group="changed").ids() == [plains[0].pk]
        assert plains[0].pk not in Plain.objects.filter(group="g0").ids()

    def test_rows_set_back_to_a_backup(self, plains: list[Plain]) -> None:
        store = Plain._sonic.store("default")
        entries = Plain._sonic.entries({"name": "later", "group": "later", "number": 1})
        store.apply([Document(plains[0].pk, 99, "live", entries)])
        rebuild(Plain._sonic.at("default"))
        assert Plain.objects.filter(group="later").ids() == []
        assert Plain.objects.filter(name="n000").ids() == [plains[0].pk]
        plains[0].group = "after"
        plains[0].save()
        assert Plain.objects.filter(group="after").ids() == [plains[0].pk]


class TestChangedDeclaration:
    @pytest.fixture
    def more_indexes(self) -> Iterator[None]:
        before = Plain._sonic
        Plain.indexes = {**Plain.indexes, "number": Index(order_by="number")}
        Plain._sonic = Schema(Plain)
        yield
        Plain.indexes = {name: Plain.indexes[name] for name in ("group", "group_number")}
        Plain._sonic = before

    def test_only_queries_that_need_the_new_index_fail(
        self, plains: list[Plain], more_indexes: None
    ) -> None:
        assert Plain.objects.filter(group="g1").count() == 43
        with pytest.raises(IndexNotBuilt, match="not built .*: number. Run") as caught:
            Plain.objects.filter(number=3).count()
        assert caught.value.indexes == ("number",)
        Plain.objects.create(name="more", group="g1", number=3)
        call_command("sonic_reindex", "testapp.Plain", "--index", "number", verbosity=0)
        assert Plain.objects.filter(number=3).count() == 28

    def test_no_table_is_altered(self, more_indexes: None) -> None:
        call_command("makemigrations", "testapp", "--check", "--dry-run", verbosity=0)


class TestRebuildMeanwhile:
    def test_a_reader_misses_nothing_and_writes_are_kept(self, plains: list[Plain]) -> None:
        wrong: list[object] = []
        stop = threading.Event()

        def read() -> None:
            try:
                while not stop.is_set():
                    found = Plain.objects.filter(group="g2").count()
                    page = Plain.objects.filter(group="g3").order_by("number")[:20].ids()
                    if found != 43 or len(page) != 20:
                        wrong.append((found, page))
            finally:
                connection.close()

        reader = threading.Thread(target=read)
        reader.start()
        try:
            for _ in range(3):
                rebuild(Plain._sonic.at("default"), batch_size=20)
            changed = plains[7]
            seen: list[int] = []

            def change_once(done: int, total: int) -> None:
                if not seen:
                    seen.append(done)
                    changed.name = "changed meanwhile"
                    changed.save()
                    Plain.objects.create(name="made meanwhile")

            rebuild(Plain._sonic.at("default"), batch_size=20, progress=change_once)
        finally:
            stop.set()
            reader.join()
        assert wrong == []
        assert Plain.objects.filter(name="changed meanwhile").ids() == [changed.pk]
        assert not Plain.objects.filter(name="n007").exists()
        assert Plain.objects.filter(name="made meanwhile").count() == 1

    def test_stopped_and_resumed(self, plains: list[Plain]) -> None:
        forget_index(Plain)

        class Stop(Exception):
            pass

        def stop_half_way(done: int, total: int) -> None:
            if done >= 150:
                raise Stop

        with pytest.raises(Stop):
            rebuild(Plain._sonic.at("default"), batch_size=50, progress=stop_half_way)
        with pytest.raises(IndexNotBuilt):
            Plain.objects.count()
        reported: list[int] = []
        rebuild(
            Plain._sonic.at("default"),
            batch_size=50,
            progress=lambda done, total: reported.append(done),
        )
        assert reported == [200, 250, 300]
        assert Plain.objects.count() == 300
        assert Plain.objects.filter(group="g6").count() == 42


class TestRedisAway:
    @pytest.fixture
    def away(self, settings) -> Iterator[None]:
        from django.core.cache import caches

        settings.CACHES = {
            **settings.CACHES,
            "sonic": {
                "BACKEND": "django_redis.cache.RedisCache",
                "LOCATION": "unix:///nonexistent/redis.sock?db=0",
            },
        }
        yield
        caches.close_all()

    def test_a_save_succeeds_and_tells(self, away: None, caplog) -> None:
        failed: list[dict[str, object]] = []

        def receiver(**kwargs: object) -> None:
            failed.append(kwargs)

        index_failed.connect(receiver, sender=Plain)
        try:
            plain = Plain(name="safe")
            assert plain.save()
        finally:
            index_failed.disconnect(receiver, sender=Plain)
        assert failed[0]["ids"] == [plain.pk]
        assert "could not be updated" in caplog.text
        assert Plain.get(plain.pk).name == "safe"

    def test_a_query_says_so(self, away: None) -> None:
        with pytest.raises(IndexUnavailable, match=r"testapp.Plain.objects needs the index in Re"):
            Plain.objects.filter(name="x").exists()


def test_post_index_tells_what_was_indexed() -> None:
    sent: list[object] = []

    def receiver(ids: object, **kwargs: object) -> None:
        sent.append(ids)

    post_index.connect(receiver, sender=Blog)
    try:
        blog = Blog.objects.create(title="t")
    finally:
        post_index.disconnect(receiver, sender=Blog)
    assert sent == [[blog.pk]]


def test_flush_empties_the_index(plains: list[Plain]) -> None:
    call_command("flush", interactive=False, verbosity=0, inhibit_post_migrate=True)
    client: Redis = redis_client()
    base = Plain._sonic.store("default").base
    assert set(client.scan_iter(f"{base}:*")) == {f"{base}:state".encode(), f"{base}:run".encode()}
    assert Plain.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_row_that_cannot_be_read_keeps_no_other_from_the_index() -> None:
    table = Plain._sonic.table("default")
    first = Plain.objects.create(name="first")
    damaged = table.insert(b"no payload")
    last = Plain.objects.create(name="last")
    Plain._sonic.store("default").clear()
    expected = (
        rf"1 row\(s\) cannot be read and are not indexed; all others are.*testapp.Plain {damaged}: "
        rf"the bytes start with"
    )
    with pytest.raises(CommandError, match=expected):
        call_command("sonic_reindex", "testapp.Plain", stdout=io.StringIO())
    assert Plain.objects.all().ids() == [last.pk, first.pk]
    assert Plain.objects.filter(name="last").ids() == [last.pk]


@pytest.mark.django_db(transaction=True)
def test_a_row_that_cannot_be_read_keeps_no_other_from_full_text() -> None:
    first = Author.objects.create(username="first", intro="sailing")
    Author._sonic.table("default").insert(b"no payload")
    last = Author.objects.create(username="last", intro="sailing")
    call_command("sonic_reindex", "testapp.Author", "--fulltext", stdout=io.StringIO())
    assert sorted(found.pk for found in Author.search("sailing")) == [first.pk, last.pk]
