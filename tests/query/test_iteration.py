"""``iterator()``: chunk by chunk, each object that exists throughout once, whatever is written."""

from __future__ import annotations

import random
from typing import Any

import pytest

from sonic_django.query.ordering import Ordering
from tests.query.test_round_trips import costs
from tests.query.test_verified_reads import change_row
from tests.testapp.models import Everything, Plain

pytestmark = pytest.mark.django_db

ORDERS = [("number",), ("-number",), ("number", "-pk"), ("-number", "pk"), ("-pk",), ("pk",)]


@pytest.fixture
def plains() -> list[Plain]:
    """Forty with ten different numbers, some without."""
    numbers = [random.Random(i).choice([None, *range(10)]) for i in range(40)]
    return Plain.objects.bulk_create([Plain(group="g", number=number) for number in numbers])


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("chunk_size", [1, 2, 7, 39, 40, 41])
def test_all_of_them_in_their_order(
    plains: list[Plain], order: tuple[str, ...], chunk_size: int
) -> None:
    queryset = Plain.objects.filter(group="g").order_by(*order)
    for asked in (queryset, queryset.reverse(), queryset.filter(number__gte=3), queryset[5:30]):
        assert list(asked.iterator(chunk_size)) == list(asked)
    cursor = list(queryset)[20]
    for asked in (queryset.after(cursor), queryset.before(cursor)):
        assert list(asked.iterator(chunk_size)) == list(asked)


def test_values(plains: list[Plain]) -> None:
    queryset = Plain.objects.filter(group="g").order_by("number")
    for shaped in (
        queryset.values("number", "pk"),
        queryset.values_list("number", flat=True),
        queryset.values_list("pk", flat=True),
    ):
        assert list(shaped.iterator(7)) == list(shaped)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("seed", range(4))
def test_writes_meanwhile(plains: list[Plain], order: tuple[str, ...], seed: int) -> None:
    """Objects come, go and change beside those that stay; those come once and in order."""
    chance = random.Random(seed)
    staying = plains[::2]
    queryset = Plain.objects.filter(group="g").order_by(*order)
    wanted = [obj.id for obj in queryset if obj in staying]
    others = [Plain.objects.get(pk=plain.pk) for plain in plains[1::2]]
    seen = []
    for obj in queryset.iterator(3):
        seen.append(obj.id)
        other = chance.choice(others)
        action = chance.randrange(4)
        if action == 0:
            others.append(Plain.objects.create(group="g", number=chance.choice([None, 1, 5, 9])))
        elif action == 1 and len(others) > 1:
            others.remove(other)
            other.destroy()
        elif len(seen) < 500:  # else objects may run ahead of us for ever
            other.number = chance.randrange(10)
            other.save()
    assert [id for id in seen if id in set(wanted)] == wanted


def test_what_moves_between_the_question_and_the_rows_hides_nothing() -> None:
    """The last object of a chunk has been given a later place, which the index does not know yet:
    the next chunk begins where the index had it."""
    plains = Plain.objects.bulk_create([Plain(group="g", number=i) for i in range(12)])
    change_row(plains[3], number=8)
    seen = list(Plain.objects.filter(group="g").order_by("number").iterator(4))
    assert sorted(obj.id for obj in seen) == [plain.id for plain in plains]
    assert [obj for obj in seen if obj != plains[3]] == plains[:3] + plains[4:]


def test_a_chunk_of_which_no_row_is_left() -> None:
    plains = Plain.objects.bulk_create([Plain(group="g", number=i) for i in range(12)])
    for plain in plains[:9]:
        change_row(plain, group="other")
    seen = list(Plain.objects.filter(group="g").order_by("number").iterator(2))
    assert seen == plains[9:]


def test_one_call_and_one_statement_a_chunk(plains: list[Plain]) -> None:
    queryset = Plain.objects.filter(group="g").order_by("number")
    assert list(queryset[:1])
    with costs(4, 4):
        assert len(list(queryset.iterator(10))) == 40
    with costs(1, 1):
        assert next(queryset.iterator(10))


def test_references_are_loaded_chunk_by_chunk() -> None:
    parent = Everything.objects.create(whole=0)
    Everything.objects.bulk_create([Everything(parent=parent, whole=i) for i in range(1, 7)])
    queryset = Everything.objects.filter(whole__gt=0).order_by("whole").select_related("parent")
    with costs(2, 4):
        assert {obj.parent for obj in queryset.iterator(3)} == {parent}


@pytest.mark.parametrize("chunk_size", [0, -1])
def test_no_chunk(chunk_size: int) -> None:
    with pytest.raises(ValueError, match="Chunk size must be strictly positive"):
        Plain.objects.iterator(chunk_size)


@pytest.mark.parametrize(
    ("numbers", "wanted"),
    [
        ([1, 2, 9, 3, 4], [0, 1, 3, 4]),
        ([1, 2, 3, 0], [0, 1, 2]),
        ([5, 1, 2], [1, 2]),
        ([1, None, 2], [0, 2]),
        ([None, None], [0, 1]),
        ([], []),
    ],
)
def test_who_stands_where_the_index_had_them(numbers: list[Any], wanted: list[int]) -> None:
    ordering = Ordering(Plain._sonic, ("number",))
    keys = [ordering.sort_key({"number": number}, at) for at, number in enumerate(numbers)]
    assert ordering.longest_run(keys) == wanted
