"""The filter, checked again on the row: what the index says can never make an answer wrong.

Conditions are judged as the index judges them: equality by key parts, ranges by positions (see
``index/encoding.py``). A condition on a field whose key the row lacks and whose default differs
each time (``Now``) cannot be judged; such an object is taken on the index's word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..index.encoding import EMPTY, key_part, member, position
from .logic import EVERYTHING, Condition, Conjunction, Logic, Negation
from .ranges import bounds

if TYPE_CHECKING:
    from ..models.options import SonicOptions

#: Called with a payload dict and the object's id; None where it cannot be judged.
Verdict = Callable[[Mapping[str, Any], int], "bool | None"]

_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "gt": int.__gt__,
    "gte": int.__ge__,
    "lt": int.__lt__,
    "lte": int.__le__,
}


def verdict(options: SonicOptions, logic: Logic) -> Verdict | None:
    """What judges the rows of a filter; None if the id alone decides. No round trip."""
    return _judge(options, logic) if _mentions_fields(logic) else None


def _mentions_fields(logic: Logic) -> bool:
    if isinstance(logic, Condition):
        return logic.field != "id"
    if isinstance(logic, Negation):
        return _mentions_fields(logic.child)
    return any(map(_mentions_fields, logic.children))


def _judge(options: SonicOptions, logic: Logic) -> Verdict:
    if isinstance(logic, Condition):
        return _on_id(logic) if logic.field == "id" else _on_field(options, logic)
    if isinstance(logic, Negation):
        child = _judge(options, logic.child)

        def negated(stored: Mapping[str, Any], id: int) -> bool | None:
            verdict = child(stored, id)
            return None if verdict is None else not verdict

        return negated
    if logic == EVERYTHING:
        return lambda stored, id: True
    # Of a conjunction one False decides, of a disjunction one True.
    decisive = not isinstance(logic, Conjunction)
    judges = [_judge(options, child) for child in logic.children]

    def combined(stored: Mapping[str, Any], id: int) -> bool | None:
        found: bool | None = not decisive
        for judge in judges:
            verdict = judge(stored, id)
            if verdict is decisive:
                return decisive
            if verdict is None:
                found = None
        return found

    return combined


def _on_id(condition: Condition) -> Verdict:
    if condition.lookup == "in":
        ids = frozenset(condition.value)
        return lambda stored, id: id in ids
    compare, bound = _COMPARE[condition.lookup], condition.value
    return lambda stored, id: compare(id, bound)


def _on_field(options: SonicOptions, condition: Condition) -> Verdict:
    field = options.fields[condition.field]
    key, part, unsteady = field.key, field.part, field.has_unsteady_default
    test = _test(condition)

    def judge(stored: Mapping[str, Any], id: int) -> bool | None:
        if key in stored:
            value = stored[key]
        elif unsteady:
            return None
        else:
            value = field.to_primitive(field.get_default())
        try:
            return any(test(element, id) for element in part.elements(value))
        except (TypeError, ValueError):
            return False  # no index could hold such a value

    return judge


def _test(condition: Condition) -> Callable[[Any, int], bool]:
    """Whether an element of an object's value satisfies the condition."""
    lookup, wanted = condition.lookup, condition.value
    if lookup == "isnull":
        return lambda value, id: value is None
    if lookup == "notnull":
        return lambda value, id: value is not None
    if lookup == "empty":
        return lambda value, id: value is EMPTY
    if lookup == "exact":
        place, kind = key_part(wanted), type(wanted)
        # Values of one type that are equal have one key part; others may: 1 and Decimal("1.0").
        return lambda value, id: (
            (type(value) is kind and value == wanted) or (key_part(value) == place)
        )
    low, high = bounds([condition])

    def within(value: Any, id: int) -> bool:
        if value is None or value is EMPTY:
            return False
        score, prefix = position(value)
        place = (score, prefix + member(id))
        return (low is None or place >= (low.score, low.member)) and (
            high is None or place < (high.score, high.member)
        )

    return within
