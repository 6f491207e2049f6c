"""``deleted()`` and ``with_deleted()``: by pk, in both directions, in one call."""

from __future__ import annotations

import pytest
from django.core.exceptions import FieldError

from tests.query.test_round_trips import costs
from tests.testapp.models import Author, Plain

pytestmark = pytest.mark.django_db


@pytest.fixture
def plains() -> list[Plain]:
    """Ten, of which every third is deleted."""
    plains = Plain.objects.bulk_create([Plain(name=f"n{i}", number=i) for i in range(10)])
    for plain in plains[::3]:
        plain.delete()
    assert Plain.objects.count() == 6
    return plains


def test_live_and_deleted_ones_newest_first(plains: list[Plain]) -> None:
    everyone = Plain.objects.with_deleted()
    assert list(everyone) == plains[::-1]
    assert list(everyone.order_by("pk")) == list(everyone.reverse()) == plains
    assert everyone.count() == len(everyone.ids()) == 10
    assert [obj.is_deleted for obj in everyone.order_by("pk")[:4]] == [True, False, False, True]


def test_pages(plains: list[Plain]) -> None:
    for low in range(11):
        page = Plain.objects.with_deleted().order_by("pk")[low : low + 3]
        assert list(page) == plains[low : low + 3]
        assert page.count() == len(plains[low : low + 3])
        assert page.exists() is (low < 10)


def test_filters_and_cursors_by_pk(plains: list[Plain]) -> None:
    everyone = Plain.objects.with_deleted()
    assert list(everyone.filter(pk__gte=plains[7].id)) == plains[:6:-1]
    assert list(everyone.exclude(pk__in=[plain.id for plain in plains[2:]])) == plains[1::-1]
    assert list(everyone.after(plains[3])) == plains[2::-1]
    assert list(everyone.before(plains[8])) == plains[:8:-1]
    assert everyone.get(pk=plains[3].id) == plains[3]
    assert everyone.contains(plains[0])
    assert list(everyone.in_bulk([plains[0].id, plains[1].id])) == [plains[0].id, plains[1].id]
    assert everyone.filter(pk__in=[]).count() == 0


def test_what_else_they_are_asked_needs_a_scan(plains: list[Plain]) -> None:
    for ask in (
        lambda: list(Plain.objects.with_deleted().filter(name="n1")),
        lambda: Plain.objects.with_deleted().order_by("name").ids(),
        lambda: Plain.objects.with_deleted().filter(name="n1").count(),
    ):
        with pytest.raises(FieldError, match="deleted objects are in no index; they can be"):
            ask()
    with pytest.raises(FieldError, match="deleted objects are in no index"):
        Plain.objects.with_deleted().facet("name")
    scanned = Plain.objects.with_deleted().scan().filter(number__in=[2, 3])
    assert list(scanned.order_by("number")) == plains[2:4]
    assert list(Plain.objects.deleted().scan().filter(number__in=[2, 3])) == [plains[3]]
    assert list(Plain.objects.scan().filter(number__in=[2, 3])) == [plains[2]]


def test_at_random(plains: list[Plain]) -> None:
    everyone = Plain.objects.with_deleted()
    assert set(everyone.random(20)) == set(plains)
    assert len(set(everyone.random(4))) == 4
    assert len(everyone.order_by("?")[:3]) == 3
    seen = {obj for _ in range(60) for obj in everyone.random(2)}
    assert {obj.is_deleted for obj in seen} == {True, False}


def test_costs(plains: list[Plain]) -> None:
    everyone = Plain.objects.with_deleted()
    with costs(1, 1):
        assert len(everyone[:5]) == 5
    with costs(1, 0):
        assert everyone.count() == 10
    with costs(1, 0):
        assert everyone.exists()
    with costs(0, 1):
        assert everyone.get(pk=plains[0].id)


def test_changes_reach_both(plains: list[Plain]) -> None:
    assert Plain.objects.with_deleted().update(name="n") == 10
    assert {plain.name for plain in Plain.objects.with_deleted()} == {"n"}
    assert Plain.objects.with_deleted().destroy()[0] == 10
    assert Plain.objects.with_deleted().count() == 0


def test_not_after_a_slice_or_a_search(plains: list[Plain]) -> None:
    with pytest.raises(TypeError, match="deleted objects once a slice has been taken"):
        Plain.objects.all()[:1].with_deleted()
    with pytest.raises(TypeError, match="search\\(\\) finds live objects only"):
        Author.objects.search("x").with_deleted()
    with pytest.raises(TypeError, match="different base models"):
        Plain.objects.with_deleted() | Plain.objects.all()
