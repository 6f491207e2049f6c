"""A unique that is declared after the rows were written accepts no duplicate of them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from sonic_django.exceptions import IndexNotBuilt
from sonic_django.persistence import old_rows
from sonic_django.schema.schema import Schema
from sonic_django.sync import built, claimed
from sonic_django.table import uniques
from tests.sync.checking import forget_indexes, kinds
from tests.testapp.models import Plain

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def plains() -> list[Plain]:
    return [Plain.objects.create(name=name, group="g") for name in ("a", "b", "c")]


def declare(declared: dict[str, Any]) -> None:
    """As a process of a new version of the code has it."""
    Plain.uniques = declared
    Plain._sonic = Schema(Plain)
    built.forget()
    claimed.forget()


@pytest.fixture(autouse=True)
def as_before(transactional_db: None) -> Iterator[None]:
    before = Plain._sonic
    claimed.forget()
    yield
    Plain.uniques, Plain._sonic = {}, before
    claimed.forget()
    forget_indexes(Plain)


DECLARED = {
    "a field that has an index": {"name": ["name"]},
    "a field that has none by itself": {"number": ["number"], "name": ["name"]},
    "two fields": {"both": ["group", "name"]},
}


def write(how: str, name: str) -> None:
    match how:
        case "save":
            Plain(name=name, group="g").save()
        case "create in bulk":
            Plain.objects.bulk_create([Plain(name="z", group="g"), Plain(name=name, group="g")])
        case "ignoring conflicts":
            Plain.objects.bulk_create([Plain(name=name, group="g")], ignore_conflicts=True)
        case "update":
            Plain.objects.filter(name="b").update(name=name)
        case "save of another":
            other = Plain.objects.get(name="b")
            other.name = name
            other.save()
        case "update or create":
            Plain.objects.update_or_create(name=name + "x", defaults={"name": name, "group": "g"})


HOW = ["save", "create in bulk", "ignoring conflicts", "update", "save of another"]


@pytest.mark.parametrize("declared", DECLARED.values(), ids=DECLARED)
class TestSmallTables:
    @pytest.mark.parametrize("how", [*HOW, "update or create"])
    def test_a_duplicate_is_refused(self, plains: Any, declared: Any, how: str) -> None:
        declare(declared)
        with pytest.raises(IntegrityError, match="already another testapp.Plain with .*name='a'"):
            write(how, "a")
        assert sorted(Plain.sql.values_list("id", flat=True)) == [one.pk for one in plains]
        Plain(name="free", group="g").save()
        with pytest.raises(IntegrityError, match="name='free'"):
            Plain(name="free", group="g").save()

    def test_after_a_rollback_too(self, plains: Any, declared: Any) -> None:
        declare(declared)
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            Plain(name="x", group="g").save()
            Plain(name="y", group="g").save()
            raise ZeroDivisionError
        with pytest.raises(IntegrityError, match="name='a'"):
            Plain(name="a", group="g").save()

    def test_an_undelete(self, plains: Any, declared: Any) -> None:
        plains[0].delete()
        Plain(name="a", group="g").save()
        declare(declared)
        with pytest.raises(IntegrityError, match="name='a'"):
            plains[0].undelete()

    def test_the_first_save_claims_them_all(self, plains: Any, declared: Any) -> None:
        declare(declared)
        Plain(name="x", group="g").save()
        assert len(uniques.marks("default")) == 1
        claimed.forget()
        names = {"name", "both"} & declared.keys()
        assert claimed.unclaimed(Plain._sonic.at("default"), names) == set()

    def test_later_saves_cost_nothing_more(self, plains: Any, declared: Any) -> None:
        declare(declared)
        Plain(name="x", group="g").save()
        with CaptureQueriesContext(connection) as statements, transaction.atomic():
            Plain(name="y", group="g").save()
        kinds_of = [query["sql"].split()[0] for query in statements]
        kinds_of = kinds_of[: kinds_of.index("COMMIT")]  # what follows asks whether it is built
        assert kinds_of.count("INSERT") == 2
        assert kinds_of.count("SELECT") == 0


class TestOldDuplicates:
    def test_they_stay_until_someone_decides(self, plains: list[Plain]) -> None:
        Plain(name="a", group="h").save()
        declare({"name": ["name"]})
        Plain(name="x").save()
        assert uniques.marks("default") == set()
        with pytest.raises(IntegrityError, match="name='a'"):
            Plain(name="a").save()
        plains[0].name = "other"
        plains[0].save()
        claimed.forget()
        Plain(name="y").save()
        assert len(uniques.marks("default")) == 1
        assert kinds(Plain, deep=True) == {}


class TestLargeTables:
    @pytest.fixture(autouse=True)
    def few_are_many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(old_rows, "_SMALL", 2)

    @pytest.mark.parametrize("how", HOW)
    def test_the_index_is_asked(self, plains: Any, how: str) -> None:
        declare({"name": ["name"]})
        with pytest.raises(IntegrityError, match="name='a'"):
            write(how, "a")
        write("save", "free")
        assert Plain.objects.filter(name="free").count() == 1

    def test_an_index_that_cannot_say_refuses(self, plains: Any) -> None:
        declare({"number": ["number"]})
        with pytest.raises(IndexNotBuilt, match=r"unique 'number' .*Run: .* sonic_reindex"):
            Plain(name="x", number=5).save()
        assert Plain.sql.count() == 3
        Plain(name="without a value").save()
        call_command("sonic_reindex", "testapp.Plain", verbosity=0)
        claimed.forget()
        Plain(name="x", number=5).save()
        with pytest.raises(IntegrityError, match="number=5"):
            Plain(name="x", number=5).save()

    @pytest.mark.parametrize("command", [["sonic_reindex"], ["sonic_check", "--deep", "--repair"]])
    def test_a_command_claims_them_all(self, plains: Any, command: list[str]) -> None:
        declare({"name": ["name"]})
        if command[0] == "sonic_check":
            call_command("sonic_reindex", "testapp.Plain", verbosity=0)
            uniques.release(sorted(uniques.marks("default")), uniques.MARK, "default")
        call_command(command[0], "testapp.Plain", *command[1:], verbosity=0)
        claimed.forget()
        assert claimed.unclaimed(Plain._sonic.at("default"), ["name"]) == set()


def status() -> str:
    stream = io.StringIO()
    call_command("sonic_status", "testapp.Plain", stdout=stream)
    return stream.getvalue()


def test_the_status_tells(plains: Any) -> None:
    declare({"name": ["name"]})
    assert (
        "testapp.Plain: uniques that are not known to be claimed for every row: name." in status()
    )
    call_command("sonic_reindex", "testapp.Plain", verbosity=0)
    assert "claimed" not in status()


class TestDeclaredAgain:
    def test_what_was_written_in_between(self, plains: Any) -> None:
        declare({"name": ["name"]})
        Plain(name="x").save()
        declare({})
        call_command("migrate", verbosity=0)
        Plain(name="between").save()
        declare({"name": ["name"]})
        with pytest.raises(IntegrityError, match="name='between'"):
            Plain(name="between").save()

    def test_by_other_fields_or_another_kind(self) -> None:
        declare({"name": ["name"]})
        one = Plain._sonic.claim_marks["name"]
        declare({"name": ["name", "group"]})
        assert Plain._sonic.claim_marks["name"] != one
