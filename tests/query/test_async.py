"""The async twins: each method that asks a store has one, and it does the same."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction
from django.db.models import Count, Q

from sonic_django import SonicObj
from sonic_django.query.queryset import SonicQuerySet
from tests.testapp.models import Everything, Plain

pytestmark = pytest.mark.django_db(transaction=True)


def awaited(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run a coroutine as a test; synchronous code runs in this thread."""

    def run() -> None:
        async_to_sync(test)()

    return run


#: They give another queryset, or are called with no await.
CHAINING = {
    "after", "all", "before", "complex_filter", "defer", "deleted", "distinct", "exclude",
    "filter", "none", "only", "order_by", "prefetch_related", "reverse", "scan", "search",
    "select_related", "using", "values", "values_list", "with_deleted", "can_plan",
    "has_values_index", "in_order_of", "with_ids",
}  # fmt: skip


def test_each_method_that_asks_a_store_has_a_twin() -> None:
    methods = {
        name
        for name, value in inspect.getmembers(SonicQuerySet, inspect.isfunction)
        if not name.startswith("_")
    }
    twins = {name for name in methods if name.startswith("a") and name[1:] in methods}
    assert methods - twins - CHAINING == {name[1:] for name in twins}
    assert all(iscoroutinefunction(getattr(SonicQuerySet, name)) for name in twins - {"aiterator"})


def test_twins_look_like_their_methods() -> None:
    assert inspect.signature(SonicQuerySet.afacet) == inspect.signature(SonicQuerySet.facet)
    assert SonicQuerySet.afacet.__name__ == "afacet"
    assert SonicQuerySet.afacet.__doc__ == "The async twin of ``facet``."
    for name in ("update", "delete", "create", "bulk_create"):
        assert getattr(SonicQuerySet, f"a{name}").alters_data
    # As in Django, the manager has no way to delete everything.
    assert not hasattr(Plain.objects, "adelete")
    assert not hasattr(Plain.objects, "adestroy")
    assert Plain.objects.aget_or_create.__name__ == "aget_or_create"


def test_objects_have_them_too() -> None:
    for name in ("save", "delete", "undelete", "destroy", "reload", "refresh_from_db"):
        twin = getattr(SonicObj, f"a{name}")
        assert iscoroutinefunction(twin)
        assert inspect.signature(twin) == inspect.signature(getattr(SonicObj, name))


@awaited
async def test_a_queryset() -> None:
    objects = Plain.objects
    one = await objects.acreate(name="n1", group="g", number=1)
    two, created = await objects.aget_or_create(name="n2", defaults={"group": "g", "number": 2})
    assert created
    _, three = await objects.abulk_create([Plain(name="n3"), Plain(name="n4", group="g")])
    group = objects.filter(group="g")
    assert await group.acount() == 3
    assert await group.aexists()
    assert await group.acontains(one)
    assert await objects.aget(name="n1") == one
    assert await group.afirst() == three
    assert await group.alast() == one
    assert await group.aearliest("number") == one
    assert await group.alatest("pk") == three
    assert await group.aids() == [three.id, two.id, one.id]
    assert await objects.ain_bulk([two.id]) == {two.id: two}
    assert set(await group.arandom(5)) == {one, two, three}
    assert await group.aaggregate(n=Count("pk")) == {"n": 3}
    assert await group.acounts([Q(name="n1")]) == [1]
    assert await group.afacet("name") == [("n1", 1), ("n2", 1), ("n4", 1)]
    assert list(await group.afacets(["name"])) == ["name"]
    assert (await group.aexplain()).live == 4
    assert [obj async for obj in group] == [three, two, one]
    assert [obj.name async for obj in group.order_by("pk")[:2]] == ["n1", "n2"]
    assert [obj async for obj in group.order_by("number").aiterator(2)] == [one, two, three]
    assert [name async for name in group.values_list("name", flat=True)] == ["n4", "n2", "n1"]
    obj, created = await objects.aupdate_or_create(name="n1", defaults={"number": 5})
    assert (obj, created) == (one, False)
    assert await group.aupdate(number=7) == 3
    await two.areload()
    two.number = 8
    assert await objects.abulk_update([two], ["number"]) == 1
    assert (await objects.filter(pk=two.pk).adelete())[0] == 1
    assert (await objects.filter(group="g").adestroy())[0] == 2
    assert await objects.acount() == 1


@awaited
async def test_periods() -> None:
    assert await Everything.objects.adates("day", "year") == []
    assert await Everything.objects.adatetimes("moment", "year") == []


@awaited
async def test_an_object() -> None:
    plain = Plain(name="n")
    assert await plain.asave() is True
    assert await plain.asave() is False
    same: Any = await Plain.objects.aget(pk=plain.pk)
    same.name = "m"
    await same.asave()
    await plain.arefresh_from_db()
    assert plain.name == "m"
    await plain.adelete()
    assert not await Plain.objects.aexists()
    await plain.aundelete()
    await plain.areload()
    assert await Plain.objects.acount() == 1
    await plain.adestroy()
    assert await Plain.sql.acount() == 0


def test_a_subclass_that_overrides_a_method_overrides_its_twin() -> None:
    class Own(SonicQuerySet):
        def count(self) -> int:
            return 42

    assert async_to_sync(Own(Plain).acount)() == 42
