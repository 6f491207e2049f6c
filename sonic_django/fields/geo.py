"""Geographical places: a longitude and a latitude, found by their distance from another place."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from ..index.geohash import MAX_LATITUDE, MAX_LONGITUDE, geohash
from ..index.specs import BY_SCORE
from .derived import Derived
from .form_fields import GeoFormField
from .names import NEAR, UNKNOWN
from .scalars import SonicField


class GeoField(SonicField, models.Field):
    """``geo_field()``: a place on the earth, ``(longitude, latitude)``. Default: None.

    A tuple of two floats, in degrees; a str ``"10.75, 59.91"`` is taken too. The longitude is
    between -180 and 180, the latitude between -85.05112878 and 85.05112878, where the maps of
    Redis end; ValidationError for anything else.

    With ``index=True``: ``location__near=(longitude, latitude, metres)``, the nearest first, and
    isnull. Distances are those of Redis, on a sphere, of places rounded to half a metre.
    """

    coerces_within = True
    no_index = "Order an index by it, as in Index(order_by=...), or give the field index=True."

    @property
    def ordered_as(self) -> Geohash:
        """The number of the place's cell."""
        return Geohash(self)

    def to_python(self, value: Any) -> Any:
        """The tuple of two floats. ValidationError if the value is no place."""
        if value is None:
            return None
        if isinstance(value, str):
            value = value.split(",")
        try:
            longitude, latitude = (_degrees(part) for part in value)
        except (TypeError, ValueError) as error:
            raise ValidationError(
                f"{value!r} is no (longitude, latitude) in degrees, as in (10.75, 59.91)."
            ) from error
        _check("longitude", longitude, MAX_LONGITUDE)
        _check("latitude", latitude, MAX_LATITUDE)
        return (longitude, latitude)

    def get_internal_type(self) -> str:
        """The name of the kind, since there is no Django field class to name."""
        return "GeoField"

    def formfield(self, **kwargs: Any) -> Any:
        """One line, ``longitude, latitude``."""
        return super().formfield(**{"form_class": GeoFormField, **kwargs})


def _degrees(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError("a bool is no number of degrees")
    return float(value)


def _check(name: str, degrees: float, limit: float) -> None:
    if not (isfinite(degrees) and -limit <= degrees <= limit):
        raise ValidationError(
            f"The {name} {degrees!r} is not between -{limit} and {limit}; a place is "
            f"(longitude, latitude), in this order."
        )


class Geohash(Derived):
    """A place as the number by which a geo set is ordered."""

    order_kind = BY_SCORE
    native_type = float
    is_looked_up = False

    def __init__(self, field: GeoField) -> None:
        super().__init__(field.name + NEAR)
        self.field = field
        self.origin = field.origin

    def of(self, values: Mapping[str, Any]) -> Any:
        """The cell's number, from an object's primitives by field name."""
        return _number(values[self.field.name])

    def of_stored(self, stored: Mapping[str, Any]) -> Any:
        """The cell's number, from a payload's dict."""
        value = self.field.of_stored(stored)
        return value if value is UNKNOWN else _number(value)

    def near_value(self, value: Any) -> tuple[float, float, float]:
        """The value as (longitude, latitude, metres). ValidationError names the mistake in it."""
        label = f"{self.field.model._meta.label}.{self.name}"
        try:
            longitude, latitude, metres = value
            place = self.field.to_python((longitude, latitude))
            metres = _degrees(metres)
            if not (isfinite(metres) and metres >= 0):
                raise ValueError
        except ValidationError as error:
            raise ValidationError({self.name: error.messages}) from error
        except (TypeError, ValueError) as error:
            raise ValidationError(
                {
                    self.name: [
                        f"{label}={value!r}: write (longitude, latitude, metres), as in "
                        f"(10.75, 59.91, 500)."
                    ]
                }
            ) from error
        return (*place, metres)


def _number(place: Any) -> float | None:
    return None if place is None else geohash(*place)


geo_field = GeoField
