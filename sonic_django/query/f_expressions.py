"""``F("hits") + 1``: Django's expressions, computed from an object's own values."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.core.exceptions import FieldError
from django.db.models import ExpressionWrapper, F, Value
from django.db.models.expressions import Combinable, CombinedExpression

if TYPE_CHECKING:
    from ..schema.schema import Schema

#: Gives the value for an object; None where a part of the expression is None, as in SQL.
Computation = Callable[[Any], Any]

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    Combinable.ADD: operator.add,
    Combinable.SUB: operator.sub,
    Combinable.MUL: operator.mul,
    Combinable.DIV: operator.truediv,
    Combinable.POW: operator.pow,
    Combinable.MOD: operator.mod,
    Combinable.BITAND: operator.and_,
    Combinable.BITOR: operator.or_,
    Combinable.BITXOR: operator.xor,
    Combinable.BITLEFTSHIFT: operator.lshift,
    Combinable.BITRIGHTSHIFT: operator.rshift,
}


def is_expression(value: Any) -> bool:
    """Whether the value is one of Django's expressions."""
    return hasattr(value, "resolve_expression")


def computation(schema: Schema, expression: Any) -> Computation:
    """What computes the expression. FieldError for a field that is not there, and for what only
    SQL can compute."""
    if not is_expression(expression):
        return lambda obj: expression
    if type(expression) is F:
        return _field(schema, str(vars(expression)["name"]))
    if type(expression) is Value:
        return lambda obj: expression.value
    if type(expression) is ExpressionWrapper:
        return computation(schema, expression.expression)
    if isinstance(expression, CombinedExpression) and expression.connector in _OPERATORS:
        left, right = (computation(schema, side) for side in (expression.lhs, expression.rhs))
        combine = _OPERATORS[expression.connector]

        def combined(obj: Any) -> Any:
            one, other = left(obj), right(obj)
            return None if one is None or other is None else combine(one, other)

        return combined
    raise FieldError(
        f"{schema.model._meta.label}: {expression!r} is computed by SQL, which cannot see into "
        f"payloads. F(), values and + - * / % are understood; for more load, change and save the "
        f"objects."
    )


def _field(schema: Schema, name: str) -> Computation:
    if name in ("pk", "id"):
        return lambda obj: obj.id
    field = schema.field(name)
    return field.value_from_object
