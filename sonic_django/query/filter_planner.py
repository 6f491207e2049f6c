"""Conditions to a query tree: which sets of which index answer which condition.

An index answers the conditions on its ``parts`` by equality and those on its ``order`` by range.
In a conjunction the index that answers most comes first, until every condition is answered; what
none answers is a FieldError that names the index to declare.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.core.exceptions import FieldError
from django.db import NotSupportedError
from django.db.models.constants import LOOKUP_SEP

from ..fields.names import FOLDED, NEAR
from ..index import queries
from ..index.encoding import EMPTY, Bound, id_bounds, key_part
from ..index.geohash import covering_ranges
from ..index.layout import IDS_DIGEST
from ..index.queries import All, And, Ids, Leaf, Node, Scope, Within
from ..index.specs import BY_ID, NULLS, IndexSpec
from .bounds import bounds, id_range
from .conditions import Condition, Conjunction, Disjunction, Logic, Negation
from .index_selection import EQUAL, Shape, choices, ordering

if TYPE_CHECKING:
    from ..schema.schema import Schema

#: The objects with and without a value in an order; either may be excluded by a condition.
Halves = tuple["Leaf | None", "Leaf | None"]


#: Sets that a query may look at, twice as many as a lookup across references has targets. Each
#: takes some 0.1 ms and seven of the million arguments that Redis takes.
MOST_SETS = 20_000


class FilterPlanner:
    """Plans the filter of one query on one class, and notes the indexes it needs."""

    def __init__(self, schema: Schema, scope: Scope = Scope.LIVE) -> None:
        self.schema = schema
        self.scope = scope
        self.needs: dict[str, str] = {IDS_DIGEST: "ids"}
        self._sets = 0

    def _node(self, logic: Logic) -> Node:
        if isinstance(logic, Negation):
            return queries.negation(self._node(logic.child))
        if isinstance(logic, Disjunction):
            children = self._distinct(logic.children)
            alternatives = [self._node(child) for child in children]
            return queries.any_of(alternatives, disjoint=self._exclude_each_other(children))
        conditions = parts_of(logic)
        return self._conjunction(conditions, conditions) or All()

    @staticmethod
    def _distinct(alternatives: Sequence[Logic]) -> list[Logic]:
        """The alternatives without those that look a value up once more."""
        seen: set[tuple[str, str, bytes]] = set()
        found: list[Logic] = []
        for logic in alternatives:
            if isinstance(logic, Condition) and logic.lookup in ("exact", "isnull"):
                value = key_part(logic.value) if logic.lookup == "exact" else b""
                test = logic.field, logic.lookup, value
                if test in seen:
                    continue
                seen.add(test)
            found.append(logic)
        return found

    def _exclude_each_other(self, alternatives: Sequence[Logic]) -> bool:
        """Whether they are different values of one field that has one value, as ``in`` makes."""
        return len({getattr(logic, "field", None) for logic in alternatives}) == 1 and all(
            isinstance(logic, Condition)
            and logic.lookup in ("exact", "isnull")
            and not self.schema.indexed(logic.field).many
            for logic in alternatives
        )

    def _conjunction(self, unanswered: Sequence[Logic], given: Sequence[Logic]) -> Node | None:
        """The node for the unanswered ones of the conditions given; None if there are none."""
        found: list[Node] = []
        ids: list[Condition] = []
        fields: list[Condition] = []
        for logic in unanswered:
            if not isinstance(logic, Condition):
                found.append(self._node(logic))
            elif logic.field == "id":
                ids.append(logic)
            elif logic.lookup == "near":
                found.append(self._near(logic, given))
            elif logic.lookup == "notnull" and not self._orders(logic.field, given):
                found.append(queries.negation(self._node(Condition(logic.field, "isnull", None))))
            else:
                fields.append(logic)
        if ids:
            found.append(self._on_ids(ids))
        if fields:
            found.extend(self._answered(fields, given))
        if len(found) == 1 and isinstance(found[0], Leaf):
            return found[0]
        return queries.all_of(found)

    def _answered(self, fields: Sequence[Condition], given: Sequence[Logic]) -> Iterator[Node]:
        """The nodes of the indexes that answer these conditions on fields, which are among those
        given."""
        conditions_given = _conditions(given)
        wanted = set(map(id, fields))
        unanswered = tuple([at for at, one in enumerate(conditions_given) if id(one) in wanted])
        found, rest = choices(self.schema, _shape(conditions_given), unanswered)
        if rest:
            raise self._no_index([conditions_given[at] for at in rest])
        for spec, chosen, ranges in found:
            self._use(spec)
            main, nulls = self._leaves(
                spec,
                [conditions_given[at] for at in chosen],
                [conditions_given[at] for at in ranges],
            )
            if main and nulls:
                yield queries.any_of([main, nulls], disjoint=True)
            else:
                yield main or nulls or queries.NOTHING

    def _near(self, condition: Condition, given: Sequence[Logic]) -> Node:
        """The objects of the ranges that cover the circle, each tested for its distance."""
        leaf = self._geo_set(condition, given)
        longitude, latitude, metres = condition.value
        cells = [
            replace(leaf, low=Bound(low, b"."), high=Bound(high, b"."))
            for low, high in covering_ranges(longitude, latitude, metres)
        ]
        circle = Within(leaf.name, longitude, latitude, metres)
        return And((queries.any_of(cells, disjoint=True), circle))

    def _geo_set(self, condition: Condition, given: Sequence[Logic]) -> Leaf:
        try:
            spec, chosen = self._ordering(condition.field, given)
        except FieldError as error:
            raise self._no_index([condition]) from error
        leaf = self._leaves(spec, chosen, [])[0]
        assert leaf is not None, "no condition excludes the points"
        return leaf

    def _orders(self, name: str, given: Sequence[Logic]) -> bool:
        """Whether an index by this field can be used beside the equalities among these."""
        return ordering(self.schema, name, _shape(_conditions(given))) is not None

    def _leaves(
        self, spec: IndexSpec, chosen: Sequence[Condition], ranges: Sequence[Condition]
    ) -> Halves:
        """The sets of an index for these conditions: objects with and without an order value."""
        self._sets += 1
        if self._sets > MOST_SETS:
            raise NotSupportedError(
                f"{self.schema.model._meta.label}: the filter has more than {MOST_SETS:,} "
                f"conditions on indexes, the last one on {spec.label}. Ask for fewer values at a "
                f"time."
            )
        values: dict[str, Any] = {
            condition.field: EMPTY if condition.lookup == "empty" else condition.value
            for condition in chosen
        }
        name = spec.posting_name(values)
        if spec.order is None:
            return Leaf(name), None
        lookups = {condition.lookup for condition in ranges}
        main = Leaf(name, spec.ordering, *bounds(ranges)) if "isnull" not in lookups else None
        return main, Leaf(name + NULLS) if lookups <= {"isnull"} else None

    def _on_ids(self, conditions: Sequence[Condition]) -> Node:
        ranges = [condition for condition in conditions if condition.lookup != "in"]
        low, high = id_range(ranges)
        given = [set(condition.value) for condition in conditions if condition.lookup == "in"]
        if not given:
            return Leaf(self.scope.set_name, BY_ID, *id_bounds(low, high))
        return Ids(
            tuple(
                id
                for id in sorted(set.intersection(*given))
                if 0 < id < 2**63 and (low is None or low <= id) and (high is None or id <= high)
            )
        )

    def _ordering(
        self, name: str, conditions: Sequence[Logic]
    ) -> tuple[IndexSpec, list[Condition]]:
        """The index that orders by a field, and the equalities that choose its sets."""
        conditions_given = _conditions(conditions)
        best = ordering(self.schema, name, _shape(conditions_given))
        if best is None:
            raise FieldError(
                f"{self.schema.model._meta.label}: no index orders by {name}. "
                f'Declare indexes = {{"{name}": Index(order_by="{name}")}} '
                f"(or index=True on the field) and run sonic_reindex."
            )
        self._use(best.spec)
        return best.spec, [conditions_given[at] for at in best.chosen]

    def _use(self, spec: IndexSpec) -> None:
        self.needs[spec.digest] = spec.label

    def _no_index(self, conditions: Sequence[Condition]) -> FieldError:
        label = self.schema.model._meta.label
        shown = " and ".join(str(condition) for condition in conditions)
        fields = list(dict.fromkeys(condition.field for condition in conditions))
        cure = ", ".join(
            _index_for(c) for c in {condition.field: condition for condition in conditions}.values()
        )
        there = ", ".join(spec.label for spec in self.schema.layout.specs) or "none"
        return FieldError(
            f"{label}: no index answers {shown}. Declare one on {', '.join(fields)}, e.g. "
            f"indexes = {{{cure}}}, and run sonic_reindex. The indexes are: {there}."
        )


def _index_for(condition: Condition) -> str:
    """What to write in ``indexes`` to have the condition answered."""
    field = condition.field.removesuffix(FOLDED).removesuffix(NEAR)
    is_equality = condition.lookup in EQUAL | {"related"}
    of = f'["{field}"]' if is_equality else f'order_by="{field}"'
    if condition.field.endswith(FOLDED):
        return f'"{field}_i": Index({of}, case_insensitive=True)'
    if is_equality and LOOKUP_SEP not in field:
        return f'"{field}": [{field}]'
    return f'"{field}": Index({of})'


def _conditions(conditions: Iterable[Logic]) -> list[Condition]:
    """The conditions on fields and ids, each once: by identity, since 1 == True."""
    return list({id(one): one for one in conditions if isinstance(one, Condition)}.values())


def _shape(conditions: Iterable[Condition]) -> Shape:
    return tuple([(one.field, one.lookup) for one in conditions])


def parts_of(logic: Logic) -> list[Logic]:
    """What holds all together."""
    return list(logic.children) if isinstance(logic, Conjunction) else [logic]


def without(conditions: Iterable[Any], answered: Sequence[Condition]) -> list[Any]:
    """The conditions that are not among the answered ones: by identity, since 1 == True."""
    return [c for c in conditions if not any(c is other for other in answered)]


def by_field(conditions: Iterable[Logic], lookups: frozenset[str]) -> Mapping[str, list[Any]]:
    """The conditions with one of these lookups, by the field that they are on."""
    found: dict[str, list[Any]] = {}
    for condition in conditions:
        if isinstance(condition, Condition) and condition.lookup in lookups:
            found.setdefault(condition.field, []).append(condition)
    return found
