"""The right answer to a query, by plain Python over plain rows; it shares no code with the engine.

A filter is a tree of ``All``, ``Any``, ``Not`` and ``Test``. ``Oracle.answerable`` is the rule for
when the engine must raise FieldError, worked out from a hand-written list of the indexes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any
from unicodedata import normalize

from django.db.models import Q

#: The lookups without case, and what they do without the case.
WITHOUT_CASE = {"iexact": "exact", "istartswith": "startswith"}
RANGES = ("gt", "gte", "lt", "lte", "startswith", "range")


@dataclass(frozen=True)
class Test:
    """``field__lookup=value`` on one object."""

    __test__ = False

    field: str
    lookup: str
    value: Any


@dataclass(frozen=True)
class All:
    children: tuple[Any, ...]


@dataclass(frozen=True)
class Any_:
    children: tuple[Any, ...]


@dataclass(frozen=True)
class Not:
    child: Any


def to_q(node: Any) -> Q:
    """The tree as a user would write it."""
    if isinstance(node, Test):
        name = node.field if node.lookup == "exact" else f"{node.field}__{node.lookup}"
        return Q(**{name: node.value})
    if isinstance(node, Not):
        return ~to_q(node.child)
    # Not by & and |, which drop a part that equals another one, and 1 equals True.
    return Q(*map(to_q, node.children), _connector=Q.AND if isinstance(node, All) else Q.OR)


def equal(one: Any, other: Any) -> bool:
    """As the documentation says: numbers across their types, a bool only to a bool, NaN to NaN."""
    return spelling(one) == spelling(other)


def spelling(value: Any) -> str:
    """Values that are one value in an index have one spelling."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        # Two datetimes of one moment are equal in whatever zone they are given.
        aware = isinstance(value, datetime) and value.tzinfo is not None
        return f"{type(value).__name__} {value.astimezone(timezone.utc) if aware else value!r}"
    if isinstance(value, int) or math.isfinite(value):
        return f"number {Fraction(value)}"
    return f"number {float(value)}"


def holds(test: Test, row: dict[str, Any]) -> bool:
    """Whether the row passes."""
    value, wanted, lookup = value_at(row, test.field), test.value, test.lookup
    if lookup in WITHOUT_CASE:
        value, wanted, lookup = caseless(value), caseless(wanted), WITHOUT_CASE[lookup]
    if "__" in test.field and lookup in ("contains", "all") and not isinstance(value, list):
        value = [value]  # what a path leads to may be a list or not
    if lookup == "isnull":
        return (value is None) == wanted
    if isinstance(value, list) and test.field != "anything":
        return _list_holds(lookup, value, wanted)
    if lookup == "exact":
        return value is None if wanted is None else equal(value, wanted)
    if lookup == "in":
        return any(equal(value, item) for item in wanted)
    if value is None:
        return lookup in ("contains", "all") and not wanted
    if lookup == "startswith":
        return bool(value.startswith(wanted))
    if lookup == "range":
        return bool(wanted[0] <= value <= wanted[1])
    if lookup in ("contains", "all"):
        return not wanted  # a list field without a list
    compare = {
        "gt": lambda: value > wanted,
        "gte": lambda: value >= wanted,
        "lt": lambda: value < wanted,
        "lte": lambda: value <= wanted,
    }
    return bool(compare[lookup]())


def value_at(row: dict[str, Any], name: str) -> Any:
    """The value of a field, or what a path of keys leads to; lists are searched."""
    first, *keys = name.split("__")
    reached = [row[first]]
    is_list = False
    for key in keys:
        is_list = is_list or isinstance(reached[0], list)
        spread = [v for one in reached for v in (one if isinstance(one, list) else [one])]
        reached = [v.get(key) if isinstance(v, dict) else None for v in spread]
        reached = [v for v in reached if v is not None] if is_list else reached
        if not reached:
            return []
    if not is_list:
        return reached[0]
    return [v for one in reached for v in (one if isinstance(one, list) else [one])]


def caseless(value: Any) -> Any:
    """Texts as they are compared without case, by the algorithm that Unicode gives for it."""
    if isinstance(value, list):
        return [caseless(item) for item in value]
    if not isinstance(value, str):
        return value
    return normalize("NFC", normalize("NFD", value).casefold())


def _list_holds(lookup: str, value: list[Any], wanted: Any) -> bool:
    if lookup == "exact":
        if wanted == []:
            return not value
        return wanted is not None and any(equal(item, wanted) for item in value)
    if lookup == "in":
        return any(equal(item, one) for one in wanted for item in value)
    items = wanted if isinstance(wanted, list) else [wanted]
    return all(any(equal(item, one) for item in value) for one in items)


