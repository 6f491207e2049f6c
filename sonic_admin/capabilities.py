"""What the objects of a class can be filtered, sorted and searched by."""

from __future__ import annotations

from typing import Any

from django.db import DEFAULT_DB_ALIAS, models
from django.db.models import Model

from sonic_django.fields.base import VirtualField
from sonic_django.models.base import SonicObj


def is_sonic(model: type[Model]) -> bool:
    """Whether the class is a SonicObj."""
    return issubclass(model, SonicObj)


def sonic_fields(model: type[Model]) -> dict[str, VirtualField]:
    """The declared fields by name, in the order of the class body."""
    return dict(_schema(model).fields)


def can_order_by(model: type[Model], name: str) -> bool:
    """Whether an index lists all objects by this field (a leading minus is ignored)."""
    return bool(_schema(model).objects(DEFAULT_DB_ALIAS).can_plan([name]))


def can_filter_by(model: type[Model], name: str) -> bool:
    """Whether an index answers equality on this field alone."""
    if name in ("id", "pk"):
        return True
    indexed = ([part.name for part in spec.parts] == [name] for spec in _schema(model).layout.specs)
    return any(indexed) or has_ranges(model, name)


def has_ranges(model: type[Model], name: str) -> bool:
    """Whether an index answers from-to and startswith on this field."""
    return any(
        not spec.parts and spec.order is not None and spec.order.name == name
        for spec in _schema(model).layout.specs
    )


def is_unique_alone(model: type[Model], name: str) -> bool:
    """Whether no two objects have the same value of this field."""
    return any(constraint.fields == (name,) for constraint in _schema(model).uniques)


def text_weights(model: type[Model]) -> dict[str, Any]:
    """The fields of the full text with their weights."""
    return dict(_schema(model).text_weights)


def is_long(field: VirtualField) -> bool:
    """Whether values are too long or too odd for a column of a list."""
    odd = (models.TextField, models.JSONField, models.BinaryField, models.URLField)
    return isinstance(field, odd) or not field.holds_primitive


def index_hint(name: str, *, ordered: bool) -> str:
    """The declaration by which a field filters, or also sorts."""
    index = f'Index(order_by="{name}")' if ordered else f'["{name}"]'
    return (
        f'Declare indexes = {{"{name}": {index}}} on the class (or index=True on the field) and '
        f"run manage.py sonic_reindex."
    )


def _schema(model: type[Model]) -> Any:
    return model._sonic
