"""Promise 6: two writers of one object both succeed where they changed different fields; else the
later one gets an error that names them."""

from __future__ import annotations

import pytest
from django.core.exceptions import FieldError
from django.db import connection, transaction
from django.db.models import Count, F, Value
from django.db.models.functions import Upper
from django.test.utils import CaptureQueriesContext

from sonic_django.exceptions import StaleObjectError
from sonic_django.query import loading
from tests.testapp.models import Author, Blog, Described, Pair, Plain
from tests.versions import writes

pytestmark = pytest.mark.django_db


@pytest.fixture
def blog() -> Blog:
    return Blog.objects.create(title="t", content="c", tags=["a"], score=1)


def another(blog: Blog) -> Blog:
    return Blog.objects.get(pk=blog.pk)


class TestDifferentFields:
    def test_both_are_kept(self, blog: Blog) -> None:
        first, second = another(blog), another(blog)
        first.title = "first"
        first.save()
        second.score = 9
        assert second.save()
        stored = another(blog)
        assert (stored.title, stored.score, writes(stored)) == ("first", 9, 3)

    def test_the_object_then_is_what_the_row_is(self, blog: Blog) -> None:
        first, second = another(blog), another(blog)
        assert second.title == "t"
        first.title, first.extra["note"] = "first", "n"
        first.save()
        second.score = 9
        second.save()
        assert (second.title, second.score, second.extra) == ("first", 9, {"note": "n"})
        assert second.dirty_fields == []
        second.score = 10
        with CaptureQueriesContext(connection) as statements:
            second.save()
        assert len(statements) == 1, "nothing is left to be merged"

    def test_changes_in_place(self, blog: Blog) -> None:
        first, second = another(blog), another(blog)
        first.tags.append("b")
        first.save()
        second.title = "second"
        second.save()
        assert another(blog).tags == second.tags == ["a", "b"]
        assert Blog.objects.filter(tags="b").ids() == [blog.pk]

    def test_the_index_has_what_was_merged(self, blog: Blog) -> None:
        first, second = another(blog), another(blog)
        first.tags = ["x"]
        first.save()
        second.score = 9
        second.save()
        assert Blog.objects.filter(tags="x", score=9).ids() == [blog.pk]
        assert not Blog.objects.filter(tags="a").exists()

    def test_references(self, blog: Blog) -> None:
        ann = Author.objects.create(username="ann")
        first, second = another(blog), another(blog)
        assert second.author is None
        first.author = ann
        first.save()
        second.score = 2
        second.save()
        assert second.author == ann

    def test_named_fields_only(self, blog: Blog) -> None:
        first, second = another(blog), another(blog)
        first.title = "first"
        first.save()
        second.score, second.content = 9, "unsaved"
        second.save(update_fields=["score"])
        assert (another(blog).title, another(blog).content) == ("first", "c")
        assert (second.content, second.dirty_fields) == ("unsaved", ["content"])

    def test_extra_keys(self, blog: Blog) -> None:
        first, second = another(blog), another(blog)
        first.extra["one"] = 1
        first.save()
        second.extra["two"] = 2
        second.save()
        assert another(blog).extra == second.extra == {"one": 1, "two": 2}

    def test_a_forced_update_changes_nothing_of_others(self, blog: Blog) -> None:
        first, second = another(blog), another(blog)
        first.title = "first"
        first.save()
        assert second.save(force_update=True)
        assert another(blog).title == "first"

    def test_fields_that_set_themselves_are_no_conflict(self) -> None:
        made = Described.objects.create(title="t")
        first, second = Described.objects.get(pk=made.pk), Described.objects.get(pk=made.pk)
        first.title = "first"
        first.save()
        second.count_of = 5
        second.save()
        stored = Described.objects.get(pk=made.pk)
        assert (stored.title, stored.count_of) == ("first", 5)
        assert stored.changed == second.changed > first.changed

    def test_a_unique_of_two_fields_changed_by_two(self) -> None:
        pair = Pair.objects.create(left="a", right=1)
        first, second = Pair.objects.get(pk=pair.pk), Pair.objects.get(pk=pair.pk)
        first.left = "b"
        first.save()
        second.right = 2
        second.save()
        Pair.objects.create(left="a", right=1)
        Pair.objects.create(left="b", right=1)
        Pair.objects.create(left="a", right=2)
        with pytest.raises(Exception, match="already another testapp.Pair with left='b', right=2"):
            Pair.objects.create(left="b", right=2)

    def test_within_a_transaction_that_has_read_the_row_before(self, blog: Blog) -> None:
        with transaction.atomic():
            second = another(blog)
            first = another(blog)
            first.title = "first"
            first.save()
            second.score = 9
            second.save()
        assert (another(blog).title, another(blog).score) == ("first", 9)


