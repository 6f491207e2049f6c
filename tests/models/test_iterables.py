"""A list takes every iterable: what can be read only once is read when it is assigned."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError

from sonic_django import EmbeddedObj, SonicObj, emobj_list_field, list_field, str_field
from sonic_django.exceptions import PayloadError
from tests.testapp.kinds import Line, Order, Pinned
from tests.testapp.models import Author, Blog, Described, Everything, Plain

pytestmark = pytest.mark.django_db

ONCE: dict[str, Callable[[list[Any]], Iterable[Any]]] = {
    "a generator": lambda items: (item for item in items),
    "a filter": lambda items: filter(None, items),
    "an iterator": iter,
    "keys of a dict": lambda items: dict.fromkeys(items).keys(),
    "values of a dict": lambda items: dict(enumerate(items)).values(),
    "a reversed list": lambda items: reversed(list(reversed(items))),
}


@pytest.fixture(params=ONCE)
def once(request: pytest.FixtureRequest) -> Callable[[list[Any]], Iterable[Any]]:
    return ONCE[request.param]


class TestIterables:
    def test_assigned(self, once: Callable[[list[Any]], Iterable[Any]]) -> None:
        blog = Blog.objects.create(title="t")
        blog.tags = once(["a", "b"])
        assert (list(blog.tags), list(blog.tags)) == (["a", "b"], ["a", "b"])
        blog.save()
        assert Blog.objects.get(pk=blog.pk).tags == blog.tags == ["a", "b"]
        assert Blog.objects.filter(tags="b").ids() == [blog.pk]

    def test_given_to_the_class(self, once: Callable[[list[Any]], Iterable[Any]]) -> None:
        blog = Blog(title="t", tags=once(["a"]))
        assert blog.tags == ["a"]
        made = Everything.objects.create(words=once(["x"]), numbers=once([1, 2]))
        again = Everything.objects.get(pk=made.pk)
        assert (again.words, again.numbers) == (["x"], [1, 2])

    def test_a_class_with_fields_that_set_themselves_encodes_twice(
        self, once: Callable[[list[Any]], Iterable[Any]]
    ) -> None:
        made = Described.objects.create(title="t")
        made.labels = once(["a", "b"])
        made.save()
        assert Described.objects.get(pk=made.pk).labels == ["a", "b"]

    def test_of_references(self, once: Callable[[list[Any]], Iterable[Any]]) -> None:
        one, two = Everything.objects.create(text="1"), Everything.objects.create(text="2")
        two.friends = once([one, two.pk])
        two.save()
        assert Everything.objects.get(pk=two.pk).friends == [one, two]

    def test_of_any_objects(self, once: Callable[[list[Any]], Iterable[Any]]) -> None:
        ann = Author.objects.create(username="ann")
        note = Pinned(others=once([ann, 1, "x"]))
        note.save()
        assert Pinned.objects.get(pk=note.pk).others == [ann, 1, "x"]

    def test_of_embedded_objects(self) -> None:
        for make in (lambda items: iter(items), lambda items: (item for item in items)):
            customer = Order.objects.create()
            customer.lines = make([Line(sku="a"), {"sku": "b"}])
            customer.save()
            assert [line.sku for line in Order.objects.get(pk=customer.pk).lines] == ["a", "b"]

    def test_within_an_embedded_object(self, once: Callable[[list[Any]], Iterable[Any]]) -> None:
        class Part(EmbeddedObj):
            marks = list_field(str)
            parts = emobj_list_field(Line)

        part = Part(marks=once(["a"]), parts=iter([{"sku": "x"}]))
        assert (part.marks, part.marks) == (["a"], ["a"])
        part.marks, part.parts = once(["b"]), iter([Line(sku="y")])
        for _ in range(2):
            stored = part.to_primitive()
            assert (stored["marks"], [line["sku"] for line in stored["parts"]]) == (["b"], ["y"])

    def test_a_default(self) -> None:
        field: Any = list_field(str, iter(["a"]))
        assert (field.get_default(), field.get_default()) == (["a"], ["a"])

    def test_an_update_of_many(self, once: Callable[[list[Any]], Iterable[Any]]) -> None:
        blogs = [Blog.objects.create(title="t", score=7) for _ in range(3)]
        assert Blog.objects.filter(score=7).update(tags=once(["a"])) == 3
        assert sorted(Blog.objects.filter(tags="a").ids()) == [blog.pk for blog in blogs]

    def test_update_or_create_that_was_overtaken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        Author.objects.create(username="ann")
        made = Described.objects.create(title="t", labels=["old"])
        meanwhile = Described.objects.get(pk=made.pk)
        save = Described.save

        def overtaken(self: Any, **kwargs: Any) -> bool:
            monkeypatch.setattr(Described, "save", save)
            meanwhile.labels = ["other"]
            meanwhile.save()
            return self.save(**kwargs)

        monkeypatch.setattr(Described, "save", overtaken)
        Described.objects.update_or_create(title="t", defaults={"labels": iter(["mine"])})
        assert Described.objects.get(pk=made.pk).labels == ["mine"]


class TestQuerysets:
    def test_of_sonic_objects(self) -> None:
        one, two = Everything.objects.create(text="1"), Everything.objects.create(text="2")
        made = Everything.objects.create(friends=Everything.objects.filter(text__in=["1", "2"]))
        Everything.objects.create(text="1")
        made.save()
        assert set(Everything.objects.get(pk=made.pk).friends) == {one, two}

    def test_of_ids(self) -> None:
        one = Everything.objects.create(text="1")
        made = Everything.objects.create(text="x")
        made.friends = Everything.objects.filter(text="1").values_list("id", flat=True)
        made.save()
        assert Everything.objects.get(pk=made.pk).friends == [one]

    def test_of_an_ordinary_model(self) -> None:
        user = get_user_model().objects.create(username="u")
        note = Pinned(others=get_user_model().objects.all())
        note.save()
        assert Pinned.objects.get(pk=note.pk).others == [user]

    def test_of_another_class_is_refused(self) -> None:
        Plain.objects.create(name="x")
        made = Everything.objects.create(text="x")
        made.friends = Plain.objects.all()
        with pytest.raises(ValidationError, match="is a Plain; this list refers to Everything"):
            made.save()


class TestRefused:
    @pytest.mark.parametrize(
        "value", ["ab", b"ab", bytearray(b"ab"), memoryview(b"ab"), {"a": 1}, 7, object()]
    )
    def test_no_lists(self, value: Any) -> None:
        made = Everything.objects.create(words=["kept"])
        made.words = value
        with pytest.raises(ValidationError, match="this field takes a list"):
            made.save()
        assert Everything.objects.get(pk=made.pk).words == ["kept"]

    def test_an_invalid_element_leaves_nothing_half_read(self) -> None:
        customer = Order.objects.create()
        customer.lines = iter([{"sku": "a"}, {"unknown": 1}, {"sku": "b"}])
        with pytest.raises(ValidationError, match="element 1: Line has no field unknown"):
            customer.save()
        with pytest.raises(ValidationError, match="element 1"):
            customer.save()

    @pytest.mark.parametrize(
        "value", [iter("ab"), {"a": 1}.keys(), [iter("ab")], {"k": map(str, "a")}]
    )
    def test_where_no_field_says_that_it_is_a_list(self, value: Any) -> None:
        plain = Plain.objects.create(name="x")
        plain.extra["more"] = value
        with pytest.raises(PayloadError, match="more.* is .*which a payload cannot hold"):
            plain.save()
        made = Everything.objects.create()
        made.anything = value
        with pytest.raises((ValidationError, PayloadError), match="anything.* is "):
            made.save()
        assert made.dirty_fields == ["anything"]


def test_a_subclass_may_make_another_kind_of_the_field() -> None:
    class Base(EmbeddedObj):
        value = list_field(str)

    class Sub(Base):
        value = str_field("")

    assert Sub(value="x").to_primitive() == {"value": "x"}
    assert issubclass(Blog, SonicObj)
