"""Helpers of the check's tests: they damage the stores and return the drifts found."""

from __future__ import annotations

from typing import Any

from django.db import connection

from sonic_django import SonicObj
from sonic_django.index.encoding import member
from sonic_django.sync import built
from sonic_django.sync.check.quick import CheckResult, check
from sonic_django.transport.client import redis_client

__all__ = [
    "checked",
    "forget_indexes",
    "is_repaired",
    "key",
    "kinds",
    "member",
    "payload",
    "redis",
    "sql",
]

Kinds = dict[str, int]


def checked(model: type[SonicObj], **options: Any) -> CheckResult:
    return check(model._sonic.at("default"), **options)


def kinds(model: type[SonicObj], **options: Any) -> Kinds:
    """The number of drifts of each kind."""
    return dict(checked(model, **options).found)


def is_repaired(model: type[SonicObj], **options: Any) -> bool:
    """Repair; whether all that was found was repaired, and nothing is found after."""
    result = checked(model, repair=True, **options)
    assert result.found, "nothing was found"
    assert result.repaired == result.found
    assert result.remaining == 0
    return kinds(model, **options) == {} and kinds(model, deep=True) == {}


def key(model: type[SonicObj], name: str | bytes) -> bytes:
    """The key in Redis of the model's set of this name."""
    part = name.encode() if isinstance(name, str) else name
    return model._sonic.store("default").base.encode() + b":" + part


def forget_indexes(*models: type[SonicObj]) -> None:
    """Do what FLUSHALL does, to these classes only: other test runs share the server."""
    for model in models:
        for one in list(model._sonic.store("default").keys()):
            redis().delete(one)
    built.forget()


def redis() -> Any:
    return redis_client()


def sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def payload(model: type[SonicObj], **values: Any) -> bytes:
    return model._sonic.codec.encode(values)
