"""System checks: every mistake in a declaration, by its id, message and hint."""

from __future__ import annotations

import pytest
from django.core import checks
from django.core.exceptions import FieldError
from django.db import models
from django.test import override_settings
from django.test.utils import isolate_apps

from sonic_django import Index, SonicObj, int_field, list_field, str_field
from sonic_django.checks import check_settings


def problems(model: type[SonicObj]) -> dict[str, checks.CheckMessage]:
    return {message.id: message for message in model.check() if message.id.startswith("sonic.")}


def model(**body: object) -> type[SonicObj]:
    meta = type("Meta", (), {"app_label": "testapp"})
    return type("Checked", (SonicObj,), {"__module__": __name__, "Meta": meta, **body})


@isolate_apps("tests.testapp")
@pytest.mark.parametrize(
    ("body", "id", "message"),
    [
        ({"indexes": {"a": ["nope"]}}, "sonic.E001", "Checked.indexes['a'] names nope, which"),
        ({"indexes": {"a": [str_field()]}}, "sonic.E001", "neither a field of the class nor"),
        ({"indexes": {"a": Index()}}, "sonic.E001", "Checked.indexes['a'] names no field."),
        ({"uniques": {"u": ["nope"]}}, "sonic.E001", "Checked.uniques['u'] names nope"),
        (
            {"tags": list_field(str), "indexes": {"a": Index(order_by="tags")}},
            "sonic.E002",
            "orders by tags, whose values have no order",
        ),
        ({"indexes": ["a"]}, "sonic.E003", "Checked.indexes is a list."),
        (
            {"tags": list_field(str), "uniques": {"u": ["tags"]}},
            "sonic.E004",
            "Checked.uniques['u'] contains the list tags.",
        ),
        (
            {"title": str_field(), "fulltext_indexes": {"title": -1}},
            "sonic.E005",
            "Checked.fulltext_indexes[title] has the weight -1.",
        ),
        (
            {"one": str_field(db_column="k"), "two": str_field(db_column="k")},
            "sonic.E006",
            "Checked.two and .one have the same key 'k' in the payload.",
        ),
        ({"count": int_field(0)}, "sonic.W001", "Checked.count hides the class method count()."),
        (
            {"rank": int_field(null=False)},
            "sonic.W002",
            "Checked.rank refuses None and has no default.",
        ),
        (
            {"rank": models.IntegerField()},
            "sonic.W002",
            "Checked.rank refuses None and has no default.",
        ),
    ],
)
def test_declarations(body: dict[str, object], id: str, message: str) -> None:
    found = problems(model(**body))
    assert list(found) == [id]
    assert message in found[id].msg
    assert found[id].hint


@isolate_apps("tests.testapp")
def test_a_wrong_declaration_is_refused_at_use_as_well() -> None:
    wrong = model(indexes={"a": ["nope"]})
    with pytest.raises(FieldError, match="names nope, which the class does not declare"):
        wrong.objects.filter(pk=1)
    with pytest.raises(FieldError, match="names nope"):
        wrong().save()


@isolate_apps("tests.testapp")
def test_sound_declarations_pass() -> None:
    sound = model(
        title=str_field(index=True),
        tags=list_field(str),
        indexes={"both": ["title", "tags"], "recent": Index(order_by="-title")},
    )
    assert problems(sound) == {}


@isolate_apps("tests.testapp")
def test_subclasses_of_an_abstract_class_share_nothing_mutable() -> None:
    meta = type("Meta", (), {"app_label": "testapp", "abstract": True})
    base = type(
        "Base",
        (SonicObj,),
        {"__module__": __name__, "Meta": meta, "title": str_field(), "indexes": {"t": ["title"]}},
    )
    child_meta = type("Meta", (), {"app_label": "testapp"})
    one = type("One", (base,), {"__module__": __name__, "Meta": child_meta, "more": str_field()})
    two = type("Two", (base,), {"__module__": __name__, "Meta": child_meta})
    assert list(one._sonic.fields) == ["title", "more"]
    assert list(two._sonic.fields) == ["title"]
    assert one._meta.get_field("title") is not two._meta.get_field("title")
    assert list(two._sonic.indexes) == ["t"]


@pytest.mark.parametrize(
    ("setting", "id", "message"),
    [
        ({"REDIS": "nope"}, "sonic.E011", "CACHES['nope'], which is missing"),
        ({"REDIS": "default"}, "sonic.E011", "which is not a django-redis cache"),
        ({"REDDIS": "x"}, "sonic.E010", "unknown keys REDDIS; the known ones are REDIS"),
        ({"FULLTEXT": "later"}, "sonic.E010", '\'later\'; it must be "inline" or "queue"'),
    ],
)
def test_settings(setting: dict[str, object], id: str, message: str) -> None:
    with override_settings(SONIC=setting):
        (found,) = check_settings()
    assert found.id == id
    assert message in found.msg


@isolate_apps("tests.testapp")
@pytest.mark.parametrize(
    "field",
    [
        int_field(null=False, default=0),
        int_field(),
        models.IntegerField(default=list),
        models.IntegerField(null=True),
        models.CharField(max_length=10),
    ],
)
def test_a_field_whose_old_rows_have_a_value_is_no_problem(field: object) -> None:
    assert "sonic.W002" not in problems(model(rank=field))


@isolate_apps("tests.testapp")
@pytest.mark.parametrize(
    ("is_indexed", "meaning"), [(True, "they are left out and reported"), (False, "every index")]
)
def test_a_required_field_says_what_old_rows_do(is_indexed: bool, meaning: str) -> None:
    found = problems(model(rank=int_field(null=False, index=is_indexed)))["sonic.W002"]
    assert meaning in str(found.hint)
    assert "Give the field a default, or null=True" in str(found.hint)
