"""``date_hierarchy``: the dates above a list, read in the round trips of the list.

Django's template tag asks for the first and the last date and then for one period after the other.
Here the ids of the first and the last object come with those of the page, and the periods that have
objects with the numbers of the filters; one statement reads the two dates.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from sonic_django.exceptions import IndexNotBuilt
from sonic_django.query.batch import IdsOf

from ..capabilities import sonic_fields

#: Years between the first and the last date that are asked for together; of more years, each is
#: asked for by itself.
MOST_YEARS = 100


class DateHierarchy:
    """Answers the calls that Django's template tag makes on the queryset of a list.

    ``edge_querysets`` and ``period_items`` are what to ask for; ``read_edges`` and ``read_periods``
    take the results. A result that was not read is asked for when the tag needs it.
    """

    def __init__(self, queryset: Any, name: str, params: dict[str, Any]) -> None:
        self.queryset = queryset
        self.name = name
        self.field: Any = sonic_fields(queryset.model).get(name)
        self.chosen = [params.get(f"{name}__{part}") for part in ("year", "month", "day")]
        self.edges: dict[str, Any] | None = None
        self.kind: str | None = None
        self.periods: list[date] | None = None

    # Reading ------------------------------------------------------------------------------------

    def edge_querysets(self) -> list[Any]:
        """The first and the last object; nothing if the user has chosen a period."""
        if any(self.chosen) or self.field is None:
            return []
        return [self.queryset.order_by(order)[:1] for order in (self.name, f"-{self.name}")]

    def read_edges(self, results: Sequence[list[int]]) -> None:
        """Read the dates of the objects of ``edge_querysets``, given their ids. One statement."""
        ids = [id for found in results for id in found]
        objects = self.queryset.select_related(None).prefetch_related(None)
        known = {obj.pk: obj for obj in objects.with_ids(list(dict.fromkeys(ids)))}
        if len(known) == len(set(ids)):
            values = [getattr(known[id], self.name) for id in ids] or [None, None]
            self.edges = dict(zip(("first", "last"), values, strict=True))
        else:
            # A row did not confirm its entry, so another object is the first or the last.
            first, last = models.Min(self.name), models.Max(self.name)
            self.edges = self.queryset.aggregate(first=first, last=last)

    def period_items(self) -> list[IdsOf]:
        """For each period that may be shown its first object."""
        self._choose_periods()
        # In the order of the dates, the index looks at no entry outside the period.
        return [
            IdsOf(self._within(period).order_by(self.name)[:1]) for period in self.periods or ()
        ]

    def read_periods(self, results: Sequence[list[int] | IndexNotBuilt]) -> None:
        """Keep the periods that have an object, given the results of ``period_items``."""
        if self.periods is None:
            return
        kept = []
        for period, ids in zip(self.periods, results, strict=True):
            if isinstance(ids, IndexNotBuilt):
                raise ids
            if ids:
                kept.append(period)
        self.periods = kept

    # The calls of Django's tag ------------------------------------------------------------------

    def aggregate(self, **wanted: Any) -> dict[str, Any]:
        """The first and the last date."""
        return self.queryset.aggregate(**wanted) if self.edges is None else dict(self.edges)

    def dates(self, name: str, kind: str) -> Any:
        """The periods of a field of days."""
        if self.periods is None or kind != self.kind:
            return self.queryset.dates(name, kind)
        return self.periods

    def datetimes(self, name: str, kind: str) -> Any:
        """The periods of a field of moments."""
        if self.periods is None or kind != self.kind:
            return self.queryset.datetimes(name, kind)
        return [start_of(self.field, period) for period in self.periods]

    # Periods ------------------------------------------------------------------------------------

    def _choose_periods(self) -> None:
        """Set the periods that may be shown; None where Django's tag has to ask by itself."""
        try:
            year, month, day = [int(text) if text else None for text in self.chosen]
            if year is None and (month or day or self.edges is None):
                return
            first, last = self._edge_days()
            if year is None and first and last and first.year == last.year:
                year = first.year
                month = first.month if first.month == last.month else None
            if day is None:
                self.kind = "year" if year is None else "month" if month is None else "day"
                self.periods = [
                    period
                    for period in _periods(year, month, first, last)
                    if self._overlaps(period, first, last)
                ]
        except (ValueError, OverflowError):
            # The address names no date, or there are too many years.
            self.kind = self.periods = None

    def _edge_days(self) -> tuple[date | None, date | None]:
        first, last = (self.edges or {}).get("first"), (self.edges or {}).get("last")
        return _day(first), _day(last)

    def _overlaps(self, period: date, first: date | None, last: date | None) -> bool:
        end = _end(period, self.kind)
        return not (first and end and end <= first) and not (last and period > last)

    def _within(self, period: date) -> Any:
        found = self.queryset.filter(**{f"{self.name}__gte": start_of(self.field, period)})
        end = _end(period, self.kind)
        if end is None:
            return found
        return found.filter(**{f"{self.name}__lt": start_of(self.field, end)})


def start_of(field: Any, day: date) -> Any:
    """The first value that a field of dates or moments has on a day, in the current time zone."""
    if not isinstance(field, models.DateTimeField):
        return day
    start = datetime.combine(day, time())
    return timezone.make_aware(start) if timezone.is_aware(timezone.now()) else start


def _day(value: Any) -> date | None:
    if isinstance(value, datetime):
        return (timezone.localtime(value) if timezone.is_aware(value) else value).date()
    return value if isinstance(value, date) else None


def _periods(
    year: int | None, month: int | None, first: date | None, last: date | None
) -> list[date]:
    if year is not None and month is not None:
        return [date(year, month, day + 1) for day in range(monthrange(year, month)[1])]
    if year is not None:
        return [date(year, number + 1, 1) for number in range(12)]
    if first is None or last is None:
        return []
    if last.year - first.year >= MOST_YEARS:
        raise OverflowError(f"{last.year - first.year} years")
    return [date(number, 1, 1) for number in range(first.year, last.year + 1)]


def _end(period: date, kind: str | None) -> date | None:
    """The day behind the period; None at the end of time."""
    try:
        if kind == "year":
            return period.replace(year=period.year + 1)
        if kind == "month":
            return (period + timedelta(days=31)).replace(day=1)
        return period + timedelta(days=1)
    except (ValueError, OverflowError):
        return None
