"""``distinct()`` of values: each row once, and counted once."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import NotSupportedError
from django.db.models import Count, Q

from sonic_django.query.batch import CountOf, IdsOf
from sonic_django.test import count_redis_calls
from tests.testapp.models import Author, Blog, Everything, Plain

pytestmark = pytest.mark.django_db


@pytest.fixture
def authors() -> list[Author]:
    return [Author.objects.create(username=name, nick="x") for name in ("ann", "bob", "cy")]


@pytest.fixture
def blogs(authors: list[Author]) -> list[Blog]:
    ann, bob, _ = authors
    return [
        Blog.objects.create(title=f"t{at % 3}", author=author, score=at % 4, tags=tags)
        for at, (author, tags) in enumerate(
            [(ann, ["a"]), (bob, ["a"]), (ann, []), (None, ["a", "b"]), (ann, ["b", "a"])]
        )
    ]


class TestRows:
    def test_of_a_reference(self, authors: list[Author], blogs: list[Blog]) -> None:
        found = Blog.objects.values_list("author_id", flat=True).distinct()
        assert list(found) == [authors[0].pk, None, authors[1].pk]
        assert found.count() == len(found) == 3
        assert list(Blog.objects.distinct().values_list("author", flat=True)) == list(found)

    def test_of_two_fields_and_of_dicts(self, authors: list[Author], blogs: list[Blog]) -> None:
        pairs = Blog.objects.exclude(author=None).values_list("author", "title").distinct()
        ann, bob = authors[0].pk, authors[1].pk
        assert set(pairs) == {(ann, "t0"), (ann, "t1"), (ann, "t2"), (bob, "t1")}
        assert pairs.count() == 4
        dicts = Blog.objects.values("title").distinct().order_by()
        assert sorted(row["title"] for row in dicts) == ["t0", "t1", "t2"]

    def test_of_lists(self, blogs: list[Blog]) -> None:
        found = list(Blog.objects.values_list("tags", flat=True).distinct())
        assert found == [["b", "a"], ["a", "b"], [], ["a"]]
        assert Blog.objects.values_list("tags").distinct().count() == 4

    def test_values_are_equal_as_in_an_index(self) -> None:
        for value in (1, True, 1.0, "1", None, {"a": 1}, {"a": 1.0}, {"a": True}, [1], (1,)):
            Everything.objects.create(anything=value)
        found = Everything.objects.values_list("anything").distinct()
        assert len(found) == found.count() == 7

    def test_slices_are_of_the_different_rows(self, blogs: list[Blog]) -> None:
        found = Blog.objects.order_by("score").values_list("score", flat=True).distinct()
        assert list(found) == [0, 1, 2, 3]
        assert list(found[1:3]) == [1, 2]
        assert found[3] == 3
        assert found[1:3].count() == 2
        assert found[3:9].count() == 1
        assert (found.first(), found.last()) == (0, 3)
        assert list(found.reverse()) == [3, 2, 1, 0]
        assert list(found.iterator(chunk_size=2)) == [0, 1, 2, 3]
        assert found.filter(score__gt=1).exists()
        assert found[:2].exists()
        assert not found[4:].exists()

    def test_ids_make_every_row_different(self, blogs: list[Blog]) -> None:
        assert len(Blog.objects.values_list("pk", "title").distinct()) == 5
        assert Blog.objects.values_list("id").distinct().count() == 5
        assert Blog.objects.distinct().count() == len(Blog.objects.distinct()) == 5

    def test_get_takes_equal_rows_for_one(self, authors: list[Author], blogs: list[Blog]) -> None:
        rows = Blog.objects.filter(author=authors[0]).values_list("author", flat=True)
        assert rows.distinct().get() == authors[0].pk
        with pytest.raises(Blog.MultipleObjectsReturned):
            rows.get()

    def test_of_a_scan(self, blogs: list[Blog]) -> None:
        found = Blog.objects.scan().filter(content="").values_list("title", flat=True).distinct()
        assert sorted(found) == ["t0", "t1", "t2"]
        assert found.count() == 3

    def test_as_an_argument(self, authors: list[Author], blogs: list[Blog]) -> None:
        ids = Blog.objects.values_list("author", flat=True).distinct()
        assert set(Author.objects.filter(pk__in=ids)) == set(authors[:2])


class TestCounts:
    def test_an_index_counts_without_rows(
        self, blogs: list[Blog], django_assert_num_queries: Any
    ) -> None:
        values = Blog.objects.values_list("author", flat=True).distinct()
        values.count()
        with count_redis_calls() as calls, django_assert_num_queries(0):
            assert values.count() == 3
            assert values[1:].count() == 2
        assert len(calls) == 2

    def test_a_batch_counts_alike(self, blogs: list[Blog]) -> None:
        values = Blog.objects.values_list("author", flat=True).distinct()
        assert Blog.objects.batch([CountOf(values), CountOf(Blog.objects.all())]) == [3, 5]
        assert len(Blog.objects.batch([IdsOf(values)])[0]) == 5

    def test_behind_a_cursor(self, blogs: list[Blog]) -> None:
        values = Blog.objects.order_by("score", "pk").values_list("score", flat=True).distinct()
        with pytest.raises(NotSupportedError, match="'pk'"):
            list(values.after(blogs[1]))
        ordered = Blog.objects.order_by("score").after(blogs[0])
        assert ordered.values_list("score", flat=True).distinct().count() == 4


class TestRefusals:
    def test_an_order_by_other_fields(self, blogs: list[Blog]) -> None:
        values = Blog.objects.order_by("created").values_list("author").distinct()
        with pytest.raises(NotSupportedError, match=r"distinct\(\) of author .*'created'"):
            list(values)
        assert values.count() == 3  # of all rows the number is the same in any order
        with pytest.raises(NotSupportedError, match=r"'\?'"):
            list(Blog.objects.order_by("?").values_list("author").distinct())

    def test_an_order_of_given_ids(self, blogs: list[Blog]) -> None:
        with pytest.raises(NotSupportedError, match="order of given ids"):
            list(Blog.objects.in_order_of([1]).values_list("author").distinct())

    def test_what_is_of_objects(self, blogs: list[Blog]) -> None:
        values = Blog.objects.values_list("author").distinct()
        for ask in (
            lambda: values.aggregate(Count("pk")),
            lambda: values.counts([Q(score=1)]),
            lambda: values.random(2),
            lambda: values[1:3].ids(),
        ):
            with pytest.raises(NotSupportedError, match=r"distinct\(\)"):
                ask()

    def test_after_a_slice(self) -> None:
        with pytest.raises(TypeError, match="once a slice has been taken"):
            Plain.objects.all()[:3].distinct()

    def test_contains_takes_no_values(self, blogs: list[Blog]) -> None:
        with pytest.raises(TypeError, match="after .values"):
            Blog.objects.values("title").contains(blogs[0])
