"""``Index``: an index as a user declares it in full."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Index:
    """``Index(fields=(), order_by=None)``.

    ``fields``: the index finds objects by equality of these fields, of a list by membership. A
    field is given as in the class body, by its name, or by a path into it: ``"meta__city"``.

    ``order_by``: the objects are ordered by this field, and ranges of it can be looked up. A
    leading minus is allowed and changes nothing, since an order is read from both ends.

    ``case_insensitive``: texts are indexed without their case. The index then answers ``iexact``
    (and ``istartswith``, if it is ordered by the text) and no other lookup of them.

    ``expression``: a function that computes a value, a list of values or None from an object.
    ``name`` is the name to look it up by; the key in ``indexes`` is the default. Raise ``version``
    when the function changes, so that its index is built again.
    """

    fields: Sequence[Any] = ()
    order_by: Any = None
    name: str | None = None
    case_insensitive: bool = False
    expression: Callable[[Any], Any] | None = None
    version: int = 1


def name_of(field: Any) -> str:
    """The name of a field, given as the field or as its name."""
    name: Any = field if isinstance(field, str) else getattr(field, "name", None)
    if not isinstance(name, str):
        raise TypeError(f"{field!r} is neither a field of the class nor the name of one.")
    return name
