"""dynamic_field and dynamic_list_field: objects of any class."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django import forms
from django.contrib.auth.models import User
from django.core import serializers
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import connection, models
from django.test.utils import CaptureQueriesContext, isolate_apps

from tests.testapp.kinds import Pinned
from tests.testapp.models import Author, Blog

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> Author:
    return Author.objects.create(username="ann")


@pytest.fixture
def user() -> User:
    return User.objects.create_user("ann")


def test_an_object_is_loaded_when_it_is_touched(ann: Author) -> None:
    pinned = Pinned.objects.create(subject=ann, title="t")
    again = Pinned.objects.get(pk=pinned.pk)
    with CaptureQueriesContext(connection) as queries:
        assert again.title == "t"
        assert again.to_dict()["subject"] == ("testapp.author", ann.pk)
        assert again.dirty_fields == []
        again.title = "u"
        again.save()
    assert len(queries) == 1
    with CaptureQueriesContext(connection) as queries:
        assert again.subject == ann
        assert again.subject is again.subject
    assert len(queries) == 1
    assert again.save() is False


@pytest.mark.parametrize("value", [None, 0, 5, -(2**70), 0.5, "", "testapp.author", "a b"])
def test_plain_values(value: object) -> None:
    pinned = Pinned.objects.create(subject=value, others=[value] if value is not None else [])
    again = Pinned.objects.get(pk=pinned.pk)
    assert again.subject == value
    assert type(again.subject) is type(value)
    assert Pinned.objects.filter(subject=value).get() == again
    if value is not None:
        assert Pinned.objects.filter(others=value).get() == again


def test_objects_of_different_classes_with_one_id_are_told_apart(user: User) -> None:
    author, blog = Author.objects.create(id=user.pk), Blog.objects.create(id=user.pk, title="t")
    by = {
        obj: Pinned.objects.create(subject=obj, others=[obj, "x"]) for obj in (author, blog, user)
    }
    Pinned.objects.create(subject=user.pk, others=[f"testapp.author {user.pk}"])
    for obj, pinned in by.items():
        assert Pinned.objects.filter(subject=obj).get() == pinned
        assert Pinned.objects.filter(subject__in=[obj, user.pk + 1]).get() == pinned
        assert Pinned.objects.filter(others=obj).get() == pinned
        assert Pinned.objects.filter(others__all=[obj, "x"]).get() == pinned
    assert Pinned.objects.exclude(subject=author).count() == 3
    assert set(Pinned.objects.facet("subject")) == {
        (("testapp.author", user.pk), 1), (("testapp.blog", user.pk), 1),
        (("auth.user", user.pk), 1), (user.pk, 1),
    }  # fmt: skip


def test_a_list_is_loaded_by_one_statement_for_each_class(ann: Author, user: User) -> None:
    bob = Author.objects.create(username="bob")
    given = [user, ann, 5, bob, "text", ann]
    pinned = Pinned.objects.create(others=given)
    again = Pinned.objects.get(pk=pinned.pk)
    with CaptureQueriesContext(connection) as queries:
        assert again.others == given
    assert len(queries) == 2
    again.others.append(7)
    assert again.dirty_fields == ["others"]
    again.save()
    assert Pinned.objects.filter(others=7).get().others == [*given, 7]


def test_a_look_does_not_forget_what_is_gone(ann: Author, user: User) -> None:
    pinned = Pinned.objects.create(others=[ann, user, 5], subject=ann)
    label, id = "testapp.author", ann.pk
    ann.destroy()
    again = Pinned.objects.get(pk=pinned.pk)
    assert again.others == [user, 5]
    assert again.save() is False
    assert again.to_dict()["others"][0] == (label, id)
    with pytest.raises(Author.DoesNotExist, match="subject refers to testapp.author .* no row"):
        again.subject  # noqa: B018
    assert issubclass(Author.DoesNotExist, ObjectDoesNotExist)


class TestRefused:
    def test_unsaved(self) -> None:
        with pytest.raises(ValidationError, match="is not saved yet; save it first"):
            Pinned.objects.create(subject=Author())
        with pytest.raises(ValidationError, match="is not saved yet; save it first"):
            Pinned.objects.create(others=[Author()])

    @pytest.mark.parametrize("value", [object(), {"a": 1}, [1], b"x", SimpleNamespace(pk=1)])
    def test_other_types(self, value: object) -> None:
        with pytest.raises(ValidationError, match="takes an object of a model, or an int, float"):
            Pinned.objects.create(subject=value)

    @isolate_apps("tests.testapp")
    def test_classes_that_are_not_installed(self) -> None:
        class Elsewhere(models.Model):
            class Meta:
                app_label = "elsewhere"

        with pytest.raises(ValidationError, match="elsewhere, which is no model of the inst"):
            Pinned(subject=Elsewhere(pk=1)).save()

    def test_a_class_that_is_gone(self) -> None:
        pinned = Pinned.objects.create(subject=5)
        codec, table = Pinned._sonic.codec, Pinned._sonic.table("default")
        row = table.fetch([pinned.pk])[pinned.pk]
        stored = {**codec.decode(row.payload), "subject": ("old.thing", 1)}
        table.update(pinned.pk, row.version, codec.encode(stored), is_deleted=False)
        again = Pinned.objects.get(pk=pinned.pk)
        assert again.title == ""
        with pytest.raises(ValidationError, match="'old.thing' is no model of the installed apps"):
            again.subject  # noqa: B018


class PinnedForm(forms.ModelForm):
    class Meta:
        model = Pinned
        fields = ["subject", "others"]


def test_forms(ann: Author) -> None:
    text = f'{{"model": "testapp.author", "id": {ann.pk}}}'
    form = PinnedForm({"subject": text, "others": f'[5, "a", {text}]'})
    saved = form.save()
    again = Pinned.objects.get(pk=saved.pk)
    assert (again.subject, again.others) == (ann, [5, "a", ann])
    assert '"model": "testapp.author"' in PinnedForm(instance=again)["subject"].value()
    unchanged = PinnedForm({"subject": text, "others": f'[5, "a", {text}]'}, instance=again)
    assert not unchanged.has_changed()
    wrong = PinnedForm({"subject": '{"model": "testapp.author", "id": 99999}', "others": "[{}]"})
    assert wrong.errors["subject"] == ["There is no author with the id 99999."]
    assert "takes an object of a model" in wrong.errors["others"][0]
    assert PinnedForm({"subject": "", "others": ""}).save().others == []


def test_fixtures(ann: Author) -> None:
    pinned = Pinned.objects.create(subject=ann, others=[ann, 5])
    text = serializers.serialize("json", [pinned])
    pinned.destroy()
    for obj in serializers.deserialize("json", text):
        obj.save()
    again = Pinned.objects.filter(subject=ann).get()
    assert again.others == [ann, 5]
