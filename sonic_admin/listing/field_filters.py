"""The filter of each kind of field: boolean, choices, reference, list, text, number, time."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import Any

from django.contrib.admin import FieldListFilter
from django.db import models
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext_lazy as _

from sonic_django.fields.base import VirtualField

from ..capabilities import can_filter_by, has_ranges, is_unique_alone, sonic_fields, text_weights
from .columns import first_column
from .date_hierarchy import start_of
from .filters import Choice, IndexFilter, Input

#: Distinct numbers up to which they are listed instead of asking for a range.
MOST_NUMBERS = 12


class BooleanFilter(IndexFilter):
    """Yes, no, and none where objects have no value."""

    def make_choices(self) -> list[Choice]:
        """Yes, no, and none if an object has no value."""
        numbers = dict(self.values.pairs) if self.values else {}
        known = [True, False, *([None] if None in numbers else [])]
        return [self.choice_of(value, numbers.get(value, 0)) for value in known]

    def choice_of(self, value: Any, number: int | None) -> Choice:
        """A choice with the field's own words for yes and no, if it has any."""
        if value is None:
            return super().choice_of(value, number)
        names = {True: _("Yes"), False: _("No"), **dict(self.field.flatchoices)}
        parameters = {self.exact: "1" if value else "0"}
        return Choice(names[value], parameters, {self.field_path: value}, number)


class ChoicesFilter(IndexFilter):
    """The declared choices, in their order."""

    def make_choices(self) -> list[Choice]:
        """The declared choices, then values that are none of them."""
        numbers = dict(self.values.pairs) if self.values else {}
        known = [value for value, _label in self.field.flatchoices]
        values = [*known, *(value for value in numbers if value not in known)]
        return [self.choice_of(value, numbers.get(value, 0)) for value in values]

    def label_of(self, value: Any) -> Any:
        """The text of a declared choice."""
        return dict(self.field.flatchoices).get(value, value)


class ReferenceFilter(IndexFilter):
    """The objects most referred to, by their names: one query for all of them."""

    def __init__(self, field: Any, *args: Any, **kwargs: Any) -> None:
        self.target = field.target_model if field.many else field.remote_field.model
        self.field_is_list = field.many
        self.names: dict[Any, str] = {}
        super().__init__(field, *args, **kwargs)

    def exact_parameter(self, field_path: str) -> str:
        """Django's parameter for references, so that links made for its filters work."""
        plain = super().exact_parameter(field_path)
        return plain if self.field_is_list else f"{field_path}__{self.target._meta.pk.name}__exact"

    def lookup(self, parameter: str, text: str) -> dict[str, Any]:
        """The condition for a parameter; the id stands for the object."""
        if parameter in (self.isnull, self.isempty):
            return super().lookup(parameter, text)
        return {self.field_path: self.parsed(text)}

    def parsed(self, text: str) -> Any:
        """The id in a text."""
        return self.target._meta.pk.to_python(text)

    def set_choices(self, *, counted: bool) -> None:
        """Make the choices, with the names of their objects. One statement."""
        chosen = [self.parsed(self.given[self.exact])] if self.exact in self.given else []
        keys = [value for value, _number in self.pairs if isinstance(value, int)] + chosen
        found = self.target._base_manager.in_bulk(keys) if keys else {}
        self.names = {key: str(obj) for key, obj in found.items()}
        super().set_choices(counted=counted)

    def label_of(self, value: Any) -> Any:
        """The name of the object, or its id if it has no row."""
        name = self.target._meta.verbose_name
        return self.names.get(value) or _("%(name)s %(id)s (destroyed)") % {
            "name": name,
            "id": value,
        }

    def inputs(self) -> list[Input]:
        """An input for an id, if not all objects are shown."""
        label = _("id of a %(name)s") % {"name": self.target._meta.verbose_name}
        given = self.given.get(self.exact, "")
        return [Input(self.exact, label, given, "number")] if self.has_more else []


class ListFilter(IndexFilter):
    """The most frequent elements, and an input for the others."""

    def parsed(self, text: str) -> Any:
        """The element in a text."""
        return self.field.lookup_value(text)

    def inputs(self) -> list[Input]:
        """An input for an element, if not all are shown."""
        if not self.has_more and self.pairs:
            return []
        return [Input(self.exact, _("contains exactly"), self.given.get(self.exact, ""))]


class TextFilter(IndexFilter):
    """The most frequent values if they are few enough to be counted, and an input."""

    def __init__(self, field: Any, *args: Any, **kwargs: Any) -> None:
        self.startswith = f"{field.name}__startswith"
        super().__init__(field, *args, **kwargs)

    def expected_parameters(self) -> Any:
        """All parameters of the filter."""
        return [*super().expected_parameters(), self.startswith]

    def inputs(self) -> list[Input]:
        """An input for a beginning if an index has them in order, else for a whole value."""
        if has_ranges(self.model, self.field.name):
            given = self.given.get(self.startswith, "")
            wanted = self.has_more or bool(given)
            return [Input(self.startswith, _("starts with"), given)] if wanted else []
        if not self.has_more and self.pairs:
            return []
        return [Input(self.exact, _("is exactly"), self.given.get(self.exact, ""))]


class RangeFilter(IndexFilter):
    """From and to."""

    most_values = 0
    input_type = "text"

    def __init__(self, field: Any, *args: Any, **kwargs: Any) -> None:
        self.since, self.until = f"{field.name}__gte", f"{field.name}__lte"
        super().__init__(field, *args, **kwargs)

    def expected_parameters(self) -> Any:
        """All parameters of the filter."""
        return [*super().expected_parameters(), self.since, self.until]

    def parsed(self, text: str) -> Any:
        """The value in a text, as the field's form field reads it."""
        form_field = self.field.formfield()
        form_field.required = False
        return form_field.clean(text)

    def make_choices(self) -> list[Choice]:
        """The objects without a value, if there may be any."""
        if not self.field.null:
            return []
        return [Choice(_("(none)"), {self.isnull: "True"}, {self.isnull: True})]

    def inputs(self) -> list[Input]:
        """The inputs for the first and the last value."""
        return [
            Input(self.since, _("from"), self.given.get(self.since, ""), self.input_type),
            Input(self.until, _("to"), self.given.get(self.until, ""), self.input_type),
        ]


