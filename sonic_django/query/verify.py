"""The filter, checked again on the row: what the index says can never make an answer wrong.

Conditions are judged as the index judges them: equality by key parts, ranges by positions (see
``index/encoding.py``). A condition on a field whose key the row lacks and whose default differs
each time (``Now``) cannot be judged; such an object is taken on the index's word.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..fields.names import UNKNOWN
from ..index.encoding import EMPTY, key_part, member, position
from ..index.geohash import distance, place_of
from .bounds import bounds
from .conditions import EVERYTHING, Condition, Conjunction, Logic, Negation

if TYPE_CHECKING:
    from ..schema.schema import Schema

#: Called with a payload dict and the object's id; None where it cannot be judged.
Verdict = Callable[[Mapping[str, Any], int], "bool | None"]

#: Values of one of these types are equal and ordered in an index as they are in Python.
_PLAIN = {kind: frozenset([kind]) for kind in (str, int)}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def verdict(schema: Schema, logic: Logic) -> Verdict | None:
    """What judges the rows of a filter; None if the id alone decides. No round trip."""
    return judge(schema, logic) if _mentions_fields(logic) else None


def _mentions_fields(logic: Logic) -> bool:
    if isinstance(logic, Condition):
        return logic.field != "id"
    if isinstance(logic, Negation):
        return _mentions_fields(logic.child)
    return any(map(_mentions_fields, logic.children))


def judge(schema: Schema, logic: Logic) -> Verdict:
    """What judges a row by any filter of the index. No round trip."""
    if isinstance(logic, Condition):
        return _on_id(logic) if logic.field == "id" else _on_field(schema, logic)
    if isinstance(logic, Negation):
        child = judge(schema, logic.child)

        def negated(stored: Mapping[str, Any], id: int) -> bool | None:
            verdict = child(stored, id)
            return None if verdict is None else not verdict

        return negated
    if logic == EVERYTHING:
        return lambda stored, id: True
    children = [judge(schema, child) for child in logic.children]
    return combined(children, decisive=not isinstance(logic, Conjunction))


def combined(judges: Sequence[Verdict], *, decisive: bool) -> Verdict:
    """The verdict of several: of a disjunction one True decides, of a conjunction one False."""

    def together(stored: Mapping[str, Any], id: int) -> bool | None:
        found: bool | None = not decisive
        for one in judges:
            verdict = one(stored, id)
            if verdict is decisive:
                return decisive
            if verdict is None:
                found = None
        return found

    return together


def _on_id(condition: Condition) -> Verdict:
    if condition.lookup == "in":
        ids = frozenset(condition.value)
        return lambda stored, id: id in ids
    compare, bound = _COMPARE[condition.lookup], condition.value
    return lambda stored, id: compare(id, bound)


def _on_field(schema: Schema, condition: Condition) -> Verdict:
    if condition.lookup == "notnull":
        # Not "some element is a value": what no index holds, as a dict in a var_field, is no None.
        return judge(schema, Negation(Condition(condition.field, "isnull", None)))
    indexed = schema.indexed(condition.field)
    of_stored, elements, test = indexed.of_stored, indexed.part.elements, _test(condition)
    is_single = not indexed.many and not indexed.mixed
    wanted = condition.value
    # A list of texts or whole numbers is looked through as it is.
    alike = _PLAIN.get(type(wanted)) if indexed.many and condition.lookup == "exact" else None

    def judged(stored: Mapping[str, Any], id: int) -> bool | None:
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

    return judged


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
            value is not None and distance((centre[0], centre[1]), place_of(value)) <= metres
        )
    if lookup == "exact":
        place, kind = key_part(wanted), type(wanted)
        # Values of one type that are equal have one key part; others may: 1 and Decimal("1.0").
        return lambda value, id: (
            (type(value) is kind and value == wanted) or (key_part(value) == place)
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
        place = (score, prefix + member(id))
        return (low is None or place >= (low.score, low.member)) and (
            high is None or place < (high.score, high.member)
        )

    return within
