"""Every public argument takes an odd value or refuses it by name: generated from the signatures.

A right answer or an exception of Django's or Sonic's own kinds, which names the argument, the field
or the value; never an error of a store, of an encoding, or of Python's arithmetic.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pytest
from django.core.exceptions import (
    FieldDoesNotExist,
    FieldError,
    MultipleObjectsReturned,
    ObjectDoesNotExist,
    ValidationError,
)
from django.db import NotSupportedError, transaction
from django.db.models import Q
from django.utils.connection import ConnectionDoesNotExist
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy

from sonic_django.exceptions import PayloadError
from sonic_django.fields.names import LOOKUPS
from sonic_django.models.legacy_api import PySonicAPI
from sonic_django.query.lookups import TEXT_TESTS
from sonic_django.query.queryset import SonicQuerySet
from tests.testapp.models import Author, Blog, Everything, Plain

pytestmark = pytest.mark.django_db

REFUSALS = (
    *(TypeError, ValueError, FieldError, FieldDoesNotExist, ValidationError, NotSupportedError),
    *(ObjectDoesNotExist, MultipleObjectsReturned, ConnectionDoesNotExist, PayloadError),
)


class Text(str):
    """A subclass of str, as enums and safe strings are."""


#: Makers of values, so that each call gets a new iterator.
ODD: dict[str, Callable[[], Any]] = {
    "a generator": lambda: (number for number in [1, 2]),
    "a map": lambda: map(str, [1]),
    "a set": lambda: {1},
    "a dict": lambda: {"a": 1},
    "a list": lambda: [1],
    "an empty list": list,
    "a queryset": lambda: Blog.objects.all(),
    "a slice": lambda: Blog.objects.order_by("score")[:1],
    "values of two fields": lambda: Blog.objects.values("title", "score"),
    "values": lambda: Blog.objects.values_list("score", flat=True),
    "a queryset of rows": lambda: Blog.sql.all(),
    "a manager": lambda: Blog.objects,
    "a huge number": lambda: 2**70,
    "a huge negative number": lambda: -(2**70),
    "a number beyond any float": lambda: 10**400,
    "NaN": lambda: float("nan"),
    "infinity": lambda: float("inf"),
    "a fraction": lambda: 1.5,
    "True": lambda: True,
    "None": lambda: None,
    "-1": lambda: -1,
    "a surrogate": lambda: "\ud800",
    "a NUL": lambda: "\0",
    "an empty text": lambda: "",
    "a subclass of str": lambda: Text("title"),
    "digits": lambda: Text("3"),
    "a lazy translation": lambda: gettext_lazy("title"),
    "a lazy object": lambda: SimpleLazyObject(lambda: 1),
    "bytes": lambda: b"x",
    "an object": object,
    "a Q object": lambda: Q(score=1),
    "a function": lambda: lambda *args: None,
}

#: Values for the arguments that are not tried.
USUAL: dict[str, Any] = {
    "field_name": "created", "kind": "day", "name": "score", "text": "x", "objs": [],
    "fields": ["score"], "items": [], "filters": [], "names": ("score",), "given": {},
    "alias": "default", "key": "x", "ids": [], "number": 1, "count": 3, "cursor": 1, "id": 1,
    "what": "ids",
}  # fmt: skip

#: Arguments that are handed on to Django as they are, or never looked at.
HANDED_ON = {("prefetch_related", "lookups"), ("select_related", "names")}


def methods_of(kind: type) -> Iterator[tuple[str, inspect.Signature]]:
    for name, attribute in sorted(vars(kind).items()):
        function = getattr(attribute, "__func__", attribute)
        is_public = not name.startswith("_") or name == "__getitem__"
        if is_public and inspect.isfunction(function) and not inspect.iscoroutinefunction(function):
            yield name, inspect.signature(function)


def arguments_of(kind: type) -> list[tuple[str, str]]:
    return [
        (name, argument)
        for name, signature in methods_of(kind)
        for argument in list(signature.parameters)[1:]
        if (name, argument) not in HANDED_ON
        and name not in ("build_table", "replace_all", "aiterator")
        and not name.startswith("rebuild")
    ]


def call(
    method: Callable[..., Any], signature: inspect.Signature, argument: str, value: Any
) -> Any:
    """The result of the method with this value, and usual ones for what else it needs."""
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for parameter in list(signature.parameters.values())[1:]:
        if parameter.name == argument:
            if parameter.kind is parameter.VAR_POSITIONAL:
                positional = [value]
            elif parameter.kind is parameter.VAR_KEYWORD:
                named["score"] = value
            else:
                named[argument] = value
        elif parameter.default is parameter.empty and parameter.kind not in (
            parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD,
        ):  # fmt: skip
            named[parameter.name] = USUAL.get(parameter.name, 1)
    result = method(*positional, **named)
    if isinstance(result, SonicQuerySet):
        return list(result)
    return list(islice(result, 10)) if inspect.isgenerator(result) else result


def check(label: str, ask: Callable[[], Any], names: tuple[str, ...], value: Any) -> None:
    """Ask, undo, and see that a refusal is one of those allowed and says what it is about."""
    refused: Exception | None = None
    with transaction.atomic():
        try:
            ask()
        except Exception as error:
            refused = error
        transaction.set_rollback(True)
    if refused is None or (isinstance(refused, IndexError) and "__getitem__" in label):
        return
    message = str(refused)
    told = f"{label} -> {type(refused).__name__}: {message[:300]!r}"
    assert isinstance(refused, REFUSALS), told
    assert not isinstance(refused, UnicodeError), told
    is_lookup = isinstance(refused, (ObjectDoesNotExist, MultipleObjectsReturned))
    shown = repr(value)[:30] in message or str(value)[:30] in message
    assert is_lookup or shown or any(name in message for name in names), told


@pytest.fixture
def blogs() -> list[Blog]:
    author = Author.objects.create(username="a")
    return [
        Blog.objects.create(title=str(at), score=at, author=author, tags=["a"]) for at in range(3)
    ]


#: The subject that a message may name instead of the argument.
SUBJECTS = ("Field 'id'", "field", "score", "Negative indexing", "Chunk size", "QuerySet indices",
            "SQL expression", "slice", "order", "index", "full text", "testapp.Blog",
            "connection")  # fmt: skip


@pytest.mark.parametrize(("method", "argument"), arguments_of(SonicQuerySet))
def test_querysets(blogs: list[Blog], method: str, argument: str) -> None:
    signature = dict(methods_of(SonicQuerySet))[method]
    for said, make in ODD.items():
        value = make()
        for objects in (Blog.objects.all(), Blog.objects):
            if hasattr(objects, method):
                value = make()
                check(
                    f"{method}({argument}={said})",
                    lambda o=objects, v=value: call(getattr(o, method), signature, argument, v),
                    (argument, method, *SUBJECTS),
                    value,
                )


@pytest.mark.parametrize(("method", "argument"), arguments_of(PySonicAPI))
def test_the_classes_of_pysonic(blogs: list[Blog], method: str, argument: str) -> None:
    signature = dict(methods_of(PySonicAPI))[method]
    for said, make in ODD.items():
        value = make()
        check(
            f"Blog.{method}({argument}={said})",
            lambda v=value: call(getattr(Blog, method), signature, argument, v),
            (argument, method, *SUBJECTS),
            value,
        )


ALL_LOOKUPS = sorted({*LOOKUPS, *TEXT_TESTS})


@pytest.mark.parametrize("field", ["pk", *Everything._sonic.fields])
def test_lookups(field: str) -> None:
    Everything.objects.create(text="title", whole=3, anything=1, words=["title"], numbers=[1])
    for lookup in ALL_LOOKUPS:
        for said, make in ODD.items():
            for objects in (Everything.objects, Everything.objects.scan()):
                value = make()
                check(
                    f"filter({field}__{lookup}={said})",
                    lambda o=objects, v=value, lookup=lookup: o.filter(
                        **{f"{field}__{lookup}": v}
                    ).count(),
                    (field, "Everything", "Cannot resolve keyword"),
                    value,
                )


class TestValuesThatStandForOthers:
    """A subclass, a lazy object or an iterator finds what the plain value finds."""

    @pytest.mark.parametrize("field", ["text", "whole", "real", "exact", "anything", "words"])
    def test_one_value(self, field: str) -> None:
        plain: Any = {"text": "title", "anything": "title", "words": "title"}.get(field, 3)
        given = [plain] if field == "words" else plain
        Everything.objects.create(**{field: given})
        Everything.objects.create()
        stand_ins = [SimpleLazyObject(lambda: plain)]
        if isinstance(plain, str):
            stand_ins += [Text(plain), gettext_lazy(plain)]
        for value in stand_ins:
            for objects in (Everything.objects, Everything.objects.scan()):
                assert objects.filter(**{field: value}).count() == 1
                assert objects.filter(**{f"{field}__in": [value]}).count() == 1
                assert objects.filter(**{f"{field}__in": iter([value])}).count() == 1
                assert objects.exclude(**{f"{field}__in": (one for one in [value])}).count() == 1

    def test_names(self, blogs: list[Blog]) -> None:
        for name in (Text("score"), gettext_lazy("score"), SimpleLazyObject(lambda: "score")):
            assert Blog.objects.order_by(name).values_list(name, flat=True)[0] == 0
            assert Blog.objects.facet(name) == Blog.objects.facet("score")
            assert Blog.objects.latest(name) == blogs[2]

    def test_numbers(self, blogs: list[Blog]) -> None:
        two = SimpleLazyObject(lambda: 2)
        assert len(Blog.objects.all()[:two]) == 2
        assert len(Blog.objects.all()[: 2**70]) == len(Blog.objects.all()[: 2**70].ids()) == 3
        assert Blog.objects.all()[2**70 :].count() == 0
        assert list(Blog.objects.all()[2**70 : 2**71]) == []
        assert list(Blog.objects.filter(tags="a", score__gt=-1).order_by("score")[: 2**70]) == blogs
        assert len(Blog.objects.random(2**70)) == 3
        assert len(list(Blog.objects.iterator(2**70))) == 3
        assert Blog.objects.facet("score", limit=2**70) == [(0, 1), (1, 1), (2, 1)]
        assert Plain.objects.scan(batch_size=2**70).count() == 0
        for bad in (1.5, float("nan"), "2", None):
            with pytest.raises(TypeError, match=r"random\(\) takes a whole number"):
                Blog.objects.random(bad)  # type: ignore[arg-type]
