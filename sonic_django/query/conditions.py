"""A filter as a tree of conditions on fields, before any index is chosen for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, TypeAlias

from django.db import NotSupportedError

from ..fields.names import FOLDED

#: How deep conditions may be nested: planning and testing take some calls for each level.
MOST_DEPTH = 60


@dataclass(frozen=True)
class Condition:
    """``field lookup value``; values are primitives. The field ``id`` is the object's id, and
    ``nick__iexact`` the text of ``nick`` without its case."""

    field: str
    lookup: str
    value: Any

    depth: ClassVar[int] = 0

    def __str__(self) -> str:
        if self.lookup in ("isnull", "notnull"):
            return f"{self.field}__isnull={self.lookup == 'isnull'}"
        if self.lookup == "empty":
            return f"{self.field}=[]"
        if self.lookup == "near":
            return f"{self.field}={self.value!r}"
        if self.lookup == "related":
            return str(self.value.described(self.field))
        if self.field.endswith(FOLDED):
            lookup = "iexact" if self.lookup == "exact" else f"i{self.lookup}"
            return f"{self.field.removesuffix(FOLDED)}__{lookup}={self.value!r}"
        suffix = "" if self.lookup == "exact" else f"__{self.lookup}"
        return f"{self.field}{suffix}={self.value!r}"


@dataclass(frozen=True)
class Conjunction:
    """All of the children hold; without children everything does."""

    children: tuple[Logic, ...] = ()

    @cached_property
    def depth(self) -> int:
        """How deep conditions are nested in it."""
        return 1 + max((child.depth for child in self.children), default=0)


@dataclass(frozen=True)
class Disjunction:
    """One of the children holds; without children nothing does."""

    children: tuple[Logic, ...] = ()

    @cached_property
    def depth(self) -> int:
        """How deep conditions are nested in it."""
        return 1 + max((child.depth for child in self.children), default=0)


@dataclass(frozen=True)
class Negation:
    """The child does not hold."""

    child: Logic

    @cached_property
    def depth(self) -> int:
        """How deep conditions are nested in it."""
        return 1 + self.child.depth


Logic: TypeAlias = "Condition | Conjunction | Disjunction | Negation"

_OPPOSITE = {"isnull": "notnull", "notnull": "isnull"}

EVERYTHING = Conjunction()
NOTHING = Disjunction()


def conjoin(*logics: Logic) -> Logic:
    """All of them, flat."""
    children: list[Logic] = []
    for logic in logics:
        children.extend(logic.children if isinstance(logic, Conjunction) else (logic,))
    if NOTHING in children:
        return NOTHING
    return children[0] if len(children) == 1 else Conjunction(tuple(children))


def disjoin(*logics: Logic) -> Logic:
    """Any of them, flat."""
    children: list[Logic] = []
    for logic in logics:
        children.extend(logic.children if isinstance(logic, Disjunction) else (logic,))
    if EVERYTHING in children:
        return EVERYTHING
    return children[0] if len(children) == 1 else Disjunction(tuple(children))


def negate(logic: Logic) -> Logic:
    """What it is not."""
    if logic == EVERYTHING:
        return NOTHING
    if logic == NOTHING:
        return EVERYTHING
    if isinstance(logic, Condition) and logic.lookup in _OPPOSITE:
        return Condition(logic.field, _OPPOSITE[logic.lookup], None)
    return logic.child if isinstance(logic, Negation) else Negation(logic)


def too_deep(label: str) -> NotSupportedError:
    """The error for conditions that are nested deeper than ``MOST_DEPTH``."""
    return NotSupportedError(
        f"{label}: the conditions are nested more than {MOST_DEPTH} levels deep. Join alternatives "
        f"side by side, as a | b | c or __in does."
    )
