"""``distinct()``: each row of ``values()`` and ``values_list()`` once, where it first occurs."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import Any

from django.db import NotSupportedError

from ..index.encoding import key_part
from .state import QueryState


def check_order(state: QueryState) -> None:
    """NotSupportedError for an order that is not one of the rows: by other fields than those of the
    rows, at random, or by given ids."""
    assert state.shape is not None, "only rows of values are merged"
    names = state.shape.names
    label = f"{state.schema.label}.objects: distinct() of {', '.join(names)}"
    if state.ranking is not None or state.given is not None:
        raise NotSupportedError(f"{label} cannot be in the order of given ids.")
    for name in map(_without_direction, state.order):
        if name not in state.shape.given_fields:
            raise NotSupportedError(
                f"{label} cannot be in the order of {name!r}, which objects with the same values "
                f"differ in. Order by the values themselves, or call order_by() for any order."
            )


def _without_direction(name: str) -> str:
    return name.removeprefix("-")


def first_of_each(state: QueryState, objects: Iterable[Any]) -> Iterator[Any]:
    """The objects with values that none before has, as an index compares values."""
    assert state.shape is not None, "only rows of values are merged"
    read = state.shape.primitives
    seen: set[Hashable] = set()
    for obj in objects:
        key = tuple([_key(value) for value in read(obj)])
        if key not in seen:
            seen.add(key)
            yield obj


def _key(value: Any) -> Hashable:
    """A key that equal values share and no others."""
    if isinstance(value, dict):
        return "dict", frozenset([(_key(name), _key(item)) for name, item in value.items()])
    if isinstance(value, (list, tuple)):
        return "list", tuple(map(_key, value))
    if isinstance(value, (set, frozenset)):
        return "set", frozenset(map(_key, value))
    return key_part(value)
