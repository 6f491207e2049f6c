"""Full text agrees with the rows, whatever order two writers' steps come in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from django.db import connections

from sonic_django.fulltext import queue
from sonic_django.index.store import Document
from sonic_django.sync.rebuild import rebuild, rebuild_fulltext
from sonic_django.table import versions
from tests.testapp.models import Author

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def author() -> Author:
    return Author.objects.create(username="a", intro="sailing")


def store():
    return Author._sonic.store("default")


def write_row(author: Author, **values: str) -> Document:
    """Commit a change and give what its writer would apply next."""
    options = Author._sonic
    row = options.table("default").fetch([author.pk])[author.pk]
    stored = {**options.decode(row.payload, row.id), **values}
    options.table("default").update(row.id, row.version, options.codec.encode(stored))
    changed = options.table("default").fetch([author.pk])[author.pk]
    return options.document(changed, text_changed="intro" in values)


def search(word: str) -> list[int]:
    return [found.pk for found in Author.search(word)]


class TestTheQueueIsTold:
    def test_by_an_apply_that_comes_late(self, author: Author) -> None:
        first = write_row(author, intro="rowing")
        second = write_row(author, username="b")
        store().apply([second])
        store().apply([first])
        queue.drain(Author._sonic.at("default"))
        assert search("rowing") == [author.pk]
        assert search("sailing") == []

    def test_by_the_next_version_when_one_was_never_applied(self, author: Author) -> None:
        write_row(author, intro="rowing")  # its writer dies here
        store().apply([write_row(author, username="b")])
        queue.drain(Author._sonic.at("default"))
        assert search("rowing") == [author.pk]

    @pytest.mark.parametrize("given_again", [3, 9])
    def test_by_a_version_that_is_given_again(
        self, author: Author, given_again: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The text of the lost one is in the index, the database was set back before it."""
        table = Author._sonic.table("default")
        backup = table.fetch([author.pk])[author.pk]
        monkeypatch.setattr(versions, "getrandbits", lambda bits: 7)
        lost = write_row(author, intro="rowing")
        store().apply([lost])
        queue.drain(Author._sonic.at("default"))
        assert search("rowing") == [author.pk]
        table.update(author.pk, lost.version, backup.payload, backup.version)
        monkeypatch.setattr(versions, "getrandbits", lambda bits: given_again)
        store().apply([write_row(author, username="b")])
        queue.drain(Author._sonic.at("default"))
        assert search("sailing") == [author.pk]
        assert search("rowing") == []

    def test_not_by_a_change_of_other_fields(self, author: Author) -> None:
        applied = store().apply([write_row(author, username="b")])
        assert not applied.texts
        assert store().text_backlog() == 0

    def test_by_a_rebuild_after_the_loss_of_redis(self, author: Author, settings) -> None:
        settings.SONIC = {"FULLTEXT": "queue"}
        author.intro = "rowing"
        author.save()
        store().clear()  # and with it the queue
        settings.SONIC = {}
        rebuild(Author._sonic.at("default"))
        assert search("rowing") == [author.pk]


class TestTwoAtOnce:
    """One has read the older row, and would write it when the other is through with the newer."""

    @pytest.fixture
    def meanwhile(self, author: Author, monkeypatch) -> Callable[[Callable[[], object]], None]:
        """Let something happen between the reading of rows and the writing of full text."""
        backend = queue.haystack_index(Author._sonic).get_backend()
        write = type(backend).update

        def prepare(action: Callable[[], object]) -> None:
            def in_its_own_connection() -> None:
                try:
                    action()
                finally:
                    connections.close_all()

            other = threading.Thread(target=in_its_own_connection)

            def update(self, *args, **kwargs):
                monkeypatch.setattr(type(backend), "update", write)
                other.start()
                other.join(timeout=1)  # it ends, if nothing keeps it waiting
                write(self, *args, **kwargs)

            monkeypatch.setattr(type(backend), "update", update)
            threads.append(other)

        threads: list[threading.Thread] = []
        yield prepare
        for thread in threads:
            thread.join()

    def test_a_newer_text(self, author: Author, meanwhile) -> None:
        def change() -> None:
            changed = Author.objects.get(pk=author.pk)
            changed.intro = "rowing"
            changed.save()

        meanwhile(change)
        queue.update(Author._sonic.at("default"), [author.pk])
        wait_for(lambda: search("rowing") == [author.pk])
        assert search("sailing") == []

    def test_a_deletion(self, author: Author, meanwhile) -> None:
        id = author.pk
        meanwhile(lambda: Author.objects.get(pk=id).destroy())
        queue.update(Author._sonic.at("default"), [id])
        wait_for(lambda: id not in indexed())

    def test_a_rebuild(self, author: Author, meanwhile) -> None:
        def change() -> None:
            changed = Author.objects.get(pk=author.pk)
            changed.intro = "rowing"
            changed.save()

        meanwhile(change)
        rebuild_fulltext(Author._sonic.at("default"))
        wait_for(lambda: search("rowing") == [author.pk])


def indexed() -> set[int]:
    return set(queue.haystack_index(Author._sonic).get_backend().indexed_pks(Author))


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(100):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to be")


def test_a_redis_that_dies_before_the_full_text_fails_no_save(author: Author, monkeypatch, caplog):
    from redis.exceptions import ConnectionError

    def away(*args: object) -> None:
        raise ConnectionError("away")

    monkeypatch.setattr(type(store()), "queued_text", away)
    author.intro = "rowing"
    assert author.save()
    assert "full text waits in its queue (away)" in caplog.text
    monkeypatch.undo()
    queue.drain(Author._sonic.at("default"))
    assert search("rowing") == [author.pk]
