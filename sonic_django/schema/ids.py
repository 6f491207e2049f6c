"""What stands for an object: its id, the digits of it, or the object itself."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models

from .schema import Schema


def as_id(schema: Schema, value: Any) -> int:
    """An id for an id, its digits, or an object of the class."""
    if type(value) is int:
        return value
    if isinstance(value, models.Model):
        if not isinstance(value, schema.model):
            raise ValueError(f"{value!r} is not a {schema.label}.")
        if value.pk is None:
            raise ValueError(f"{value!r} is not saved yet, so it has no id.")
        value = value.pk
    try:
        id = int(value)
        # int() would make 1 of 1.5 and of True.
        if isinstance(value, bool) or (isinstance(value, (float, Decimal)) and id != value):
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            f"Field 'id' of {schema.label} expected a number but got {value!r}."
        ) from None
    return id
