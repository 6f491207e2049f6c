"""What a question costs: calls to Redis and statements, neither more nor less."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import pytest
from django.db import connection
from django.db.models import Count, Max, Min, Q
from django.test.utils import CaptureQueriesContext

from sonic_django.test import count_redis_calls
from tests.testapp.models import Author, Blog, Comment, Plain

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


#: What ``docs/queries.md`` promises a queryset to have: Django's names, and ours.
NAMES = [
    "filter", "exclude", "get", "first", "last", "latest", "earliest", "order_by", "reverse",
    "all", "none", "count", "exists", "contains", "in_bulk", "create", "bulk_create",
    "bulk_update", "get_or_create", "update_or_create", "update", "delete", "destroy", "iterator",
    "values", "values_list", "only", "defer", "select_related", "prefetch_related", "distinct",
    "aggregate", "dates", "datetimes", "using", "explain", "ids", "random", "after", "before",
    "facet", "with_deleted", "deleted", "scan", "search", "aget", "afirst", "alast", "alatest",
    "aearliest", "acount", "aexists", "acontains", "ain_bulk", "acreate", "abulk_create",
    "abulk_update", "aget_or_create", "aupdate_or_create", "aupdate", "adelete", "adestroy",
    "aiterator", "aaggregate", "adates", "adatetimes", "aexplain", "aids", "arandom", "afacet",
]  # fmt: skip
#: As in Django not on the manager, where they would be of all objects by a slip.
ONLY_ON_QUERYSETS = {"delete", "destroy", "adelete", "adestroy"}


@pytest.mark.parametrize("name", NAMES)
def test_a_queryset_has(name: str) -> None:
    assert callable(getattr(Blog.objects.all(), name))
    assert hasattr(Blog.objects, name) is (name not in ONLY_ON_QUERYSETS)


CHAINED = {
    "all": lambda blogs: blogs.all(),
    "none": lambda blogs: blogs.none(),
    "filter": lambda blogs: blogs.filter(tags="all"),
    "exclude": lambda blogs: blogs.exclude(score=1),
    "order_by": lambda blogs: blogs.order_by("-score"),
    "reverse": lambda blogs: blogs.reverse(),
    "distinct": lambda blogs: blogs.distinct(),
    "only": lambda blogs: blogs.only("title"),
    "defer": lambda blogs: blogs.defer("title"),
    "using": lambda blogs: blogs.using("default"),
    "values": lambda blogs: blogs.values("title"),
    "values_list": lambda blogs: blogs.values_list("title"),
    "select_related": lambda blogs: blogs.select_related("author"),
    "prefetch_related": lambda blogs: blogs.prefetch_related("comment_set"),
    "after": lambda blogs: blogs.after(5),
    "before": lambda blogs: blogs.before(5),
    "deleted": lambda blogs: blogs.deleted(),
    "with_deleted": lambda blogs: blogs.with_deleted(),
    "scan": lambda blogs: blogs.scan().filter(title="x"),
    "search": lambda blogs: blogs.search("x"),
    "slices": lambda blogs: blogs[5:10],
    "and": lambda blogs: blogs & Blog.objects.filter(score=1),
    "or": lambda blogs: blogs | Blog.objects.filter(score=1),
}


@pytest.mark.parametrize("name", CHAINED)
def test_chaining_asks_nobody(name: str, blogs: list[Blog]) -> None:
    with costs(0, 0):
        CHAINED[name](Blog.objects.all())


def test_numbers_and_values_of_several_kinds_at_once(blogs: list[Blog]) -> None:
    with costs(1, 0):
        found = Blog.objects.aggregate(n=Count("*"), low=Count("pk", filter=Q(score__lt=5)))
    assert found == {"n": 60, "low": 30}
    with costs(1, 0):
        assert Blog.objects.counts([Q(tags="tag 1"), Q(score=0)]) == [20, 6]
    with costs(1, 0):
        assert len(Blog.objects.facets(["author", "score"])["score"]) == 10
    with costs(2, 2):
        assert Blog.objects.aggregate(Min("score"), Max("score"))["score__max"] == 9
    blogs[0].created = START - timedelta(days=1)
    blogs[0].save()
    with costs(3, 2):  # two years, and behind them nothing
        years = Blog.objects.datetimes("created", "year")
    assert [year.year for year in years] == [2023, 2024]


def test_writing_one() -> None:
    Plain.objects.create(group="g")
    with costs(1, 1):
        plain = Plain.objects.create(name="new")
    with costs(1, 1):
        assert Plain.objects.get_or_create(name="new") == (plain, False)
    with costs(2, 2):
        found = Plain.objects.update_or_create(name="new", defaults={"number": 98})
    assert found == (plain, False)


def test_writing_many(blogs: list[Blog]) -> None:
    some = Blog.objects.filter(score=1)
    with costs(2, 1 + 1):  # the ids and the entries; the rows, and one UPDATE for all
        assert some.update(created=START) == 6
    six = list(some)
    for blog in six:
        blog.created = START + timedelta(days=1)
    with costs(1, 1):
        assert Blog.objects.bulk_update(six, ["created"]) == 6


def test_prefetched_objects_are_one_statement_more(blogs: list[Blog]) -> None:
    Comment.objects.create(blog=blogs[0], text="first")
    with costs(1, 2):
        found = list(Blog.objects.prefetch_related("comment_set").order_by("pk")[:20])
        assert [comment.text for comment in found[0].comment_set.all()] == ["first"]
