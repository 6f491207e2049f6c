"""What a question costs: calls to Redis and statements, neither more nor less."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sonic_django.test import count_redis_calls
from tests.testapp.models import Author, Blog

pytestmark = pytest.mark.django_db
START = datetime(2024, 1, 1, tzinfo=timezone.utc)


@contextmanager
def costs(redis_calls: int, statements: int) -> Iterator[None]:
    with count_redis_calls() as calls, CaptureQueriesContext(connection) as queries:
        yield
    shown = [query["sql"] for query in queries.captured_queries]
    assert (len(calls), len(shown)) == (redis_calls, statements), (calls, shown)


@pytest.fixture
def authors() -> list[Author]:
    return Author.objects.bulk_create([Author(username=name) for name in ("ann", "bob")])


@pytest.fixture
def blogs(authors: list[Author]) -> list[Blog]:
    blogs = Blog.objects.bulk_create(
        [
            Blog(
                title=f"blog {i}",
                author=authors[i % 2],
                tags=["all", f"tag {i % 3}"],
                score=i % 10,
                created=START + timedelta(days=i),
            )
            for i in range(60)
        ]
    )
    # So that no test pays for a script or a connection that it meets for the first time.
    assert list(Blog.objects.filter(score=0)[:1])
    assert Blog.objects.facet("author")
    return blogs


PAGES = {
    "newest": lambda author: Blog.objects.all(),
    "of a value": lambda author: Blog.objects.filter(tags="all"),
    "of two values": lambda author: Blog.objects.filter(author=author, tags="all"),
    "of a range": lambda author: Blog.objects.filter(score__gte=3),
    "ordered": lambda author: Blog.objects.order_by("-created"),
    "ordered against the ids": lambda author: Blog.objects.order_by("score", "-pk"),
    "of a value, ordered": lambda author: Blog.objects.filter(tags="all").order_by("created"),
    "either, not": lambda author: Blog.objects.filter(tags__in=["tag 1", "tag 2"]).exclude(score=1),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page(name: str, blogs: list[Blog]) -> None:
    with costs(1, 1):
        page = list(PAGES[name](blogs[0].author_id)[:20])
    assert len(page) == 20
    with costs(1, 1):
        list(PAGES[name](blogs[0].author_id)[20:30])


@pytest.mark.parametrize("name", PAGES)
def test_numbers_and_ids_read_no_row(name: str, blogs: list[Blog]) -> None:
    queryset = PAGES[name](blogs[0].author_id)
    with costs(1, 0):
        number = queryset.count()
    with costs(1, 0):
        assert queryset.exists() is (number > 0)
    with costs(1, 0):
        assert len(queryset.ids()) == number
    with costs(1, 0):
        assert len(queryset.values_list("pk", flat=True)) == number
    with costs(1, 0):
        assert len(queryset.values("id")) == number
    with costs(1, 0):
        assert not queryset.contains(Blog(id=10**9))
    with costs(1, 0):
        assert queryset.explain().live == 60


def test_facets_read_no_row(blogs: list[Blog]) -> None:
    for queryset in (Blog.objects.all(), Blog.objects.filter(score__lt=5)):
        for name in ("author", "score", "created"):
            with costs(1, 0):
                assert queryset.facet(name)


def test_the_object_of_an_id(blogs: list[Blog]) -> None:
    with costs(0, 1):
        assert Blog.objects.get(pk=blogs[3].id) == blogs[3]
    with costs(0, 1), pytest.raises(Blog.DoesNotExist):
        Blog.objects.get(id=10**9)
    with costs(0, 0), pytest.raises(Blog.DoesNotExist):
        Blog.objects.get(pk=2**63)
    with costs(0, 1):
        assert Blog.objects.values_list("title", flat=True).get(pk=blogs[3].id) == "blog 3"


def test_the_objects_of_ids(blogs: list[Blog]) -> None:
    ids = [blog.id for blog in blogs]
    with costs(0, 1):
        assert list(Blog.objects.in_bulk(ids)) == ids
    with costs(1, 1):
        assert len(Blog.objects.filter(score=1).in_bulk(ids)) == 6


def test_one_object(blogs: list[Blog]) -> None:
    for ask in (
        lambda: Blog.objects.first(),
        lambda: Blog.objects.last(),
        lambda: Blog.objects.order_by("created")[5],
        lambda: Blog.objects.latest("created"),
        lambda: Blog.objects.get(created=START),
        lambda: Blog.objects.random()[0],
    ):
        with costs(1, 1):
            assert ask()


def test_none_and_impossible_pages(blogs: list[Blog]) -> None:
    with costs(0, 0):
        assert not Blog.objects.none()
        assert Blog.objects.none().count() == 0
        assert not Blog.objects.filter(score__in=[])
        assert list(Blog.objects.all()[5:5]) == []
        assert not Blog.objects.filter(pk=None).exists()


def test_references_are_one_statement_for_each_model(blogs: list[Blog]) -> None:
    with costs(1, 2):
        names = {blog.author.username for blog in Blog.objects.select_related("author")[:20]}
    assert names == {"ann", "bob"}


def test_a_page_behind_an_object(blogs: list[Blog]) -> None:
    with costs(1, 1):
        page = list(Blog.objects.filter(tags="all").after(blogs[30])[:20])
    assert page == blogs[29:9:-1]
    with costs(1, 2):  # and the cursor's own row
        page = list(Blog.objects.order_by("created").after(blogs[30])[:20])
    assert page == blogs[31:51]


def test_all_objects_in_chunks(blogs: list[Blog]) -> None:
    with costs(4, 3):  # the last chunk is found to be empty
        assert list(Blog.objects.iterator(chunk_size=20)) == blogs[::-1]


def test_a_large_result_is_fetched_in_few_statements(blogs: list[Blog]) -> None:
    with costs(1, 1):
        assert len(Blog.objects.all()) == 60


def test_an_evaluated_queryset_asks_no_more(blogs: list[Blog]) -> None:
    queryset = Blog.objects.filter(score=1)
    assert len(queryset) == 6
    with costs(0, 0):
        assert queryset.count() == 6
        assert queryset.exists()
        assert queryset[0] == next(iter(queryset))
        assert len(queryset[1:3]) == 2
        assert queryset.contains(queryset[0])
