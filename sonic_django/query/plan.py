"""Conditions and an order to a question for the index: which sets answer which condition.

An index answers the conditions on its ``parts`` by equality and those on its ``order`` by range.
In a conjunction the index that answers most comes first, until every condition is answered; what
none answers is a FieldError that names the index to declare.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.core.exceptions import FieldError

from ..index import nodes
from ..index.encoding import (
    EMPTY,
    Bound,
    lower_bound,
    member,
    position,
    starts_with,
    upper_bound,
)
from ..index.nodes import All, Ids, IndexQuery, Leaf, Node
from ..index.specs import BY_ID, NULLS, IndexSpec
from ..index.store import IDS_DIGEST
from .logic import Condition, Conjunction, Disjunction, Logic, Negation

if TYPE_CHECKING:
    from ..models.options import SonicOptions

_RANGES = frozenset(["gt", "gte", "lt", "lte", "startswith", "exact"])
_EQUAL = frozenset(["exact", "isnull", "empty"])


class Planner:
    """Plans one question on one class. Touches neither Redis nor SQL."""

    def __init__(self, options: SonicOptions) -> None:
        self.options = options
        self.needs: dict[str, str] = {IDS_DIGEST: "ids"}

    def plan(
        self,
        logic: Logic,
        order: Sequence[str] = ("-id",),
        *,
        universe: str = "ids",
        after: tuple[int, Any] | None = None,
    ) -> IndexQuery:
        """The question for objects that satisfy ``logic``, in this order, those behind the cursor
        ``after`` (id and order value) only."""
        name, descending, ties_descending = self._direction(order)
        conditions = list(logic.children) if isinstance(logic, Conjunction) else [logic]
        if universe != "ids":
            self._only_ids(logic, name)
        if name == "id":
            sequence: tuple[Leaf, ...] = (Leaf(universe.encode()),)
        else:
            sequence, conditions = self._sequence(name, conditions)
        if after is not None:
            if descending != ties_descending:
                raise FieldError("A cursor needs ids that run in the direction of the order.")
            sequence = tuple(_behind(sequence, after, name, descending))
        return IndexQuery(
            order=sequence,
            descending=descending,
            ties_descending=ties_descending,
            filter=self._conjunction(conditions),
            universe=universe,
            needs=self.needs,
        )

    def check(self, logic: Logic) -> None:
        """FieldError if no declared index can have a part in answering some condition."""
        if isinstance(logic, Condition):
            if logic.field != "id" and not any(
                _mentions(spec, logic) for spec in self.options.schema.specs
            ):
                raise self._no_index([logic])
        elif isinstance(logic, Negation):
            self.check(logic.child)
        else:
            for child in logic.children:
                self.check(child)

    # Order ------------------------------------------------------------------------------------

    def _direction(self, order: Sequence[str]) -> tuple[str, bool, bool]:
        """(field or "id", descending, equal values by descending id)."""
        names = [name.lstrip("-").replace("pk", "id") for name in order]
        down = [name.startswith("-") for name in order]
        if names[0] == "id":
            return "id", down[0], down[0]
        field = self.options.field(names[0])
        if len(names) > 1 and names[1] != "id":
            raise FieldError(
                f"{self.options.model._meta.label}: ordering by {', '.join(order)} is not "
                f"supported: one field, then at most pk."
            )
        return field.name, down[0], down[1] if len(down) > 1 else down[0]

    def can_order_by(self, name: str) -> bool:
        """Whether all objects can be listed by this field."""
        name = name.lstrip("-")
        return name in ("id", "pk") or any(
            not spec.parts and spec.order and spec.order.name == name
            for spec in self.options.schema.specs
        )

    def _sequence(
        self, name: str, conditions: list[Logic]
    ) -> tuple[tuple[Leaf, ...], list[Logic]]:
        """The sets that give the order, narrowed by what they answer, and what is left to test."""
        equal = _by_field(conditions, _EQUAL)
        best: IndexSpec | None = None
        for spec in self.options.schema.specs:
            if spec.order is None or spec.order.name != name:
                continue
            if all(part.name in equal for part in spec.parts) and (
                best is None or len(spec.parts) > len(best.parts)
            ):
                best = spec
        if best is None:
            raise FieldError(
                f"{self.options.model._meta.label}: no index orders by {name}. "
                f'Declare indexes = {{"{name}": Index(order_by="{name}")}} '
                f"(or index=True on the field) and run sonic_reindex."
            )
        self._use(best)
        chosen = [equal[part.name][0] for part in best.parts]
        ranges = _without(_by_field(conditions, _RANGES).get(name, []), chosen)
        return self._leaves(best, chosen, ranges), _without(conditions, [*chosen, *ranges])

    # Filters ----------------------------------------------------------------------------------

    def _node(self, logic: Logic) -> Node:
        if isinstance(logic, Negation):
            return nodes.negation(self._node(logic.child))
        if isinstance(logic, Disjunction):
            return nodes.any_of([self._node(child) for child in logic.children])
        return self._conjunction(
            logic.children if isinstance(logic, Conjunction) else [logic]
        ) or All()

    def _conjunction(self, conditions: Iterable[Logic]) -> Node | None:
        found: list[Node] = []
        open_conditions: list[Condition] = []
        ids: list[Condition] = []
        for logic in conditions:
            if not isinstance(logic, Condition):
                found.append(self._node(logic))
            elif logic.field == "id":
                ids.append(logic)
            else:
                open_conditions.append(logic)
        found.extend(self._on_ids(ids))
        while open_conditions:
            spec, chosen, ranges = self._best(open_conditions)
            self._use(spec)
            leaves = self._leaves(spec, chosen, ranges)
            found.append(nodes.any_of(leaves) if leaves else nodes.NOTHING)
            open_conditions = _without(open_conditions, [*chosen, *ranges])
        return nodes.all_of(found)

    def _best(
        self, conditions: list[Condition]
    ) -> tuple[IndexSpec, list[Condition], list[Condition]]:
        """The index that answers most of the conditions, and which."""
        equal, ranged = _by_field(conditions, _EQUAL), _by_field(conditions, _RANGES | {"isnull"})
        best: tuple[IndexSpec, list[Condition], list[Condition]] | None = None
        for spec in self.options.schema.specs:
            if not all(part.name in equal for part in spec.parts):
                continue
            chosen = [equal[part.name][0] for part in spec.parts]
            ranges: list[Condition] = []
            if spec.order is not None:
                ranges = _without(ranged.get(spec.order.name, []), chosen)
            answered = len(chosen) + len(ranges)
            if not answered:
                continue
            # Of equally useful ones the plainest: a posting by id costs one look-up a test.
            rank = (answered, spec.order is None)
            if best is None or rank > (len(best[1]) + len(best[2]), best[0].order is None):
                best = (spec, chosen, ranges)
        if best is None:
            raise self._no_index(conditions)
        return best

    def _leaves(
        self, spec: IndexSpec, chosen: Sequence[Condition], ranges: Sequence[Condition]
    ) -> tuple[Leaf, ...]:
        """The sets of an index for these conditions, its objects without order value last."""
        values: dict[str, Any] = {
            condition.field: EMPTY if condition.lookup == "empty" else condition.value
            for condition in chosen
        }
        name = spec.posting_name(values)
        if spec.order is None:
            return (Leaf(name),)
        nulls = Leaf(name + NULLS)
        if any(condition.lookup == "isnull" for condition in ranges):
            # None and a range at once: no object has both.
            return (nulls,) if all(c.lookup == "isnull" for c in ranges) else ()
        low, high = _narrowest(ranges)
        main = Leaf(name, spec.ordering, low, high)
        return (main,) if ranges else (main, nulls)

    def _on_ids(self, conditions: list[Condition]) -> Iterable[Node]:
        chosen: set[int] | None = None
        ranges: list[Condition] = []
        for condition in conditions:
            if condition.lookup == "in":
                ids = set(condition.value)
                chosen = ids if chosen is None else chosen & ids
            else:
                ranges.append(condition)
        if chosen is not None:
            yield Ids(tuple(sorted(id for id in chosen if id > 0)))
        if ranges:
            low, high = _narrowest(ranges)
            yield Leaf(b"ids", BY_ID, low, high)

    # Parts ------------------------------------------------------------------------------------

    def _use(self, spec: IndexSpec) -> None:
        self.needs[spec.digest] = spec.label

    def _only_ids(self, logic: Logic, order: str) -> None:
        children = logic.children if isinstance(logic, Conjunction) else (logic,)
        others = [c for c in children if not (isinstance(c, Condition) and c.field == "id")]
        if others or order != "id":
            raise FieldError(
                f"{self.options.model._meta.label}: deleted objects are in no index; they can be "
                f"filtered and ordered by pk only."
            )

    def _no_index(self, conditions: Sequence[Condition]) -> FieldError:
        label = self.options.model._meta.label
        shown = " and ".join(str(condition) for condition in conditions)
        fields = list(dict.fromkeys(condition.field for condition in conditions))
        cure = ", ".join(
            f'"{c.field}": Index(order_by="{c.field}")'
            if c.lookup not in _EQUAL
            else f'"{c.field}": [{c.field}]'
            for c in {condition.field: condition for condition in conditions}.values()
        )
        there = ", ".join(spec.label for spec in self.options.schema.specs) or "none"
        return FieldError(
            f"{label}: no index answers {shown}. Declare one on {', '.join(fields)}, e.g. "
            f"indexes = {{{cure}}}, and run sonic_reindex. The indexes are: {there}."
        )


def _behind(
    sequence: Sequence[Leaf], after: tuple[int, Any], name: str, descending: bool
) -> Iterable[Leaf]:
    """The parts of the order that come behind the object at the cursor."""
    id, value = after
    if name != "id" and value is None:
        sequence = sequence[1:]  # the cursor stands among those without a value, listed last
    elif name != "id":
        score, prefix = position(value)
        yield _cut(sequence[0], Bound(score, prefix + member(id)), descending)
        yield from sequence[1:]
        return
    for leaf in sequence:
        yield _cut(leaf, Bound(float(id), member(id)), descending)


def _cut(leaf: Leaf, bound: Bound, descending: bool) -> Leaf:
    def place(bound: Bound) -> tuple[float, bytes]:
        return bound.score, bound.member

    if descending:
        high = bound if leaf.high is None else min(leaf.high, bound, key=place)
        return replace(leaf, high=high)
    # The next possible member behind this one.
    bound = Bound(bound.score, bound.member + b"\x00")
    low = bound if leaf.low is None else max(leaf.low, bound, key=place)
    return replace(leaf, low=low)


def _without(conditions: Iterable[Any], answered: Sequence[Condition]) -> list[Any]:
    """The conditions that are not among the answered ones: by identity, since 1 == True."""
    return [c for c in conditions if not any(c is other for other in answered)]


def _mentions(spec: IndexSpec, condition: Condition) -> bool:
    if spec.order is not None and spec.order.name == condition.field:
        return condition.lookup != "empty"
    return condition.lookup in _EQUAL and any(p.name == condition.field for p in spec.parts)


def _by_field(conditions: Iterable[Logic], lookups: frozenset[str]) -> Mapping[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for condition in conditions:
        if isinstance(condition, Condition) and condition.lookup in lookups:
            found.setdefault(condition.field, []).append(condition)
    return found


def _narrowest(conditions: Iterable[Condition]) -> tuple[Bound | None, Bound | None]:
    """The bounds between which all of the range conditions hold."""
    lows: list[Bound] = []
    highs: list[Bound] = []
    for condition in conditions:
        value = condition.value
        if condition.lookup == "startswith":
            low, high = starts_with(value)
            lows.append(low)
            highs.append(high)
        elif condition.lookup == "exact":
            lows.append(lower_bound(value, inclusive=True))
            highs.append(upper_bound(value, inclusive=True))
        elif condition.lookup in ("gt", "gte"):
            lows.append(lower_bound(value, inclusive=condition.lookup == "gte"))
        else:
            highs.append(upper_bound(value, inclusive=condition.lookup == "lte"))

    def place(bound: Bound) -> tuple[float, bytes]:
        return bound.score, bound.member

    return max(lows, key=place, default=None), min(highs, key=place, default=None)


__all__ = ["Planner"]
