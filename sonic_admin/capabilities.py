"""What a class declares, asked the way an admin site needs it: what filters, what sorts."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Model

from sonic_django.fields.base import VirtualField
from sonic_django.index.specs import IndexSpec
from sonic_django.models.base import SonicObj
from sonic_django.query.planner import Planner


def is_sonic(model: type[Model]) -> bool:
    return issubclass(model, SonicObj)


def sonic_fields(model: type[Model]) -> dict[str, VirtualField]:
    """The declared fields by name, in the order of the class body."""
    return dict(_options(model).fields)


def can_order_by(model: type[Model], name: str) -> bool:
    """Whether an index lists all objects by this field (a leading minus is ignored)."""
    return Planner(_options(model)).can_order_by(name)


def can_filter_by(model: type[Model], name: str) -> bool:
    """Whether an index answers equality on this field alone."""
    if name in ("id", "pk"):
        return True
    return any(
        _part_names(spec) == [name] or _is_order_of(spec, name)
        for spec in _options(model).layout.specs
    )


def has_ranges(model: type[Model], name: str) -> bool:
    """Whether an index answers from-to and startswith on this field."""
    return any(_is_order_of(spec, name) for spec in _options(model).layout.specs)


def is_unique_alone(model: type[Model], name: str) -> bool:
    return any(constraint.fields == (name,) for constraint in _options(model).uniques)


def text_weights(model: type[Model]) -> dict[str, Any]:
    """The fields of the full text with their weights."""
    return dict(_options(model).text_weights)


def is_long(field: VirtualField) -> bool:
    """Whether values are too long or too odd for a column of a list."""
    odd = (models.TextField, models.JSONField, models.BinaryField, models.URLField)
    return isinstance(field, odd) or not field.holds_primitive


def index_hint(name: str, *, ordered: bool) -> str:
    """What to declare so that a field filters, or also sorts."""
    index = f'Index(order_by="{name}")' if ordered else f'["{name}"]'
    return (
        f'Declare indexes = {{"{name}": {index}}} on the class (or index=True on the field) and '
        f"run manage.py sonic_reindex."
    )


def can_plan(queryset: Any, order: Any) -> bool:
    """Whether the index answers the queryset's conditions in this order."""
    return bool(queryset.can_plan(order))


def _options(model: type[Model]) -> Any:
    return model._sonic


def _part_names(spec: IndexSpec) -> list[str]:
    return [part.name for part in spec.parts]


def _is_order_of(spec: IndexSpec, name: str) -> bool:
    return not spec.parts and spec.order is not None and spec.order.name == name
