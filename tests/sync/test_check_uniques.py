"""Uniques that were declared after the rows were written, and claims that are not right."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError

from sonic_django.schema.schema import Schema
from sonic_django.sync import built, claimed
from sonic_django.table import uniques
from tests.sync.checking import checked, forget_indexes, is_repaired, kinds, payload, sql
from tests.testapp.models import Author, Pair, Plain

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def short_grace(settings: Any) -> None:
    settings.SONIC = {"GRACE": 0.05}


@pytest.fixture(autouse=True)
def nothing_left(transactional_db: None) -> Iterator[None]:
    yield
    forget_indexes(Pair, Plain)


@pytest.fixture
def plains() -> list[Plain]:
    """Five rows, of which the last three have one name."""
    names = ["a", "b", "same", "same", "same"]
    return [Plain.objects.create(name=name) for name in names]


@pytest.fixture
def now_unique(plains: list[Plain]) -> Iterator[None]:
    """``name`` is declared unique after the rows were written."""
    before = Plain._sonic
    Plain.uniques = {"name": ["name"]}
    Plain._sonic = Schema(Plain)
    built.forget()
    claimed.forget()
    yield
    Plain.uniques = {}
    Plain._sonic = before


def reindex() -> str:
    stream = io.StringIO()
    call_command("sonic_reindex", "testapp.Plain", stdout=stream)
    return stream.getvalue()


class TestDeclaredLater:
    def test_what_nobody_claims_is_found(self, plains: list[Plain], now_unique: None) -> None:
        result = checked(Plain, deep=True)
        assert result.found == {"unique not claimed": 3, "duplicate": 2}
        same = [plain.pk for plain in plains[2:]]
        assert [drift for drift in result.drifts if drift.kind == "duplicate"] == [
            (
                "duplicate",
                id,
                f"name='same', as {same[0]}. Change one of them, or delete it",
            )
            for id in same[1:]
        ]

    def test_it_is_claimed_but_for_the_duplicates(
        self, plains: list[Plain], now_unique: None
    ) -> None:
        result = checked(Plain, deep=True, repair=True)
        assert result.found == {"unique not claimed": 3, "duplicate": 2}
        assert (result.repairs, result.remaining) == (3, 2)
        for name in ("a", "b", "same"):
            with pytest.raises(IntegrityError, match=f"another testapp.Plain with name='{name}'"):
                Plain.objects.create(name=name)
        plains[3].name = "other"
        plains[3].save()
        plains[4].delete()
        assert kinds(Plain, deep=True) == {}

    def test_reindex_claims_and_lists_the_duplicates(
        self, plains: list[Plain], now_unique: None
    ) -> None:
        text = reindex()
        assert "testapp.Plain: indexes of 5 row(s) built." in text
        first, second, third = (plain.pk for plain in plains[2:])
        for id in (second, third):
            assert f"testapp.Plain: duplicate: {id}: name='same', as {first}. Change one" in text
        assert kinds(Plain, deep=True) == {"duplicate": 2}
        assert Plain.objects.filter(name="same").count() == 3

    def test_values_of_many_rows(self, now_unique: None) -> None:
        values = [Plain._sonic.codec.encode({"name": f"n{i}"}) for i in range(1200)]
        Plain._sonic.table("default").insert_many(values)
        assert checked(Plain, deep=True).found["unique not claimed"] == 1203
        reindex()
        assert kinds(Plain, deep=True) == {"duplicate": 2}


class TestClaims:
    @pytest.fixture
    def pairs(self) -> list[Pair]:
        return [Pair.objects.create(code=str(i), left="l", right=i) for i in range(3)]

    def keys(self, pair: Pair) -> list[bytes]:
        return list(Pair._sonic.unique_keys(pair.to_dict()))

    def test_a_claim_that_is_gone(self, pairs: list[Pair]) -> None:
        uniques.release(self.keys(pairs[1]), pairs[1].pk, "default")
        found = checked(Pair, deep=True)
        assert found.found == {"unique not claimed": 2}
        assert is_repaired(Pair, deep=True)
        with pytest.raises(IntegrityError):
            Pair.objects.create(code="1")

    def test_a_claim_of_an_object_that_is_gone(self, pairs: list[Pair]) -> None:
        sql("UPDATE sonic_unique SET owner = 999999 WHERE owner = %s", pairs[1].pk)
        result = checked(Pair, deep=True)
        assert result.found == {"unique held wrongly": 2}
        assert "is owned by 999999, which does not have it" in result.drifts[0].detail
        assert is_repaired(Pair, deep=True)
        pairs[1].code = "other"
        pairs[1].save()
        Pair.objects.create(code="1")

    def test_a_claim_of_an_object_that_has_another_value(self, pairs: list[Pair]) -> None:
        sql("UPDATE sonic_unique SET owner = %s WHERE owner = %s", pairs[0].pk, pairs[1].pk)
        assert kinds(Pair, deep=True) == {"unique held wrongly": 2}
        assert is_repaired(Pair, deep=True)

    def test_a_duplicate_made_by_sql(self, pairs: list[Pair]) -> None:
        changed = payload(Pair, code="0", left=None, right=None)
        sql("UPDATE testapp_pair SET data = %s WHERE id = %s", changed, pairs[1].pk)
        result = checked(Pair, deep=True, repair=True)
        duplicates = [drift for drift in result.drifts if drift.kind == "duplicate"]
        detail = f"code='0', as {pairs[0].pk}. Change one of them, or delete it"
        assert duplicates == [("duplicate", pairs[1].pk, detail)]
        assert result.remaining == 1

    def test_deleted_objects_and_empty_values_claim_nothing(self, pairs: list[Pair]) -> None:
        Pair.objects.create(left="l")
        pairs[0].delete()
        Pair.objects.create(code="0")
        result = checked(Pair, deep=True)
        assert result.found == {}
        assert result.uniques == 5


class TestClaimsWithoutRow:
    @pytest.fixture
    def pairs(self) -> list[Pair]:
        return [Pair.objects.create(code=str(i), left="l", right=i) for i in range(3)]

    REMOVALS: ClassVar[dict[str, str]] = {
        "removed": "DELETE FROM testapp_pair WHERE id = %s",
        "set deleted": "UPDATE testapp_pair SET is_deleted = 1 WHERE id = %s",
    }

    @pytest.mark.parametrize("statement", REMOVALS.values(), ids=REMOVALS)
    @pytest.mark.parametrize("deep", [False, True])
    def test_they_are_freed(self, pairs: list[Pair], statement: str, deep: bool) -> None:
        sql(statement, pairs[1].pk)
        assert checked(Pair, deep=deep).found["unique without row"] == 2
        with pytest.raises(IntegrityError):
            Pair.objects.create(code="1")
        checked(Pair, deep=deep, repair=True)
        assert kinds(Pair, deep=True) == {}
        Pair.objects.create(code="1", left="l", right=1)
        for code in "02":
            with pytest.raises(IntegrityError):
                Pair.objects.create(code=code)

    def test_a_row_with_another_value(self, pairs: list[Pair]) -> None:
        other = payload(Pair, code="new", left=None, right=None)
        sql("UPDATE testapp_pair SET data = %s WHERE id = %s", other, pairs[1].pk)
        assert checked(Pair, deep=True).found["unique without row"] == 2
        checked(Pair, deep=True, repair=True)
        Pair.objects.create(code="1", left="l", right=1)

    def test_all_rows_are_gone(self, pairs: list[Pair]) -> None:
        sql("DELETE FROM testapp_pair")
        call_command("sonic_check", "testapp.Pair", "--repair", stdout=io.StringIO())
        Pair.objects.bulk_create([Pair(code=str(i)) for i in range(3)])

    def test_other_classes_keep_theirs(self, pairs: list[Pair]) -> None:
        author = Author.objects.create(username="ann")
        sql("DELETE FROM testapp_pair")
        checked(Pair, deep=True, repair=True)
        with pytest.raises(IntegrityError):
            Author.objects.create(username="ann")
        author.destroy()

    def test_one_that_cannot_be_read_keeps_its_values(self, pairs: list[Pair]) -> None:
        sql("UPDATE testapp_pair SET data = %s WHERE id = %s", b"x", pairs[1].pk)
        assert "unique without row" not in kinds(Pair, deep=True)

    def test_the_command_looks_once(self, pairs: list[Pair]) -> None:
        sql("DELETE FROM testapp_pair WHERE id = %s", pairs[1].pk)
        stream = io.StringIO()
        with pytest.raises(CommandError):
            call_command("sonic_check", stdout=stream)
        assert stream.getvalue().count("unique without row: ") == 2