class NumberFilter(RangeFilter):
    """The numbers themselves where they are few, else from and to."""

    most_values = MOST_NUMBERS
    # Otherwise the inputs of a range would become a list of numbers as soon as the list is short.
    lists_all = True

    def make_choices(self) -> list[Choice]:
        """The numbers in their order if they are few, else the objects without a number."""
        values = self.values
        if values is None or not values.complete or len(values.pairs) > MOST_NUMBERS:
            numbers = dict(values.pairs) if values else {}
            missing = self.choice_of(None, numbers.get(None))
            return [missing] if self.field.null and numbers.get(None, 1) else []
        ordered = sorted(values.pairs, key=lambda pair: (pair[0] is None, pair[0] or 0))
        return [self.choice_of(value, number) for value, number in ordered]

    def inputs(self) -> list[Input]:
        """The inputs for the first and the last number, unless each number is shown."""
        few = self.values is not None and self.values.complete
        few = few and len(self.values.pairs if self.values else ()) <= MOST_NUMBERS
        given = self.since in self.given or self.until in self.given
        return super().inputs() if given or not few else []


class DateFilter(RangeFilter):
    """Today, the past days, this month, this year, and from and to."""

    input_type = "date"

    def __init__(self, field: Any, *args: Any, **kwargs: Any) -> None:
        self.before = f"{field.name}__lt"
        super().__init__(field, *args, **kwargs)

    def expected_parameters(self) -> Any:
        """All parameters of the filter."""
        return [*super().expected_parameters(), self.before]

    def lookup(self, parameter: str, text: str) -> dict[str, Any]:
        """The condition for a parameter; days begin and end in the current time zone."""
        day = parse_date(text) if parameter in (self.since, self.until, self.before) else None
        if day is None:
            return super().lookup(parameter, text)
        if parameter == self.until:
            # A last day counts to its end.
            return {self.before: start_of(self.field, day + timedelta(days=1))}
        return {parameter: start_of(self.field, day)}

    def make_choices(self) -> list[Choice]:
        """The spans of time, then the objects without a value."""
        now = timezone.now()
        today = timezone.localtime(now).date() if timezone.is_aware(now) else now.date()
        tomorrow = today + timedelta(days=1)
        month = today.replace(day=1)
        spans = [
            (_("Today"), today, tomorrow),
            (_("Past 7 days"), today - timedelta(days=7), tomorrow),
            (_("This month"), month, (month + timedelta(days=32)).replace(day=1)),
            (_("This year"), today.replace(month=1, day=1), date(today.year + 1, 1, 1)),
        ]
        return [self._span(*span) for span in spans] + super().make_choices()

    def _span(self, label: Any, first: date, end: date) -> Choice:
        lookups = {self.since: start_of(self.field, first), self.before: start_of(self.field, end)}
        return Choice(label, {self.since: str(first), self.before: str(end)}, lookups)


class ValueFilter(IndexFilter):
    """One value, typed in."""

    most_values = 0

    def inputs(self) -> list[Input]:
        """The input for the value."""
        return [Input(self.exact, _("is exactly"), self.given.get(self.exact, ""))]


def filter_class(field: Any) -> type[IndexFilter] | None:
    """The filter for a field of a SonicObj class; None where no index answers one."""
    if not isinstance(field, VirtualField) or not can_filter_by(field.model, field.name):
        return None
    if field.many:
        return ReferenceFilter if hasattr(field, "target_model") else ListFilter
    if field.is_relation:
        return ReferenceFilter
    if isinstance(field, models.BooleanField):
        return BooleanFilter
    if field.choices:
        return ChoicesFilter
    ranges = has_ranges(field.model, field.name)
    kinds: list[tuple[Any, type[IndexFilter]]] = [
        ((models.CharField, models.TextField), TextFilter),
        (models.DateField, DateFilter if ranges else ValueFilter),
        ((models.IntegerField, models.FloatField), NumberFilter if ranges else TextFilter),
        ((models.DecimalField, models.TimeField), RangeFilter if ranges else ValueFilter),
        ((models.DurationField, models.UUIDField), RangeFilter if ranges else ValueFilter),
    ]
    return next((chosen for kind, chosen in kinds if isinstance(field, kind)), None)


def automatic_filters(model: type[models.Model]) -> list[Any]:
    """``list_filter`` for the class: the fields that an index answers, except those that name an
    object."""
    without = {first_column(model), *text_weights(model)}
    return [
        name
        for name, field in sonic_fields(model).items()
        if filter_class(field) and name not in without and not is_unique_alone(model, name)
    ]


_registered: set[type[IndexFilter]] = set()


def register_filters() -> None:
    """Give the fields of SonicObj classes these filters instead of Django's, which read all rows.

    May run repeatedly.
    """
    kinds = (
        BooleanFilter, ChoicesFilter, ReferenceFilter, ListFilter, TextFilter, NumberFilter,
        DateFilter, RangeFilter, ValueFilter,
    )  # fmt: skip
    for kind in set(kinds) - _registered:
        _registered.add(kind)
        FieldListFilter.register(partial(_has_filter, kind), kind, take_priority=True)


def _has_filter(kind: type[IndexFilter], field: Any) -> bool:
    return filter_class(field) is kind
