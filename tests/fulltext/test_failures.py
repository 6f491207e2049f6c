"""Full text that cannot be written or read: saves go on, the queue waits, one command cures."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from xapian_backend import InvalidIndexError

from sonic_django.fulltext import waiting
from sonic_django.fulltext.availability import search_connection
from sonic_django.sync.sweep import sweep
from tests.testapp.models import Author

from .conftest import Library, connected

needs_rows = pytest.mark.django_db(transaction=True)


def store() -> Any:
    """The directory of Haystack's default connection."""
    return search_connection().get_backend().store


def backlog() -> int:
    return int(Author._sonic.store("default").text_backlog())


@contextmanager
def locked() -> Iterator[None]:
    """Somebody else writes to full text, and does not come to an end."""
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with store().lock():
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


@needs_rows
class TestLocked:
    @pytest.fixture(autouse=True)
    def _short_wait(self, settings: Any) -> None:
        settings.SONIC = {"TIMEOUT": 0.1}
        waiting.forget()

    def test_a_save_succeeds_and_the_next_one_makes_up_for_it(self, caplog: Any) -> None:
        Author.objects.create(username="first", intro="rowing")
        with locked():
            author = Author.objects.create(username="ada", intro="sailing")
            assert Author.objects.filter(username="ada").ids() == [author.pk]
            assert Author.search("sailing") == []
            assert backlog() == 1
        assert "stay queued" in caplog.text
        assert "locked by another process for 0.1 s" in caplog.text
        while waiting.is_paused():
            pass
        Author.objects.create(username="bob", intro="rowing")
        assert Author.search("sailing") == [author]
        assert backlog() == 0

    def test_only_one_save_waits(self, settings: Any, caplog: Any) -> None:
        settings.SONIC = {"TIMEOUT": 1.0}
        with locked():
            for number in range(8):
                Author.objects.create(username=str(number), intro="sailing")
            assert backlog() == 8
        assert caplog.text.count("stay queued") == 1
        sweep(Author._sonic.at("default"))
        assert len(Author.search("sailing")) == 8

    def test_the_sweep_makes_up_for_it(self) -> None:
        with locked():
            author = Author.objects.create(username="ada", intro="sailing")
        sweep(Author._sonic.at("default"))
        assert Author.search("sailing") == [author]

    def test_searches_do_not_wait(self) -> None:
        author = Author.objects.create(username="ada", intro="sailing")
        with locked():
            assert Author.search("sailing") == [author]


def overwrite_tables() -> None:
    for table in store().current().glob("*.glass"):
        table.write_bytes(b"\xde\xad" * 9000)


def remove_database() -> None:
    shutil.rmtree(store().current())


def overwrite_stub() -> None:
    store().stub.write_bytes(b"\xff\xfe")


@needs_rows
@pytest.mark.parametrize("harm", [overwrite_tables, remove_database, overwrite_stub])
class TestDamaged:
    @pytest.fixture(autouse=True)
    def _made_anew(self) -> Iterator[None]:
        yield
        search_connection().get_backend().clear()

    def test_a_search_names_the_cure_and_the_cure_works(self, harm: Callable[[], None]) -> None:
        authors = [Author.objects.create(username=str(n), intro="sailing") for n in range(3)]
        harm()
        with pytest.raises(InvalidIndexError, match=r"cannot be read.*sonic_reindex --fulltext"):
            Author.search("sailing")
        call_command("sonic_reindex", "testapp.Author", "--fulltext", stdout=io.StringIO())
        assert {author.pk for author in Author.search("sailing")} == {one.pk for one in authors}

    def test_a_save_succeeds_and_is_found_after_the_cure(self, harm: Callable[[], None]) -> None:
        Author.objects.create(username="first", intro="rowing")
        harm()
        author = Author.objects.create(username="ada", intro="sailing")
        assert Author.objects.filter(username="ada").ids() == [author.pk]
        call_command("sonic_reindex", "testapp.Author", "--fulltext", stdout=io.StringIO())
        assert Author.search("sailing") == [author]
        assert len(Author.search("rowing")) == 1
        assert backlog() == 0


@contextmanager
def without_write_access(directory: Path) -> Iterator[None]:
    """The directory is one that this process may read only; root becomes another user."""
    is_root = os.geteuid() == 0
    for path in (directory, *directory.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        for path in (directory, *directory.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)


class TestReadOnlyDirectory:
    @pytest.fixture
    def shelf(self) -> Iterator[Library]:
        # Not pytest's own directory, which nobody else may enter.
        directory = Path(tempfile.mkdtemp(dir="/tmp"))
        with connected(directory / "index") as library:
            yield library
        shutil.rmtree(directory)

    def test_searches_go_on_and_writing_names_the_file(self, shelf: Library) -> None:
        shelf.add(title=["fox"])
        top = Path(shelf.backend.store.path).parent
        while top.parent != Path("/tmp"):
            top = top.parent
        with without_write_access(top):
            assert shelf.typed("fox") == [1]
            with pytest.raises(OSError, match="lockfile"):
                shelf.put({"title": "hound"})
        shelf.put({"title": "hound"})
        assert shelf.typed("hound") == [1]

    @needs_rows
    def test_the_command_says_so(self, settings: Any, tmp_path: Path) -> None:
        Author.objects.create(username="ada", intro="sailing")
        path = store().path
        lock = path / "lockfile"
        lock.unlink()
        lock.mkdir()  # what cannot be opened, for whatever user
        try:
            with pytest.raises(CommandError, match=r"testapp.Author: .*lockfile"):
                call_command("sonic_reindex", "testapp.Author", "--fulltext", stdout=io.StringIO())
            author = Author.objects.create(username="bob", intro="rowing")
            assert backlog() == 1
        finally:
            lock.rmdir()
        sweep(Author._sonic.at("default"))
        assert Author.search("rowing") == [author]