class TestTheSameField:
    def test_the_later_is_refused_naming_it(self, blog: Blog) -> None:
        first, second = another(blog), another(blog)
        first.title = "first"
        first.save()
        second.title, second.score = "second", 9
        expected = (
            f"testapp.Blog {blog.pk} was changed by another writer, which changed title too, "
            f"since it was loaded at version {blog.sonic_version}; not written: score, title. "
            f"Reload it"
        )
        with pytest.raises(StaleObjectError, match=expected) as caught:
            second.save()
        assert caught.value.fields == ("title",)
        assert (another(blog).title, another(blog).score) == ("first", 1)

    def test_also_where_both_wrote_the_same(self, blog: Blog) -> None:
        """Two who count from 1 to 2 have counted twice."""
        first, second = another(blog), another(blog)
        first.score = second.score = 2
        first.save()
        with pytest.raises(StaleObjectError):
            second.save()

    def test_also_in_place(self, blog: Blog) -> None:
        first, second = another(blog), another(blog)
        first.tags.append("b")
        second.tags.append("c")
        first.save()
        with pytest.raises(StaleObjectError) as caught:
            second.save()
        assert caught.value.fields == ("tags",)

    def test_also_where_it_is_not_written_now(self, blog: Blog) -> None:
        """Else the object's next save would undo what the other wrote, and nobody knew."""
        first, second = another(blog), another(blog)
        first.title = "first"
        first.save()
        second.title, second.score = "second", 9
        with pytest.raises(StaleObjectError) as caught:
            second.save(update_fields=["score"])
        assert caught.value.fields == ("title",)

    def test_reload_and_try_again(self, blog: Blog) -> None:
        first, second = another(blog), another(blog)
        first.score += 1
        first.save()
        second.score += 1
        with pytest.raises(StaleObjectError):
            second.save()
        second.reload()
        second.score += 1
        second.save()
        assert another(blog).score == 3


class TestDeletion:
    def test_what_was_deleted_meanwhile_is_not_written(self, blog: Blog) -> None:
        second = another(blog)
        another(blog).delete()
        second.score = 9
        with pytest.raises(StaleObjectError, match="was deleted by another writer"):
            second.save()

    def test_an_object_deleted_on_top_of_a_newer_row_does_not_set_it_back(self, blog: Blog) -> None:
        second = another(blog)
        assert second.title == "t"
        first = another(blog)
        first.title = "first"
        first.save()
        second.delete()
        second.undelete()
        second.score = 9
        second.save()
        assert (another(blog).title, another(blog).score) == ("first", 9)


