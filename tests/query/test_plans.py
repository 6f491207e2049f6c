"""What the index looks at to answer: the strategies, and that the work is bounded.

Each bound stands on entries touched, which ``explain()`` counts; none on time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import connection
from django.db.models import Q

from sonic_django.index import queries
from sonic_django.index.results import IndexResult
from sonic_django.query.execute import plan
from sonic_django.test import count_redis_calls
from tests.testapp.models import Author, Blog, Everything

pytestmark = pytest.mark.django_db
START = datetime(2024, 1, 1, tzinfo=timezone.utc)
NUMBER = 3000


@pytest.fixture(scope="module")
def blogs(django_db_setup: None, django_db_blocker: Any) -> Iterator[list[Blog]]:
    """Author 0 wrote every second, author 1 each tenth, author 2 the oldest hundred; a rare tag.

    Committed, and made once: no test here writes.
    """
    with django_db_blocker.unblock():
        blogs = _make_blogs()
    yield blogs
    with django_db_blocker.unblock():
        for model in (Blog, Author):
            store = model._sonic.store("default")
            with connection.cursor() as cursor:
                cursor.execute(f"DELETE FROM {model._meta.db_table}")
            store.clear()
            store.mark_built()
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM sonic_unique")


def _make_blogs() -> list[Blog]:
    authors = [Author(username=str(i)) for i in range(3)]
    ids = [author.id for author in Author.objects.bulk_create(authors)]
    made = []
    for i in range(NUMBER):
        author = ids[2] if i < 100 else ids[1] if i % 10 == 3 else ids[0] if i % 2 else None
        tags = ["all", *(["rare"] if i % 300 == 7 else [])]
        created = START + timedelta(days=i)
        made.append(Blog(title=str(i), author_id=author, tags=tags, score=i % 7, created=created))
    return Blog.objects.bulk_create(made)


def author(number: int) -> int:
    return int(Author.objects.order_by("username").ids()[number])


def explain(queryset: Any, strategy: str, most: int, what: str = "ids") -> None:
    found = queryset.explain(what)
    assert found.strategy == strategy, found
    assert found.touched <= most, found


class TestByRank:
    """One ordered set is the answer: the last page costs what the first costs."""

    @pytest.mark.parametrize("offset", [0, NUMBER - 20])
    def test_pages_of_one_set(self, blogs: list[Blog], offset: int) -> None:
        page = slice(offset, offset + 20)
        explain(Blog.objects.all()[page], "page", 20)
        explain(Blog.objects.order_by("pk")[page], "page", 20)
        explain(Blog.objects.order_by("-created")[page], "page", 20)
        explain(Blog.objects.filter(author=author(0))[offset // 3 :][:20], "page", 20)
        explain(Blog.objects.filter(tags="all").order_by("created")[page], "page", 20)
        explain(Blog.objects.filter(score__gte=0).order_by("-score")[page], "page", 20)
        explain(Blog.objects.order_by("score", "-pk")[page], "page", 20)

    def test_a_value_of_a_sorted_index_is_in_id_order(self, blogs: list[Blog]) -> None:
        explain(Blog.objects.filter(score=3)[400:420], "page", 20)

    def test_a_range_of_ids_narrows_a_set(self, blogs: list[Blog]) -> None:
        old = blogs[30].id
        explain(Blog.objects.filter(author=author(0), pk__lt=old)[:20], "page", 20)
        explain(Blog.objects.filter(author=author(0)).after(old)[:20], "page", 20)
        explain(Blog.objects.filter(score=3, pk__lt=old)[:20], "page", 20)
        explain(Blog.objects.filter(score=3).after(old)[:2], "page", 2)
        explain(Blog.objects.filter(pk__range=(old, old + 5)), "page", 6)

    def test_a_cursor_in_an_order_by_a_field(self, blogs: list[Blog]) -> None:
        for order in [("created",), ("-created",), ("score",), ("score", "-pk"), ("-score", "pk")]:
            queryset = Blog.objects.order_by(*order).after(blogs[1500])
            explain(queryset[:20], "page", 20)
            queryset = Blog.objects.filter(tags="all").order_by("created").before(blogs[1500])
            explain(queryset[:20], "page", 20)

    def test_a_composite_index_of_all_conditions(self, blogs: list[Blog]) -> None:
        explain(Blog.objects.filter(author=author(1), tags="all")[100:120], "page", 20)


class TestWalking:
    """A filter that most objects pass: the order is walked until the page is full."""

    def test_dense_filters(self, blogs: list[Blog]) -> None:
        dense = Blog.objects.filter(score__lte=5)
        # Five more an object where former objects had values that one double does not hold: their
        # index is then looked at by way of the record.
        explain(dense[:20], "walk", 8 * 20)
        explain(dense.order_by("created")[:20], "walk", 8 * 20)
        # A block is as long as is expected to be enough: one more than wanted.
        explain(Blog.objects.exclude(tags="rare")[:20], "walk", 8 * 21)
        explain(Blog.objects.exclude(tags="rare").order_by("-created")[:20], "walk", 8 * 21)
        either = Blog.objects.filter(Q(score=1) | Q(author=author(0)))
        explain(either.order_by("-created")[:20], "walk", 12 * 20)

    def test_two_dense_ones_cost_the_page_by_their_density(self, blogs: list[Blog]) -> None:
        both = Blog.objects.filter(author=author(0), score__lte=3)
        explain(both.order_by("-created")[:20], "walk", 12 * 20)

    def test_by_id_the_smaller_set_is_walked(self, blogs: list[Blog]) -> None:
        # About 300 are of author 1, one in seven of them has the score: not all ids are walked.
        explain(Blog.objects.filter(author=author(1), score=3)[:5], "walk", 5 * 7 * 3)


class TestGathering:
    """A filter that few objects pass: its smallest part is gathered and sorted."""

    def test_the_rare_part_drives(self, blogs: list[Blog]) -> None:
        rare = Blog.objects.filter(tags="rare").exclude(author=author(2))
        explain(rare.order_by("score"), "gather", 10 * 4)
        explain(rare.order_by("-score")[:3], "gather", 10 * 4)
        explain(rare, "gather", 10 * 4)

    def test_given_ids_drive(self, blogs: list[Blog]) -> None:
        some = [blog.id for blog in blogs[:2000:400]]
        explain(Blog.objects.filter(pk__in=some, score__lte=5).order_by("created"), "gather", 5 * 4)

    def test_a_walk_that_goes_wrong_is_given_up(self, blogs: list[Blog]) -> None:
        # By its size author 2 would be met on every thirtieth step; all stand at the far end.
        old = Blog.objects.filter(author=author(2)).exclude(score=99)
        explain(old.order_by("-created")[:1], "gather", 256 * 3 + 100 * 4)


class TestCounting:
    """A number is the size of a set wherever one set is the answer."""

    def test_one_set(self, blogs: list[Blog]) -> None:
        old = blogs[100].id
        for queryset in (
            Blog.objects.all(),
            Blog.objects.filter(tags="all"),
            Blog.objects.filter(score__range=(1, 3)),
            Blog.objects.filter(score=3),
            Blog.objects.exclude(score=3),
            Blog.objects.exclude(tags="rare"),
            Blog.objects.filter(pk__gt=old),
            Blog.objects.filter(author=author(0), pk__gt=old),
            Blog.objects.filter(score__in=[1, 3, 3, 5]),
            Blog.objects.exclude(author__in=[author(0), author(1)]),
            Blog.objects.filter(author__isnull=True),
            Blog.objects.filter(author__isnull=False),
            Blog.objects.order_by("-created").after(old),
        ):
            explain(queryset, "cardinality", 0, "count")
            assert queryset.count() == len(queryset.ids())

    def test_the_smallest_part_of_several(self, blogs: list[Blog]) -> None:
        explain(Blog.objects.filter(tags="rare", score__lte=5), "gather", 10 * 2, "count")
        explain(Blog.objects.filter(tags__in=["rare", "none"]), "gather", 10, "count")

    def test_sets_of_ids_are_combined_as_wholes(self, blogs: list[Blog]) -> None:
        """Parts of two sets and of all ids, whose ids lie in one part or two."""
        neither = Blog.objects.exclude(author=author(0)).exclude(author=author(1))
        explain(neither, "parts", 2 * 3, "count")
        assert "combined as wholes" in str(neither.explain("count"))
        assert neither.count() == len(neither.ids()) > 1000


def test_random_ones_of_one_set_do_not_walk_it(blogs: list[Blog]) -> None:
    for queryset in (Blog.objects.all(), Blog.objects.filter(score__gte=3)):
        query = plan(queryset.state, ("-pk",))
        answer = Blog._sonic.store("default").explain(query, 1, 5, "random")
        assert (answer.strategy, answer.touched) == ("random", 0)  # not walked: fetched by rank


def test_random_ones_are_as_likely_as_each_other(blogs: list[Blog]) -> None:
    """Each of ten objects about a tenth of the time, also in first place."""
    ids = [blog.id for blog in blogs[:10]]
    for queryset in (
        Blog.objects.filter(pk__lte=ids[-1]),
        Blog.objects.filter(pk__in=ids),
        Blog.objects.filter(pk__in=ids).exclude(score=99),
    ):
        seen: dict[int, int] = dict.fromkeys(ids, 0)
        first: dict[int, int] = dict.fromkeys(ids, 0)
        for _ in range(400):
            found = [blog.id for blog in queryset.random(3)]
            assert len(set(found)) == 3
            first[found[0]] += 1
            for id in found:
                seen[id] += 1
        # 120 and 40 are expected; 5.5 standard deviations are 50 and 33.
        assert all(70 < number < 170 for number in seen.values()), seen
        assert all(7 < number < 73 for number in first.values()), first


def test_what_explain_says(blogs: list[Blog]) -> None:
    found = Blog.objects.filter(tags="rare", score__lte=5).order_by("created").explain()
    assert [(use.index, use.entries) for use in found.order] == [
        ("tags_order_by_created", 10),
        ("tags_order_by_created (no value)", 0),
    ]
    shown = str(found)
    assert shown.startswith("walk: the order is walked and each object tested")
    assert "3000 objects in all" in shown
    assert "order: tags_order_by_created, 10 entries" in shown
    assert "filter: score, " in shown
    assert "order: all objects, 3000 entries (ids)" in str(Blog.objects.all().explain())


def test_long_texts_are_told_apart_at_their_ends(db: None) -> None:
    ends = ("a", "", "b", "é", "\x00", "~")
    texts = ["x" * length + end for length in (5000, 63, 64, 65, 127, 128, 129) for end in ends]
    objects = [Everything(text=text, flag=True) for text in texts]
    # Enough others that the found ones are sorted and not met in order.
    Everything.objects.bulk_create([*objects, *(Everything(text=str(i)) for i in range(200))])
    found = Everything.objects.filter(flag=True).order_by("text")
    explain(found, "gather", 10**6)
    assert [obj.text for obj in found] == sorted(texts)
    assert [obj.text for obj in found.reverse()] == sorted(texts, reverse=True)
    assert Everything.objects.get(text=texts[3]).text == texts[3]


def test_a_disjunction_of_very_many_is_gathered_not_tested(blogs: list[Blog]) -> None:
    """Testing one object against each of a thousand sets would cost a thousand look-ups."""
    words = [f"no {n}" for n in range(1000)]
    found = Blog.objects.filter(tags__in=[*words, "rare"]).order_by("created")
    explain(found[:5], "gather", 10 * 4)
    assert len(found) == 10


class TestOneRun:
    """However much there is to do, one run of a script does a bounded part of it."""

    @pytest.mark.parametrize(
        ("question", "what"),
        [
            (lambda: Blog.objects.filter(Q(score__lte=4) | Q(author=author(0))), "count"),
            (lambda: Blog.objects.filter(author=author(0), score__lte=4), "count"),
            (lambda: Blog.objects.exclude(score__lte=4).order_by("-created"), "ids"),
            (lambda: Blog.objects.order_by("score", "-created"), "ids"),
            (lambda: Blog.objects.all(), "ids"),
        ],
    )
    def test_touches_no_more_than_its_budget(
        self, blogs: list[Blog], monkeypatch: pytest.MonkeyPatch, question: Any, what: str
    ) -> None:
        queryset = question()
        monkeypatch.setattr(queries, "BUDGET", 100)
        touched: list[int] = []
        add = IndexResult.add

        def note(answer: IndexResult, reply: Any) -> None:
            touched.append(reply[3])
            add(answer, reply)

        monkeypatch.setattr(IndexResult, "add", note)
        explained = queryset.explain(what)
        assert explained.round_trips == len(touched) > 5
        # What was begun is finished: the tests of one entry, or of a block as small as the budget.
        assert max(touched) <= 2 * 100

    def test_a_facet_too(self, blogs: list[Blog], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(queries, "BUDGET", 100)
        with count_redis_calls() as calls:
            assert sum(number for _, number in Blog.objects.filter(score__lte=4).facet("author"))
        assert len(calls) > 5
