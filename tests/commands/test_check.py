"""``sonic_check`` as typed: what it prints, how it ends."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from sonic_django.fulltext import queue
from tests.sync.checking import forget_indexes, key, member, payload, redis, sql
from tests.testapp.models import Author, Blog, Pair, Plain

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def short_grace(settings: Any) -> None:
    settings.SONIC = {"GRACE": 0.05}


@pytest.fixture(autouse=True)
def nothing_left(transactional_db: None) -> Iterator[None]:
    for model in (Author, Blog):
        queue.clear(model._sonic)
    yield
    forget_indexes(Author, Blog, Pair, Plain)


def output(*arguments: str) -> str:
    """Return the output of a command that ends well."""
    stream = io.StringIO()
    call_command("sonic_check", *arguments, stdout=stream)
    return stream.getvalue()


def failing(*arguments: str) -> tuple[str, str]:
    """Return the output, and the error with which the command ends."""
    stream = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("sonic_check", *arguments, stdout=stream)
    assert caught.value.returncode == 1
    return stream.getvalue(), str(caught.value)


def cells(text: str, label: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith("│") and label in line]
    return [cell.strip() for cell in line.split("│")[1:-1]]


class TestClean:
    def test_quick(self) -> None:
        Plain.objects.bulk_create([Plain(name=str(i)) for i in range(1500)])
        text = output("testapp.Plain")
        label, rows, _, *others = cells(text, "testapp.Plain")
        assert (label, rows, others) == ("testapp.Plain", "1,500", ["0", "none", "0"])
        assert "testapp.Plain: 1,500 of 1,500" in text

    def test_deep(self) -> None:
        Author.objects.create(username="a", intro="words")
        text = output("testapp.Author", "--deep")
        assert cells(text, "testapp.Author")[4:] == ["1", "1", "1", "none", "0"]

    def test_whole_app_as_json(self) -> None:
        text = output("testapp", "--json")
        found = {result["label"]: result for result in json.loads(text)}
        counted = ("rows", "ranges", "differing", "entries", "documents", "uniques", "remaining")
        assert found["testapp.Plain"] == {
            "label": "testapp.Plain",
            "database": "default",
            "deep": False,
            **dict.fromkeys(counted, 0),
            "found": {},
            "repaired": {},
            "drifts": [],
            "notes": [],
        }


class TestDrift:
    def test_it_is_listed_and_ends_with_1(self) -> None:
        plains = [Plain.objects.create(name=str(i)) for i in range(25)]
        sql("UPDATE testapp_plain SET version = version + 1")
        text, error = failing("testapp.Plain")
        ranges = {plain.pk // 1000 for plain in plains}
        assert cells(text, "testapp.Plain")[3:] == [str(len(ranges)), "25 stale", "0"]
        for plain in plains[:20]:
            version = plain.sonic_version
            versions = f"the row has version {version + 1}, the index {version}"
            line = f"testapp.Plain: stale: {plain.pk}: {versions}"
            assert line in text.splitlines()
        assert text.splitlines()[-1] == "testapp.Plain: and 5 more."
        assert error == "25 difference(s) remain. Run with --repair."

    def test_what_is_repaired_ends_well(self) -> None:
        plain = Plain.objects.create(name="x")
        redis().zrem(key(Plain, "ids"), member(plain.pk))
        output("testapp.Plain")  # it is no matter of versions
        text = output("testapp.Plain", "--deep", "--repair")
        assert cells(text, "testapp.Plain")[7:] == ["1 missing entry", "1"]
        output("testapp.Plain", "--deep")

    def test_json(self) -> None:
        plain = Plain.objects.create(name="x")
        sql("DELETE FROM testapp_plain")
        text, error = failing("testapp.Plain", "--json")
        assert error == "1 difference(s) remain. Run with --repair."
        (result,) = json.loads(text)
        assert (result["found"], result["remaining"]) == ({"without row": 1}, 1)
        detail = f"the index has version {plain.sonic_version}"
        assert result["drifts"] == [{"kind": "without row", "id": plain.pk, "detail": detail}]

    def test_what_cannot_be_repaired_names_its_cure(self) -> None:
        first, second = Pair.objects.create(code="1"), Pair.objects.create(code="2")
        changed = payload(Pair, code="1", left=None, right=None)
        sql("UPDATE testapp_pair SET data = %s WHERE id = %s", changed, second.pk)
        text, error = failing("testapp.Pair", "--deep", "--repair")
        assert f"duplicate: {second.pk}: code='1', as {first.pk}." in text
        assert error == (
            "1 difference(s) remain. Of duplicates, change or delete all but one and run --repair "
            "again."
        )
        sql("UPDATE testapp_pair SET data = %s WHERE id = %s", b"rubbish", second.pk)
        assert "Restore from a backup the payloads" in failing("testapp.Pair", "--deep")[1]

    def test_not_built(self) -> None:
        Plain.objects.create(name="x")
        forget_indexes(Plain)
        text, error = failing("testapp.Plain")
        assert "not built: the index group. Run: python manage.py sonic_reindex" in text
        assert error == "4 difference(s) remain. Build what is not built with sonic_reindex."


class TestMistakes:
    def test_no_such_class(self) -> None:
        assert "'nope' names no SonicObj class. There are: " in failing("nope")[1]

    def test_redis_away(self, settings: Any) -> None:
        settings.CACHES = {
            **settings.CACHES,
            "sonic": {
                "BACKEND": "django_redis.cache.RedisCache",
                "LOCATION": "unix:///nonexistent/redis.sock?db=0",
            },
        }
        assert "testapp.Plain: Redis does not answer" in failing("testapp.Plain")[1]

    def test_no_table(self) -> None:
        from django.db import connection

        from tests.testapp.models import Described

        sql("DROP TABLE testapp_described")
        try:
            error = failing("testapp.Described")[1]
        finally:
            with connection.schema_editor() as editor:
                editor.create_model(Described)
        assert "is the table made (by migrate or sonic_build_tables)?" in error
