"""``aggregate()``: Count, Min and Max as far as the index answers them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from django.core.exceptions import FieldError
from django.db import NotSupportedError
from django.db.models import Aggregate, Count, F, Max, Min, Q

from ..index.encoding import EMPTY, key_part
from . import builder, execute, loading
from .iterate import iterate

if TYPE_CHECKING:
    from ..fields.base import VirtualField
    from .facets import FieldValues
    from .state import QueryState

#: Different values that a Count(distinct=True) counts at most.
MOST_VALUES = 100_000
_POSSIBLE = (
    'The index answers Count("*"), Count("field"), Count("field", distinct=True), Min("field") and '
    'Max("field"), each with filter=Q(...).'
)


def aggregate(
    state: QueryState, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """The value of each aggregate, by its name. Counts cost one round trip together, any other one
    each."""
    if state.is_sliced:
        raise TypeError("Cannot aggregate a query once a slice has been taken.")
    if state.merges_rows:
        raise NotSupportedError(
            f"{state.model._meta.label}.objects.aggregate(): distinct() values are not aggregated. "
            f"Take count(), or Count(field, distinct=True) of the objects."
        )
    if state.text is not None:
        state = execute.of_index_alone(state)
    wanted = {_alias(expression): expression for expression in args}
    for name, expression in kwargs.items():
        if name in wanted:
            raise TypeError(f"The named aggregate {name!r} conflicts with a default name.")
        wanted[name] = expression
    found: dict[str, Any] = dict.fromkeys(wanted)
    numbers: dict[str, Q] = {}
    for name, expression in wanted.items():
        _check(state, name, expression)
        field, filter = _field(state, expression), _filter(state, expression)
        if isinstance(expression, Count):
            if getattr(expression, "distinct", False) and field != "pk":
                found[name] = _different(builder.filtered(state, filter), field)
            else:
                has_value = Q() if field == "pk" else Q(**{f"{field}__isnull": False})
                numbers[name] = Q(filter, has_value)
        else:
            found[name] = _edge(builder.filtered(state, filter), field, isinstance(expression, Max))
    if numbers:
        found.update(zip(numbers, execute.counts(state, numbers.values()), strict=True))
    return found


def _alias(expression: Any) -> str:
    try:
        return str(expression.default_alias)
    except (AttributeError, TypeError):
        raise TypeError("Complex aggregates require an alias") from None


def _check(state: QueryState, name: str, expression: Any) -> None:
    """NotSupportedError for what the index does not answer."""
    is_known = type(expression) in (Count, Min, Max)
    if not is_known or getattr(expression, "order_by", None) is not None:
        _refuse(state, name, expression)
    (source,) = expression.get_source_expressions()[:1]
    is_star = type(source).__name__ == "Star"
    if not (is_star or type(source) is F) or (is_star and not isinstance(expression, Count)):
        _refuse(state, name, expression)


def _refuse(state: QueryState, name: str, expression: Any) -> NoReturn:
    raise NotSupportedError(
        f"{state.model._meta.label}.objects.aggregate({name}={expression!r}): {_POSSIBLE} For "
        f"others add up the rows, e.g. sum(values_list(..., flat=True).iterator())."
    )


def _field(state: QueryState, expression: Aggregate) -> str:
    """The field's name; "pk" also for all."""
    source: Any = expression.get_source_expressions()[0]
    if type(source).__name__ == "Star":
        return "pk"
    name = str(vars(source)["name"])
    if name in ("pk", "id"):
        return "pk"
    field: str = state.schema.field(name).name
    return field


def _filter(state: QueryState, expression: Any) -> Q:
    if expression.filter is None:
        return Q()
    if isinstance(expression.filter, Q):
        return expression.filter
    raise FieldError(
        f"{state.model._meta.label}: {expression!r}: the filter of an aggregate is a Q object."
    )


def _different(state: QueryState, field: str) -> int:
    """The number of different values of the objects; None and the empty list are no values."""
    if state.scan:
        return _different_in_rows(state, state.schema.field(field))
    plans = execute.facet_plans(state, [field], MOST_VALUES + 1)
    found: FieldValues = execute.raised(execute.batch(state, [*plans])[0])
    values_found = found.pairs
    if len(values_found) > MOST_VALUES:
        raise NotSupportedError(
            f"{state.model._meta.label}: Count({field!r}, distinct=True): more than "
            f"{MOST_VALUES} different values, which are not listed. Filter more."
        )
    return sum(value is not None and value != [] for value, _ in values_found)


def _different_in_rows(state: QueryState, field: VirtualField) -> int:
    shaped = builder.shaped(state, [field.name], "tuple", flat=True)
    values = map(field.to_primitive, iterate(shaped))
    elements = (element for value in values for element in field.part.elements(value))
    return len({key_part(one) for one in elements if one is not None and one is not EMPTY})


def _edge(state: QueryState, field: str, is_last: bool) -> Any:
    """The first or the last value of the order; None if no object has one."""
    order = f"-{field}" if is_last else field
    # Objects without a value stand last in either direction.
    ordered = builder.ordered(state, [order])
    return loading.first(builder.shaped(ordered, [field], "tuple", flat=True))