@dataclass
class Oracle:
    """The rows of one class and its indexes: (fields that choose a set, field that orders it)."""

    indexes: list[tuple[frozenset[str], str | None]]
    ordered: frozenset[str]
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)

    # Filters ------------------------------------------------------------------------------------

    def satisfies(self, node: Any, id: int) -> bool:
        if isinstance(node, Test):
            return holds(node, {"pk": id, **self.rows[id]})
        if isinstance(node, Not):
            return not self.satisfies(node.child, id)
        results = [self.satisfies(child, id) for child in node.children]
        return all(results) if isinstance(node, All) else any(results) or not results

    def matching(self, node: Any) -> list[int]:
        return [id for id in self.rows if id not in self.deleted and self.satisfies(node, id)]

    # Order --------------------------------------------------------------------------------------

    def sort(self, ids: Iterable[int], order: tuple[str, ...]) -> list[int]:
        """By the order: objects without a value last, equal values by id."""
        name, down, ties_down = direction(order)
        by_id = sorted(ids, reverse=ties_down)
        if name == "pk":
            return by_id
        values = {id: value_at(self.rows[id], name) for id in by_id}
        with_value = [id for id in by_id if values[id] is not None]
        with_value.sort(key=lambda id: values[id], reverse=down)
        return with_value + [id for id in by_id if values[id] is None]

    def beside(
        self, ids: list[int], order: tuple[str, ...], cursor: int, behind: bool
    ) -> list[int]:
        """Those of the ids that stand behind (ahead of) the cursor."""
        if order[0].lstrip("-") == "pk":
            return [
                id
                for id in ids
                if (id < cursor) == (order[0].startswith("-") == behind) and id != cursor
            ]
        place = self.sort({*ids, cursor}, order)
        at = place.index(cursor)
        return [id for id in (place[at + 1 :] if behind else place[:at]) if id in set(ids)]

    def facet(self, ids: Iterable[int], name: str) -> Counter[str]:
        """How many objects have each value, by the value's repr in one spelling."""
        counts: Counter[str] = Counter()
        for id in ids:
            value = value_at(self.rows[id], name)
            if isinstance(value, list):
                spellings = {spelling(item) for item in value} or {spelling([])}
            else:
                spellings = {spelling(value)}
            counts.update(spellings)
        return counts

    # When there is no index ---------------------------------------------------------------------

    def answerable(self, node: Any) -> bool:
        """Whether every test has an index, beside the equalities that hold together with it."""
        return self._conjunction(list(_flat(node)))

    def can_order(self, node: Any, order: tuple[str, ...]) -> bool:
        name = direction(order)[0]
        equalities = _equalities(_flat(node))
        return name == "pk" or any(
            by == name and chosen <= equalities for chosen, by in self.indexes
        )

    def _conjunction(self, parts: list[Any]) -> bool:
        equalities = _equalities(parts)
        return all(self._part(part, equalities) for part in parts)

    def _part(self, part: Any, equalities: set[str]) -> bool:
        if isinstance(part, Not):
            return self.answerable(part.child)
        if isinstance(part, Any_):
            return all(self.answerable(child) for child in part.children)
        if part.field == "pk":
            return True
        if part.lookup in RANGES and part.field not in self.ordered:
            return False
        if part.lookup == "in" and not _is_equality(part):
            equalities = {part.field}  # a disjunction: each value is asked for by itself
        is_equality = _is_equality(part) or part.lookup == "in"
        for chosen, by in self.indexes:
            if by == part.field and chosen <= equalities and part.value != []:
                return True
            if is_equality and part.field in chosen and chosen <= equalities:
                return True
            alone = chosen == {part.field} or (not chosen and by == part.field)
            if part.lookup == "isnull" and alone:
                return True
        return False


def direction(order: tuple[str, ...]) -> tuple[str, bool, bool]:
    """(field or "pk", descending, equal values by descending id)."""
    down = [name.startswith("-") for name in order]
    return order[0].lstrip("-"), down[0], down[1] if len(down) > 1 else down[0]


def is_trivial(node: Any) -> bool:
    """Whether some part is true or false of all objects: the engine may then drop its fellows
    before it asks for an index."""
    if isinstance(node, Test):
        return node.value == [] or (node.field == "pk" and node.lookup == "isnull")
    if isinstance(node, Not):
        return is_trivial(node.child)
    return not node.children or any(map(is_trivial, node.children))


def _flat(node: Any) -> Iterable[Any]:
    """The parts of a conjunction, and of those within it."""
    if isinstance(node, Not) and isinstance(node.child, Not):
        yield from _flat(node.child.child)
    elif isinstance(node, Test) and node.lookup == "exact" and node.value is None:
        yield Test(node.field, "isnull", True)
    elif isinstance(node, Not) and isinstance(node.child, Test) and node.child.lookup == "isnull":
        yield Test(node.child.field, "isnull", not node.child.value)
    elif isinstance(node, All) or (isinstance(node, Any_) and len(node.children) == 1):
        for child in node.children:
            yield from _flat(child)
    elif (
        isinstance(node, Not)
        and len(inner := list(_flat(node.child))) == 1
        and inner[0] != node.child
    ):
        yield from _flat(Not(inner[0]))
    elif isinstance(node, Test) and node.lookup in WITHOUT_CASE:
        # An index without case is one of another field.
        yield Test(f"{node.field}__iexact", WITHOUT_CASE[node.lookup], node.value)
    else:
        yield node


def _equalities(parts: Iterable[Any]) -> set[str]:
    """The fields that have one value wherever all of the parts hold."""
    return {part.field for part in parts if isinstance(part, Test) and _is_equality(part)}


def _is_equality(test: Test) -> bool:
    if test.lookup == "isnull":
        return bool(test.value)
    if test.lookup == "in":
        return len(test.value) == 1
    if test.lookup in ("contains", "all"):
        return test.value != []
    return test.lookup == "exact"
