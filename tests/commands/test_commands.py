"""The commands, as typed: what they print, and what they say to a mistake."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from sonic_django.sync import built
from sonic_django.transport.client import redis_client
from tests.testapp.models import Author, Blog, Plain

pytestmark = pytest.mark.django_db(transaction=True)


def output(*command: str, **options: object) -> str:
    stream = io.StringIO()
    call_command(*command, stdout=stream, **options)
    return stream.getvalue()


def forget(model: type) -> None:
    store = model._sonic.store("default")
    for key in list(store.keys()):
        redis_client().delete(key)
    built.forget()


class TestStatus:
    def test_table_shows_rows_beside_what_is_indexed(self) -> None:
        objects = Plain.objects.bulk_create([Plain(name=str(i)) for i in range(1500)])
        objects[0].delete()
        text = output("sonic_status", "testapp.Plain")
        (line,) = [line for line in text.splitlines() if "testapp.Plain" in line]
        cells = [cell.strip() for cell in line.split("│")[1:-1]]
        assert cells[:4] == ["testapp.Plain", "1,499", "1,499", "1"]
        assert cells[-1] == "4 of 4"

    def test_what_is_not_built_is_named_with_the_command(self) -> None:
        Plain.objects.create(name="x")
        forget(Plain)
        text = output("sonic_status", "testapp.Plain")
        assert (
            "testapp.Plain: not built: ids, group, group_number, name. "
            "Run: python manage.py sonic_reindex testapp.Plain" in text
        )

    def test_json(self) -> None:
        Blog.objects.create(title="t")
        (status,) = json.loads(output("sonic_status", "testapp.Blog", "--json"))
        assert (status["label"], status["rows"], status["indexed"]) == ("testapp.Blog", 1, 1)
        assert status["indexes"]["author_tags"] is True
        assert status["redis_bytes"] > 0

    def test_what_the_sweep_has_before_it(self) -> None:
        """Marked rows, and the tombstones of destroyed ones."""
        Plain.objects.create(name="marked")
        Plain.objects.create(name="destroyed").destroy()
        (status,) = json.loads(output("sonic_status", "testapp.Plain", "--json"))
        assert (status["rows"], status["dirty"]) == (1, 2)

    def test_whole_app(self) -> None:
        found = json.loads(output("sonic_status", "--json"))
        labels = {status["label"] for status in found}
        assert {"testapp.Plain", "testapp.Blog"} <= labels


class TestReindex:
    def test_all_of_an_app(self) -> None:
        Plain.objects.create(name="x")
        forget(Plain)
        text = output("sonic_reindex", "testapp")
        assert "testapp.Plain: indexes of 1 row(s) built." in text
        assert Plain.objects.filter(name="x").exists()

    def test_progress_has_a_rate_and_an_estimate(self) -> None:
        Plain.objects.bulk_create([Plain(name=str(i)) for i in range(50)])
        text = output("sonic_reindex", "testapp.Plain", batch_size=10)
        assert "testapp.Plain: 50 of 50" in text
        assert "/s, 0 s left" in text

    def test_fulltext(self) -> None:
        author = Author.objects.create(username="a", intro="sailing the seas")
        from sonic_django.fulltext import queue

        queue.clear(Author._sonic)
        assert Author.search("sailing") == []
        text = output("sonic_reindex", "testapp.Author", "--fulltext")
        assert "testapp.Author: full text of 1 row(s) built." in text
        assert Author.search("sailing") == [author]
        assert "None of these classes declares" in output(
            "sonic_reindex", "testapp.Plain", "--fulltext"
        )

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["nope"], "'nope' names no SonicObj class. There are: "),
            (["testapp.Comment"], "'testapp.Comment' names no SonicObj class"),
            (["testapp.Plain", "--index", "nope"], "No class here has an index 'nope'. There are:"),
            (["--batch-size", "0"], "--batch-size is 0; it must be 1 or more."),
        ],
    )
    def test_mistakes(self, arguments: list[str], message: str) -> None:
        with pytest.raises(CommandError) as caught:
            output("sonic_reindex", *arguments)
        assert message in str(caught.value)


class TestBuildTables:
    def test_makes_what_is_missing_and_only_that(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE testapp_pair")
        assert "CREATE TABLE" in output("sonic_build_tables", "--sql")
        assert "testapp_pair" not in connection.introspection.table_names()
        text = output("sonic_build_tables", "testapp")
        assert "Made testapp_pair in default." in text
        assert "1 table(s) made, " in text
        assert "0 table(s) made, " in output("sonic_build_tables", "testapp")

    def test_same_columns_as_migrate(self) -> None:
        def columns() -> list[tuple[object, ...]]:
            with connection.cursor() as cursor:
                found = connection.introspection.get_table_description(cursor, "testapp_pair")
            return [tuple(column)[:6] for column in found]

        before = columns()
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE testapp_pair")
        output("sonic_build_tables", "testapp.Pair")
        assert columns() == before


def test_redis_away_is_a_clear_error(settings) -> None:
    settings.CACHES = {
        **settings.CACHES,
        "sonic": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": "unix:///nonexistent/redis.sock?db=0",
        },
    }
    for command in ("sonic_status", "sonic_reindex"):
        with pytest.raises(CommandError, match="Redis does not answer"):
            output(command, "testapp.Plain")
