"""Values that are nested deeply, or hold themselves: an error that names the field."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from sonic_django.exceptions import PayloadError
from tests.testapp.models import Everything

pytestmark = pytest.mark.django_db


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def endless_list() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


def endless_dict() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["self"] = [value, value]
    return value


DEEP = pytest.mark.parametrize(
    "value",
    [nested(100), nested(900), nested(100_000), endless_list(), endless_dict()],
    ids=["100 levels", "900 levels", "100,000 levels", "a list in itself", "a dict in itself"],
)


@DEEP
def test_a_new_object(value: Any) -> None:
    with pytest.raises(PayloadError, match=r"^anything\[.* is nested deeper than 100 levels"):
        Everything(anything=value).save()
    assert not Everything.sql.exists()


@DEEP
def test_a_loaded_object(value: Any) -> None:
    obj = Everything.objects.get(pk=Everything.objects.create(anything=[1]).pk)
    obj.anything = value
    with pytest.raises(PayloadError, match=r"^anything\[.* is nested deeper than 100 levels"):
        obj.save()
    assert Everything.objects.get(pk=obj.pk).anything == [1]


@DEEP
def test_an_extra_key(value: Any) -> None:
    obj = Everything()
    obj.extra["more"] = value
    with pytest.raises(PayloadError, match=r"^more\[.* is nested deeper than 100 levels"):
        obj.save()


@DEEP
def test_bulk_writes(value: Any) -> None:
    with pytest.raises(PayloadError, match=r"anything\[.* is nested deeper"):
        Everything.objects.bulk_create([Everything(anything=value)])


@DEEP
def test_an_update_of_many(value: Any) -> None:
    obj = Everything.objects.create(anything=[1])
    with pytest.raises(PayloadError, match=r"anything\[.* is nested deeper"):
        Everything.objects.filter(pk=obj.pk).update(anything=value)


@DEEP
def test_a_lookup(value: Any) -> None:
    with pytest.raises(ValidationError, match="is no single value; the index of a var_field"):
        Everything.objects.filter(anything=value)


def test_the_deepest_value_is_kept() -> None:
    value = nested(98)
    obj = Everything.objects.create(anything=value)
    assert Everything.objects.get(pk=obj.pk).anything == value


def test_a_list_that_is_held_repeatedly_is_compared_once() -> None:
    value: list[Any] = [1]
    for _ in range(60):
        value = [value, value]
    obj = Everything.objects.get(pk=Everything.objects.create(anything=value).pk)
    obj.text = "changed"
    obj.save()
    assert obj.dirty_fields == []
