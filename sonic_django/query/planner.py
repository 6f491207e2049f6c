"""Conditions and an order to a query for the index."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from django.core.exceptions import FieldError

from ..index import queries
from ..index.queries import FacetQuery, FurtherKey, IndexQuery, Leaf, Scope
from ..index.specs import IndexSpec
from .bounds import Cursor
from .conditions import EVERYTHING, NOTHING, Condition, Conjunction, Disjunction, Logic, Negation
from .filter_planner import FilterPlanner, Halves, by_field, parts_of, without
from .index_selection import RANGES, has_index

if TYPE_CHECKING:
    from ..schema.schema import Schema


class Planner(FilterPlanner):
    """Plans one query on one class. Touches neither Redis nor SQL."""

    def plan(
        self, logic: Logic, order: Sequence[str] = ("-id",), cursor: Cursor | None = None
    ) -> IndexQuery:
        """The query for objects that satisfy ``logic``, in this order, on one side of the
        cursor, which is one of the same order or of its reverse."""
        keys, ties_descending = self.keys(order)
        name, descending = keys[0]
        if logic == NOTHING:
            return IndexQuery((), filter=queries.NOTHING, scope=self.scope, needs=self.needs)
        conditions = parts_of(logic)
        if self.scope is not Scope.LIVE:
            self._only_ids(conditions, name)
        if name == "id":
            sequence: tuple[Leaf, ...] = (Leaf(self.scope.set_name),)
            rest = [*conditions, cursor.condition()] if cursor else conditions
        else:
            halves, rest = self._halves(name, conditions)
            if cursor:
                sequence = cursor.cut(*halves, descending=descending)
            else:
                sequence = tuple(half for half in halves if half)
        return IndexQuery(
            order=sequence,
            descending=descending,
            ties_descending=ties_descending,
            filter=self._conjunction(rest, conditions),
            scope=self.scope,
            needs=self.needs,
            further=tuple(self._further(*key, conditions) for key in keys[1:]),
        )

    def facet(self, spec: IndexSpec, logic: Logic) -> FacetQuery:
        """The query for the values of an index among the objects that satisfy ``logic``."""
        kind = spec.ordering if spec.order else "postings"
        conditions = parts_of(logic)
        return FacetQuery(spec.digest, kind, self._conjunction(conditions, conditions), self.needs)

    def check(self, logic: Logic) -> None:
        """FieldError if no declared index can have a part in answering some condition."""
        if isinstance(logic, Condition):
            if logic.field != "id" and not has_index(self.schema, logic.field, logic.lookup):
                raise self._no_index([logic])
        elif isinstance(logic, Negation):
            self.check(logic.child)
        else:
            for child in logic.children:
                self.check(child)

    # Order ------------------------------------------------------------------------------------

    def keys(self, order: Sequence[str]) -> tuple[list[tuple[str, bool]], bool]:
        """([(field or "id", descending), ...], equal objects by descending id). What stands behind
        pk, or names a field again, orders nothing."""
        found: dict[str, bool] = {}
        for key in order:
            name, down = key.lstrip("-"), key.startswith("-")
            if name in ("pk", "id"):
                return (list(found.items()) or [("id", down)]), down
            found.setdefault(self.schema.named(name).name, down)
        return list(found.items()), list(found.values())[-1]

    def direction(self, order: Sequence[str]) -> tuple[str, bool, bool]:
        """(field or "id", descending, equal values by descending id) of an order by one field."""
        keys, ties_descending = self.keys(order)
        if len(keys) > 1:
            raise FieldError(
                f"{self.schema.model._meta.label}: after() and before() need an order by one "
                f"field, and at most pk behind it; this one is by {', '.join(order)}."
            )
        return *keys[0], ties_descending

    def can_order_by(self, name: str) -> bool:
        """Whether all objects can be listed by this field."""
        name = name.lstrip("-")
        return name in ("id", "pk") or any(
            not spec.parts and spec.order and spec.order.name == name
            for spec in self.schema.layout.specs
        )

    def _halves(self, name: str, conditions: list[Logic]) -> tuple[Halves, list[Logic]]:
        """The sets that give the order, narrowed by what they answer, and what is left to test."""
        spec, chosen = self._ordering(name, conditions)
        ranges = without(by_field(conditions, RANGES).get(name, []), chosen)
        return self._leaves(spec, chosen, ranges), without(conditions, [*chosen, *ranges])

    def _further(self, name: str, descending: bool, conditions: list[Logic]) -> FurtherKey:
        halves = self._leaves(*self._ordering(name, conditions), [])
        return FurtherKey(tuple(half for half in halves if half), descending)

    def nearest(self, logic: Logic, *, farthest: bool = False) -> IndexQuery | None:
        """The query for the objects by their distance from the place they must be near; None
        if there is no such condition. Equal distances by id."""
        conditions = parts_of(logic)
        for condition in conditions:
            if isinstance(condition, Condition) and condition.lookup == "near":
                longitude, latitude, _ = condition.value
                return IndexQuery(
                    order=(self._geo_set(condition, conditions),),
                    descending=farthest,
                    ties_descending=farthest,
                    filter=self._conjunction(conditions, conditions),
                    needs=self.needs,
                    centre=(longitude, latitude),
                )
        return None

    def _only_ids(self, conditions: Sequence[Logic], order: str) -> None:
        if order != "id" or not all(map(_is_on_ids, conditions)):
            raise FieldError(
                f"{self.schema.model._meta.label}: deleted objects are in no index; they can be "
                f"filtered and ordered by pk only."
            )


@lru_cache(maxsize=1024)
def everything(schema: Schema, scope: Scope, order: tuple[str, ...]) -> IndexQuery:
    """The query for all objects of a class in this order: kept, as its declaration does not
    change."""
    return Planner(schema, scope).plan(EVERYTHING, order)


def _is_on_ids(logic: Logic) -> bool:
    """Whether the id alone decides."""
    if isinstance(logic, Condition):
        return logic.field == "id"
    if isinstance(logic, Negation):
        return _is_on_ids(logic.child)
    return isinstance(logic, (Conjunction, Disjunction)) and all(map(_is_on_ids, logic.children))


__all__ = ["Planner", "everything"]
