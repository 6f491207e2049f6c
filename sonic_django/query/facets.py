"""The most frequent values of a field, from the index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import FieldError
from django.db import models

from ..index.decoding import clock, from_key_part, from_sort_key, from_text_prefix, moment
from ..index.documents import Facet
from ..index.encoding import EMPTY
from ..index.queries import FacetQuery, Scope
from ..index.specs import BY_TEXT, IndexSpec
from .conditions import NOTHING
from .planner import Planner

if TYPE_CHECKING:
    from ..fields.derived import Indexed
    from ..schema.schema import Schema
    from .state import QueryState


@dataclass(frozen=True)
class FieldValues:
    """(value, number of objects) pairs of one field, most objects first."""

    pairs: tuple[tuple[Any, int], ...] = ()
    #: Whether all objects of the filter, and all different values of a sorted index, were looked
    #: at; of an index that counts its values, whether there are no others.
    complete: bool = True
    #: Whether the values were met one by one in a sorted index: if not complete, the pairs are
    #: the first of the order then, and need not be the most frequent.
    is_walk: bool = False


@dataclass(frozen=True)
class FacetPlan:
    """A query for the values of a field; ``query`` is None if no object can have one."""

    field: Indexed
    spec: IndexSpec
    query: FacetQuery | None
    limit: int
    most: int | None

    @classmethod
    def of(cls, state: QueryState, name: str, limit: int, most: int | None = None) -> FacetPlan:
        """The plan for a state without search and with its references bound. FieldError for a
        field whose values no index lists."""
        schema = state.schema
        field = schema.named(name)
        label = f"{schema.label}.objects.facet({name!r})"
        if state.is_sliced or state.cursor is not None:
            raise TypeError(f"{label}: cannot be taken once a slice or a cursor has been taken.")
        if state.scope is not Scope.LIVE:
            raise FieldError(f"{label}: deleted objects are in no index.")
        spec = _spec(schema, field)
        query = Planner(schema).facet(spec, state.conditions)
        is_empty = limit <= 0 or state.conditions == NOTHING
        return cls(field, spec, None if is_empty else query, limit, most)

    def values(self, reply: Facet) -> FieldValues:
        """The values in the index's reply."""
        read = _reader(self.field, self.spec)
        pairs = tuple([(read(value, original), number) for value, number, original in reply.values])
        return FieldValues(pairs, reply.complete, self.spec.order is not None)


def has_values(schema: Schema, name: str) -> bool:
    """Whether some index lists the values of the field."""
    try:
        _spec(schema, schema.named(name))
    except FieldError:
        return False
    return True


def _spec(schema: Schema, field: Indexed) -> IndexSpec:
    """The index that holds the field's values: one that counts them, else a sorted one."""
    for spec in schema.layout.specs:
        if spec.counts_values and spec.parts[0].name == field.name:
            return spec
    for spec in schema.layout.specs:
        if not spec.parts and spec.order is not None and spec.order.name == field.name:
            return spec
    raise FieldError(
        f"{schema.label}: no index holds the values of {field.name} by themselves. "
        f'Declare indexes = {{"{field.name}": [{field.name}]}} (or index=True on the field) and '
        f"run sonic_reindex."
    )


def _reader(field: Indexed, spec: IndexSpec) -> Callable[[bytes, bytes], Any]:
    """Index bytes to what the field's attribute would hold; references to ids."""
    if spec.order is None:

        def read_part(part: bytes, original: bytes) -> Any:
            value = from_key_part(part, original)
            if value is EMPTY:
                return []
            return _like(_element(field), value)

        return read_part
    if spec.ordering == BY_TEXT:
        return lambda prefix, _: from_text_prefix(prefix) if prefix else None
    return lambda score, _: _like(field, from_sort_key(score)) if score else None


def _element(field: Any) -> Any:
    return getattr(field, "element", field)


def _like(field: Any, value: Any) -> Any:
    """A value of the field's own type for one that the index holds: equal numbers are one there,
    and moments are numbers in an order."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return value
    if isinstance(field, models.DecimalField):
        return Decimal(value)
    if isinstance(field, models.FloatField):
        return float(value)
    if isinstance(field, models.DateTimeField):
        return moment(int(value), aware=settings.USE_TZ)
    if isinstance(field, models.DateField):
        return date.fromordinal(int(value))
    if isinstance(field, models.TimeField):
        return clock(int(value))
    if isinstance(field, models.DurationField):
        return timedelta(microseconds=int(value))
    if isinstance(field, models.IntegerField):
        return int(value)
    return value
