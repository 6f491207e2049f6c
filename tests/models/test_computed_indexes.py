"""Indexes of values that a function computes from an object."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import FieldError, ValidationError
from django.db import transaction
from django.test.utils import isolate_apps
from hypothesis import given
from hypothesis import strategies as st

from sonic_django import Index, SonicObj, int_field, str_field
from sonic_django.exceptions import IndexNotBuilt
from sonic_django.schema.computed import Computed
from sonic_django.schema.schema import Schema
from tests.profiles import examples
from tests.testapp.lookups import Book, initial, words

pytestmark = pytest.mark.django_db

TITLES = ["", "a", "A b", "b a", "ß x", "é", "one two one", "%|~", "0", "z" * 200]
BOOKS = st.fixed_dictionaries(
    {
        "title": st.sampled_from(TITLES),
        "tags": st.lists(st.sampled_from(["a", "two", ""]), max_size=2),
        "year": st.none() | st.sampled_from([0, 9, 10, 1999, -5]),
    }
)


def found(**lookup: Any) -> set[int]:
    return set(Book.objects.filter(**lookup).ids())


@examples(40)
@given(
    books=st.lists(BOOKS, max_size=5),
    changes=st.lists(BOOKS, max_size=3),
    asked=st.lists(st.sampled_from(["A", "B", "SS", "É", "a", "one", "two", "", "0"]), max_size=4),
)
def test_against_plain_python(
    books: list[dict[str, Any]], changes: list[dict[str, Any]], asked: list[str]
) -> None:
    with transaction.atomic():
        objects = [Book.objects.create(**book) for book in books]
        for obj, change in zip(objects, changes, strict=False):
            for name, value in change.items():
                setattr(obj, name, value)
            obj.save()
        for value in asked:
            assert found(initial=value) == {o.pk for o in objects if initial(o) == value}
            assert found(word=value) == {o.pk for o in objects if value in words(o)}
            out = Book.objects.exclude(word=value)
            assert set(out.ids()) == {o.pk for o in objects if value not in words(o)}
            assert {o.pk for o in out} == set(out.ids())
        assert found(initial__in=asked) == {o.pk for o in objects if initial(o) in asked}
        assert found(word__all=asked) == {o.pk for o in objects if set(asked) <= set(words(o))}
        assert found(initial__isnull=True) == {o.pk for o in objects if not o.title}
        assert found(word=[]) == {o.pk for o in objects if not words(o)}
        assert found(decade=0) == {o.pk for o in objects if o.year in (0, 9)}
        transaction.set_rollback(True)


def test_beside_fields_and_in_an_order() -> None:
    author = Book.objects.create(title="Author")
    one = Book.objects.create(title="One", author=author, year=1999)
    two = Book.objects.create(title="Other", year=1991)
    assert list(Book.objects.filter(initial="O", author=author)) == [one]
    assert Book.objects.filter(initial="O", author=author).explain("count").touched <= 1
    assert list(Book.objects.filter(decade=199).order_by("year")) == [two, one]
    assert Book.objects.filter(decade=199).order_by("year").explain().strategy == "page"


def test_facets() -> None:
    for title in ("One", "Other", "two", ""):
        Book.objects.create(title=title, tags=["x"])
    assert Book.objects.facet("initial") == [("O", 2), (None, 1), ("T", 1)]
    assert Book.objects.filter(initial="T").facet("word") == [("two", 1), ("x", 1)]


def test_a_stale_entry_is_no_answer() -> None:
    book = Book.objects.create(title="Old")
    table, codec = Book._sonic.table("default"), Book._sonic.codec
    row = table.fetch([book.pk])[book.pk]
    changed = codec.encode({**codec.decode(row.payload), "title": "New"})
    table.update(book.pk, row.version, changed, is_deleted=False)
    assert list(Book.objects.filter(initial="O")) == []


def test_the_function_cannot_change_what_is_saved_and_sees_no_id() -> None:
    seen = []

    def greedy(obj: Any) -> None:
        seen.append((obj.pk, obj.extra, obj.tags))
        obj.tags.append("more")

    options = Book._sonic
    computed = Computed(options, "greedy", greedy, 1)
    book = Book.objects.create(title="t", tags=["a"])
    values = options.values_of(book.sonic_payload, book.pk)
    assert computed.of(values) is None
    assert values["tags"] == ["a"]
    assert seen == [(None, {}, ["a", "more"])]


class TestMistakes:
    def model(self, **indexes: Any) -> Any:
        class Checked(SonicObj):
            title = str_field("")
            number = int_field()

            class Meta:
                app_label = "testapp"

        Checked.indexes = indexes
        return Checked

    @isolate_apps("tests.testapp")
    @pytest.mark.parametrize(
        ("index", "message"),
        [
            (Index(expression="title"), "has an expression that cannot be called, 'title'"),
            (Index(expression=len, name="title"), "is called 'title', which is a field already"),
            (Index(expression=len, name="pk"), "is called 'pk', which is a field already"),
            (Index(expression=len, name="a__b"), "is called 'a__b', by which nothing can be l"),
        ],
    )
    def test_declarations(self, index: Index, message: str) -> None:
        (problem,) = [m for m in self.model(x=index).check() if m.id.startswith("sonic.")]
        assert problem.id == "sonic.E009"
        assert f"Checked.indexes['x'] {message}" in problem.msg

    @isolate_apps("tests.testapp")
    def test_two_functions_of_one_name(self) -> None:
        model = self.model(a=Index(expression=len, name="n"), b=Index(expression=str, name="n"))
        (problem,) = [m for m in model.check() if m.id.startswith("sonic.")]
        assert "indexes['b'] is called 'n', as is another expression" in problem.msg

    @isolate_apps("tests.testapp")
    def test_an_error_names_index_and_object(self) -> None:
        model = self.model(ratio=Index(expression=lambda obj: 1 / obj.number))
        with pytest.raises(ValueError, match="division by zero") as error:
            model._sonic.entries({"title": "t", "number": 0})
        assert str(error.value) == (
            "testapp.Checked: the expression of the index 'ratio' failed for the object with "
            "title='t', number=0: ZeroDivisionError: division by zero"
        )

    @isolate_apps("tests.testapp")
    def test_what_is_no_value(self) -> None:
        model = self.model(odd=Index(expression=lambda obj: {"a": 1}))
        with pytest.raises(ValueError, match=r"cannot be indexed by \[odd\].*of type dict"):
            model._sonic.entries({"title": "t", "number": 0})

    @isolate_apps("tests.testapp")
    def test_another_version_is_another_index(self) -> None:
        model, digests = self.model(), set()
        for version in (1, 2):
            model.indexes = {"n": Index(expression=len, version=version)}
            digests.add(Schema(model).indexes["n"].digest)
        assert len(digests) == 2

    def test_lookups(self) -> None:
        with pytest.raises(FieldError, match="Book.initial is not a text field, so it has no star"):
            Book.objects.filter(initial__startswith="A")
        with pytest.raises(FieldError, match="Book.decade has no order, so no gt"):
            Book.objects.filter(decade__gt=1)
        with pytest.raises(ValidationError, match="is no single value, and an index holds those"):
            Book.objects.filter(initial={"a": 1})


def test_a_former_version_must_be_rebuilt(monkeypatch: pytest.MonkeyPatch) -> None:
    book = Book.objects.create(title="One")
    changed = {"initial": Index(expression=lambda book: book.title[-1:], version=2)}
    monkeypatch.setattr(Book, "indexes", changed)
    monkeypatch.setattr(Book, "_sonic", Schema(Book))
    with pytest.raises(IndexNotBuilt, match="sonic_reindex"):
        Book.objects.filter(initial="e").count()
    Book.rebuild_all()
    assert list(Book.objects.filter(initial="e")) == [book]
