"""Reads by a writer now and then: an object given out satisfies the query by its row."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from .known import NUMBERS, TAGS, is_as
from .ledger import State
from .models import Item
from .names import NICKS
from .promises import Violation

#: Objects that a query is asked for, at most.
_PAGE = 40

Query = tuple[Any, Callable[[Any], bool]]


def look(rng: random.Random, writer: int, items: dict[str, State]) -> None:
    """One query; Violation if it gives what it must not. That it gives less is legal here: after
    the loss of a server the index follows within a sweep."""
    queryset, is_right = rng.choice(_QUERIES)(rng, writer)
    own = {state.id: (code, state) for code, state in items.items()}
    for obj in queryset[:_PAGE]:
        if not is_right(obj):
            raise Violation(
                f"given by {queryset.state.conditions}, but does not satisfy it: {_shown(obj)}"
            )
        code, state = own.get(obj.id, ("", None))
        if state is not None and not is_as(state, obj):
            raise Violation(f"item {code} was given as {_shown(obj)}, and is {state}")


def _shown(obj: Any) -> str:
    return f"{obj.to_dict()} version {obj.sonic_version} deleted {obj.is_deleted}"


def _by_number(rng: random.Random, writer: int) -> Query:
    number = rng.randrange(NUMBERS)
    return Item.objects.filter(
        number=number
    ), lambda obj: obj.number == number and not obj.is_deleted


def _by_range(rng: random.Random, writer: int) -> Query:
    low = rng.randrange(NUMBERS)
    queryset = Item.objects.filter(writer=writer, number__gte=low).order_by("-number")
    return queryset[
        :20
    ], lambda obj: obj.writer == writer and obj.number >= low and not obj.is_deleted


def _by_tag(rng: random.Random, writer: int) -> Query:
    tag = rng.choice(TAGS)
    return Item.objects.filter(tags=tag).order_by(
        "stamp"
    ), lambda obj: tag in obj.tags and not obj.is_deleted


def _by_nick(rng: random.Random, writer: int) -> Query:
    nick = rng.choice(NICKS)
    return Item.objects.filter(nick=nick), lambda obj: obj.nick == nick and not obj.is_deleted


def _without_place(rng: random.Random, writer: int) -> Query:
    queryset = Item.objects.filter(writer=writer).exclude(number=0)
    return queryset, lambda obj: obj.writer == writer and obj.number != 0 and not obj.is_deleted


def _deleted(rng: random.Random, writer: int) -> Query:
    return Item.objects.deleted(), lambda obj: bool(obj.is_deleted)


_QUERIES: list[Callable[[random.Random, int], Query]] = [
    _by_number,
    _by_range,
    _by_tag,
    _by_nick,
    _without_place,
    _deleted,
]
