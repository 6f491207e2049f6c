"""``search(text)``: full text and index in one queryset, the best first."""

from __future__ import annotations

import pytest
from django.core.exceptions import FieldError
from django.db import NotSupportedError

from sonic_django.query import search
from tests.query.test_round_trips import costs
from tests.testapp.models import Author, Blog, Plain

pytestmark = pytest.mark.django_db


@pytest.fixture
def blogs() -> list[Blog]:
    """Seven about foxes, the earlier the more so; every second one is Ann's."""
    ann, bob = Author.objects.bulk_create([Author(username="ann"), Author(username="bob")])
    blogs = [
        Blog.objects.create(
            title="fox" if i < 2 else "story",
            content="fox " * (7 - i) + "and so on " * i,
            author=(ann, bob)[i % 2],
            score=10 - i,
            tags=["t"],
        )
        for i in range(7)
    ]
    Blog.objects.create(title="hound", content="dog", author=ann)
    return blogs


def test_the_best_first(blogs: list[Blog]) -> None:
    found = Blog.objects.search("fox")
    assert list(found) == Blog.search("fox", 0, 10)
    assert set(found[:2]) == set(blogs[:2])
    assert found.count() == len(found) == len(found.ids()) == 7
    assert found.exists()
    assert list(found.reverse()) == list(found)[::-1]
    assert [found.first(), found.last()] == list(found)[::6]


def test_nothing(blogs: list[Blog]) -> None:
    found = Blog.objects.search("cat")
    assert not found.exists()
    assert list(found) == []
    assert found.count() == 0


def test_pages(blogs: list[Blog]) -> None:
    whole = list(Blog.objects.search("fox"))
    for low in range(8):
        assert list(Blog.objects.search("fox")[low : low + 3]) == whole[low : low + 3]
        assert Blog.objects.search("fox")[low : low + 3].count() == len(whole[low : low + 3])
        assert Blog.objects.search("fox")[low:].exists() is (low < 7)


def test_with_a_filter(blogs: list[Blog]) -> None:
    whole = list(Blog.objects.search("fox"))
    ann = blogs[0].author
    anns = [blog for blog in whole if blog.author_id == ann.id]
    for found in (
        Blog.objects.search("fox").filter(author=ann),
        Blog.objects.filter(author=ann).search("fox"),
    ):
        assert list(found) == anns
        assert found.count() == 4
        assert list(found[1:3]) == anns[1:3]
        assert found.facet("author") == [(ann.id, 4)]
        assert found.contains(blogs[0])
        assert not found.contains(blogs[1])
    assert list(Blog.objects.search("fox").exclude(author=ann, score__gt=5)) == [
        blog for blog in whole if blog.author_id != ann.id or blog.score <= 5
    ]


def test_in_another_order(blogs: list[Blog]) -> None:
    found = Blog.objects.search("fox").order_by("-score")
    assert list(found) == blogs
    assert list(found.after(blogs[3])[:2]) == blogs[4:6]
    assert list(Blog.objects.search("fox").order_by("pk")[2:4]) == blogs[2:4]
    assert set(Blog.objects.search("fox").random(3)) < set(blogs)
    assert len(Blog.objects.search("fox").order_by("?")) == 7


def test_values_and_single_objects(blogs: list[Blog]) -> None:
    found = Blog.objects.search("fox")
    assert sorted(found.values_list("score", flat=True)) == [4, 5, 6, 7, 8, 9, 10]
    assert found.get(pk=blogs[3].id) == blogs[3]
    with pytest.raises(Blog.DoesNotExist):
        Blog.objects.search("hound").get(pk=blogs[3].id)
    assert list(found.in_bulk([blogs[0].id, 10**9])) == [blogs[0].id]


def test_what_was_deleted_or_changed_since(blogs: list[Blog]) -> None:
    blogs[0].delete()
    blogs[1].destroy()
    found = Blog.objects.search("fox")
    assert set(found) == set(blogs[2:])
    assert found.count() == 5
    assert found.filter(score=8).update(content="dog", title="") == 1
    assert set(Blog.objects.search("fox")) == set(blogs[3:])


def test_costs(blogs: list[Blog]) -> None:
    list(Blog.objects.search("fox"))
    with costs(1, 1):
        assert len(Blog.objects.search("fox")[:3]) == 3
    with costs(1, 1):
        assert len(Blog.objects.search("fox").filter(tags="t")[:3]) == 3
    with costs(1, 1):
        assert len(Blog.objects.search("fox").order_by("score")[:3]) == 3
    with costs(1, 0):
        assert Blog.objects.search("fox").count() == 7


def test_few_hits_are_tested_first(blogs: list[Blog], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where those do not fill the page, the others are tested in a second call."""
    monkeypatch.setattr(search, "FEW", 1)
    whole = list(Blog.objects.search("fox"))
    with costs(2, 1):
        found = list(Blog.objects.search("fox").filter(score=whole[-1].score)[:1])
    assert found == whole[-1:]
    with costs(1, 1):
        assert list(Blog.objects.search("fox")[:1]) == whole[:1]


class TestMoreHitsThanAreLookedAt:
    @pytest.fixture(autouse=True)
    def only_three(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(search, "MOST", 3)
        monkeypatch.setattr(search, "FEW", 1)

    def test_pages_of_the_best_are_given(self, blogs: list[Blog]) -> None:
        whole = Blog.search("fox", 0, 10)
        assert list(Blog.objects.search("fox")[:3]) == whole[:3]
        assert list(Blog.objects.search("fox").filter(tags="t")[:3]) == whole[:3]
        assert Blog.objects.search("fox").filter(tags="t").exists()

    def test_what_depends_on_the_others_is_refused(self, blogs: list[Blog]) -> None:
        found = Blog.objects.search("fox")
        for ask in (
            lambda: list(found),
            lambda: found.count(),
            lambda: found.ids(),
            lambda: found.last(),
            lambda: list(found.filter(tags="t")[:4]),
            lambda: found.filter(tags="x").exists(),
            lambda: list(found.order_by("score")[:1]),
            lambda: found.facet("author"),
            lambda: found.update(score=1),
        ):
            with pytest.raises(NotSupportedError, match=r"search\('fox'\): more than 3 objects"):
                ask()


def test_mistakes() -> None:
    for ask, message in (
        (lambda: Blog.objects.all()[:1].search("x"), "once a slice has been taken"),
        (lambda: Blog.objects.search("x").search("y"), "was taken already"),
        (lambda: Blog.objects.deleted().search("x"), "finds live objects only"),
        (lambda: Blog.objects.scan().search("x"), r"cannot be combined with scan\(\)"),
        (lambda: Blog.objects.search("x") | Blog.objects.all(), r"combine queries with search\(\)"),
        (lambda: Blog.objects.search("x").after(1), "need an order"),
    ):
        with pytest.raises(TypeError, match=message):
            ask()
    with pytest.raises(FieldError, match="declares no full text"):
        list(Plain.objects.search("x"))
