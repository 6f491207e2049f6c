"""``Index``: an index as a user declares it in full."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Index:
    """``Index(fields=(), order_by=None)``.

    ``fields`` choose the objects by equality (a list field by membership), ``order_by`` orders
    them, and answers ranges on that field; a leading minus is allowed and makes no difference,
    since an order is read from both ends. Fields are given as in the class body or by name, and
    what lies within a field by a path, ``"meta__city"``.

    ``case_insensitive``: texts are in the index without their case. It answers ``iexact``, and
    ``istartswith`` if it is ordered by the text, and nothing else on them.

    ``expression`` is a function that computes a value, a list of values or None from an object; it
    is looked up by ``name`` (the key in ``indexes``, if it is not given). A changed function is
    told from the former one by another ``version``.
    """

    fields: Sequence[Any] = ()
    order_by: Any = None
    name: str | None = None
    case_insensitive: bool = False
    expression: Callable[[Any], Any] | None = None
    version: int = 1

    def field_names(self) -> list[str]:
        return [name_of(field) for field in self.fields]

    def order_name(self) -> str | None:
        return None if self.order_by is None else name_of(self.order_by).lstrip("-")


def name_of(field: Any) -> str:
    """The name of a field that is given by itself or by name."""
    name: Any = field if isinstance(field, str) else getattr(field, "name", None)
    if not isinstance(name, str):
        raise TypeError(f"{field!r} is neither a field of the class nor the name of one.")
    return name
