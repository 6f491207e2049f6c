"""Whatever the entries of an index depend on is part of its digest: a change of it makes an index
that must be built, and leaves all others built."""

from __future__ import annotations

import functools
import operator
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import models
from django.test.utils import isolate_apps

from sonic_django import (
    EmbeddedObj,
    Index,
    Now,
    SonicObj,
    date_field,
    decimal_field,
    emobj_field,
    float_field,
    geo_field,
    int_field,
    list_field,
    str_field,
    var_field,
)
from sonic_django.exceptions import IndexNotBuilt
from sonic_django.fields import derived
from sonic_django.sync.rebuild import rebuild


def declared(**body: Any) -> Any:
    """The class of the table of ``Plain`` with these declarations beside an index of its own."""
    with isolate_apps("tests.testapp"):
        meta = type("Meta", (), {"app_label": "testapp", "db_table": "testapp_plain"})
        fixed = {"__module__": __name__, "Meta": meta, "other": int_field(index=True)}
        return type("Plain", (SonicObj,), {**fixed, **body})


def embedded(**fields: Any) -> type[EmbeddedObj]:
    return type("Place", (EmbeddedObj,), {"__module__": __name__, **fields})


def fallback() -> str:
    return "calm"


def other_fallback() -> str:
    return "happy"


def helper(obj: Any) -> Any:
    return obj.mood


class StrictField(int_field):  # type: ignore[misc, valid-type]
    def to_primitive(self, value: Any) -> Any:
        return super().to_primitive(value)


def closed_over(wanted: str) -> Callable[[Any], bool]:
    return lambda obj: obj.mood == wanted


MOOD = {"mood": str_field("calm")}
PAIRS: dict[str, tuple[Callable[[], dict[str, Any]], Callable[[], dict[str, Any]]]] = {
    "default": (
        lambda: {"mood": str_field("calm", index=True)},
        lambda: {"mood": str_field("happy", index=True)},
    ),
    "default of another type": (
        lambda: {"mood": float_field(1, index=True)},
        lambda: {"mood": float_field(1.5, index=True)},
    ),
    "no default": (
        lambda: {"mood": str_field("calm", index=True)},
        lambda: {"mood": str_field(index=True)},
    ),
    "None": (
        lambda: {"mood": int_field(0, index=True)},
        lambda: {"mood": int_field(None, index=True)},
    ),
    "required": (
        lambda: {"mood": int_field(index=True)},
        lambda: {"mood": int_field(null=False, index=True)},
    ),
    "callable": (
        lambda: {"mood": str_field(fallback, index=True)},
        lambda: {"mood": str_field(other_fallback, index=True)},
    ),
    "callable of the same name": (
        lambda: {"mood": str_field(lambda: "calm", index=True)},
        lambda: {"mood": str_field(lambda: "happy", index=True)},
    ),
    "partial": (
        lambda: {"mood": str_field(functools.partial(str, "calm"), index=True)},
        lambda: {"mood": str_field(functools.partial(str, "happy"), index=True)},
    ),
    "Now": (
        lambda: {"mood": date_field(Now, index=True)},
        lambda: {"mood": date_field(index=True)},
    ),
    "list": (
        lambda: {"mood": list_field(str, index=True)},
        lambda: {"mood": list_field(str, ["calm"], index=True)},
    ),
    "element": (
        lambda: {"mood": list_field(str, index=True)},
        lambda: {"mood": list_field(int, index=True)},
    ),
    "of the order": (
        lambda: {"mood": int_field(1), "indexes": {"m": Index(["other"], order_by="mood")}},
        lambda: {"mood": int_field(2), "indexes": {"m": Index(["other"], order_by="mood")}},
    ),
    "of one of two": (
        lambda: {"mood": str_field("calm"), "indexes": {"m": ["other", "mood"]}},
        lambda: {"mood": str_field("happy"), "indexes": {"m": ["other", "mood"]}},
    ),
    "of a path": (
        lambda: {"meta": var_field({"a": 1}), "indexes": {"m": ["meta__a"]}},
        lambda: {"meta": var_field({"a": 2}), "indexes": {"m": ["meta__a"]}},
    ),
    "without case": (
        lambda: {
            "mood": str_field("calm"),
            "indexes": {"m": Index(["mood"], case_insensitive=True)},
        },
        lambda: {
            "mood": str_field("happy"),
            "indexes": {"m": Index(["mood"], case_insensitive=True)},
        },
    ),
    "of an embedded field": (
        lambda: {"at": emobj_field(embedded(city=str_field("a"))), "indexes": {"m": ["at__city"]}},
        lambda: {"at": emobj_field(embedded(city=str_field("b"))), "indexes": {"m": ["at__city"]}},
    ),
    "of the embedded object": (
        lambda: {"at": emobj_field(_PLACE), "indexes": {"m": ["at__city"]}},
        lambda: {"at": emobj_field(_PLACE, _PLACE), "indexes": {"m": ["at__city"]}},
    ),
    "of a place": (
        lambda: {"mood": geo_field(index=True)},
        lambda: {"mood": geo_field((1.0, 2.0), index=True)},
    ),
    "key": (
        lambda: {"mood": str_field(index=True)},
        lambda: {"mood": str_field(index=True, db_column="m")},
    ),
    "class": (
        lambda: {"mood": int_field(index=True)},
        lambda: {"mood": float_field(index=True)},
    ),
    "the project's class": (
        lambda: {"mood": int_field(index=True)},
        lambda: {"mood": StrictField(index=True)},
    ),
    "precision": (
        lambda: {"mood": decimal_field(max_digits=5, decimal_places=2, index=True)},
        lambda: {"mood": decimal_field(max_digits=5, decimal_places=3, index=True)},
    ),
    "expression": (
        lambda: {"indexes": {"m": Index(expression=lambda obj: obj.other + 1)}, **MOOD},
        lambda: {"indexes": {"m": Index(expression=lambda obj: obj.other + 2)}, **MOOD},
    ),
    "value that the expression closes over": (
        lambda: {"indexes": {"m": Index(expression=closed_over("calm"))}, **MOOD},
        lambda: {"indexes": {"m": Index(expression=closed_over("happy"))}, **MOOD},
    ),
    "getter": (
        lambda: {"indexes": {"m": Index(expression=operator.attrgetter("mood"))}, **MOOD},
        lambda: {"indexes": {"m": Index(expression=operator.attrgetter("other"))}, **MOOD},
    ),
    "default that an expression reads": (
        lambda: {"mood": str_field("calm"), "indexes": {"m": Index(expression=helper)}},
        lambda: {"mood": str_field("happy"), "indexes": {"m": Index(expression=helper)}},
    ),
    "default behind a property": (
        lambda: {**_BEHIND, "mood": str_field("calm")},
        lambda: {**_BEHIND, "mood": str_field("happy")},
    ),
    "property": (
        lambda: {**_BEHIND, **MOOD},
        lambda: {**_BEHIND, **MOOD, "shout": property(lambda self: self.mood.lower())},
    ),
}
_PLACE = embedded(city=str_field("a"))
_BEHIND: dict[str, Any] = {
    "shout": property(lambda self: helper(self).upper()),
    "indexes": {"m": Index(expression=lambda obj: obj.shout)},
}