class TestBulk:
    def test_update_counts_on_what_is_there(self) -> None:
        for number in (1, 2, 3):
            Plain.objects.create(group="g", number=number)
        assert Plain.objects.filter(group="g").update(number=F("number") * 2 + 1) == 3
        assert sorted(Plain.objects.values_list("number", flat=True)) == [3, 5, 7]
        assert Plain.objects.filter(group="g", number__gte=5).count() == 2

    def test_all_from_the_values_before(self) -> None:
        plain = Plain.objects.create(group="g", name="n", number=1)
        Plain.objects.all().update(name=F("group"), group=F("name"))
        plain.reload()
        assert (plain.name, plain.group) == ("g", "n")

    def test_none_makes_none(self) -> None:
        Plain.objects.create(group="g")
        Plain.objects.filter(group="g").update(number=F("number") + Value(1))
        assert Plain.objects.get(group="g").number is None

    @pytest.mark.parametrize("expression", [Upper("name"), Count("name")])
    def test_what_only_sql_can_compute(self, expression) -> None:
        with pytest.raises(FieldError, match="is computed by SQL, which cannot see into payloads"):
            Plain.objects.all().update(name=expression)

    def test_an_unknown_field_in_an_expression(self) -> None:
        with pytest.raises(FieldError, match="testapp.Plain has no field 'nope'"):
            Plain.objects.all().update(number=F("nope") + 1)

    def test_a_row_that_changed_since_it_was_read(self, monkeypatch) -> None:
        """As UPDATE ... WHERE does it: the filter and the values by the row as it is now."""
        counted, moved, gone, other = (
            Plain.objects.create(group="g", number=number) for number in (1, 1, 1, 1)
        )
        confirmed = loading.confirmed

        def meanwhile(state, ids):
            objects = confirmed(state, ids)
            monkeypatch.undo()
            Plain.objects.filter(pk=counted.pk).update(number=10)
            Plain.objects.filter(pk=moved.pk).update(group="elsewhere")
            Plain.objects.get(pk=gone.pk).destroy()
            Plain.objects.filter(pk=other.pk).update(name="new name")
            return objects

        monkeypatch.setattr(loading, "confirmed", meanwhile)
        assert Plain.objects.filter(group="g").update(number=F("number") + 1) == 2
        for plain in (counted, moved, other):
            plain.reload()
        assert [plain.number for plain in (counted, moved, other)] == [11, 1, 2]
        assert (moved.group, other.name) == ("elsewhere", "new name")

    def test_bulk_update_merges_too(self) -> None:
        objects = [Plain.objects.create(name=str(n)) for n in range(3)]
        Plain.objects.filter(name="1").update(group="other")
        for obj in objects:
            obj.number = 5
        assert Plain.objects.bulk_update(objects, ["number"]) == 3
        assert Plain.objects.get(name="1").group == "other"
        assert {p.number for p in Plain.objects.all()} == {5}

    def test_bulk_update_is_all_or_nothing(self) -> None:
        objects = [Plain.objects.create(name=str(n)) for n in range(3)]
        Plain.objects.filter(name="1").update(number=1)
        for obj in objects:
            obj.number = 5
        with pytest.raises(StaleObjectError), transaction.atomic():
            Plain.objects.bulk_update(objects, ["number"])
        assert sorted(Plain.objects.values_list("number", flat=True), key=str) == [1, None, None]
        assert objects[0].dirty_fields == ["number"], "it is not taken for saved"

    def test_an_unsaved_object(self) -> None:
        with pytest.raises(ValueError, match="must be saved"):
            Plain.objects.bulk_update([Plain(name="x")], ["name"])


class TestUniquesOfSeveral:
    def test_swapped_by_bulk_update(self) -> None:
        one, two = Pair.objects.create(code="1"), Pair.objects.create(code="2")
        one.code, two.code = "2", "1"
        Pair.objects.bulk_update([one, two], ["code"])
        assert Pair.objects.get(code="1") == two
        assert Pair.objects.get(code="2") == one
        with pytest.raises(Exception, match="already another testapp.Pair with code='1'"):
            Pair.objects.create(code="1")

    def test_swapped_in_a_transaction_by_way_of_none(self) -> None:
        one, two = Pair.objects.create(code="1"), Pair.objects.create(code="2")
        with transaction.atomic():
            one.code = None
            one.save()
            two.code = "1"
            two.save()
            one.code = "2"
            one.save()
        assert Pair.objects.get(code="1") == two
        assert Pair.objects.get(code="2") == one

    def test_moved_along_by_update(self) -> None:
        Pair.objects.bulk_create([Pair(left="x", right=n) for n in range(5)])
        assert Pair.objects.filter(pk__gt=0).update(right=F("right") + 1) == 5
        assert sorted(Pair.objects.values_list("right", flat=True)) == [1, 2, 3, 4, 5]
        Pair.objects.create(left="x", right=0)

    def test_a_clash_within_one_update(self) -> None:
        Pair.objects.bulk_create([Pair(code=str(n)) for n in range(3)])
        with pytest.raises(Exception, match="already another"), transaction.atomic():
            Pair.objects.all().update(code="same")
        assert sorted(Pair.objects.values_list("code", flat=True)) == ["0", "1", "2"]
