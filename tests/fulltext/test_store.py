"""The directory: one writer at a time, readers undisturbed, and damage named."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import xapian
from django.contrib.auth.models import Group
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from haystack import connections
from xapian_backend import InvalidIndexError

from sonic_django.fulltext.engine import store as store_module
from sonic_django.fulltext.engine.ranking import enquire
from sonic_django.fulltext.engine.store import IndexLocked

from .conftest import GroupIndex, Library, connected

fork = multiprocessing.get_context("fork")


@contextmanager
def child(action: Callable[[], None]) -> Iterator[None]:
    """Run an action in a forked process beside the block; it must end without an error."""
    process = fork.Process(target=action)
    process.start()
    try:
        yield
    finally:
        process.join()
    assert process.exitcode == 0


@contextmanager
def locked(library: Library) -> Iterator[None]:
    """Hold the index's lock, in another thread."""
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with library.backend.store.lock():
            held.set()
            release.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    try:
        yield
    finally:
        release.set()
        thread.join()


def damage(library: Library) -> list[Path]:
    """The tables of the current database."""
    return sorted(library.backend.store.current().glob("*.glass"))


# Where ------------------------------------------------------------------------------------------


def test_the_path_may_be_a_path(tmp_path: Path):
    with connected(tmp_path / "index") as library:
        library.add(title=["fox"])
        assert library.typed("fox") == [1]


@pytest.mark.parametrize("path", [None, "", ":memory:"])
def test_a_directory_is_needed(path: Any):
    with connected(path) as library, pytest.raises(ImproperlyConfigured, match="PATH"):
        library.backend.document_count()


@pytest.mark.parametrize("remains", [True, False])
def test_a_directory_that_was_removed_is_an_empty_index(library: Library, remains: bool):
    library.add(title=["fox"])
    shutil.rmtree(library.path)
    if remains:
        library.path.mkdir()
    assert library.typed("fox") == []
    library.add(title=["fox"])
    assert library.typed("fox") == [1]


# Writers ----------------------------------------------------------------------------------------


def test_writers_in_many_processes_and_threads_lose_nothing(library: Library):
    def write(first: int) -> None:
        for pk in range(first, first + 20):
            library.backend.update(library.index, [library.group(pk, title="fox")])

    def write_in_thread(first: int) -> None:
        backend = type(library.backend)(library.alias, PATH=library.backend.path)
        for pk in range(first, first + 20):
            backend.update(GroupIndex(), [library.group(pk, title="fox")])

    processes = [fork.Process(target=write, args=(first,)) for first in (100, 200)]
    for process in processes:
        process.start()
    threads = [threading.Thread(target=write_in_thread, args=(first,)) for first in (300, 400)]
    for thread in threads:
        thread.start()
    for worker in [*threads, *processes]:
        worker.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert library.backend.document_count() == 80


@pytest.mark.parametrize(
    "write",
    [
        lambda library: library.backend.clear(),
        lambda library: library.backend.clear([Group]),
        lambda library: library.backend.remove("auth.group.1"),
        lambda library: library.backend.update(library.index, [library.group(1, title="fox")]),
    ],
    ids=["clear", "clear-models", "remove", "update"],
)
def test_every_writer_waits_for_the_lock(library: Library, write: Callable[[Library], None]):
    library.put({"title": "hound"})
    unified = connections[library.alias].get_unified_index()
    backend = library.backend
    done = threading.Event()

    def run() -> None:
        # Haystack's connections are a thread's own, and have no setters.
        connections[library.alias]._index = unified
        connections[library.alias]._backend = backend
        write(library)
        done.set()

    thread = threading.Thread(target=run)
    with locked(library):
        thread.start()
        assert not done.wait(0.2)
        assert library.typed("hound") == [1]
    thread.join()
    assert done.is_set()
    assert library.typed("hound") == []