def digests(body: dict[str, Any]) -> tuple[str, set[str]]:
    """The digest of the index of ``other``, and those of the others."""
    indexes = declared(**body)._sonic.indexes
    return indexes["other"].digest, {one.digest for one in indexes.values()} - {
        indexes["other"].digest
    }


@pytest.mark.parametrize("change", PAIRS)
def test_a_change_makes_another_index(change: str) -> None:
    one, two = (make() for make in PAIRS[change])
    (other, former), (same_other, later) = digests(one), digests(two)
    assert len(former) == len(later) == 1
    assert former != later
    assert other == same_other


@pytest.mark.parametrize("change", PAIRS)
@pytest.mark.parametrize("version", [0, 1])
def test_the_same_declaration_is_the_same_index(change: str, version: int) -> None:
    assert digests(PAIRS[change][version]()) == digests(PAIRS[change][version]())


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ({}, {"choices": [("a", "A")], "help_text": "x", "max_length": 9, "blank": True}),
        ({"default": "calm"}, {"default": "calm", "verbose_name": "Mood", "editable": False}),
    ],
)
def test_what_no_entry_depends_on_changes_nothing(one: Any, two: Any) -> None:
    assert digests({"mood": str_field(index=True, **one)}) == digests(
        {"mood": str_field(index=True, **two)}
    )


def test_an_expression_does_not_depend_on_fields_it_does_not_read() -> None:
    expression = Index(expression=lambda obj: obj.other)
    assert digests({"indexes": {"m": expression}}) == digests(
        {"indexes": {"m": expression}, "mood": str_field("calm")}
    )


def test_other_tables_of_unicode_make_another_index_of_folded_texts(monkeypatch: Any) -> None:
    body: Any = {
        "mood": str_field(index=True),
        "indexes": {"m": Index(["mood"], case_insensitive=True)},
    }
    before = declared(**body)._sonic.indexes
    monkeypatch.setattr(derived, "unidata_version", "99.0")
    after = declared(**body)._sonic.indexes
    assert before["mood"].digest == after["mood"].digest
    assert before["m"].digest != after["m"].digest


def test_each_process_has_the_same_digests() -> None:
    """Whatever the seed of its hashes, by which the order of sets differs."""
    program = (
        "from sonic_django.fields.origins import code_of, described\n"
        "def f(a, b={'x', 'y', 'z'}):\n    return a in {'one', 'two', 'three', 'four'}\n"
        "f.__module__ = 'project'\n"
        "print(code_of(f), described({'one': {'a', 'b', 'c'}, 'two': frozenset('xyz')}))\n"
    )
    answers = set()
    for seed in ("1", "2", "3"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed},
            cwd=".",
            capture_output=True,
            text=True,
            check=True,
        )
        answers.add(done.stdout)
    assert len(answers) == 1
    assert "0x" not in answers.pop()


@pytest.mark.django_db(transaction=True)
def test_old_rows_are_found_again_once_the_index_is_built() -> None:
    calm, happy = (declared(mood=str_field(mood, index=True)) for mood in ("calm", "happy"))
    stores = calm._sonic.at("default")
    ids = [stores.table.insert(calm._sonic.codec.encode({"other": n})) for n in range(150)]
    rebuild(stores)
    assert calm.objects.filter(mood="calm").count() == 150
    for value in ("calm", "happy"):
        with pytest.raises(IndexNotBuilt, match="not built in Redis.*: mood"):
            happy.objects.filter(mood=value).count()
    assert happy.objects.filter(other=7).ids() == [ids[7]]
    assert happy.objects.count() == 150
    rebuild(happy._sonic.at("default"))
    assert happy.objects.filter(mood="happy").count() == 150
    assert happy.objects.filter(mood="calm").count() == 0


def test_a_plain_field_that_was_a_price_is_another_index() -> None:
    class Price(models.DecimalField):  # type: ignore[type-arg]
        pass

    one = declared(mood=models.DecimalField(default=Decimal(1), max_digits=4, decimal_places=1))
    two = declared(mood=Price(default=Decimal(1), max_digits=4, decimal_places=1))
    assert one._sonic.fields["mood"].origin != two._sonic.fields["mood"].origin
