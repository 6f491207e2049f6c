"""Field types: round trips, forms, references, lists."""

from __future__ import annotations

import pickle
import uuid
from datetime import datetime, timezone

import pytest
from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sonic_django import Now, StrField, list_field, str_field
from tests.testapp.models import Author, Blog, Described, Everything

pytestmark = pytest.mark.django_db


def test_every_kind_comes_back_as_it_was(everything: Everything) -> None:
    again = Everything.objects.get(pk=everything.pk)
    assert again.to_dict() == everything.to_dict()
    for name in ("real", "exact", "flag", "anything"):
        assert type(getattr(again, name)) is type(getattr(everything, name))


def test_defaults() -> None:
    empty = Everything()
    assert (empty.text, empty.whole, empty.flag, empty.words) == ("", None, None, [])
    assert Described().token != Described().token
    assert isinstance(Described().token, uuid.UUID)
    assert Now().tzinfo is not None
    assert Blog().created.tzinfo is not None


def test_names_are_aliases_of_classes() -> None:
    assert str_field is StrField
    assert isinstance(Everything._meta.get_field("text"), StrField)


def test_pickling_an_object() -> None:
    blog = Blog.objects.create(title="t", tags=["a"])
    copy = pickle.loads(pickle.dumps(Blog.objects.get(pk=blog.pk)))
    assert (copy._state.adding, copy._state.db) == (False, "default")
    assert copy == blog
    assert copy.tags == ["a"]


def test_an_object_that_is_neither_new_nor_loaded_has_no_state() -> None:
    with pytest.raises(AttributeError, match="neither made by its class nor loaded"):
        Blog.__new__(Blog)._state  # noqa: B018


def test_objects_of_different_classes_are_not_equal() -> None:
    author, blog = Author.objects.create(username="a"), Blog.objects.create(title="t")
    assert Author(id=5) != Blog(id=5)
    assert Author() != Author()
    assert len({author, blog, Author.objects.get(pk=author.pk)}) == 2


class TestReferences:
    def test_id_without_a_load_and_object_with_one(self) -> None:
        author = Author.objects.create(username="a", nick="n")
        blog = Blog.objects.create(title="t", author=author)
        loaded = Blog.objects.get(pk=blog.pk)
        with CaptureQueriesContext(connection) as queries:
            assert loaded.author_id == author.pk
        assert len(queries) == 0
        with CaptureQueriesContext(connection) as queries:
            assert loaded.author.nick == "n"
            assert loaded.author is loaded.author
        assert len(queries) == 1

    def test_new_id_forgets_the_loaded_object(self) -> None:
        one, two = Author.objects.create(username="1"), Author.objects.create(username="2")
        blog = Blog(author=one)
        blog.author_id = two.pk
        assert blog.author == two

    def test_select_related_is_one_statement_a_model(self) -> None:
        for number in range(5):
            author = Author.objects.create(username=str(number))
            Blog.objects.create(title="t", author=author)
        Blog.objects.create(title="none")
        with CaptureQueriesContext(connection) as queries:
            names = {b.author and b.author.username for b in Blog.objects.select_related("author")}
        assert len(queries) == 2
        assert names == {"0", "1", "2", "3", "4", None}

    def test_ordinary_model(self) -> None:
        user = User.objects.create(username="u")
        saved = Everything.objects.create(owner=user)
        assert Everything.objects.filter(owner=user).get() == saved
        assert Everything.objects.get(pk=saved.pk).owner.username == "u"

    def test_self_and_cycles(self) -> None:
        one = Everything.objects.create(text="1")
        two = Everything.objects.create(text="2", parent=one)
        one.parent = two
        one.save()
        assert Everything.objects.get(pk=one.pk).parent.parent.parent.text == "2"


class TestReferenceLists:
    def test_loaded_by_one_statement_in_order(self) -> None:
        friends = [Everything.objects.create(text=str(n)) for n in range(3)]
        saved = Everything.objects.create(friends=[friends[2], friends[0]])
        loaded = Everything.objects.get(pk=saved.pk)
        with CaptureQueriesContext(connection) as queries:
            assert [f.text for f in loaded.friends] == ["2", "0"]
        assert len(queries) == 1
        loaded.friends.append(friends[1])
        loaded.save()
        assert Everything.objects.filter(friends=friends[1]).ids() == [saved.pk]
        assert Everything.objects.filter(friends=friends[0].pk).ids() == [saved.pk]

    def test_a_look_does_not_forget_rows_that_are_gone(self) -> None:
        friends = [Everything.objects.create(text=str(n)) for n in range(2)]
        saved = Everything.objects.create(friends=friends)
        ids = [f.pk for f in friends]
        friends[0].destroy()
        loaded = Everything.objects.get(pk=saved.pk)
        assert [f.text for f in loaded.friends] == ["1"]
        assert loaded.save() is False
        assert Everything._meta.get_field("friends").value_from_object(loaded) == ids


class TestForms:
    def form(self, *names: str, **data: object) -> forms.ModelForm:
        class Form(forms.ModelForm):
            class Meta:
                model = Everything
                fields = names

        return Form(data)

    def test_lists_one_a_line(self) -> None:
        form = self.form("words", "numbers", words="a\r\n\r\n b \n", numbers="1\n2")
        saved = form.save()
        assert (saved.words, saved.numbers) == (["a", "b"], [1, 2])

    def test_a_bad_line_is_named(self) -> None:
        form = self.form("numbers", numbers="1\ntwo")
        assert form.errors == {"numbers": ["Line 2, “two”: Enter a whole number."]}

    def test_reference_list(self) -> None:
        friend = Everything.objects.create(text="f")
        form = self.form("friends", friends=f"{friend.pk}")
        assert form.save().friends == [friend]
        wrong = self.form("friends", friends="999999")
        assert wrong.errors == {"friends": ["There is no everything with the id 999999."]}

    def test_deleted_reference_is_refused_but_not_an_old_one(self) -> None:
        author = Author.objects.create(username="a")
        blog = Blog.objects.create(title="t", content="c", author=author, tags=["x"])
        author.delete()
        blog.title = "u"
        blog.full_clean()
        with pytest.raises(ValidationError, match="is deleted; choose another"):
            Blog(title="t", content="c", author_id=author.pk, tags=["x"]).full_clean()


def test_a_list_of_lists_is_refused() -> None:
    with pytest.raises(TypeError, match="a list holds single values"):
        list_field(list_field(str))
    with pytest.raises(TypeError, match="the element is one of str, int"):
        list_field(object)


def test_times_in_named_zones_are_stored_as_utc() -> None:
    from zoneinfo import ZoneInfo

    moment = datetime(2024, 7, 1, 12, tzinfo=ZoneInfo("Europe/Oslo"))
    saved = Everything.objects.create(moment=moment)
    again = Everything.objects.get(pk=saved.pk)
    assert again.moment == moment
    assert again.moment.tzinfo is timezone.utc
    assert Everything.objects.filter(moment=moment).ids() == [saved.pk]
