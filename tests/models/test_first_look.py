"""The first look at a loaded object: its payload becomes attributes, those at once whose values are
stored as they are."""

from __future__ import annotations

from typing import Any

import pytest

from sonic_django import SonicObj
from tests.testapp.models import Author, Blog, Described, Plain

pytestmark = pytest.mark.django_db


def stored_as(model: Any, values: dict[str, Any]) -> Any:
    """The object of a row with this payload."""
    id = model._sonic.table("default").insert(model._sonic.codec.encode(values))
    return model.objects.get(pk=id)


def test_a_payload_without_a_key_gives_the_default() -> None:
    obj = stored_as(Plain, {"name": "a", "number": 1})
    assert (obj.name, obj.group, obj.number, obj.extra) == ("a", "", 1, {})


def test_an_empty_payload_gives_defaults() -> None:
    obj = stored_as(Described, {})
    assert (obj.kind, obj.count_of, obj.labels, obj.extra) == ("a", 0, ["new"], {})


def test_a_key_of_no_field_is_extra() -> None:
    obj = stored_as(Plain, {"name": "a", "group": "b", "number": 1, "colour": "red"})
    assert (obj.name, obj.group, obj.number, obj.extra) == ("a", "b", 1, {"colour": "red"})
    assert "colour" not in vars(obj)


def test_a_key_of_another_name_is_the_fields() -> None:
    obj = Described.objects.create(title="a", count_of=7)
    loaded = Described.objects.get(pk=obj.pk)
    assert (loaded.title, loaded.count_of, loaded.token) == ("a", 7, obj.token)
    assert "cnt" not in vars(loaded)
    assert loaded.extra == {}


def test_a_reference_is_stored_by_its_name_and_read_by_its_id() -> None:
    author = Author.objects.create(username="ann")
    loaded = Blog.objects.get(pk=Blog.objects.create(title="a", author=author).pk)
    assert loaded.author_id == author.pk
    assert loaded.author == author
    assert loaded.extra == {}


def test_what_was_set_before_the_first_look_stays() -> None:
    loaded = Plain.objects.get(pk=Plain.objects.create(name="a", group="b").pk)
    loaded.name = "changed"
    assert (loaded.group, loaded.name, loaded.dirty_fields) == ("b", "changed", ["name"])


def test_two_objects_of_one_row_share_no_list() -> None:
    obj = Blog.objects.create(title="a", tags=["x"])
    one, other = (Blog.objects.get(pk=obj.pk) for _ in range(2))
    one.tags.append("y")
    assert other.tags == ["x"]


def test_extra_that_was_set_before_the_first_look_stays() -> None:
    loaded = Plain.objects.get(pk=Plain.objects.create(name="a").pk)
    loaded.extra["colour"] = "red"
    assert (loaded.name, loaded.extra) == ("a", {"colour": "red"})


def test_a_from_db_of_the_projects_own_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    def from_db(cls: Any, using: Any, names: Any, values: Any) -> Any:
        new = SonicObj.from_db.__func__(cls, using, names, values)
        new.loaded_at_version = new.sonic_version
        return new

    plain = Plain.objects.create(name="x")
    assert not hasattr(Plain.objects.get(id=plain.id), "loaded_at_version")
    monkeypatch.setattr(Plain, "from_db", classmethod(from_db))
    assert Plain.objects.get(id=plain.id).loaded_at_version == plain.sonic_version