def test_a_lock_that_is_never_given_back_is_an_error(
    library: Library, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(store_module, "LOCK_SECONDS", 0.05)
    with locked(library), pytest.raises(IndexLocked, match="locked by another process"):
        library.put({"title": "fox"})


def test_the_lock_file_is_never_replaced(library: Library):
    library.add(title=["fox"])
    lock = library.path / "lockfile"
    before = lock.stat().st_ino
    library.backend.clear()
    library.backend.clear([Group])
    library.add(title=["fox"])
    assert lock.stat().st_ino == before


def test_a_back_end_made_before_a_fork_writes_after_it(library: Library):
    library.put({"title": "fox"})

    def write() -> None:
        library.backend.update(library.index, [library.group(2, title="fox")])

    with child(write):
        pass
    library.backend.update(library.index, [library.group(3, title="fox")])
    assert sorted(library.typed("fox")) == [1, 2, 3]


def test_a_batch_is_written_whole_or_not_at_all(library: Library):
    library.add(title=["fox"])

    def fail_halfway() -> None:
        with library.backend.store.write() as database:
            database.delete_document("Qauth.group.1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert library.typed("fox") == [1]


# Readers ----------------------------------------------------------------------------------------


def test_readers_beside_writing_and_emptying_never_see_an_error(library: Library):
    library.put(*({"title": "fox and hound", "tags": ["a"]} for _ in range(50)))
    stop = fork.Event()

    def read() -> None:
        while not stop.is_set():
            library.ids('"fox and hound"')
            list(library.groups().auto_query("fox").facet("tags").highlight()[:5])
            library.groups().more_like_this(library.group(1)).count()
            library.all().spelling_suggestion("fax")

    with child(read), child(read):
        for number in range(60):
            library.put(*({"title": "fox and hound"} for _ in range(20)))
            if number % 5 == 0:
                library.backend.clear()
            if number % 7 == 0:
                library.backend.clear([Group])
        stop.set()


def test_a_search_that_has_begun_goes_on_in_the_index_that_was_emptied(library: Library):
    library.put({"title": "the fox and the hound"})
    database = library.database()
    library.backend.clear()
    library.backend.clear()
    # A phrase needs a table that is opened only now.
    search = enquire(database, library.backend.parser.phrase("fox and the hound"))
    assert search.get_mset(0, 10).size() == 1
    assert library.typed("fox") == []


def test_what_was_emptied_is_removed_after_a_while(library: Library):
    library.put({"title": "fox"})
    library.backend.clear()
    retired, current = sorted(library.path.glob("sonic-*"))
    long_ago = time.time() - 3600
    os.utime(retired, (long_ago, long_ago))
    os.utime(current, (long_ago, long_ago))
    library.put({"title": "fox"})
    assert list(library.path.glob("sonic-*")) == [current]
    assert library.typed("fox") == [1]


def test_what_was_just_emptied_stays_however_old_it_is(library: Library):
    library.put({"title": "fox"})
    long_ago = time.time() - 3600
    os.utime(library.backend.store.current(), (long_ago, long_ago))
    library.backend.clear()
    library.put({"title": "fox"})
    assert len(list(library.path.glob("sonic-*"))) == 2


def test_a_search_that_writers_overtake_starts_again(library: Library):
    library.put(*({"title": f"fox {number}"} for number in range(500)))
    attempts = []

    def action(database: Any) -> int:
        attempts.append(1)
        if len(attempts) == 1:
            for _ in range(3):
                library.put(*({"title": f"hound {number}"} for number in range(500)))
        search = enquire(database, library.backend.parser.words("hound"))
        documents = [match.document.get_data() for match in search.get_mset(0, 1000)]
        words = [list(database.get_document(one.docid).termlist()) for one in database.postlist("")]
        assert len(words) == 500
        return len(documents)

    assert library.backend.store.read(action) == 500
    assert len(attempts) == 2


# Damage -----------------------------------------------------------------------------------------


def overwrite_tables(library: Library) -> None:
    for table in damage(library):
        table.write_bytes(b"\xde\xad" * 9000)


def truncate_tables(library: Library) -> None:
    for table in damage(library):
        os.truncate(table, 8192)


def overwrite_version_file(library: Library) -> None:
    (library.backend.store.current() / "iamglass").write_bytes(b"junk")


def remove_database(library: Library) -> None:
    shutil.rmtree(library.backend.store.current())


def overwrite_stub(library: Library) -> None:
    (library.path / "XAPIANDB").write_bytes(b"\xff\xfe")


def empty_stub(library: Library) -> None:
    (library.path / "XAPIANDB").write_bytes(b"")


def name_another_version(library: Library) -> None:
    (library.path / "XAPIANDB").write_text("auto sonic-0-000001\n")


def put_another_engines_index(library: Library) -> None:
    shutil.rmtree(library.path)
    xapian.WritableDatabase(str(library.path), xapian.DB_CREATE_OR_OPEN).close()


DAMAGES = [
    overwrite_tables,
    truncate_tables,
    overwrite_version_file,
    remove_database,
    overwrite_stub,
    empty_stub,
    name_another_version,
    put_another_engines_index,
]


@pytest.mark.parametrize("harm", DAMAGES)
def test_a_damaged_index_is_named_with_its_cure_and_emptying_makes_a_new_one(
    library: Library, harm: Callable[[Library], None]
):
    library.put(*({"title": f"fox {number}", "body": "words " * 50} for number in range(500)))
    harm(library)
    with pytest.raises(InvalidIndexError, match=r"rebuild_index.*sonic_reindex --fulltext"):
        library.typed("fox")
    library.backend.clear()
    assert library.typed("fox") == []
    library.put({"title": "fox"})
    assert library.typed("fox") == [1]


@pytest.mark.parametrize("harm", DAMAGES)
def test_writing_to_a_damaged_index_is_an_error_as_well(
    library: Library, harm: Callable[[Library], None]
):
    library.put(*({"title": f"fox {number}", "body": "words " * 50} for number in range(500)))
    harm(library)
    with pytest.raises(InvalidIndexError, match=r"rebuild_index.*sonic_reindex --fulltext"):
        library.put(*({"title": "fox"} for _ in range(500)))


def test_each_database_has_an_index_of_its_own(library: Library, monkeypatch) -> None:
    library.add(title=["fox"])
    monkeypatch.setitem(connection.settings_dict, "NAME", "another")
    assert library.filter(title="fox") == []
    library.add(title=["hound"])
    assert library.filter(title="hound") == [1]
    monkeypatch.undo()
    assert library.filter(title="fox") == [1]
    assert library.filter(title="hound") == []
