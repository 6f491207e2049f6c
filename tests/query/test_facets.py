"""``facet``: the values of a field and how many objects have each."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import FieldError
from django.db.models import Q

from sonic_django.index import queries
from tests.testapp.models import Author, Blog, Everything, Plain

pytestmark = pytest.mark.django_db

ONE_OF_EACH: dict[str, list[Any]] = {
    "text": ["b", "", "é\x00", "x" * 500],
    "email": ["a@b.c"],
    "whole": [0, -7, 2**53 + 1, 10**40],
    "real": [0.1, -1e300, float("inf"), 0.0],
    "exact": [Decimal("0.5"), Decimal("1E+50"), Decimal("-0.1000000000000000055511151231257")],
    "flag": [True, False],
    "moment": [datetime(2024, 1, 1, 12, 0, 0, 1, timezone.utc),
               datetime(9999, 12, 31, 23, 59, 59, 999999, timezone.utc)],
    "day": [date(1, 1, 1), date(2024, 2, 29)],
    "clock": [time(0), time(23, 59, 59, 999999)],
    "span": [timedelta(-1), timedelta.max],
    "code": [UUID(int=7)],
    "raw": [b"\x00\xff", b"x" * 200],
    "anything": [1, True, "1", 0.1, Decimal("0.1"), b"1", time(1)],
}  # fmt: skip


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_values_come_back_in_their_types(name: str) -> None:
    values = [*ONE_OF_EACH[name], None]
    for value in values:
        Everything(**{name: value}).save()
    Everything(**{name: values[0]}).save()
    found = Everything.objects.facet(name)
    assert {(type(v), v) for v, _ in found} == {(type(v), v) for v in values}
    assert found[0] == (values[0], 2)
    assert [number for _, number in found[1:]] == [1] * (len(values) - 1)


def test_elements_of_lists() -> None:
    for words, numbers in [(["a", "b", "a"], [1]), (["b"], []), ([], None), (None, [1, 2**60])]:
        Everything(words=words, numbers=numbers).save()
    assert _sorted(Everything.objects.facet("words")) == [
        ("None", 1),
        ("[]", 1),
        ("a", 1),
        ("b", 2),
    ]
    found = _sorted(Everything.objects.facet("numbers"))
    assert found == [("1", 2), (str(2**60), 1), ("None", 1), ("[]", 1)]


def _sorted(found: list[tuple[Any, int]]) -> list[tuple[str, int]]:
    return sorted((str(value), number) for value, number in found)


def test_references_are_ids() -> None:
    author = Author.objects.create(username="ann")
    for given in (author, author, None):
        Blog(author=given).save()
    assert Blog.objects.facet("author") == [(author.id, 2), (None, 1)]
    assert Blog.objects.facet("author_id") == Blog.objects.facet("author")


def test_the_most_frequent_come_first_and_the_limit_is_kept() -> None:
    for number in range(1, 6):
        for _ in range(number):
            Blog(author_id=number, score=number).save()
    assert Blog.objects.facet("author", limit=2) == [(5, 5), (4, 4)]
    assert Blog.objects.facet("score", limit=3) == [(5, 5), (4, 4), (3, 3)]
    assert Blog.objects.filter(score__lt=5).facet("author", limit=1) == [(4, 4)]
    assert Blog.objects.facet("score", limit=0) == []


def test_filtered_objects_are_counted() -> None:
    for group, name in [("a", "x"), ("a", "y"), ("b", "x"), ("b", "z"), ("", "x" * 300)]:
        Plain(group=group, name=name).save()
    assert Plain.objects.filter(group="a").facet("name") == [("x", 1), ("y", 1)]
    assert Plain.objects.exclude(name="x").facet("group") == [("", 1), ("a", 1), ("b", 1)]
    assert Plain.objects.filter(name="x" * 300).facet("name") == [("x" * 300, 1)]
    assert Plain.objects.none().facet("name") == []
    Everything(text="q", raw=b"x" * 300).save()
    assert Everything.objects.filter(text="q").facet("raw") == [(b"x" * 300, 1)]


def test_they_follow_writes() -> None:
    blog = Blog(author_id=1)
    blog.save()
    blog.author_id = 2
    blog.save()
    assert Blog.objects.facet("author") == [(2, 1)]
    blog.delete()
    assert Blog.objects.facet("author") == []
    blog.undelete()
    assert Blog.objects.facet("author") == [(2, 1)]
    blog.destroy()
    assert Blog.objects.facet("author") == []


@pytest.mark.parametrize("budget", [1, 7, 3000])
def test_however_many_runs_it_takes(monkeypatch: pytest.MonkeyPatch, budget: int) -> None:
    monkeypatch.setattr(queries, "BUDGET", budget)
    Blog.objects.bulk_create(
        [Blog(author_id=i % 3 + 1, score=i % 5, tags=["all", f"t{i % 2}"]) for i in range(60)]
    )
    either = Blog.objects.filter(Q(tags="t0") | Q(score__gte=2))
    assert either.facet("author") == [(1, 16), (2, 16), (3, 16)]
    assert Blog.objects.exclude(score=0).facet("score") == [(n, 12) for n in (1, 2, 3, 4)]
    assert Blog.objects.facet("score", limit=2) == [(0, 12), (1, 12)]


def test_what_has_no_facet() -> None:
    with pytest.raises(FieldError, match="no index holds the values of title by themselves"):
        Blog.objects.facet("title")
    with pytest.raises(FieldError, match="has no field 'nonsense'"):
        Blog.objects.facet("nonsense")
    with pytest.raises(FieldError, match="no index answers title='x'"):
        Blog.objects.filter(title="x").facet("score")
    with pytest.raises(TypeError, match="slice"):
        Blog.objects.all()[:3].facet("score")
    with pytest.raises(FieldError, match="deleted objects are in no index"):
        Blog.objects.deleted().facet("score")


@pytest.mark.django_db
def test_the_two_zeros_are_one_value() -> None:
    """Found by the oracle: under a filter they were counted apart."""
    Everything.objects.create(real=0.0)
    Everything.objects.create(real=-0.0)
    assert Everything.objects.facet("real") == [(0.0, 2)]
    assert Everything.objects.filter(pk__gt=0).facet("real") == [(0.0, 2)]
