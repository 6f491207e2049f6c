"""An id that was set: it makes a copy as in Django, and never writes over another row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError, connection, transaction
from django.db.models.signals import post_save
from django.test.utils import CaptureQueriesContext

from tests.sync.checking import kinds
from tests.testapp.models import Blog, Described, Pair, Plain

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def one() -> Plain:
    return Plain.objects.create(name="one", group="g")


@pytest.fixture
def two() -> Plain:
    return Plain.objects.create(name="two", group="h")


def names() -> list[str]:
    assert kinds(Plain, deep=True) == {}
    return sorted(plain.name for plain in Plain.objects.all())


LOADED: dict[str, Callable[[int], Any]] = {
    "created": lambda pk: Plain.objects.get(pk=pk),
    "by sql": lambda pk: Plain.sql.get(pk=pk),
    "by sql, deferred": lambda pk: Plain.sql.only("id").get(pk=pk),
    "in bulk": lambda pk: Plain.objects.in_bulk([pk])[pk],
    "refreshed": lambda pk: _refreshed(pk),
}


def _refreshed(pk: int) -> Plain:
    plain = Plain(pk=pk)
    plain.refresh_from_db()
    return plain


class TestAnotherRow:
    @pytest.mark.parametrize("load", LOADED.values(), ids=LOADED)
    @pytest.mark.parametrize("changes", [False, True])
    @pytest.mark.parametrize("options", [{}, {"force_update": True}, {"update_fields": ["name"]}])
    def test_is_never_written_over(
        self, one: Plain, two: Plain, load: Any, changes: bool, options: dict[str, Any]
    ) -> None:
        obj = load(one.pk)
        obj.pk = two.pk
        if changes:
            obj.name = "changed"
        with pytest.raises(
            IntegrityError, match=f"already a row of testapp.Plain with id={two.pk} .* as {one.pk}"
        ) as caught:
            obj.save(**options)
        assert caught.value.fields == ("id",)  # type: ignore[attr-defined]
        assert names() == ["one", "two"]
        obj.pk = one.pk
        obj.save()
        assert names() == (["changed", "two"] if changes else ["one", "two"])

    def test_by_an_object_that_was_made(self, two: Plain) -> None:
        one = Plain(name="one")
        one.save()
        (three,) = Plain.objects.bulk_create([Plain(name="three")])
        for obj in (one, three):
            obj.pk = two.pk
            with pytest.raises(IntegrityError, match="does not write over"):
                obj.save()
        assert names() == ["one", "three", "two"]

    @pytest.mark.parametrize("is_deleted", [False, True])
    def test_by_an_object_that_was_never_loaded(self, one: Plain, is_deleted: bool) -> None:
        if is_deleted:
            one.delete()
        new = Plain(id=one.pk, name="new")
        with pytest.raises(IntegrityError, match=rf"objects.get\(pk={one.pk}\)"):
            new.save()
        with pytest.raises(IntegrityError, match="already a row"):
            Plain.objects.create(id=one.pk, name="new")
        one.undelete()
        assert names() == ["one"]
        new.pk = None
        new.save()
        assert names() == ["new", "one"]

    def test_unless_an_update_of_it_is_asked_for(self, one: Plain) -> None:
        Plain(id=one.pk, name="x", group="not written").save(update_fields=["name"])
        one.reload()
        assert (one.name, one.group) == ("x", "g")
        Plain(id=one.pk, name="y").save(force_update=True)
        one.reload()
        assert (one.name, one.group) == ("y", "")

    def test_by_a_writer_that_is_faster(self, one: Plain, monkeypatch: pytest.MonkeyPatch) -> None:
        """The row comes between the look and the insert."""
        table = Plain._sonic.table("default")
        monkeypatch.setattr(table, "fetch_one", lambda id: None)
        with pytest.raises(
            IntegrityError, match=f"already a row of testapp.Plain with id={one.pk}"
        ):
            Plain(id=one.pk, name="x").save()

    def test_two_rows_never_hold_one_unique_value(self) -> None:
        first, second = Pair.objects.create(code="a"), Pair.objects.create(code="b")
        first.pk = second.pk
        with pytest.raises(IntegrityError, match="does not write over"):
            first.save()
        assert {pair.code for pair in Pair.objects.all()} == {"a", "b"}
        assert kinds(Pair, deep=True) == {}
        with pytest.raises(IntegrityError, match="code='a'"):
            Pair.objects.create(code="a")

    @pytest.mark.parametrize("method", ["delete", "destroy", "undelete"])
    def test_is_not_removed_either(self, one: Plain, two: Plain, method: str) -> None:
        one.pk = two.pk
        with pytest.raises(ValueError, match=f"id was set to {two.pk} since it was loaded"):
            getattr(one, method)()
        assert names() == ["one", "two"]

    def test_nor_by_a_bulk_update(self, one: Plain, two: Plain) -> None:
        one.pk, one.name = two.pk, "x"
        with pytest.raises(ValueError, match="cannot be updated: its id was set"):
            Plain.objects.bulk_update([one], ["name"])
        assert names() == ["one", "two"]

    def test_the_same_id_as_text_is_no_other(self, one: Plain) -> None:
        one.pk, one.name = str(one.pk), "x"
        assert one.save()
        one.pk = str(one.pk)
        one.delete()
        assert names() == []
        one.destroy()


class TestCopies:
    @pytest.mark.parametrize("load", LOADED.values(), ids=LOADED)
    @pytest.mark.parametrize("changes", [False, True])
    def test_without_an_id(self, one: Plain, load: Any, changes: bool) -> None:
        obj = load(one.pk)
        obj.pk = None
        if changes:
            obj.name = "copy"
        assert obj.save()
        assert obj.pk not in (None, one.pk)
        assert names() == (["copy", "one"] if changes else ["one", "one"])
        assert obj.save() is False
        obj.group = "of the copy"
        obj.save()
        assert Plain.objects.get(pk=one.pk).group == "g"

    @pytest.mark.parametrize("load", LOADED.values(), ids=LOADED)
    @pytest.mark.parametrize("options", [{}, {"force_insert": True}])
    def test_under_a_free_id(self, one: Plain, load: Any, options: dict[str, Any]) -> None:
        obj = load(one.pk)
        obj.pk = one.pk + 1000
        assert obj.save(**options)
        assert Plain.objects.get(pk=one.pk + 1000).name == "one"
        assert names() == ["one", "one"]

    def test_force_insert_of_a_loaded_object(self, one: Plain) -> None:
        with pytest.raises(IntegrityError, match="already a row"):
            one.save(force_insert=True)
        one.pk = None
        assert one.save(force_insert=True)
        assert names() == ["one", "one"]

    @pytest.mark.parametrize("options", [{"force_update": True}, {"update_fields": ["name"]}])
    def test_an_update_needs_a_row(self, one: Plain, options: dict[str, Any]) -> None:
        one.pk = None
        with pytest.raises(ValueError, match="no primary key"):
            one.save(**options)
        one.pk = 10**6
        with pytest.raises(ObjectDoesNotExist, match="has no row to update"):
            one.save(**options)
        assert names() == ["one"]

    def test_a_unique_value_is_not_copied(self) -> None:
        pair = Pair.objects.create(code="a")
        pair.pk = None
        with pytest.raises(IntegrityError, match="code='a'"):
            pair.save()
        assert pair.pk is None
        assert Pair.objects.count() == Pair.sql.count() == 1
        pair.code = "b"
        assert pair.save()
        assert kinds(Pair, deep=True) == {}

    def test_it_is_made_now(self) -> None:
        made = Described.objects.create(title="t", token=None)
        before = made.changed
        made.pk = None
        made.save()
        assert made.changed > before

    def test_signals_say_created(self, one: Plain) -> None:
        seen: list[bool] = []

        def note(sender: Any, created: bool, **kwargs: Any) -> None:
            seen.append(created)

        post_save.connect(note, sender=Plain)
        try:
            one.pk = None
            one.save()
            one.name = "x"
            one.save()
        finally:
            post_save.disconnect(note, sender=Plain)
        assert seen == [True, False]

    def test_one_that_is_rolled_back(self, one: Plain) -> None:
        id = one.pk
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            one.pk = None
            one.save()
            raise ZeroDivisionError
        one.save()
        assert one.pk != id
        assert names() == ["one", "one"]

    def test_costs_one_statement(self, one: Plain) -> None:
        one.pk = None
        with CaptureQueriesContext(connection) as statements:
            one.save()
        assert len(statements) == 1

    def test_with_lists(self) -> None:
        blog = Blog.objects.create(title="t", tags=["a"])
        loaded = Blog.objects.get(pk=blog.pk)
        loaded.pk = None
        loaded.save()
        loaded.tags.append("b")
        loaded.save()
        assert Blog.objects.get(pk=blog.pk).tags == ["a"]
        assert Blog.objects.filter(tags="b").ids() == [loaded.pk]
