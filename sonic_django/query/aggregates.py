"""``aggregate()``: Count, Min and Max as far as the index answers them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from django.core.exceptions import FieldError
from django.db import NotSupportedError
from django.db.models import Aggregate, Count, F, Max, Min, Q

from ..index.encoding import EMPTY, key_part
from . import facets

if TYPE_CHECKING:
    from ..fields.base import VirtualField
    from .retrieving import Retrieving

#: Different values that a Count(distinct=True) counts at most.
MOST_VALUES = 100_000
_POSSIBLE = (
    'The index answers Count("*"), Count("field"), Count("field", distinct=True), Min("field") and '
    'Max("field"), each with filter=Q(...).'
)


def aggregate(
    queryset: Retrieving, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """What ``SonicQuerySet.aggregate`` says."""
    if queryset._is_sliced:
        raise TypeError("Cannot aggregate a query once a slice has been taken.")
    if queryset._text is not None:
        queryset = queryset._settled()
    wanted = {_alias(expression): expression for expression in args}
    for name, expression in kwargs.items():
        if name in wanted:
            raise TypeError(f"The named aggregate {name!r} conflicts with a default name.")
        wanted[name] = expression
    found: dict[str, Any] = dict.fromkeys(wanted)
    numbers: dict[str, Q] = {}
    for name, expression in wanted.items():
        _check(queryset, name, expression)
        field, filter = _field(queryset, expression), _filter(queryset, expression)
        if isinstance(expression, Count):
            if getattr(expression, "distinct", False) and field != "pk":
                found[name] = _different(queryset.filter(filter), field)
            else:
                has_value = Q() if field == "pk" else Q(**{f"{field}__isnull": False})
                numbers[name] = Q(filter, has_value)
        else:
            found[name] = _edge(queryset.filter(filter), field, isinstance(expression, Max))
    if numbers:
        found.update(zip(numbers, queryset.counts(numbers.values()), strict=True))
    return found


def _alias(expression: Any) -> str:
    try:
        return str(expression.default_alias)
    except (AttributeError, TypeError):
        raise TypeError("Complex aggregates require an alias") from None


def _check(queryset: Retrieving, name: str, expression: Any) -> None:
    """NotSupportedError for what the index does not answer."""
    is_known = type(expression) in (Count, Min, Max)
    if not is_known or getattr(expression, "order_by", None) is not None:
        _refuse(queryset, name, expression)
    (source,) = expression.get_source_expressions()[:1]
    is_star = type(source).__name__ == "Star"
    if not (is_star or type(source) is F) or (is_star and not isinstance(expression, Count)):
        _refuse(queryset, name, expression)


def _refuse(queryset: Retrieving, name: str, expression: Any) -> NoReturn:
    raise NotSupportedError(
        f"{queryset.model._meta.label}.objects.aggregate({name}={expression!r}): {_POSSIBLE} For "
        f"others add up the rows, e.g. sum(values_list(..., flat=True).iterator())."
    )


def _field(queryset: Retrieving, expression: Aggregate) -> str:
    """The field's name; "pk" also for all."""
    source: Any = expression.get_source_expressions()[0]
    if type(source).__name__ == "Star":
        return "pk"
    name = str(vars(source)["name"])
    if name in ("pk", "id"):
        return "pk"
    field: str = queryset.model._sonic.field(name).name
    return field


def _filter(queryset: Retrieving, expression: Any) -> Q:
    if expression.filter is None:
        return Q()
    if isinstance(expression.filter, Q):
        return expression.filter
    raise FieldError(
        f"{queryset.model._meta.label}: {expression!r}: the filter of an aggregate is a Q object."
    )


def _different(queryset: Retrieving, field: str) -> int:
    """How many different values the objects have; None and the empty list are none."""
    if queryset._scanning:
        return _different_in_rows(queryset, queryset.model._sonic.field(field))
    (found,) = facets.values_of([(queryset, field, MOST_VALUES + 1, None)])
    values_found = facets.raised(found).pairs
    if len(values_found) > MOST_VALUES:
        raise NotSupportedError(
            f"{queryset.model._meta.label}: Count({field!r}, distinct=True): more than "
            f"{MOST_VALUES} different values, which are not listed. Filter more."
        )
    return sum(value is not None and value != [] for value, _ in values_found)


def _different_in_rows(queryset: Retrieving, field: VirtualField) -> int:
    values = map(field.to_primitive, queryset.values_list(field.name, flat=True).iterator())
    elements = (element for value in values for element in field.part.elements(value))
    return len({key_part(one) for one in elements if one is not None and one is not EMPTY})


def _edge(queryset: Retrieving, field: str, is_last: bool) -> Any:
    """The first or the last value of the order; None if no object has one."""
    order = f"-{field}" if is_last else field
    # Objects without a value stand last in either direction.
    return queryset.order_by(order).values_list(field, flat=True).first()
