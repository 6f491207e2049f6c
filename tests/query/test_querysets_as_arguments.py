"""A queryset given to a lookup: the values that Django would take from it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import FieldError, ValidationError
from django.db import NotSupportedError
from django.db.models import Count, F, Q, Value
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy

from tests.testapp.models import Author, Blog, Comment, Everything, Pinned, Plain

pytestmark = pytest.mark.django_db


@pytest.fixture
def authors() -> list[Author]:
    # Ids of objects of different classes differ, so that one taken for another is seen.
    Author.objects.bulk_create([Author(username=f"before {at}") for at in range(5)])
    return [Author.objects.create(username=name, nick=f"n{name}") for name in ("ann", "bob", "cy")]


@pytest.fixture
def blogs(authors: list[Author]) -> list[Blog]:
    ann, bob, _ = authors
    return [
        Blog.objects.create(title=title, author=author, score=score, tags=tags)
        for title, author, score, tags in [
            ("nann", ann, 1, ["t1"]),
            ("t1", bob, 2, ["t1", "t2"]),
            ("t2", None, 3, []),
            ("x", bob, 8, ["t2"]),
        ]
    ]


class TestShapedQuerysets:
    def test_values_are_looked_up(self, authors: list[Author], blogs: list[Blog]) -> None:
        for given in (
            Blog.objects.values_list("author_id", flat=True),
            Blog.objects.values_list("author", flat=True),
            Blog.objects.values_list("author_id"),
            Blog.objects.values_list("author", named=True),
            Blog.objects.values("author_id"),
            Blog.objects.values("author").distinct(),
        ):
            assert set(Author.objects.filter(pk__in=given)) == set(authors[:2])
            assert set(Author.objects.filter(Q(id__in=given))) == set(authors[:2])
            assert set(Author.objects.filter(Q(username="cy") | Q(pk__in=given))) == set(authors)
            assert set(Author.objects.in_bulk(given)) == {authors[0].pk, authors[1].pk}
            assert Author.objects.exclude(pk__in=given).count() == 6
            assert Blog.objects.filter(author__in=given).count() == 3

    def test_excluded_values_stay(self, authors: list[Author], blogs: list[Blog]) -> None:
        used = Blog.objects.values_list("author_id", flat=True)
        Author.objects.exclude(pk__in=used).delete()
        assert set(Author.objects.all()) == set(authors[:2])

    def test_objects_are_their_ids(self, authors: list[Author], blogs: list[Blog]) -> None:
        some = Author.objects.filter(username__in=["ann", "cy"])
        assert Author.objects.filter(pk__in=some).count() == 2
        assert Blog.objects.get(author__in=some) == blogs[0]
        # Of another class too, as in Django.
        assert Author.objects.filter(pk__in=Blog.objects.all()).ids() == sorted(
            {blog.pk for blog in blogs} & set(Author.objects.ids()), reverse=True
        )

    def test_slices_and_orders_are_kept(self, authors: list[Author], blogs: list[Blog]) -> None:
        lowest = Blog.objects.order_by("score")
        assert list(Blog.objects.filter(pk__in=lowest[:1])) == [blogs[0]]
        assert list(Blog.objects.filter(pk__in=lowest.reverse()[:1])) == [blogs[3]]
        authors_of = lowest[1:2].values_list("author", flat=True)
        assert list(Author.objects.filter(pk__in=authors_of)) == [authors[1]]
        assert set(Author.objects.exclude(pk__in=authors_of)) >= {authors[0], authors[2]}
        assert Blog.objects.in_bulk(lowest[:2]).keys() == {blogs[0].pk, blogs[1].pk}

    def test_other_lookups_of_several_values(
        self, authors: list[Author], blogs: list[Blog]
    ) -> None:
        titles = Blog.objects.filter(score__lt=3).values_list("title", flat=True)
        assert Blog.objects.filter(author=authors[1], tags__in=titles).get() == blogs[1]
        plain = Everything.objects.create(words=["nann", "t1"])
        Everything.objects.create(words=["t1"])
        assert Everything.objects.get(words__all=titles) == plain
        assert Everything.objects.get(words__contains=titles) == plain
        assert Everything.objects.filter(words__in=titles).count() == 2
        scores = Blog.objects.order_by("score").values_list("score", flat=True)[1:3]
        assert Blog.objects.filter(score__range=scores).count() == 2
        assert Blog.objects.filter(pk__range=Blog.objects.order_by("pk")[1:3]).count() == 2
        names = Author.objects.order_by("username").values_list("username", flat=True)[:1]
        assert Author.objects.in_bulk(names, field_name="username") == {"ann": authors[0]}

    def test_one_value(self, authors: list[Author], blogs: list[Blog]) -> None:
        highest = Blog.objects.order_by("-score")
        assert Blog.objects.get(pk=highest[:1]) == blogs[3]
        assert Blog.objects.get(pk=highest[1:2]) == blogs[2]
        assert Blog.objects.get(score=highest.values_list("score", flat=True)[:1]) == blogs[3]
        assert Blog.objects.filter(score__lt=highest.values("score")[1:2]).count() == 2
        assert Blog.objects.filter(score=highest.filter(score=99).values("score")[:1]).count() == 0
        with pytest.raises(ValueError, match="author: .*limited to one result using slicing"):
            Blog.objects.filter(author=Author.objects.all())
        with pytest.raises(ValueError, match="pk: .*limited to one result"):
            Blog.objects.get(pk=highest)

    def test_several_fields_are_refused_by_name(self, blogs: list[Blog]) -> None:
        for given in (
            Blog.objects.values_list("author", "title"),
            Blog.objects.values("author", "title"),
            User.objects.values("id", "username"),
        ):
            with pytest.raises(ValueError, match=r"pk__in: the queryset gives 2 values .*, "):
                Author.objects.filter(pk__in=given)
        with pytest.raises(ValueError, match="gives 7 values for each object"):
            Author.objects.filter(pk__in=Blog.objects.values())

    def test_a_reference_takes_objects_of_its_class_only(self, blogs: list[Blog]) -> None:
        with pytest.raises(ValueError, match='author__in: .*"Blog": Use a QuerySet for "Author"'):
            Blog.objects.filter(author__in=Blog.objects.all())
        with pytest.raises(ValueError, match='"User": Use a QuerySet for "Author"'):
            Blog.objects.filter(author__in=User.objects.all())

    def test_a_dynamic_field_takes_the_objects(
        self, authors: list[Author], blogs: list[Blog]
    ) -> None:
        pinned = Pinned.objects.create(subject=authors[0])
        Pinned.objects.create(subject=authors[0].pk)
        assert Pinned.objects.get(subject__in=Author.objects.filter(username="ann")) == pinned
        assert Pinned.objects.filter(subject__in=Blog.objects.all()).count() == 0

    def test_it_is_asked_anew(self, authors: list[Author], blogs: list[Blog]) -> None:
        given = Blog.objects.values_list("author", flat=True)
        assert len(given) == 4
        Blog.objects.create(author=authors[2])
        assert Author.objects.filter(pk__in=given).count() == 3


class TestDjangoQuerysets:
    @pytest.fixture
    def comments(self, blogs: list[Blog]) -> list[Comment]:
        return [Comment.objects.create(blog=blog, text=str(blog.pk)) for blog in blogs[:2]]

    def test_values(self, blogs: list[Blog], comments: list[Comment]) -> None:
        for given in (
            Comment.objects.values_list("blog_id", flat=True),
            Comment.objects.values_list("blog_id"),
            Comment.objects.values("blog"),
            Comment.objects.values("blog").annotate(n=Count("pk")).values("blog"),
            Comment.objects.annotate(b=F("blog_id")).values("b"),
            Comment.objects.annotate(b=F("blog_id")).values_list("b", flat=True).distinct(),
            Comment.objects.filter(pk=comments[0].pk)
            .values("blog")
            .union(Comment.objects.filter(pk=comments[1].pk).values("blog")),
        ):
            assert set(Blog.objects.filter(pk__in=given)) == set(blogs[:2])
        first = Comment.objects.order_by("pk").values("blog")[:1]
        assert Blog.objects.get(pk__in=first) == blogs[0]
        assert Blog.objects.get(pk=first) == blogs[0]

    def test_objects(self, blogs: list[Blog], comments: list[Comment]) -> None:
        ann = User.objects.create(username="ann")
        group = Group.objects.create(name="g")
        group.user_set.add(ann)
        mine = Everything.objects.create(owner=ann)
        Everything.objects.create()
        for given in (User.objects.all(), User.objects.order_by("-pk")[:1], group.user_set.all()):
            assert Everything.objects.get(owner__in=given) == mine
        assert Everything.objects.get(owner__in=group.user_set) == mine
        assert Everything.objects.get(owner__groups__in=Group.objects.all()) == mine
        assert Blog.objects.filter(pk__in=Blog.sql.all()).count() == 4
        assert Blog.objects.filter(pk__in=Comment.objects.none()).count() == 0

    def test_values_for_a_lookup_of_a_django_model(self) -> None:
        ann = User.objects.create(username="ann")
        Plain.objects.create(name="ann", number=ann.pk)
        mine = Everything.objects.create(owner=ann)
        names = Plain.objects.values_list("name", flat=True)
        assert Everything.objects.get(owner__username__in=names) == mine
        assert Everything.objects.get(owner__pk__in=Plain.objects.values("number")) == mine
        twice = Everything.objects.filter(owner__username__in=iter(["ann"]))
        assert (twice.count(), twice.get()) == (1, mine)


class TestOtherArguments:
    def test_lazy_objects(self, authors: list[Author], blogs: list[Blog]) -> None:
        ann = SimpleLazyObject(lambda: authors[0])
        assert Blog.objects.get(author=ann) == blogs[0]
        assert Author.objects.get(pk=ann) == authors[0]
        assert Blog.objects.filter(author__in=SimpleLazyObject(lambda: authors)).count() == 3
        lazy_ids = SimpleLazyObject(lambda: Blog.objects.values_list("author", flat=True))
        assert Author.objects.filter(pk__in=lazy_ids).count() == 2
        Plain.objects.create(name="ann")
        assert Plain.objects.get(name=gettext_lazy("ann")).name == "ann"
        assert Plain.objects.filter(name__in=[gettext_lazy("ann")]).count() == 1
        Everything.objects.create(anything="ann")
        assert Everything.objects.filter(anything=gettext_lazy("ann")).count() == 1

    def test_iterators_are_read_once_and_refused_then(self, authors: list[Author]) -> None:
        ids = (author.pk for author in authors)
        q = Q(pk__in=ids)
        found = Author.objects.filter(q)
        assert (found.count(), found.filter(username="ann").count()) == (3, 1)
        with pytest.raises(ValueError, match="pk__in: the iterator .* Give a list"):
            Author.objects.filter(q)
        names = map(str, ["ann", "new"])
        assert Author.objects.filter(username__in=names).count() == 1
        with pytest.raises(ValueError, match="username__in: the iterator"):
            Author.objects.exclude(username__in=names)
        assert Author.objects.filter(pk__in=iter([])).count() == 0
        with pytest.raises(ValidationError, match="takes one value"):
            Author.objects.filter(username=(name for name in ["ann"]))

    def test_get_or_create_uses_an_iterator_twice(self) -> None:
        made, created = Author.objects.get_or_create(
            username__in=iter(["zoe"]), defaults={"username": "zoe"}
        )
        assert created
        assert Author.objects.get_or_create(username__in=iter(["zoe"])) == (made, False)

    def test_expressions_are_no_values(self) -> None:
        with pytest.raises(FieldError, match="name=.*SQL expression"):
            Plain.objects.filter(name=F("group"))
        Plain.objects.create(name="a")
        assert Plain.objects.filter(name=Value("a")).count() == 1

    def test_ids_stand_for_objects_in_orders_too(self, authors: list[Author]) -> None:
        some = Author.objects.filter(username__in=["ann", "cy"])
        assert list(some.in_order_of([authors[0], str(authors[2].pk)])) == [authors[0], authors[2]]
        assert list(some.in_order_of(some.order_by("username"))) == [authors[0], authors[2]]
        assert list(Author.objects.with_ids(some.order_by("username"))) == [authors[0], authors[2]]
        with pytest.raises(ValueError, match="expected a number but got 'x'"):
            some.in_order_of(["x"])

    def test_none_is_among_no_values(self) -> None:
        Plain.objects.bulk_create([Plain(group="g", number=n) for n in (None, 1, 2)])
        grouped = Plain.objects.filter(group="g")
        assert grouped.filter(number__in=[None, 1]).get().number == 1
        assert grouped.filter(number__in=[None]).count() == 0
        Everything.objects.bulk_create([Everything(whole=n) for n in (None, 1, 2)])
        assert Everything.objects.filter(whole__in=[None, 1]).get().whole == 1
        assert Everything.objects.exclude(whole__in=[None, 1]).count() == 2
        assert Everything.objects.filter(anything__in=[None]).count() == 0


class TestNamesThatAreNoLookups:
    @pytest.mark.parametrize("data", [{"_connector": "OR"}, {"_negated": True}])
    def test_arguments_of_q_are_refused(self, data: dict[str, Any]) -> None:
        Plain.objects.create(name="mine")
        objects = Plain.objects
        for ask in (
            lambda: objects.filter(name="mine", **data),
            lambda: objects.exclude(name="mine", **data),
            lambda: objects.get(name="mine", **data),
            lambda: objects.all().get(pk=1, **data),
            lambda: objects.complex_filter({"name": "mine", **data}),
            lambda: objects.get_or_create(name="mine", **data),
            lambda: objects.update_or_create(name="mine", **data),
            lambda: objects.scan().filter(name="mine", **data),
            lambda: Plain.count(name="mine", **data),
            lambda: Plain.find(5, name="mine", **data),
            lambda: Plain.find_one(name="mine", **data),
            lambda: Plain.find_all(name="mine", **data),
            lambda: Plain.find_one_or_new(name="mine", **data),
        ):
            with pytest.raises(TypeError, match=f"kwargs are invalid: '{next(iter(data))}'"):
                ask()
        assert Plain.objects.count() == 1

    @pytest.mark.parametrize(
        "name", ["_x", "", "__in", "pk__", "pk__pk", "name__", "self__in", "connector", "children"]
    )
    def test_others_are_unknown_fields(self, name: str) -> None:
        with pytest.raises(FieldError, match=r"testapp\.Plain"):
            Plain.objects.filter(**{name: 1})

    def test_a_q_object_joins_by_a_known_word(self) -> None:
        q = Q(name="a")
        q.connector = "OR 1=1"
        with pytest.raises(ValueError, match="joins by AND, OR or XOR"):
            Plain.objects.filter(q)


class TestCombinations:
    def test_cursors_by_id_survive(self) -> None:
        ids = [plain.pk for plain in Plain.objects.bulk_create([Plain() for _ in range(6)])]
        objects = Plain.objects.order_by("pk")
        behind, ahead = objects.after(ids[3]), objects.before(ids[1])
        assert (behind | ahead).ids() == [ids[0], ids[4], ids[5]]
        assert (ahead | behind).reverse().ids() == [ids[5], ids[4], ids[0]]
        assert (objects.after(ids[1]) & objects.before(ids[4])).ids() == ids[2:4]
        assert (objects & behind).ids() == ids[4:]
        assert (behind & objects.filter(pk=ids[5])).ids() == ids[5:]
        assert (behind | objects.filter(pk=ids[0])).count() == 3

    def test_cursors_by_a_field_are_refused(self) -> None:
        plains = Plain.objects.bulk_create([Plain(name=name) for name in "abc"])
        objects = Plain.objects.order_by("name")
        behind = objects.after(plains[0])
        assert (behind & objects.filter(name="b")).get() == plains[1]
        for combine in (
            lambda: behind | objects,
            lambda: objects | behind,
            lambda: objects & behind,
        ):
            with pytest.raises(TypeError, match="in an order by name; take it of the combination"):
                combine()


class TestVeryManyAlternatives:
    @pytest.fixture
    def plains(self) -> list[Plain]:
        return Plain.objects.bulk_create(
            [Plain(name=f"{at:05}", group=str(at % 300), number=at % 7) for at in range(900)]
        )

    def test_thousands_of_values(self, plains: list[Plain]) -> None:
        names = [f"{at:05}" for at in range(450, 8450)]
        found = Plain.objects.filter(name__in=names)
        assert found.count() == 450
        assert found.ids() == [plain.pk for plain in plains[450:]][::-1]
        assert list(found.order_by("name")[:2]) == plains[450:452]
        assert Plain.objects.exclude(name__in=names).count() == 450
        assert Plain.objects.filter(Q(name__in=names) | Q(group="1")).count() == 452
        assert found.filter(group__in=list(map(str, range(8000)))).count() == 450
        assert found.facet("group", limit=1)[0][1] == 2
        assert found.explain().live == 900
        assert list(found[:3]) == plains[:-4:-1]
        assert len(found) == 450

    def test_alternatives_of_several_fields(self, plains: list[Plain]) -> None:
        q = Q()
        for at in range(800):
            q |= Q(name=f"{at:05}") | Q(group=str(at))
        assert Plain.objects.filter(q).count() == 900
        assert Plain.objects.exclude(q).count() == 0

    def test_more_than_can_be_asked_for_are_refused_with_their_number(self) -> None:
        with pytest.raises(NotSupportedError, match=r"Plain: .* more than 20,000 conditions"):
            Plain.objects.filter(name__in=map(str, range(20_001))).count()

    def test_long_lists_of_ids(self, plains: list[Plain]) -> None:
        last = plains[-1].pk
        assert Plain.objects.filter(pk__in=range(last - 4, last + 50_000)).count() == 5
        assert Plain.objects.exclude(pk__in=range(last - 4, last + 50_000)).count() == 895

    def test_deep_nesting_is_refused_with_its_number(self) -> None:
        q = Q(name="a")
        for at in range(100):
            q = (q | Q(name=str(at))) & Q(group="g")
        with pytest.raises(NotSupportedError, match="more than 60 levels"):
            Plain.objects.filter(q)
        found = Plain.objects.filter(name="a")
        with pytest.raises(NotSupportedError, match="more than 60 levels"):
            for at in range(100):
                found = (found | Plain.objects.filter(name=str(at))) & Plain.objects.filter(
                    group="g"
                )
        several = Plain.objects.none()
        for at in range(300):
            several = several | Plain.objects.filter(name=str(at))
        assert several.count() == 0
