"""Rows that no index entries can be made of: they are reported, and hold up nothing."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import models
from django.test.utils import isolate_apps

from sonic_django import EmbeddedObj, Index, SonicObj, emobj_field, int_field, str_field
from sonic_django.exceptions import UnindexableRow
from sonic_django.signals import index_failed
from sonic_django.sync import background
from sonic_django.sync.check.quick import check
from sonic_django.sync.checkpoints import Clearing
from sonic_django.sync.rebuild import rebuild
from sonic_django.sync.status import model_status
from sonic_django.sync.sweep import sweep
from tests.sync.marking import age, write_behind_the_index
from tests.testapp.models import Plain

pytestmark = pytest.mark.django_db(transaction=True)


class Place(EmbeddedObj):
    city = str_field("")
    zip = int_field(null=False)


def odd(obj: Any) -> int:
    return 1 // len(obj.name)


def of_property(obj: Any) -> Any:
    return obj.shout


BODIES: dict[str, dict[str, Any]] = {
    "required": {"rank": int_field(null=False, index=True)},
    "plain Django field": {
        "rank": models.IntegerField(),
        "indexes": {"rank": Index(order_by="rank")},
    },
    "part of an index of two": {"rank": int_field(null=False), "indexes": {"r": ["name", "rank"]}},
    "default that does not fit": {"rank": int_field("seven", index=True)},
    "default that fails": {"rank": int_field(lambda: 1 // 0, index=True)},
    "computed": {"indexes": {"odd": Index(expression=odd, name="odd")}},
    "property": {
        "shout": property(lambda self: self.missing),
        "indexes": {"shout": Index(expression=of_property, name="shouted")},
    },
}
FIELDS = {"computed": "odd", "property": "shouted"}


@pytest.fixture
def evolved() -> Iterator[Any]:
    """The class of the table of ``Plain`` as a later version of the code declares it."""
    with isolate_apps("tests.testapp"):

        def declared(**body: Any) -> Any:
            meta = type("Meta", (), {"app_label": "testapp", "db_table": "testapp_plain"})
            attributes = {"__module__": __name__, "Meta": meta, "name": str_field("", index=True)}
            return type("Plain", (SonicObj,), {**attributes, **body})

        yield declared


@pytest.fixture
def failures() -> Iterator[list[tuple[list[int], Exception]]]:
    found: list[tuple[list[int], Exception]] = []

    def note(sender: Any, ids: list[int], exception: Exception, **named: Any) -> None:
        found.append((ids, exception))

    index_failed.connect(note)
    yield found
    index_failed.disconnect(note)


@pytest.mark.parametrize("kind", BODIES)
class TestAddedLater:
    def test_a_save_of_another_object_ends(self, kind: str, evolved: Any) -> None:
        Plain.objects.create(name="")
        cls = evolved(**BODIES[kind])
        saved = cls.sql.none().model(name="new", **_values(cls))
        if kind == "property":
            with pytest.raises(ValueError, match="shouted"):  # before the commit
                saved.save()
            assert cls.sql.count() == 1
        else:
            assert saved.save()
            assert cls.objects.bulk_create([cls(name="x", **_values(cls))])
            assert cls.sql.count() == 3

    def test_a_rebuild_indexes_the_others_and_names_it(
        self, kind: str, evolved: Any, failures: Any, caplog: Any
    ) -> None:
        old = Plain.objects.create(name="")
        cls = evolved(**BODIES[kind])
        told: dict[int, str] = {}
        stores = cls._sonic.at("default")
        rebuild(stores, on_unreadable=told.__setitem__)
        assert list(told) == [old.pk]
        field = FIELDS.get(kind, "rank")
        assert field in told[old.pk]
        assert f"testapp.Plain {old.pk} cannot be indexed" in caplog.text
        ((ids, error),) = failures
        assert ids == [old.pk]
        assert isinstance(error, UnindexableRow)
        assert error.id == old.pk
        assert field in error.field
        assert cls.objects.count() == cls.objects.filter(name="").count() == 1
        if kind != "property":
            cls(name="new", **_values(cls)).save()
            assert [one.name for one in cls.objects.filter(name="new")] == ["new"]

    @pytest.mark.parametrize("deep", [False, True])
    def test_check_and_status_name_it(self, kind: str, deep: bool, evolved: Any) -> None:
        old = Plain.objects.create(name="")
        stores = evolved(**BODIES[kind])._sonic.at("default")
        rebuild(stores)
        found = check(stores, deep=deep, repair=True)
        assert [(drift.kind, drift.id) for drift in found.drifts] == [("payload", old.pk)]
        assert FIELDS.get(kind, "rank") in found.drifts[0].detail
        assert found.remaining == 1
        assert list(model_status(stores).left_out) == [old.pk]

    def test_a_sweep_tries_it_once_and_goes_on(
        self, kind: str, evolved: Any, failures: Any
    ) -> None:
        ids = [write_behind_the_index("") for _ in range(3)]
        cls = evolved(**BODIES[kind])
        age(100)
        result = sweep(cls._sonic.at("default"))
        assert (result.checked, result.applied) == (3, 0)
        assert sorted(id for some, _ in failures for id in some) == ids
        assert cls.sql.filter(sonic_dirty_at__isnull=False).count() == 3, "it is tried again"


def _values(cls: Any) -> dict[str, Any]:
    return {"rank": 3} if "rank" in cls._sonic.fields else {}


class TestAnOldRow:
    def test_reads_and_is_saved_with_a_value(self, evolved: Any) -> None:
        old = Plain.objects.create(name="old")
        cls = evolved(**BODIES["required"])
        stores = cls._sonic.at("default")
        rebuild(stores)
        found = cls.objects.get(pk=old.pk)
        assert (found.name, found.rank) == ("old", None)
        found.name = "changed"
        with pytest.raises(ValidationError, match="declare a default or null=True") as raised:
            found.save()
        assert list(raised.value.message_dict) == ["rank"]
        assert Plain.objects.get(pk=old.pk).name == "old"
        found.rank = 5
        assert found.save()
        assert cls.objects.filter(rank=5).get() == found
        assert check(stores, repair=True).remaining == 0
        assert model_status(stores).left_out == {}

    def test_it_is_found_by_a_scan(self, evolved: Any) -> None:
        old = Plain.objects.create(name="old")
        cls = evolved(rank=int_field(null=False))
        assert list(cls.objects.scan().filter(rank=None).ids()) == [old.pk]
        assert not cls.objects.scan().filter(rank__gt=0).exists()

    def test_a_required_field_of_no_index_leaves_it_in(self, evolved: Any) -> None:
        old = Plain.objects.create(name="old")
        cls = evolved(rank=models.IntegerField())
        told: dict[int, str] = {}
        rebuild(cls._sonic.at("default"), on_unreadable=told.__setitem__)
        assert told == {}
        assert cls.objects.filter(name="old").get().pk == old.pk
        assert check(cls._sonic.at("default"), deep=True).remaining == 0

    def test_a_required_field_of_an_embedded_object(self, evolved: Any) -> None:
        first = evolved(place=emobj_field(Place))
        row = first._sonic.table("default").insert(
            first._sonic.codec.encode({"name": "old", "place": {"city": "Oslo"}})
        )
        cls = evolved(place=emobj_field(Place), indexes={"zip": Index(["place__zip"])})
        told: dict[int, str] = {}
        rebuild(cls._sonic.at("default"), on_unreadable=told.__setitem__)
        assert list(told) == [row]
        assert "place__zip" in told[row]
        assert cls.sql.get(pk=row).place.city == "Oslo"

    def test_it_can_be_deleted_and_destroyed(self, evolved: Any) -> None:
        old = Plain.objects.create(name="old")
        cls = evolved(**BODIES["required"])
        rebuild(cls._sonic.at("default"))
        cls.sql.get(pk=old.pk).delete()
        assert check(cls._sonic.at("default"), deep=True, repair=True).remaining == 0
        cls.sql.get(pk=old.pk).destroy()
        assert cls.sql.count() == 0


class TestManyOfThem:
    def test_background_jobs_reach_the_rows_behind_them(
        self, evolved: Any, monkeypatch: Any, settings: Any
    ) -> None:
        settings.SONIC = {"SWEEP_EVERY": 0.0}
        background.forget()
        monkeypatch.setattr(background, "_MARKS", 3)
        cls = evolved(indexes={"odd": Index(expression=odd, name="odd")})
        rebuild(cls._sonic.at("default"))
        for _ in range(5):
            write_behind_the_index("")
        behind = write_behind_the_index("behind")
        age(100)
        turn = background._Turn(cls._sonic.at("default"), "rows")
        schedule = background._Schedule()
        for _ in range(3):
            clearing = Clearing(turn.stores, turn.stores.index.server())
            background._quiet_job(turn, clearing, schedule)
        assert list(cls.objects.filter(odd=0).ids()) == [behind]

    def test_a_batch_that_a_query_meets_is_repaired_but_for_them(
        self, evolved: Any, caplog: Any
    ) -> None:
        cls = evolved(indexes={"odd": Index(expression=odd, name="odd")})
        stores = cls._sonic.at("default")
        rebuild(stores)
        good, bad = cls.objects.create(name="good"), cls.objects.create(name="bad")
        table = stores.table
        for obj, name in ((good, "better"), (bad, "")):
            table.update(
                obj.pk, obj.sonic_version, cls._sonic.codec.encode({"name": name}), is_deleted=False
            )
        with caplog.at_level(logging.ERROR):
            assert list(cls.objects.filter(odd=0).ids()) == [bad.pk, good.pk]
            assert [one.pk for one in cls.objects.filter(name__in=["good", "bad"])] == []
        assert f"testapp.Plain {bad.pk} cannot be indexed" in caplog.text
        assert [one.pk for one in cls.objects.filter(name="better")] == [good.pk]


class TestCommands:
    def test_reindex_check_and_status_name_field_id_and_remedy(self, monkeypatch: Any) -> None:
        old = Plain.objects.create(name="old")
        other = Plain.objects.create(name="other")
        field = Plain._sonic.fields["name"]

        real = Plain._sonic.by_name

        def by_name(stored: Any) -> Any:
            if stored["name"] == "old":
                raise OverflowError("a bug in the project")
            return real(stored)

        assert field.name == "name"
        monkeypatch.setattr(Plain._sonic, "by_name", by_name)
        with pytest.raises(CommandError, match=rf"1 row.*{old.pk} cannot be indexed.*a bug in"):
            call_command("sonic_reindex", "testapp.Plain", verbosity=0)
        assert Plain.objects.filter(name="other").get() == other
        with pytest.raises(CommandError, match="1 difference.*values that their fields need"):
            call_command("sonic_check", "testapp.Plain", stdout=StringIO())
        out = StringIO()
        call_command("sonic_status", "testapp.Plain", stdout=out)
        assert (
            f"left out: testapp.Plain {old.pk} cannot be indexed: OverflowError" in out.getvalue()
        )
        out = StringIO()
        call_command("sonic_status", "testapp.Plain", "--json", stdout=out)
        assert list(json.loads(out.getvalue())[0]["left_out"]) == [str(old.pk)]
        monkeypatch.undo()
        call_command("sonic_check", "testapp.Plain", "--repair", stdout=StringIO())
        assert model_status(Plain._sonic.at("default")).left_out == {}
