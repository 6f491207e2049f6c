"""``dates()`` and ``datetimes()``: the periods in which there is a value, from one to the next."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import FieldError
from django.db import models
from django.db.models import Q
from django.utils.timezone import get_current_timezone

from . import builder, loading
from .iterate import iterate

if TYPE_CHECKING:
    from .state import QueryState

DATE_KINDS = ("year", "month", "week", "day")
DATETIME_KINDS = (*DATE_KINDS, "hour", "minute", "second")
_LENGTHS = {
    "week": timedelta(days=7),
    "day": timedelta(days=1),
    "hour": timedelta(hours=1),
    "minute": timedelta(minutes=1),
    "second": timedelta(seconds=1),
}


def dates(state: QueryState, name: str, kind: str, order: str) -> list[date]:
    """The first days of the periods in which a ``day_field`` has a value."""
    _check("dates", kind, DATE_KINDS, order)
    field = state.schema.field(name)
    if not isinstance(field, models.DateField) or isinstance(field, models.DateTimeField):
        raise FieldError(
            f"{state.model._meta.label}.{field.name} is no day_field; for a point in time take "
            f"datetimes()."
        )
    return list(_skip_scan(state, field.name, lambda value: _first_day(value, kind), kind, order))


def datetimes(
    state: QueryState, name: str, kind: str, order: str, zone: tzinfo | None
) -> list[datetime]:
    """The starts of the periods in which a ``date_field`` has a value."""
    _check("datetimes", kind, DATETIME_KINDS, order)
    field = state.schema.field(name)
    if not isinstance(field, models.DateTimeField):
        raise FieldError(f"{state.model._meta.label}.{field.name} is no date_field.")
    zone = (zone or get_current_timezone()) if settings.USE_TZ else None
    return list(_skip_scan(state, field.name, lambda value: _start(value, kind, zone), kind, order))


def _check(method: str, kind: str, kinds: tuple[str, ...], order: str) -> None:
    if kind not in kinds:
        raise ValueError(f"{method}(): 'kind' must be one of {', '.join(kinds)}; got {kind!r}.")
    if order not in ("ASC", "DESC"):
        raise ValueError(f"{method}(): 'order' must be 'ASC' or 'DESC'; got {order!r}.")


def _skip_scan(
    state: QueryState, name: str, truncated: Any, kind: str, order: str
) -> Iterator[Any]:
    """Each period that has a value: from one, the first value behind its end is asked for."""
    if state.scan:
        present = builder.filtered(state, Q(**{f"{name}__isnull": False}))
        values = iterate(builder.shaped(present, [name], "tuple", flat=True))
        found = {truncated(value) for value in values}
        yield from sorted(found, reverse=order == "DESC")
        return
    descending = order == "DESC"
    ordered = builder.ordered(state, [f"-{name}" if descending else name])
    ordered = builder.shaped(ordered, [name], "tuple", flat=True)
    rest, previous = ordered, None
    # Objects without a value stand last.
    while (value := loading.first(rest)) is not None:
        period = truncated(value)
        if period != previous:
            yield period
        previous = period
        if descending:
            rest = builder.filtered(ordered, Q(**{f"{name}__lt": period}))
            continue
        following = _following(period, kind)
        if following is None:
            return
        # Behind the value too: where clocks are set back by half an hour, an hour has 90 minutes.
        rest = builder.filtered(ordered, Q(**{f"{name}__gte": following, f"{name}__gt": value}))


def _first_day(value: date, kind: str) -> date:
    if kind == "year":
        return value.replace(month=1, day=1)
    if kind == "month":
        return value.replace(day=1)
    if kind == "week":
        return value - timedelta(days=value.weekday())
    return value


def _start(value: datetime, kind: str, zone: tzinfo | None) -> datetime:
    """The start of the period that the moment is in, in that zone."""
    local = value if zone is None else value.astimezone(zone)
    if kind in DATE_KINDS:
        day = _first_day(local.date(), kind)
        # fold=0: where midnight comes twice, the day starts with the first.
        return datetime.combine(day, time.min, tzinfo=zone)
    minute = 0 if kind == "hour" else local.minute
    second = local.second if kind == "second" else 0
    return local.replace(minute=minute, second=second, microsecond=0)


def _following(period: Any, kind: str) -> Any:
    """The start of the next period; None at the end of time."""
    try:
        if kind == "year":
            return period.replace(year=period.year + 1)
        if kind == "month":
            december = period.month == 12
            return period.replace(
                year=period.year + december, month=1 if december else period.month + 1
            )
        if kind in ("hour", "minute", "second") and getattr(period, "tzinfo", None):
            # By the clock of the world: an hour of the zone may come twice.
            return period.astimezone(timezone.utc) + _LENGTHS[kind]
        return period + _LENGTHS[kind]
    except (ValueError, OverflowError):
        return None
