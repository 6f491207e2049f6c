"""The deep check: whatever is changed behind Sonic's back, in any store, is found and repaired."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from sonic_django.fulltext import queue
from sonic_django.index.store import Document
from tests.packed import put_in, take_out
from tests.sync.checking import (
    checked,
    forget_indexes,
    is_repaired,
    key,
    kinds,
    member,
    payload,
    redis,
    sql,
)
from tests.testapp.models import Author, Blog, Everything, Pair, Plain
from tests.versions import ahead_of

pytestmark = pytest.mark.django_db(transaction=True)

LONG = "a very long value " * 20


@pytest.fixture(autouse=True)
def short_grace(settings: Any) -> None:
    settings.SONIC = {"GRACE": 0.05}


@pytest.fixture(autouse=True)
def nothing_left(transactional_db: None) -> Iterator[None]:
    """Damage that was not repaired must not reach the next test."""
    yield
    forget_indexes(Author, Blog, Everything, Pair, Plain)


@pytest.fixture
def plains() -> list[Plain]:
    objects = [Plain(name=f"n{i:04}", group=f"g{i % 3}", number=i % 11) for i in range(700)]
    return Plain.objects.bulk_create(objects)


@pytest.fixture
def blogs() -> list[Blog]:
    author = Author.objects.create(username="a", nick="ann", intro="sailing the seas")
    return Blog.objects.bulk_create(
        [
            Blog(title=f"title {i}", content="words", author=author, tags=["x", LONG], score=i)
            for i in range(5)
        ]
    )


def postings(model: Any, index: str, **values: Any) -> bytes:
    """The key of the set for these values."""
    return key(model, model._sonic.indexes[index].posting_name(values))


def set_of(model: Any, index: str) -> bytes:
    return key(model, model._sonic.indexes[index].digest)


class TestClean:
    def test_nothing_is_found(self, plains: list[Plain], blogs: list[Blog]) -> None:
        plains[0].delete()
        plains[1].destroy()
        blogs[0].delete()
        result = checked(Plain, deep=True)
        assert result.found == {}
        assert (result.rows, result.entries) == (699, 3 * 698)
        result = checked(Blog, deep=True)
        assert result.found == {}
        assert result.documents == 4
        result = checked(Author, deep=True)
        assert result.found == {}
        assert result.uniques == 1

    def test_one_of_everything(self) -> None:
        Everything.objects.create()
        one = Everything.objects.create(
            text=LONG, whole=2**60 + 1, real=-0.0, exact="1.10", words=["", "a|b~", LONG]
        )
        Everything.objects.create(
            text="\x00-~", whole=-(2**53) - 1, real=float("inf"), parent=one, friends=[one, one]
        )
        assert kinds(Everything, deep=True) == {}


class TestIndex:
    def test_a_posting_removed(self, plains: list[Plain]) -> None:
        take_out(redis(), postings(Plain, "group", group="g1"), plains[1].pk)
        (drift, count) = checked(Plain, deep=True).drifts
        assert drift.kind == "missing entry"
        assert drift.id == plains[1].pk
        assert drift.detail.startswith("[group]: ")
        assert count.kind == "count"
        assert is_repaired(Plain, deep=True)
        assert plains[1].pk in Plain.objects.filter(group="g1").ids()

    @pytest.mark.parametrize("id", [1, 10**15])
    def test_a_posting_added(self, plains: list[Plain], id: int) -> None:
        """Of an object that has another value, and of one that is not there."""
        id = plains[id].pk if id == 1 else id
        put_in(redis(), postings(Plain, "group", group="g2"), id)
        found = checked(Plain, deep=True)
        assert found.found == {"stale entry": 1, "count": 1}
        assert found.drifts[0].id == id
        assert is_repaired(Plain, deep=True)
        assert id not in Plain.objects.filter(group="g2").ids()

    def test_a_set_that_nobody_belongs_to(self, plains: list[Plain]) -> None:
        redis().zadd(postings(Plain, "group", group="nobody"), {member(plains[0].pk): 1})
        assert kinds(Plain, deep=True) == {"stale entry": 1, "count": 1}
        assert is_repaired(Plain, deep=True)
        assert not redis().exists(postings(Plain, "group", group="nobody"))

    @pytest.mark.parametrize("index", ["name", "group_number"])
    def test_entries_with_a_prefix_or_a_score(self, plains: list[Plain], index: str) -> None:
        if index == "name":
            there, stale = set_of(Plain, "name"), b"zzz\x00" + member(plains[3].pk)
        else:
            there = postings(Plain, "group_number", group="g0")
            stale = b"~5}" + member(plains[3].pk)
        redis().zadd(there, {stale: 0})
        assert kinds(Plain, deep=True) == {"stale entry": 1}
        assert is_repaired(Plain, deep=True)
        redis().zrem(there, redis().zrange(there, 0, 0)[0])
        assert kinds(Plain, deep=True) == {"missing entry": 1}
        assert is_repaired(Plain, deep=True)

    def test_a_score_changed(self, blogs: list[Blog]) -> None:
        redis().zadd(set_of(Blog, "score"), {member(blogs[1].pk): 99.5})
        (drift,) = checked(Blog, deep=True).drifts
        assert drift[:2] == ("wrong score", blogs[1].pk)
        assert is_repaired(Blog, deep=True)
        assert Blog.objects.order_by("score").ids() == [blog.pk for blog in blogs]

    @pytest.mark.parametrize("name", ["ids", "del", "gone"])
    def test_the_sets_of_all_objects(self, plains: list[Plain], name: str) -> None:
        id = plains[5].pk
        if name == "ids":
            take_out(redis(), key(Plain, "ids"), id)
            expected = {"missing entry": 1, "digest": 1}
        else:
            redis().zadd(key(Plain, name), {member(id) if name == "del" else str(id): id})
            expected = {"stale entry": 2 if name == "del" else 1}
        found = kinds(Plain, deep=True)
        assert found.items() >= {**expected}.items()
        assert is_repaired(Plain, deep=True)
        assert id in Plain.objects.all().ids()

    def test_a_record_removed(self, plains: list[Plain]) -> None:
        redis().hdel(key(Plain, "rec"), str(plains[5].pk))
        found = kinds(Plain, deep=True)
        assert found["missing"] == 1
        assert is_repaired(Plain, deep=True)

    def test_a_record_that_is_of_no_row(self, plains: list[Plain]) -> None:
        record = redis().hget(key(Plain, "rec"), str(plains[5].pk))
        redis().hset(key(Plain, "rec"), "123456", record)
        assert kinds(Plain, deep=True) == {"without row": 1}
        assert is_repaired(Plain, deep=True)

    def test_a_record_of_other_entries(self, plains: list[Plain]) -> None:
        """The row was changed by SQL, under the same version: the index is as it was."""
        sql(
            "UPDATE testapp_plain SET data = %s WHERE id = %s",
            payload(Plain, name="n0000", group="other", number=0),
            plains[0].pk,
        )
        assert kinds(Plain) == {}
        found = kinds(Plain, deep=True)
        assert found == {"record": 4, "missing entry": 2}
        assert is_repaired(Plain, deep=True)
        assert Plain.objects.filter(group="other").ids() == [plains[0].pk]
        assert Plain.objects.filter(group="g0").count() == 233

    def test_a_number_of_objects(self, blogs: list[Blog]) -> None:
        numbers = set_of(Blog, "author") + b"#"
        value = redis().zrange(numbers, 0, 0)[0]
        redis().zadd(numbers, {value: 77, "snobody": 3})
        assert kinds(Blog, deep=True) == {"count": 2}
        assert is_repaired(Blog, deep=True)
        redis().delete(numbers)
        assert kinds(Blog, deep=True) == {"count": 1}
        assert is_repaired(Blog, deep=True)
        assert redis().zrange(numbers, 0, -1, withscores=True) == [(value, 5.0)]

    def test_values_that_are_hashed_in_names(self) -> None:
        one = Everything.objects.create(words=[LONG])
        originals = set_of(Everything, "words") + b"$"
        redis().delete(originals)
        assert kinds(Everything, deep=True) == {"missing entry": 1}
        assert is_repaired(Everything, deep=True)
        redis().hset(originals, "hsnone", "snone")
        assert kinds(Everything, deep=True) == {"count": 1}
        assert is_repaired(Everything, deep=True)
        assert Everything.objects.facet("words") == [(LONG, 1)]
        assert one

    def test_what_the_quick_check_finds(self, plains: list[Plain]) -> None:
        sql("UPDATE testapp_plain SET version = version + 1 WHERE id = %s", plains[0].pk)
        sql("DELETE FROM testapp_plain WHERE id = %s", plains[1].pk)
        sql("UPDATE testapp_plain SET is_deleted = %s WHERE id = %s", True, plains[2].pk)
        values = payload(Plain, name="new", group="", number=1)
        Plain._sonic.table("default").insert(values)
        entries = Plain._sonic.entries({"name": "later", "group": "", "number": 1})
        Plain._sonic.store("default").apply(
            [Document(plains[3].pk, ahead_of(plains[3]), "live", entries)]
        )
        redis().hset(key(Plain, "sum"), "777", 5)
        found = kinds(Plain, deep=True)
        wanted = {"stale": 1, "without row": 1, "missing": 1, "ahead": 1, "digest": 1}
        assert found.items() >= wanted.items()
        assert is_repaired(Plain, deep=True)

    def test_a_payload_that_cannot_be_read(self, plains: list[Plain]) -> None:
        sql("UPDATE testapp_plain SET data = %s WHERE id = %s", b"rubbish", plains[0].pk)
        result = checked(Plain, deep=True, repair=True)
        assert result.found == {"payload": 1}
        assert result.remaining == 1
        assert result.drifts[0].detail.startswith(f"testapp.Plain {plains[0].pk}: ")

    def test_keys_of_former_declarations_are_not_drift(self, plains: list[Plain]) -> None:
        redis().zadd(key(Plain, "aaaaaaaa:sold"), {member(plains[0].pk): 1})
        assert kinds(Plain, deep=True) == {}

    def test_sets_of_any_size_and_number(self, plains: list[Plain]) -> None:
        """Several chunks of one set, several calls for many sets."""
        there = postings(Plain, "group", group="g0")
        put_in(redis(), there, *(10**9 + i for i in range(3000)))
        for i in range(300):
            redis().zadd(postings(Plain, "group", group=f"extra {i}"), {member(10**9): 1})
        found = kinds(Plain, deep=True)
        assert found == {"stale entry": 3300, "count": 301}
        assert is_repaired(Plain, deep=True)


class TestWritersMeanwhile:
    def test_what_is_on_its_way_is_no_drift(self, settings: Any) -> None:
        """Uniques given up and taken, texts changed, objects deleted, brought back, destroyed."""
        settings.SONIC = {"GRACE": 30}
        stop = threading.Event()
        failures: list[BaseException] = []
        pairs = [Pair.objects.create(code=f"code {i}") for i in range(600)]
        Blog.objects.bulk_create([Blog(title=f"t{i}", content="words") for i in range(600)])

        def write(start: int) -> None:
            try:
                number = 0
                while not stop.is_set():
                    pair = Pair.objects.get(pk=pairs[start + number % 20].pk)
                    pair.code = f"{start} {number}"
                    pair.save()
                    blog = Blog.objects.create(title=f"new {number}", tags=[str(number % 3)])
                    blog.content = "other words"
                    blog.save()
                    blog.delete()
                    if number % 3 == 0:
                        blog.undelete()
                    elif number % 3 == 1:
                        blog.destroy()
                    number += 1
            except BaseException as error:
                failures.append(error)
            finally:
                connection.close()

        writers = [threading.Thread(target=write, args=(start,)) for start in (0, 300)]
        for writer in writers:
            writer.start()
        try:
            found = [(checked(Pair, deep=True), checked(Blog, deep=True)) for _ in range(3)]
        finally:
            stop.set()
            for writer in writers:
                writer.join()
        assert failures == []
        assert [drift for pair in found for result in pair for drift in result.drifts] == []


class TestFullText:
    def remove(self, ids: list[int]) -> None:
        queue.remove(Blog._sonic, ids)

    def test_a_document_removed(self, blogs: list[Blog]) -> None:
        self.remove([blogs[2].pk])
        (drift,) = checked(Blog, deep=True).drifts
        assert drift == ("document missing", blogs[2].pk, "it is not in full text")
        assert is_repaired(Blog, deep=True)
        assert Blog.search("title 2")[0] == blogs[2]

    def test_a_document_of_other_words(self, blogs: list[Blog]) -> None:
        blogs[2].title = "never saved"
        index = queue.haystack_index(Blog._sonic)
        index.get_backend().update(index, [blogs[2]])
        assert kinds(Blog, deep=True) == {"document stale": 1}
        assert is_repaired(Blog, deep=True)
        assert Blog.search("never") == []

    @pytest.mark.parametrize("removal", ["DELETE FROM {}", "UPDATE {} SET is_deleted = 1"])
    def test_a_document_without_a_row(self, blogs: list[Blog], removal: str) -> None:
        sql(f"{removal.format('testapp_blog')} WHERE id = %s", blogs[2].pk)
        found = kinds(Blog, deep=True)
        assert found["document without row"] == 1
        assert is_repaired(Blog, deep=True)
        assert Blog.search("words").count(blogs[2]) == 0

    def test_a_document_of_an_older_version(
        self, blogs: list[Blog], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from sonic_django.fulltext.engine import documents

        index = queue.haystack_index(Blog._sonic)
        monkeypatch.setattr(documents, "digest", lambda index, data: 0)
        index.get_backend().update(index, [blogs[2]])
        monkeypatch.undo()
        assert kinds(Blog, deep=True) == {"document without digest": 1}
        assert is_repaired(Blog, deep=True)

    def test_what_waits_for_a_worker_is_no_drift(self, settings: Any) -> None:
        settings.SONIC = {"GRACE": 0.05, "FULLTEXT": "queue"}
        queue.clear(Blog._sonic)
        blog = Blog.objects.create(title="waiting")
        assert kinds(Blog, deep=True) == {}
        assert Blog.search("waiting") == []
        redis().delete(key(Blog, "text"))
        assert kinds(Blog, deep=True) == {"document missing": 1}
        assert is_repaired(Blog, deep=True)
        assert Blog.search("waiting") == [blog]

    def test_an_object_that_is_written_between_two_looks(
        self, blogs: list[Blog], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its row was read before, its document after the write: that they differ is right."""
        backend = type(queue.haystack_index(Blog._sonic).get_backend())
        look, written = backend.digests_of, []

        def write_and_look(self: Any, model: Any, ids: list[int]) -> Any:
            blogs[2].title = f"words {len(written)}"
            written.append(blogs[2].save())
            return look(self, model, ids)

        queue.remove(Blog._sonic, [blogs[2].pk])
        monkeypatch.setattr(backend, "digests_of", write_and_look)
        assert kinds(Blog, deep=True) == {}
        assert written

    def test_an_index_that_cannot_be_read(self, blogs: list[Blog]) -> None:
        queue.haystack_index(Blog._sonic).get_backend().store.stub.write_text("auto nonsense")
        try:
            result = checked(Blog, deep=True)
        finally:
            call_command("sonic_reindex", "testapp.Blog", "--fulltext", stdout=io.StringIO())
        assert result.found == {"full text unreadable": 1}
        assert result.entries == 5 * 7  # the rest was compared all the same
        assert kinds(Blog, deep=True) == {}

    def test_an_engine_that_cannot_tell(
        self, blogs: list[Blog], settings: Any, reload_haystack: Callable[[str], None]
    ) -> None:
        reload_haystack("haystack.backends.simple_backend.SimpleEngine")
        result = checked(Blog, deep=True)
        assert result.found == {}
        assert result.notes == [
            "Full text cannot be compared: SimpleSearchBackend keeps no digests."
        ]


@pytest.fixture(autouse=True)
def no_documents_of_other_tests() -> None:
    for model in (Author, Blog):
        queue.clear(model._sonic)


@pytest.fixture
def reload_haystack(settings: Any) -> Any:
    from haystack import connections

    before = dict(connections.connections_info["default"])

    def reload(engine: str) -> None:
        connections.connections_info["default"] = {"ENGINE": engine}
        connections.reload("default")

    yield reload
    connections.connections_info["default"] = before
    connections.reload("default")
