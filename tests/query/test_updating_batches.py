"""Many rows written by one statement, and others who write some of them meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from sonic_django.exceptions import StaleObjectError
from sonic_django.query import loading
from sonic_django.table import batches, rows
from tests.query.test_round_trips import costs
from tests.testapp.models import Plain
from tests.versions import writes


def made(number: int) -> list[Plain]:
    return Plain.objects.bulk_create([Plain(name=str(n), number=n) for n in range(number)])


def elsewhere(job: Callable[[], Any]) -> None:
    """Run it in another thread, which has its own connection, and commit."""
    errors = []

    def run() -> None:
        try:
            job()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    assert not errors


@pytest.mark.django_db
class TestStatements:
    def test_of_a_thousand(self) -> None:
        plains = made(1000)
        with CaptureQueriesContext(connection) as statements:
            assert Plain.objects.filter(pk__gt=0).update(number=F("number") + 1) == 1000
        assert sorted(Plain.objects.values_list("number", flat=True)) == list(range(1, 1001))
        assert len(statements) == 2 + 7, "the rows by 900, and UPDATEs by 150"
        for plain in plains:
            plain.reload()
            plain.group = f"g{plain.number}"
        with CaptureQueriesContext(connection) as statements:
            Plain.objects.bulk_update(plains, ["group"])
        assert len(statements) == 7
        assert Plain.objects.get(group="g7").name == "6"

    @pytest.mark.parametrize("chosen", [{"group": ""}, {"pk__gt": 0}])
    def test_each_payload_is_read_once(self, chosen: dict[str, Any], decoded: list[bytes]) -> None:
        made(5)
        decoded.clear()
        assert Plain.objects.filter(**chosen).update(number=F("number") * 2) == 5
        assert len(decoded) == 5
        assert sorted(Plain.objects.values_list("number", flat=True)) == [0, 2, 4, 6, 8]

    @pytest.mark.parametrize(("limit", "value"), [("ROWS", 2), ("BYTES", 1)])
    def test_beyond_the_limits_of_one(
        self, limit: str, value: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made(5)
        monkeypatch.setattr(batches, f"{limit}_PER_STATEMENT", value)
        with costs(2, 1 + (3 if limit == "ROWS" else 5)):
            Plain.objects.all().update(number=F("number") + 1)
        assert sorted(Plain.objects.values_list("number", flat=True)) == [1, 2, 3, 4, 5]

    def test_deleted_ones_stay_deleted(self) -> None:
        plains = made(4)
        plains[1].delete()
        plains[2].delete()
        with CaptureQueriesContext(connection) as statements:
            assert Plain.objects.with_deleted().update(group="g") == 4
        assert len(statements) == 1 + 1
        assert Plain.objects.filter(group="g").ids() == [plains[3].pk, plains[0].pk]
        assert sorted(Plain.sql.filter(is_deleted=True).values_list("pk", flat=True)) == [
            plains[1].pk,
            plains[2].pk,
        ]

    def test_an_object_given_twice_is_two_writers(self) -> None:
        (one,) = made(1)
        other = Plain.objects.get(pk=one.pk)
        one.number, other.group = 7, "g"
        Plain.objects.bulk_update([one], ["number", "group"])
        one.number = 8
        Plain.objects.bulk_update([one, other], ["number", "group"])
        one.reload()
        assert (one.number, one.group, writes(one)) == (8, "g", 4)


@pytest.mark.django_db(transaction=True)
class TestOvertaken:
    """Another connection writes some of the rows between their read and their write."""

    def test_other_fields_are_merged(self) -> None:
        plains = made(10)
        elsewhere(lambda: Plain.objects.filter(name__in=["3", "4"]).update(group="other"))
        for plain in plains:
            plain.number = 100
        assert Plain.objects.bulk_update(plains, ["number"]) == 10
        found = {plain.name: plain for plain in Plain.objects.all()}
        assert {plain.number for plain in found.values()} == {100}
        assert {name for name, plain in found.items() if plain.group == "other"} == {"3", "4"}
        assert [found[plain.name].sonic_version for plain in plains] == [
            plain.sonic_version for plain in plains
        ]
        assert Plain.objects.filter(group="other", number=100).count() == 2

    def test_the_same_field_leaves_nothing_written(self) -> None:
        plains = made(10)
        elsewhere(lambda: Plain.objects.filter(name="3").update(number=77))
        for plain in plains:
            plain.number = 100
        with pytest.raises(StaleObjectError, match="another writer, which changed num"):
            Plain.objects.bulk_update(plains, ["number"])
        assert sorted(Plain.objects.values_list("number", flat=True)) == [
            *(0, 1, 2, 4, 5, 6, 7, 8, 9, 77)
        ]
        assert plains[0].dirty_fields == ["number"]

    def test_an_update_counts_from_what_is_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        plains = made(10)
        confirmed = loading.confirmed

        def meanwhile(state: Any, ids: Any) -> list[Any]:
            objects = confirmed(state, ids)
            monkeypatch.undo()
            elsewhere(lambda: Plain.objects.filter(name="3").update(number=1000))
            elsewhere(lambda: Plain.objects.get(pk=plains[4].pk).destroy())
            return objects

        monkeypatch.setattr(loading, "confirmed", meanwhile)
        assert Plain.objects.all().update(number=F("number") + 1) == 9
        assert sorted(Plain.objects.values_list("number", flat=True)) == [
            *(1, 2, 3, 6, 7, 8, 9, 10, 1001)
        ]

    def test_marks_of_the_same_microsecond(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The versions tell who wrote them."""
        plains = made(3)
        monkeypatch.setattr(rows, "_now", lambda connection: "2024-05-05 10:00:00.123456")
        elsewhere(lambda: Plain.objects.filter(name="1").update(group="other"))
        for plain in plains:
            plain.number = 100
        with transaction.atomic():
            Plain.objects.bulk_update(plains, ["number"])
        assert list(Plain.objects.values_list("number", flat=True)) == [100, 100, 100]
        assert Plain.objects.filter(group="other").count() == 1
