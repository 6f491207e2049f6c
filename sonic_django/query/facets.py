"""The most frequent values of a field, from the index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import FieldError
from django.db import models

from ..exceptions import IndexNotBuilt
from ..index.decoding import clock, from_key_part, from_score, from_text_prefix, moment
from ..index.encoding import EMPTY
from ..index.queries import FacetQuery
from ..index.specs import BY_TEXT, IndexSpec
from .conditions import NOTHING
from .planner import Planner

if TYPE_CHECKING:
    from ..fields.derived import Indexed
    from ..schema.schema import Schema
    from .execute import Asking


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


def facet(queryset: Asking, names: Sequence[str], limit: int) -> dict[str, list[tuple[Any, int]]]:
    """What ``SonicQuerySet.facet`` and ``facets`` say."""
    found = values_of([(queryset, name, limit, None) for name in names])
    return {name: list(raised(values).pairs) for name, values in zip(names, found, strict=True)}


def values_of(
    questions: Sequence[tuple[Asking, str, int, int | None]],
) -> list[FieldValues | IndexNotBuilt]:
    """For each (queryset, field, limit, most) the values of the field. One round trip for all.

    The querysets are of one class and one database; ``most`` objects of the filter, or different
    values of a sorted index, are looked at, or with None all. FieldError for a field whose values
    no index lists; an index that is not built does not keep the others from answering.
    """
    asked: dict[int, tuple[FacetQuery, int, int | None]] = {}
    specs = []
    for at, (given, name, limit, most) in enumerate(questions):
        queryset = given._bound()
        schema = queryset.model._sonic
        field = schema.named(name)
        label = f"{schema.model._meta.label}.objects.facet({name!r})"
        if queryset._is_sliced or queryset._cursor is not None:
            raise TypeError(f"{label}: cannot be taken once a slice or a cursor has been taken.")
        if queryset._universe != "ids":
            raise FieldError(f"{label}: deleted objects are in no index.")
        specs.append(_spec(schema, field))
        query = Planner(schema).facet(specs[-1], queryset._logic)
        if limit > 0 and queryset._logic != NOTHING:
            asked[at] = query, limit, most
    answers = questions[0][0]._ask_many("facets", list(asked.values())) if asked else []
    replies = dict(zip(asked, answers, strict=True))
    found: list[FieldValues | IndexNotBuilt] = []
    for at, (queryset, name, _, _) in enumerate(questions):
        reply = replies.get(at, FieldValues())
        if isinstance(reply, (FieldValues, IndexNotBuilt)):
            found.append(reply)
            continue
        read = _reader(queryset.model._sonic.named(name), specs[at])
        pairs = tuple((read(value, original), number) for value, number, original in reply.values)
        found.append(FieldValues(pairs, reply.complete, specs[at].order is not None))
    return found


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
        f"{schema.model._meta.label}: no index holds the values of {field.name} by themselves. "
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
        return lambda place, _: from_text_prefix(place) if place else None
    return lambda place, _: _like(field, from_score(place)) if place else None


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


def raised(values: FieldValues | IndexNotBuilt) -> FieldValues:
    """The values; the reason why they are not known is raised."""
    if isinstance(values, IndexNotBuilt):
        raise values
    return values
