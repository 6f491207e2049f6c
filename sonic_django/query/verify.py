"""The filter as a predicate on a payload: rows are checked by it, so that no error of the index can
make a result wrong; a scan finds its objects by it.

Conditions match as they do in the index: equality by key parts, ranges by sort keys (see
``index/encoding.py``). Whether a condition matches is unknown where the row lacks the field's key
and the default differs each time (``Now``); such an object is taken on the index's word.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..fields.names import UNKNOWN
from ..index.encoding import EMPTY, key_part, member, position
from ..index.geohash import distance, point_of
from .bounds import bounds
from .conditions import Condition, Disjunction, Logic, Negation
from .lookups import TEXT_TESTS, TextCondition

if TYPE_CHECKING:
    from ..schema.schema import Schema

#: Whether an object with this payload dict and id satisfies a filter; None: unknown.
Predicate = Callable[[Mapping[str, Any], int], "bool | None"]

#: Values of one of these types are equal and ordered in an index as they are in Python.
_PLAIN = {kind: frozenset([kind]) for kind in (str, int)}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def needed_predicate(schema: Schema, logic: Logic) -> Predicate | None:
    """The predicate of a filter; None if the id alone decides, so that no payload is decoded."""
    return predicate_of(schema, logic) if _mentions_fields(logic) else None


def _mentions_fields(logic: Logic) -> bool:
    if isinstance(logic, Condition):
        return logic.field != "id"
    if isinstance(logic, Negation):
        return _mentions_fields(logic.child)
    return any(map(_mentions_fields, logic.children))


def predicate_of(schema: Schema, logic: Logic) -> Predicate:
    """The predicate of any filter, its references bound. No round trip."""
    if isinstance(logic, Condition):
        if logic.field == "id":
            return _on_id(logic)
        if isinstance(logic, TextCondition):
            return _on_text(schema, logic)
        return _on_field(schema, logic)
    if isinstance(logic, Negation):
        return _negated(predicate_of(schema, logic.child))
    if isinstance(logic, Disjunction):
        values, others = _alternatives(logic)
        children = [_on_values(schema, name, some) for name, some in values.items()]
        children += [predicate_of(schema, child) for child in others]
        return children[0] if len(children) == 1 else _combined(children, decisive=True)
    return _combined([predicate_of(schema, child) for child in logic.children], decisive=False)


#: Alternatives of one field from which on they are looked up as one set of values.
_MANY = 4


def _alternatives(logic: Disjunction) -> tuple[dict[str, list[Any]], list[Logic]]:
    """The values that many alternatives say a field may have, and the other alternatives."""
    values: dict[str, list[Any]] = {}
    for child in logic.children:
        if isinstance(child, Condition) and child.lookup == "exact":
            values.setdefault(child.field, []).append(child.value)
    values = {name: some for name, some in values.items() if len(some) >= _MANY}
    if not values:
        return {}, list(logic.children)
    return values, [
        child
        for child in logic.children
        if not (isinstance(child, Condition) and child.lookup == "exact" and child.field in values)
    ]


def _on_values(schema: Schema, name: str, values: Sequence[Any]) -> Predicate:
    """Whether an element of the field's value is one of these."""
    parts = frozenset(map(key_part, values))
    return _on_elements(schema, name, lambda value, id: key_part(value) in parts)


def _negated(child: Predicate) -> Predicate:
    def negated(stored: Mapping[str, Any], id: int) -> bool | None:
        matches = child(stored, id)
        return None if matches is None else not matches

    return negated


def _combined(children: Sequence[Predicate], *, decisive: bool) -> Predicate:
    """Of a disjunction one True decides, of a conjunction one False."""

    def combined(stored: Mapping[str, Any], id: int) -> bool | None:
        result: bool | None = not decisive
        for child in children:
            matches = child(stored, id)
            if matches is decisive:
                return decisive
            if matches is None:
                result = None
        return result

    return combined


def _on_id(condition: Condition) -> Predicate:
    if condition.lookup == "in":
        ids = frozenset(condition.value)
        return lambda stored, id: id in ids
    compare, bound = _COMPARE[condition.lookup], condition.value
    return lambda stored, id: compare(id, bound)


def _on_text(schema: Schema, condition: TextCondition) -> Predicate:
    indexed = schema.indexed(condition.field)
    part, test, wanted = indexed.part, TEXT_TESTS[condition.lookup], condition.value

    def matches(stored: Mapping[str, Any], id: int) -> bool | None:
        value = indexed.of_stored(stored)
        if value is UNKNOWN:
            return None
        return any(isinstance(item, str) and test(item, wanted) for item in part.elements(value))

    return matches


def _on_field(schema: Schema, condition: Condition) -> Predicate:
    if condition.lookup == "notnull":
        # Not "some element is a value": what no index holds, as a dict in a var_field, is no None.
        return _negated(_on_field(schema, Condition(condition.field, "isnull", None)))
    wanted = condition.value
    # A list of texts or whole numbers is looked through as it is.
    is_one = condition.lookup == "exact" and schema.indexed(condition.field).many
    alike = _PLAIN.get(type(wanted)) if is_one else None
    return _on_elements(schema, condition.field, _test(condition), alike, wanted)


def _on_elements(
    schema: Schema,
    name: str,
    test: Callable[[Any, int], bool],
    alike: frozenset[type] | None = None,
    wanted: Any = None,
) -> Predicate:
    """Whether an element of the field's value passes the test; of a list whose elements are all
    ``alike``, whether ``wanted`` is among them."""
    indexed = schema.indexed(name)
    of_stored, elements = indexed.of_stored, indexed.part.elements
    is_single = not indexed.many and not indexed.mixed

    def matches(stored: Mapping[str, Any], id: int) -> bool | None:
        value = of_stored(stored)
        if value is UNKNOWN:
            return None
        if alike is not None and type(value) is list and alike.issuperset(map(type, value)):
            return wanted in value
        try:
            if is_single:
                return test(value, id)
            return any(test(element, id) for element in elements(value))
        except (TypeError, ValueError):
            return False  # no index could hold such a value

    return matches


def _test(condition: Condition) -> Callable[[Any, int], bool]:
    """Whether an element of an object's value satisfies the condition."""
    lookup, wanted = condition.lookup, condition.value
    if lookup == "isnull":
        return lambda value, id: value is None
    if lookup == "empty":
        return lambda value, id: value is EMPTY
    if lookup == "near":
        *centre, metres = wanted
        # From the middle of the cell, as Redis measures: the index and the row agree to the metre.
        return lambda value, id: (
            value is not None and distance((centre[0], centre[1]), point_of(value)) <= metres
        )
    if lookup == "exact":
        part, kind = key_part(wanted), type(wanted)
        # Values of one type that are equal have one key part; others may: 1 and Decimal("1.0").
        return lambda value, id: (
            (type(value) is kind and value == wanted) or (key_part(value) == part)
        )
    low, high = bounds([condition])
    compare = _COMPARE.get(lookup) if type(wanted) in _PLAIN else None
    kind = type(wanted)

    def within(value: Any, id: int) -> bool:
        if compare is not None and type(value) is kind:
            return compare(value, wanted)
        if value is None or value is EMPTY:
            return False
        score, prefix = position(value)
        key = (score, prefix + member(id))
        return (low is None or key >= (low.score, low.member)) and (
            high is None or key < (high.score, high.member)
        )

    return within
