"""The field types for single values.

``default`` is the first argument of each: a value, or a callable that gives one for each object.
A value that the field cannot hold is a ValidationError, when the object is saved and when it is
looked up.
"""

from __future__ import annotations

import copy
import reprlib
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.fields import NOT_PROVIDED
from django.utils import timezone

from .base import VirtualField, exact_primitive
from .derived import Path


def Now() -> datetime:
    """The present moment, as the default of a ``date_field``; aware where ``USE_TZ`` is on."""
    return timezone.now()


def _unchecked(obj: Any) -> Any:
    """The object without its type: Django's type stubs leave out parts of its fields."""
    return obj


class SonicField(VirtualField):
    """The base of Sonic's own fields: the default comes first, and None may be saved.

    Mutable defaults are copied for each object.
    """

    #: Text fields are left at ``null=False`` so that an empty form input stays the empty string.
    nullable = True

    def __init__(self, default: Any = NOT_PROVIDED, /, **kwargs: Any) -> None:
        if default is not NOT_PROVIDED:
            kwargs["default"] = default
        if kwargs.get("default", NOT_PROVIDED) in ("", list, dict, set, tuple):
            # A field whose default is empty may be left empty in a form.
            kwargs.setdefault("blank", True)
        if self.nullable:
            kwargs.setdefault("null", True)
        super().__init__(**kwargs)

    def get_default(self) -> Any:
        """The default for one object; a copy if it is a list, dict or set."""
        default = super().get_default()
        return copy.deepcopy(default) if isinstance(default, (list, dict, set)) else default


class TextValue(SonicField):
    """The base of the fields for text."""

    nullable = False

    def to_python(self, value: Any) -> Any:
        """The value as a str. ValidationError for bytes and containers."""
        # Django would store the repr of these, which no query looks for.
        if isinstance(value, (bytes, bytearray, list, tuple, dict, set)):
            raise ValidationError(f"{value!r} is a {type(value).__name__}, not text.")
        return super().to_python(value)


class StrField(TextValue, models.CharField):
    """``str_field()``: a str of one line. Default: ``""``.

    Its length has no limit unless ``max_length`` (characters) is given. With ``index=True``:
    exact, in, isnull, startswith, gt, gte, lt, lte, range, and order_by.
    """

    def __init__(self, default: Any = NOT_PROVIDED, /, **kwargs: Any) -> None:
        # EmailField and URLField would set the lengths of their columns.
        kwargs.setdefault("max_length", None)
        super().__init__(default, **kwargs)

    def _check_max_length_attribute(self, **kwargs: Any) -> list[Any]:
        if self.max_length is None:
            return []
        checks = _unchecked(super())._check_max_length_attribute(  # noqa: SLF001 - Django's own check
            **kwargs
        )
        return list(checks)


class TextField(TextValue, models.TextField):
    """``text_field()``: a str of many lines; forms show a text area. Default: ``""``.

    With ``index=True``: exact, in, isnull, startswith, gt, gte, lt, lte, range, and order_by. Its
    words are found by full text, see ``fulltext_indexes``.
    """


class EmailField(StrField, models.EmailField):
    """``email_field()``: a str that forms validate as an email address. Default: ``""``.

    With ``index=True``: exact, in, isnull, startswith, gt, gte, lt, lte, range, and order_by.
    """


class URLField(StrField, models.URLField):
    """``url_field()``: a str that forms validate as a URL. Default: ``""``.

    With ``index=True``: exact, in, isnull, startswith, gt, gte, lt, lte, range, and order_by.
    """

    def formfield(self, **kwargs: Any) -> Any:
        """Django's, which completes a URL without a scheme by https."""
        # Django 6 does the same; until then it warns of the change.
        return super().formfield(**{"assume_scheme": "https", **kwargs})


class IntField(SonicField, models.IntegerField):
    """``int_field()``: an int of any size. Default: None.

    With ``index=True``: exact, in, isnull, gt, gte, lt, lte, range, and order_by; a float or
    Decimal may bound a range. ValidationError for a number with a fraction.
    """

    @property
    def validators(self) -> Any:
        """The validators given, without the limits of a column."""
        # Django's IntegerField adds the limits of the column's type; there is no column.
        given = _unchecked(self)._validators  # noqa: SLF001 - Django keeps them nowhere else
        return [*self.default_validators, *given]

    def to_python(self, value: Any) -> Any:
        """The value as an int. ValidationError if it is none."""
        if isinstance(value, float) and not value.is_integer():
            raise ValidationError(f"{value!r} is not a whole number.")
        return super().to_python(value)

    def range_value(self, value: Any) -> Any:
        """The bound of a range: an int, a float or a Decimal."""
        # score__gt=1.5 has a meaning although no score is 1.5.
        return value if isinstance(value, (float, Decimal)) else super().range_value(value)


