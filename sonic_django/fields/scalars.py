"""The field types for single values."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.fields import NOT_PROVIDED
from django.utils import timezone

from .base import VirtualField, plain
from .derived import Path


def Now() -> datetime:
    """The present moment; aware where ``USE_TZ`` is on."""
    return timezone.now()


def _unchecked(obj: Any) -> Any:
    """For the parts of Django's fields that its type stubs leave out."""
    return obj


class SonicField(VirtualField):
    """What the short names share: the default comes first, and None may be saved.

    Mutable defaults are copied for each object.
    """

    #: Text fields are left at ``null=False`` so that an empty form input stays the empty string.
    nullable = True

    def __init__(self, default: Any = NOT_PROVIDED, /, **kwargs: Any) -> None:
        if default is not NOT_PROVIDED:
            kwargs["default"] = default
        if kwargs.get("default", NOT_PROVIDED) in ("", list, dict, set, tuple):
            # What is empty unless set may be left empty in a form.
            kwargs.setdefault("blank", True)
        if self.nullable:
            kwargs.setdefault("null", True)
        super().__init__(**kwargs)

    def get_default(self) -> Any:
        default = super().get_default()
        return copy.deepcopy(default) if isinstance(default, (list, dict, set)) else default


class TextValue(SonicField):
    """What the fields for text share."""

    nullable = False

    def to_python(self, value: Any) -> Any:
        # Django would store the repr of these, which nobody wants to find again.
        if isinstance(value, (bytes, bytearray, list, tuple, dict, set)):
            raise ValidationError(f"{value!r} is a {type(value).__name__}, not text.")
        return super().to_python(value)


class StrField(TextValue, models.CharField):
    """A str of one line; no length limit unless ``max_length`` is given."""

    def __init__(self, default: Any = NOT_PROVIDED, /, **kwargs: Any) -> None:
        # EmailField and URLField would set the lengths of their columns.
        kwargs.setdefault("max_length", None)
        super().__init__(default, **kwargs)

    def _check_max_length_attribute(self, **kwargs: Any) -> list[Any]:
        if self.max_length is None:
            return []
        return list(_unchecked(super())._check_max_length_attribute(**kwargs))


class TextField(TextValue, models.TextField):
    """A str of many lines."""


class EmailField(StrField, models.EmailField):
    """A str that forms validate as an email address."""


class URLField(StrField, models.URLField):
    """A str that forms validate as a URL."""

    def formfield(self, **kwargs: Any) -> Any:
        # What Django 6 does; until then it warns of the change.
        return super().formfield(**{"assume_scheme": "https", **kwargs})


class IntField(SonicField, models.IntegerField):
    """An int of any size."""

    @property
    def validators(self) -> Any:
        # Django's IntegerField adds the limits of the column's type; there is no column.
        return [*self.default_validators, *_unchecked(self)._validators]

    def to_python(self, value: Any) -> Any:
        if isinstance(value, float) and not value.is_integer():
            raise ValidationError(f"{value!r} is not a whole number.")
        return super().to_python(value)

    def range_value(self, value: Any) -> Any:
        # score__gt=1.5 has a meaning although no score is 1.5.
        return value if isinstance(value, (float, Decimal)) else super().range_value(value)


class FloatField(SonicField, models.FloatField):
    """A float."""


class DecimalField(SonicField, models.DecimalField):
    """A Decimal; exact, also in its index. Limits only if given."""

    @property
    def validators(self) -> Any:
        if self.max_digits is None and self.decimal_places is None:
            return [*self.default_validators, *_unchecked(self)._validators]
        return super().validators

    def _check_decimal_places(self) -> list[Any]:
        return self._unless_unlimited(self.decimal_places, "_check_decimal_places")

    def _check_max_digits(self) -> list[Any]:
        return self._unless_unlimited(self.max_digits, "_check_max_digits")

    def _check_decimal_places_and_max_digits(self, **kwargs: Any) -> list[Any]:
        limited = None not in (self.max_digits, self.decimal_places)
        return self._unless_unlimited(limited or None, "_check_decimal_places_and_max_digits")

    def _unless_unlimited(self, limit: Any, check: str) -> list[Any]:
        return [] if limit is None else list(getattr(super(), check)())


class BoolField(SonicField, models.BooleanField):
    """A bool."""


class DateField(SonicField, models.DateTimeField):
    """A point in time (datetime), aware where ``USE_TZ`` is on; ``Now`` is the usual default."""


class DayField(SonicField, models.DateField):
    """A calendar day (date)."""


class TimeField(SonicField, models.TimeField):
    """A time of day."""


class DurationField(SonicField, models.DurationField):
    """A timedelta."""


class UUIDField(SonicField, models.UUIDField):
    """A UUID; ``uuid_field(uuid.uuid4)`` gives each object its own."""


class BytesField(SonicField, models.BinaryField):
    """Bytes."""

    empty_values = [None, b""]

    def get_default(self) -> Any:
        return _unchecked(self)._get_default() if self.has_default() else None

    def to_python(self, value: Any) -> Any:
        # Django's takes a str for base64, which would hide a mistake.
        if isinstance(value, str):
            raise ValidationError(f"{value!r} is a str, and this field holds bytes; encode it.")
        return plain(value)

    def value_to_string(self, obj: Any) -> str:
        return str(super().value_to_string(obj))


class VarField(SonicField, models.JSONField):
    """Any payload primitive, nested. Forms edit it as JSON. An index holds the single values."""

    mixed = True

    empty_values = [None, ""]

    def to_python(self, value: Any) -> Any:
        return value

    def get_prep_value(self, value: Any) -> Any:
        return value

    def lookup_value(self, value: Any) -> Any:
        if isinstance(value, (list, tuple, set, frozenset, dict)):
            self._refuse(f"{value!r} is no single value; the index of a var_field holds those.")
        return super().lookup_value(value)

    def at_path(self, keys: Sequence[str]) -> Path:
        return Path(self, keys)

    def validate(self, value: Any, model_instance: Any) -> None:
        # JSONField's own check would refuse the payload's richer types.
        models.Field.validate(self, value, model_instance)


str_field = StrField
text_field = TextField
email_field = EmailField
url_field = URLField
int_field = IntField
float_field = FloatField
decimal_field = DecimalField
bool_field = BoolField
date_field = DateField
day_field = DayField
time_field = TimeField
duration_field = DurationField
uuid_field = UUIDField
bytes_field = BytesField
var_field = VarField
