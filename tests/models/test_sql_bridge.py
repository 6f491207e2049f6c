"""Conditions on a SonicObj's fields in SQL, from ordinary models that refer to it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from django.core.exceptions import FieldError, ValidationError
from django.db import NotSupportedError
from django.db.models import Count, F, Q

from sonic_django.fields import sql_lookups
from tests.query.test_round_trips import costs
from tests.testapp.models import Author, Blog, Comment

pytestmark = pytest.mark.django_db


@pytest.fixture
def comments() -> list[Comment]:
    """Two of each of four posts, one of a deleted post and one of none."""
    ann, bob = Author.objects.bulk_create([Author(username="ann"), Author(username="bob")])
    blogs = Blog.objects.bulk_create(
        [
            Blog(
                title=f"post {i}",
                author=(ann, bob)[i % 2],
                tags=["all", f"t{i}"],
                score=None if i == 3 else i,
                created=datetime(2020 + i, 1, 1, tzinfo=timezone.utc),
            )
            for i in range(5)
        ]
    )
    blogs[4].delete()
    given = [0, 0, 1, 1, 2, 2, 3, 3, 4, None]
    return Comment.objects.bulk_create(
        [
            Comment(blog=None if at is None else blogs[at], text=f"{number} on {at}")
            for number, at in enumerate(given)
        ]
    )


def found(*args: Any, **kwargs: Any) -> list[int]:
    return [int(text.split()[0]) for text in _texts(Comment.objects.filter(*args, **kwargs))]


def left(*args: Any, **kwargs: Any) -> list[int]:
    return [int(text.split()[0]) for text in _texts(Comment.objects.exclude(*args, **kwargs))]


def _texts(comments: Any) -> list[str]:
    return list(comments.order_by("pk").values_list("text", flat=True))


def test_lookups(comments: list[Comment]) -> None:
    ann = Author.objects.get(username="ann")
    assert found(blog__score=1) == [2, 3]
    assert found(blog__score__in=[0, 2, 99]) == [0, 1, 4, 5]
    assert found(blog__score__gt=0) == [2, 3, 4, 5]
    assert found(blog__score__range=(0, 1)) == [0, 1, 2, 3]
    assert found(blog__score=None) == found(blog__score__isnull=True) == [6, 7, 9]
    assert found(blog__score__isnull=False) == [0, 1, 2, 3, 4, 5]
    assert found(blog__tags="t1") == [2, 3]
    assert found(blog__tags__all=["all", "t2"]) == [4, 5]
    assert found(blog__created__lt=datetime(2021, 6, 1, tzinfo=timezone.utc)) == [0, 1, 2, 3]
    assert found(blog__author=ann) == found(blog__author=ann.pk) == [0, 1, 4, 5]
    assert found(blog__author_id=ann.pk) == found(blog__author__in=[ann]) == [0, 1, 4, 5]


def test_what_no_object_satisfies(comments: list[Comment]) -> None:
    assert found(blog__score=99) == []
    assert left(blog__score=99) == list(range(10))
    assert found(Q(blog__score=99) | Q(text="9 on None")) == [9]


def test_as_django_has_it_for_columns(comments: list[Comment]) -> None:
    """Of a comment on nothing, which an outer join gives."""
    for field, value in (("version", 1), ("score", 1)):
        name = f"blog__{'sonic_' if field == 'version' else ''}{field}"
        assert (9 in found(**{name: value})) is False
        assert (9 in left(**{name: value})) is True
        assert (9 in found(**{f"{name}__isnull": True})) is True
        assert (9 in left(**{f"{name}__isnull": True})) is False
        assert (9 in found(**{f"{name}__isnull": False})) is False
        assert (9 in left(**{f"{name}__isnull": False})) is True


def test_and_or_not(comments: list[Comment]) -> None:
    assert left(blog__score=1) == [0, 1, 4, 5, 6, 7, 8, 9]
    assert left(blog__score__isnull=True) == [0, 1, 2, 3, 4, 5, 8]
    assert found(~Q(blog__score=1), blog__tags="all") == [0, 1, 4, 5, 6, 7]
    assert found(Q(blog__score=0) | Q(blog__tags="t3")) == [0, 1, 6, 7]
    assert found(blog__score__gte=0, blog__tags="t1", text__startswith="2") == [2]
    assert Comment.objects.filter(blog__score=1).filter(blog__tags="t1").count() == 2


def test_reverse_and_many_to_many(comments: list[Comment]) -> None:
    ann, bob = Author.objects.order_by("username")
    comments[0].seen_by.add(ann, bob)
    comments[1].seen_by.add(bob)
    assert found(seen_by__username="bob") == [0, 1]
    assert left(seen_by__username="ann") == list(range(1, 10))
    assert found(seen_by__username__in=["ann", "bob"]) == [0, 0, 1]


def test_querysets_as_values(comments: list[Comment]) -> None:
    scores = Comment.objects.filter(text__startswith="2").values("blog__pk")
    assert found(blog__author__in=Author.objects.filter(username="ann")) == [0, 1, 4, 5]
    assert found(blog__author__in=Author.sql.filter(pk__gt=0)) == [0, 1, 2, 3, 4, 5, 6, 7]
    assert found(blog__in=Blog.objects.filter(score=1)) == [2, 3]
    assert found(blog__in=scores) == [2, 3]


def test_in_the_rows_of_the_class_itself(comments: list[Comment]) -> None:
    assert Blog.sql.filter(Q(score=1) | Q(tags="t2")).count() == 2
    assert Blog.sql.exclude(score=1).filter(is_deleted=False).count() == 3


def test_in_annotations(comments: list[Comment]) -> None:
    counted = Comment.objects.aggregate(n=Count("pk", filter=Q(blog__score=1)), all=Count("pk"))
    assert counted == {"n": 2, "all": 10}


def test_one_redis_call_and_one_statement(comments: list[Comment]) -> None:
    list(Comment.objects.filter(blog__score=1))
    with costs(1, 1):
        assert len(Comment.objects.filter(blog__score=1)) == 2
    with costs(2, 1):
        assert len(Comment.objects.filter(blog__score=1, blog__tags="all")) == 2


class TestManyIds:
    @pytest.fixture(autouse=True)
    def at_most_two(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sql_lookups, "MOST", 2)

    def test_those_that_do_not_satisfy_it_are_listed_if_they_are_fewer(
        self, comments: list[Comment]
    ) -> None:
        assert found(blog__score__isnull=False) == [0, 1, 2, 3, 4, 5]
        assert left(blog__score__isnull=False) == [6, 7, 8, 9]
        assert found(blog__tags="all") == [0, 1, 2, 3, 4, 5, 6, 7]
        assert left(blog__tags="all") == [8, 9]
        Blog.objects.filter(score__lt=2).update(score=None)
        assert found(blog__score__isnull=True) == [0, 1, 2, 3, 6, 7, 9]

    def test_if_neither_can_be_listed_it_is_refused(self, comments: list[Comment]) -> None:
        Blog.objects.bulk_create([Blog(score=99) for _ in range(3)])
        with pytest.raises(NotSupportedError) as caught:
            found(blog__score__lt=50)
        assert "testapp.Blog: more than 2 objects satisfy score__lt=50" in str(caught.value)


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda: found(blog__title="x"), FieldError, "no index answers title='x'"),
        (lambda: found(blog__nope="x"), FieldError, "Unsupported lookup 'nope'|Cannot resolve"),
        (lambda: found(blog__title__icontains="x"), FieldError, "Unsupported lookup 'icontains'"),
        (lambda: found(blog__score="x"), ValidationError, "must be an integer"),
        (lambda: found(blog__author__username="x"), FieldError, "SQL cannot join by it. Look up"),
        (
            lambda: list(Comment.objects.order_by("blog__score")),
            FieldError,
            "has no column, so SQL",
        ),
        (lambda: list(Comment.objects.values("blog__score")), FieldError, "no column, so SQL"),
        (lambda: found(blog__pk=F("blog__score")), FieldError, "no column, so SQL"),
        (lambda: found(blog__created__year=2020), FieldError, "no column, so SQL"),
    ],
)
def test_mistakes(comments: list[Comment], ask: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ask()