class FloatField(SonicField, models.FloatField):
    """``float_field()``: a float. Default: None.

    With ``index=True``: exact, in, isnull, gt, gte, lt, lte, range, and order_by.
    """


class DecimalField(SonicField, models.DecimalField):
    """``decimal_field()``: a Decimal; exact, also in its index. Default: None.

    ``max_digits`` and ``decimal_places`` are checked if they are given. With ``index=True``:
    exact, in, isnull, gt, gte, lt, lte, range, and order_by.
    """

    @property
    def validators(self) -> Any:
        """The validators given, and that of the limits if there are limits."""
        if self.max_digits is None and self.decimal_places is None:
            given = _unchecked(self)._validators  # noqa: SLF001 - Django keeps them nowhere else
            return [*self.default_validators, *given]
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
    """``bool_field()``: a bool. Default: None, so give ``False`` where None means nothing.

    With ``index=True``: exact, in, isnull.
    """

    is_element_without_order = True


class DateField(SonicField, models.DateTimeField):
    """``date_field()``: a point in time, a datetime to the microsecond. Default: None.

    It is aware where ``USE_TZ`` is on, and stored in UTC; ``date_field(Now)`` is the present
    moment. With ``index=True``: exact, in, isnull, gt, gte, lt, lte, range, and order_by.
    """


class DayField(SonicField, models.DateField):
    """``day_field()``: a calendar day, a date. Default: None.

    With ``index=True``: exact, in, isnull, gt, gte, lt, lte, range, and order_by.
    """


class TimeField(SonicField, models.TimeField):
    """``time_field()``: a time of day, a time. Default: None.

    With ``index=True``: exact, in, isnull, gt, gte, lt, lte, range, and order_by.
    """


class DurationField(SonicField, models.DurationField):
    """``duration_field()``: a length of time, a timedelta. Default: None.

    With ``index=True``: exact, in, isnull, gt, gte, lt, lte, range, and order_by.
    """


class UUIDField(SonicField, models.UUIDField):
    """``uuid_field()``: a UUID. Default: None.

    ``uuid_field(uuid.uuid4)`` gives each object its own; a str in a UUID's form is taken too. With
    ``index=True``: exact, in, isnull.
    """

    is_element_without_order = True


class BytesField(SonicField, models.BinaryField):
    """``bytes_field()``: bytes. Default: None.

    With ``index=True``: exact, in, isnull. ValidationError for a str: encode it first.
    """

    is_element_without_order = True
    empty_values = [None, b""]

    def get_default(self) -> Any:
        """The default given, or None; not Django's ``b""``."""
        if not self.has_default():
            return None
        return _unchecked(self)._get_default()  # noqa: SLF001 - what get_default() calls

    def to_python(self, value: Any) -> Any:
        """The value as bytes. ValidationError for a str."""
        # Django's takes a str for base64, which would hide a mistake.
        if isinstance(value, str):
            raise ValidationError(f"{value!r} is a str, and this field holds bytes; encode it.")
        return exact_primitive(value)

    def value_to_string(self, obj: Any) -> str:
        """Base64, for serializers."""
        return str(super().value_to_string(obj))


class VarField(SonicField, models.JSONField):
    """``var_field()``: any value that a payload can hold, nested. Default: None.

    That is None, bool, int, float, str, bytes, Decimal, date, time, datetime, timedelta, UUID,
    and lists, tuples, sets and dicts of these. Forms edit it as JSON. With ``index=True``: exact,
    in, isnull, by values that are no containers. An index on a path, ``Index(["meta__city"])``,
    finds values within dicts. ValidationError names the path of a value that no payload can hold.
    """

    mixed = True

    empty_values = [None, ""]

    def to_python(self, value: Any) -> Any:
        """The value as it is: JSONField would parse it."""
        return value

    def get_prep_value(self, value: Any) -> Any:
        """The value as it is: JSONField would write it as JSON."""
        return value

    def lookup_value(self, value: Any) -> Any:
        """The value; ValidationError for a container, which no index holds."""
        if isinstance(value, (list, tuple, set, frozenset, dict)):
            self._refuse(
                f"{reprlib.repr(value)} is no single value; the index of a var_field holds those."
            )
        return super().lookup_value(value)

    def at_path(self, keys: Sequence[str]) -> Path:
        """The value at this path of dict keys."""
        return Path(self, keys)

    def validate(self, value: Any, model_instance: Any) -> None:
        """Check blank, null and choices."""
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
