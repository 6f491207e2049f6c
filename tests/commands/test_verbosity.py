"""``--verbosity 0``: nothing but errors, and the answer of a command that is asked for one."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError
from django.db import connection

from tests.commands.test_commands import forget, output
from tests.testapp.models import Author, Pair, Plain

pytestmark = pytest.mark.django_db(transaction=True)


def silent(*command: str) -> str:
    return output(*command, verbosity=0)


class TestNothingIsPrinted:
    def test_by_a_sync(self) -> None:
        Plain.objects.create(name="marked")
        assert silent("sonic_sync") == ""

    def test_by_a_rebuild(self) -> None:
        Plain.objects.create(name="x")
        forget(Plain)
        assert silent("sonic_reindex", "testapp.Plain") == ""
        assert Plain.objects.filter(name="x").exists()

    def test_by_a_rebuild_of_full_text(self) -> None:
        Author.objects.create(username="a", intro="sailing")
        assert silent("sonic_reindex", "testapp.Author", "--fulltext") == ""
        assert silent("sonic_reindex", "testapp.Plain", "--fulltext") == ""

    def test_by_making_tables(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE {Pair._meta.db_table}")
        assert silent("sonic_build_tables", "testapp") == ""
        assert Pair._meta.db_table in connection.introspection.table_names()

    def test_by_a_flush(self) -> None:
        Plain.objects.create(name="x")
        assert output("flush", verbosity=0, interactive=False) == ""
        assert Plain.objects.count() == 0


class TestAnAnswerIsPrinted:
    """Answers are printed at any verbosity, as by Django's showmigrations and sqlmigrate."""

    def test_of_a_check_without_its_progress(self) -> None:
        Plain.objects.create(name="x")
        text = silent("sonic_check", "testapp.Plain")
        assert "differences" in text
        assert "/s," not in text

    def test_of_a_check_as_json(self) -> None:
        (result,) = json.loads(silent("sonic_check", "testapp.Plain", "--json"))
        assert result["remaining"] == 0

    def test_of_the_status(self) -> None:
        assert "testapp.Plain" in silent("sonic_status", "testapp.Plain")
        assert json.loads(silent("sonic_status", "testapp.Plain", "--json"))

    def test_of_sql(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE {Pair._meta.db_table}")
        try:
            assert "CREATE TABLE" in silent("sonic_build_tables", "--sql")
        finally:
            silent("sonic_build_tables", "testapp")


def test_errors_are_raised() -> None:
    with pytest.raises(CommandError, match="names no SonicObj class"):
        silent("sonic_sync", "nope")
