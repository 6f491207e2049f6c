"""Orders by several fields, against sorting in Python."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import FieldError
from hypothesis import given
from hypothesis import strategies as st

from sonic_django.index import queries
from sonic_django.test import count_redis_calls
from tests.profiles import examples
from tests.testapp.models import Everything, Plain

pytestmark = pytest.mark.django_db

KEYS = ("text", "whole", "real", "pk")
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "text": st.sampled_from([None, "", "a", "a\x00", "b", "é"]),
            "whole": st.sampled_from([None, -1, 0, 2**53, 2**53 + 1]),
            "real": st.sampled_from([None, -0.5, 0.0, 1e300]),
            "flag": st.booleans(),
        }
    ),
    min_size=1,
    max_size=12,
)
ORDERS = st.lists(
    st.tuples(st.sampled_from(KEYS), st.booleans()).map(lambda k: ("-" if k[1] else "") + k[0]),
    min_size=1,
    max_size=4,
)


def in_order(objects: list[Any], order: list[str]) -> list[int]:
    """Sorted key by key from the last; None last in both directions; then by id."""
    names = [key.lstrip("-") for key in order]
    order = [key for at, key in enumerate(order) if key.lstrip("-") not in names[:at]]
    names = [name.lstrip("-") for name in order]
    found = sorted(objects, key=lambda obj: obj.id, reverse=order[-1].startswith("-"))
    if "pk" in names:
        order = order[: names.index("pk") + 1]
        found.sort(key=lambda obj: obj.id, reverse=order[-1].startswith("-"))
        order = order[:-1]
    for key in reversed(order):
        name = key.lstrip("-")
        with_value = [obj for obj in found if getattr(obj, name) is not None]
        with_value.sort(key=lambda obj: getattr(obj, name), reverse=key.startswith("-"))
        found = with_value + [obj for obj in found if getattr(obj, name) is None]
    return [obj.id for obj in found]


@examples(150)
@given(st.data())
def test_against_python(data: st.DataObject) -> None:
    Everything.objects.all().destroy()
    objects = Everything.objects.bulk_create([Everything(**row) for row in data.draw(ROWS)])
    order = data.draw(ORDERS)
    chosen, queryset = objects, Everything.objects.all()
    if data.draw(st.booleans()):
        chosen = [obj for obj in objects if obj.flag]
        queryset = queryset.filter(flag=True)
    if data.draw(st.booleans()):
        chosen = [obj for obj in chosen if obj.whole is not None and obj.whole >= 0]
        queryset = queryset.filter(whole__gte=0)
    expected = in_order(chosen, order)
    usual = queries.BUDGET
    queries.BUDGET = data.draw(st.sampled_from([4000, 1, 3, 10]))
    try:
        ordered = queryset.order_by(*order)
        low, high = data.draw(st.integers(0, 12)), data.draw(st.integers(0, 14))
        assert ordered.ids() == expected
        assert ordered[low : low + high].ids() == expected[low : low + high]
        assert [obj.id for obj in ordered.reverse()] == in_order(
            chosen, [key[1:] if key.startswith("-") else f"-{key}" for key in order]
        )
        assert ordered.count() == len(expected)
        assert (ordered.first() and ordered.first().id) == (expected[0] if expected else None)
    finally:
        queries.BUDGET = usual


class TestWork:
    @pytest.fixture
    def everything(self) -> list[Everything]:
        return Everything.objects.bulk_create(
            [Everything(whole=n // 20, real=n % 7, text=str(n % 3)) for n in range(2000)]
        )

    def test_a_page_reads_its_groups_only(self, everything: list[Everything]) -> None:
        ordered = Everything.objects.order_by("whole", "-real")
        for start in (0, 1000, 1990):
            with count_redis_calls() as calls:
                page = list(ordered[start : start + 10])
            assert len(calls) == 1
            assert [obj.whole for obj in page] == [start // 20] * 10
            assert ordered[start : start + 10].explain().strategy == "groups"
            assert ordered[start : start + 10].explain().touched <= 21 * 6

    def test_a_rare_filter_is_gathered(self, everything: list[Everything]) -> None:
        found = Everything.objects.filter(whole=5).order_by("text", "-real")
        assert found.explain().strategy == "gather"
        assert found.explain().touched <= 20 * 8
        values = [(obj.text, -obj.real) for obj in found]
        assert values == sorted(values)


def test_what_no_index_orders_by() -> None:
    with pytest.raises(FieldError, match="no index orders by group"):
        Plain.objects.order_by("name", "group").ids()
    with pytest.raises(FieldError, match="has no field 'nope'"):
        Plain.objects.order_by("name", "nope")


def test_a_cursor_needs_one_field() -> None:
    plain = Plain.objects.create(name="x", group="g", number=1)
    ordered = Plain.objects.filter(group="g").order_by("name", "number")
    assert ordered.ids() == [plain.pk]
    with pytest.raises(FieldError, match="need an order by one field, and at most pk behind it"):
        ordered.after(plain)


def test_an_index_of_the_filters_value_orders_the_second_key() -> None:
    """``number`` is ordered within ``group`` only."""
    plains = [Plain.objects.create(name=n, group="g", number=i) for i, n in enumerate("abab")]
    ids = Plain.objects.filter(group="g").order_by("name", "-number").ids()
    assert ids == [plains[n].pk for n in (2, 0, 3, 1)]
    with pytest.raises(FieldError, match="no index orders by number"):
        Plain.objects.order_by("name", "number").ids()


def test_metas_ordering_may_have_several(monkeypatch) -> None:
    plains = [Plain.objects.create(name=n, group="g", number=i) for i, n in enumerate("abab")]
    monkeypatch.setattr(Plain._meta, "ordering", ["-name", "pk"])
    assert Plain.objects.all().ids() == [plains[n].pk for n in (1, 3, 0, 2)]
