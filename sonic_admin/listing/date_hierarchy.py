"""``date_hierarchy``: what the bar above a list shows, asked together with the list's questions.

Django's bar asks for the first and the last date and then for one period after the other. Here the
first two come with the page, and whether there is anything in each period with the numbers of the
filters; one statement reads the two dates.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from sonic_django.exceptions import IndexNotBuilt

from ..capabilities import sonic_fields

#: Years between the first and the last date that are asked for at once; where there are more of
#: them, one after the other is.
MOST_YEARS = 100


class DatesBar:
    """Answers what Django's template tag asks of the list's queryset."""

    def __init__(self, queryset: Any, name: str, params: dict[str, Any]) -> None:
        self.queryset = queryset
        self.name = name
        self.field: Any = sonic_fields(queryset.model).get(name)
        self.chosen = [params.get(f"{name}__{part}") for part in ("year", "month", "day")]
        self.edges: dict[str, Any] | None = None
        self.kind: str | None = None
        self.periods: list[date] | None = None

    # The questions ------------------------------------------------------------------------------

    def edge_questions(self) -> list[Any]:
        """Querysets of which the ids are to be handed to ``take_edges``."""
        if any(self.chosen) or self.field is None:
            return []
        return [self.queryset.order_by(order)[:1] for order in (self.name, f"-{self.name}")]

    def take_edges(self, answers: Sequence[list[int]]) -> None:
        """Read the first and the last date. One statement."""
        ids = [id for found in answers for id in found]
        plain = self.queryset.select_related(None).prefetch_related(None)
        known = {obj.pk: obj for obj in plain.with_ids(list(dict.fromkeys(ids)))}
        if len(known) == len(set(ids)):
            values = [getattr(known[id], self.name) for id in ids] or [None, None]
            self.edges = dict(zip(("first", "last"), values, strict=True))
        else:
            # A row did not confirm its entry: another one is the first or the last.
            first, last = models.Min(self.name), models.Max(self.name)
            self.edges = self.queryset.aggregate(first=first, last=last)

    def period_questions(self) -> list[Any]:
        """Querysets of which the ids are to be handed to ``take_periods``."""
        self._choose_periods()
        # By date: the index looks at none but those of the period then.
        return [self._within(period).order_by(self.name)[:1] for period in self.periods or ()]

    def take_periods(self, answers: Sequence[Any]) -> None:
        """Keep the periods in which there is an object."""
        if self.periods is not None:
            for answer in answers:
                if isinstance(answer, IndexNotBuilt):
                    raise answer
            found = zip(self.periods, answers, strict=True)
            self.periods = [period for period, ids in found if ids]

    # The answers --------------------------------------------------------------------------------

    def aggregate(self, **wanted: Any) -> dict[str, Any]:
        return self.queryset.aggregate(**wanted) if self.edges is None else dict(self.edges)

    def dates(self, name: str, kind: str) -> Any:
        if self.periods is None or kind != self.kind:
            return self.queryset.dates(name, kind)
        return self.periods

    def datetimes(self, name: str, kind: str) -> Any:
        if self.periods is None or kind != self.kind:
            return self.queryset.datetimes(name, kind)
        return [start_of(self.field, period) for period in self.periods]

    # Periods ------------------------------------------------------------------------------------

    def _choose_periods(self) -> None:
        """Those that may be shown; None where Django's own way is to be gone."""
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
            # What the address names is no date, or the years are too many.
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
