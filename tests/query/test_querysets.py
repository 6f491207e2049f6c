"""The queryset's manners: Django's vocabulary, and mistakes that are loud."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import FieldError, ValidationError
from django.db.models import F, Q, Value
from django.test.utils import isolate_apps

from sonic_django import Index, SonicObj, int_field
from sonic_django.query.lookups import resolve
from sonic_django.query.planner import Planner
from tests.testapp.models import Author, Blog, Everything, Plain

pytestmark = pytest.mark.django_db


@pytest.fixture
def plains() -> list[Plain]:
    """Five, of which the third has no number."""
    numbers = [3, 1, None, 1, 2]
    return Plain.objects.bulk_create(
        [Plain(name=f"n{i}", group="g", number=n) for i, n in enumerate(numbers)]
    )


def names(queryset: Any) -> str:
    return "".join(obj.name[1:] for obj in queryset)


class TestOrder:
    def test_newest_first_without_order_by(self, plains: list[Plain]) -> None:
        assert names(Plain.objects.all()) == "43210"
        assert names(Plain.objects.order_by()) == "43210"
        assert names(Plain.objects.reverse()) == "01234"

    @pytest.mark.parametrize(
        ("order", "expected", "backwards"),
        [
            (("number",), "13402", "04312"),
            (("-number",), "04312", "13402"),
            (("number", "pk"), "13402", "04312"),
            (("number", "-pk"), "31402", "04132"),
            (("-number", "pk"), "04132", "31402"),
            (("number", "-id", "name"), "31402", "04132"),
            ((F("number").asc(),), "13402", "04312"),
            ((F("number").desc(), "pk"), "04132", "31402"),
        ],
    )
    def test_nulls_last_and_ties_by_id(
        self, plains: list[Plain], order: Any, expected: str, backwards: str
    ) -> None:
        queryset = Plain.objects.filter(group="g").order_by(*order)
        assert names(queryset) == expected
        assert names(queryset.reverse()) == backwards
        assert names(queryset.reverse().reverse()) == expected
        for start in range(6):
            assert names(queryset[start : start + 2]) == expected[start : start + 2]
        assert names([queryset.first(), queryset.last()]) == expected[0] + backwards[0]

    @pytest.mark.parametrize(
        "order", [("number",), ("-number",), ("number", "-pk"), ("-number", "pk"), ("-pk",)]
    )
    def test_cursors_part_the_list(self, order: tuple[str, ...]) -> None:
        numbers = [2, 1, None, 3, 2, 1, 3, 2, 1, None]
        Plain.objects.bulk_create([Plain(group="g", number=number) for number in numbers])
        whole = Plain.objects.filter(group="g").order_by(*order)
        listed = list(whole)
        for at, cursor in enumerate(listed):
            assert list(whole.after(cursor)) == listed[at + 1 :]
            assert list(whole.before(cursor.id)) == listed[:at]
            assert whole.after(cursor).count() == 9 - at
            assert whole.before(cursor).exists() is (at > 0)
            # The previous page: the nearest first, also among objects without a value.
            assert list(whole.before(cursor).reverse()) == listed[:at][::-1]
            assert list(whole.before(cursor).reverse()[:2]) == listed[:at][::-1][:2]
            behind = whole.after(cursor)
            turned = [obj for obj in whole.reverse() if obj in list(behind)]
            assert list(behind.reverse()) == turned
            assert list(whole.after(cursor)[:2]) == listed[at + 1 : at + 3]

    def test_cursors_and_other_orders_do_not_mix(self, plains: list[Plain]) -> None:
        queryset = Plain.objects.order_by("name").after(plains[1])
        with pytest.raises(TypeError, match="reorder"):
            queryset.order_by("-name")
        with pytest.raises(TypeError, match="cannot be combined"):
            queryset.before(plains[0])
        with pytest.raises(TypeError, match="slice"):
            Plain.objects.all()[:2].after(plains[1])
        with pytest.raises(Plain.DoesNotExist, match="cursor"):
            Plain.objects.order_by("name").after(10**9)

    @isolate_apps("tests.testapp")
    @isolate_apps("tests.testapp")
    def test_a_field_called_almost_pk(self) -> None:
        class Parcel(SonicObj):
            pkg = int_field(index=True)

            class Meta:
                app_label = "testapp"

        assert Planner(Parcel._sonic).direction(("-pkg",)) == ("pkg", True, True)
        assert Planner(Parcel._sonic).direction(("pkg", "-pk")) == ("pkg", False, True)

    @pytest.mark.parametrize("order", ["nonsense", "", "-", Value(1), 7])
    def test_no_such_order(self, order: Any) -> None:
        with pytest.raises(FieldError):
            Plain.objects.order_by(order)

    def test_no_index_for_the_order(self, plains: list[Plain]) -> None:
        with pytest.raises(FieldError, match="no index orders by number"):
            list(Plain.objects.order_by("number"))


class TestNullAndEmpty:
    """None, "" and [] are three things, in every way of asking."""

    def test_texts(self) -> None:
        none, empty = Everything(text=None), Everything(text="")
        none.save()
        empty.save()
        objects = Everything.objects
        assert list(objects.filter(text=None)) == list(objects.filter(text__isnull=True)) == [none]
        assert list(objects.filter(text="")) == list(objects.filter(text__isnull=False)) == [empty]
        assert list(objects.filter(text__in=[None, "x"])) == []  # as in Django
        assert list(objects.exclude(text="")) == list(objects.exclude(text__gte="")) == [none]

    def test_lists(self) -> None:
        none, empty, full = (Everything(words=words) for words in (None, [], [""]))
        for obj in (none, empty, full):
            obj.save()
        objects = Everything.objects
        assert list(objects.filter(words=None)) == [none]
        assert list(objects.filter(words=[])) == [empty]
        assert list(objects.filter(words="")) == [full]
        assert list(objects.exclude(words="")) == [empty, none]
        assert list(objects.filter(words__isnull=False)) == [full, empty]


class TestEmptyConditions:
    def test_of_django(self, plains: list[Plain]) -> None:
        assert Plain.objects.filter().count() == Plain.objects.exclude().count() == 5
        assert Plain.objects.filter(Q()).count() == Plain.objects.filter(~Q()).count() == 5
        assert Plain.objects.filter(Q(Q(), ~Q())).count() == 5
        assert Plain.objects.exclude(Q(name="n0") | Q()).count() == 4

    def test_in_nothing(self, plains: list[Plain]) -> None:
        assert Plain.objects.filter(name__in=[]).count() == 0
        assert Plain.objects.exclude(name__in=[]).count() == 5
        assert Plain.objects.filter(Q(name__in=[]) | Q(name="n1")).count() == 1
        assert Plain.objects.filter(pk__in=[None]).count() == 0
        assert Everything.objects.filter(words__all=[]).count() == 0
        assert list(Plain.objects.none().order_by("number")) == []


class TestIds:
    def test_alternatives_that_say_the_same_count_once(self) -> None:
        Everything.objects.create(whole=None)
        Everything.objects.create(whole=1)
        nothing = Q(whole=None) | Q(whole__isnull=True)
        for same in (nothing, nothing | Q(whole__isnull=True), Q(whole=1) | Q(whole=1.0)):
            found = Everything.objects.filter(same)
            assert found.count() == len(found.ids()) == 1
        assert Everything.objects.filter(nothing | Q(whole=1)).count() == 2

    def test_what_is_an_id(self, plains: list[Plain]) -> None:
        id = plains[0].id
        for given in (id, str(id), plains[0], float(id), Decimal(id)):
            assert Plain.objects.get(pk=given) == plains[0]
            assert list(Plain.objects.filter(pk__in=[given])) == [plains[0]]

    @pytest.mark.parametrize("given", [1.5, True, "x", float("nan"), float("inf"), Decimal("1.1")])
    def test_what_is_none(self, given: Any) -> None:
        with pytest.raises(ValueError, match="expected a number but got"):
            Plain.objects.filter(pk=given)

    def test_objects_of_others(self, plains: list[Plain]) -> None:
        with pytest.raises(ValueError, match="is not a testapp.Plain"):
            Plain.objects.filter(pk=Blog(id=1))
        with pytest.raises(ValueError, match="is not saved yet"):
            Plain.objects.contains(Plain())

    @pytest.mark.parametrize("id", [0, -1, 2**63 - 1, 2**63, 10**400, -(10**400)])
    def test_ids_that_no_object_has(self, plains: list[Plain], id: int) -> None:
        assert Plain.objects.filter(pk=id).count() == 0
        assert list(Plain.objects.filter(pk__in=[id, plains[0].id])) == [plains[0]]
        assert Plain.objects.filter(pk__gt=id).count() == (5 if id <= 0 else 0)
        assert Plain.objects.filter(pk__lte=id).count() == (0 if id <= 0 else 5)
        assert list(Plain.objects.in_bulk([id])) == []
        with pytest.raises(Plain.DoesNotExist):
            Plain.objects.get(pk=id)


class TestDeleted:
    def test_only_deleted_ones(self, plains: list[Plain]) -> None:
        plains[1].delete()
        plains[3].delete()
        deleted = Plain.objects.deleted()
        assert names(deleted) == "31"
        assert names(deleted.order_by("pk")) == "13"
        assert names(deleted.filter(pk__gt=plains[1].id)) == "3"
        assert list(deleted.in_bulk([obj.id for obj in plains])) == [plains[1].id, plains[3].id]
        assert deleted.get(pk=plains[1].id) == plains[1]
        with pytest.raises(Plain.DoesNotExist):
            deleted.get(pk=plains[0].id)
        with pytest.raises(FieldError, match="by pk only"):
            list(deleted.filter(name="n1"))
        assert deleted.update(name="n9") == 2
        assert names(deleted) == "99"


class TestCombining:
    def test_and_or(self, plains: list[Plain]) -> None:
        one, two = Plain.objects.filter(name="n1"), Plain.objects.filter(name__gte="n3")
        assert names(one | two) == "431"
        assert names(two & Plain.objects.filter(name="n3")) == "3"
        assert names(one & two) == ""
        assert names(one | Plain.objects.none()) == "1"

    def test_what_does_not_combine(self) -> None:
        with pytest.raises(TypeError, match="different base models"):
            Plain.objects.all() | Blog.objects.all()
        with pytest.raises(TypeError, match="slice"):
            Plain.objects.all()[:1] | Plain.objects.all()

    def test_nested_ranges_of_ids(self, plains: list[Plain]) -> None:
        ids = [obj.id for obj in plains]
        either = Plain.objects.filter(Q(pk__lt=ids[3], name="n2") | Q(pk__in=[]), pk__gt=ids[0])
        assert names(either) == "2"


class TestConditionsOfOneIndex:
    """Indexes share conditions: each condition needs one index, not one of its own."""

    def test_an_equality_serves_two_indexes(self) -> None:
        author = Author.objects.create(username="ann")
        for day, tags in ((1, ["a", "b"]), (2, ["a"]), (3, ["b"])):
            created = datetime(2024, 1, day, tzinfo=timezone.utc)
            Blog(author=author, tags=tags, created=created).save()
        second = datetime(2024, 1, 2, tzinfo=timezone.utc)
        both = Blog.objects.filter(author=author, tags="a", created__gte=second)
        assert both.count() == 1
        assert Blog.objects.filter(author=author, tags__all=["a", "b"]).count() == 1
        ordered = Blog.objects.filter(author=author, tags="b").order_by("-created")
        assert [blog.created.day for blog in ordered] == [3, 1]

    @isolate_apps("tests.testapp")
    def test_a_condition_that_is_answered_still_chooses_sets(self) -> None:
        class Parcel(SonicObj):
            sender = int_field()
            town = int_field()
            weight = int_field()

            indexes = {"both": [sender, town], "heavy": Index([sender], order_by=weight)}

            class Meta:
                app_label = "testapp"

        options = Parcel._sonic
        logic = resolve(options, Q(sender=1, town=2, weight__gt=3))
        query = Planner(options).plan(logic)
        assert set(query.needs) == {"ids", *(spec.digest for spec in options.layout.specs)}

    def test_a_number_beside_its_group(self, plains: list[Plain]) -> None:
        assert names(Plain.objects.filter(group="g", number__gt=1)) == "40"
        assert names(Plain.objects.filter(group="g", number__isnull=False)) == "4310"
        assert names(Plain.objects.filter(group="g").exclude(number=None)) == "4310"
        with pytest.raises(FieldError, match=r"no index answers number__gt=1\. Declare one"):
            list(Plain.objects.filter(number__gt=1))
        with pytest.raises(FieldError, match=r"no index answers number__isnull=True"):
            list(Plain.objects.filter(number__isnull=False))


class TestLookups:
    def test_floats_among_whole_numbers_are_exact(self) -> None:
        Everything(whole=10**23).save()
        assert 10**23 > 1e23
        assert Everything.objects.filter(whole__gt=1e23).count() == 1
        assert Everything.objects.filter(whole__gt=0.5, whole__lt=float("inf")).count() == 1

    @pytest.mark.parametrize(
        ("lookup", "error", "message"),
        [
            ({"nonsense": 1}, FieldError, "has no field 'nonsense'. Its fields are id, text"),
            ({"text__nonsense": 1}, FieldError, "'text__nonsense' is not supported. Lookups are"),
            ({"text__exact__gt": 1}, FieldError, "not supported"),
            ({"flag__gt": True}, FieldError, "flag has no order, so no gt"),
            ({"whole__startswith": "1"}, FieldError, "whole is not a text field"),
            ({"text__contains": "x"}, FieldError, "use search"),
            ({"long_text": "x"}, FieldError, "no index answers long_text='x'. Declare one"),
            ({"words": ["a", "b"]}, FieldError, "write words__all, for any words__in"),
            ({"pk__startswith": 1}, FieldError, "an id has no lookup 'startswith'"),
            ({"whole": "x"}, ValidationError, "must be an integer"),
            ({"whole": 1.5}, ValidationError, "is not a whole number"),
            ({"text__in": "abc"}, ValidationError, "takes a list; got 'abc'"),
            ({"anything": [1]}, ValidationError, "no single value"),
            ({"whole__gt": None}, ValueError, "use whole__isnull"),
            ({"whole__range": [1]}, ValueError, "takes two values"),
            ({"whole__isnull": 1}, ValueError, "takes True or False; got 1"),
            ({"real__gt": float("nan")}, ValueError, "NaN has no position in an order"),
        ],
    )
    def test_mistakes(self, lookup: dict[str, Any], error: type[Exception], message: str) -> None:
        with pytest.raises(error) as caught:
            list(Everything.objects.filter(**lookup))
        assert message in str(caught.value)

    def test_expressions_are_for_sql(self) -> None:
        with pytest.raises(FieldError, match="is an SQL expression"):
            Everything.objects.filter(Value(True))
        with pytest.raises(FieldError, match=r"combined by \^"):
            Everything.objects.filter(Q(whole=1) ^ Q(whole=2))


class TestManyValues:
    def test_more_ids_than_a_command_takes_arguments(self, plains: list[Plain]) -> None:
        ids = range(plains[2].id, plains[2].id + 1_200_000)
        assert names(Plain.objects.filter(pk__in=ids)) == "432"

    def test_many_values_of_one_field(self, plains: list[Plain]) -> None:
        wanted = [f"n{i}" for i in range(3, 3000)] * 2
        assert names(Plain.objects.filter(name__in=wanted)) == "43"
        assert Plain.objects.exclude(name__in=wanted).count() == 3
