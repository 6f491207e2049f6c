"""The columns of a list for an admin that names none: the name of the object, then short fields,
those that filter or sort first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db import models
from django.utils.text import capfirst

from sonic_django.fields.base import VirtualField
from sonic_django.models.base import SonicObj

from ..capabilities import can_filter_by, can_order_by, is_long, sonic_fields

#: Columns beside the first; more do not fit beside the filters on 1440 pixels.
MOST_COLUMNS = 6
#: Elements of a list shown in its column.
MOST_ELEMENTS = 3
#: Fields that name an object, by preference.
NAME_FIELDS = ("name", "title", "label", "username", "slug", "email")


def automatic_columns(model: type[models.Model]) -> list[Any]:
    """``list_display`` for the class."""
    first = first_column(model)
    # str(obj) is mostly one of the names, which would be shown twice.
    without = NAME_FIELDS if first == "__str__" else (first,)
    fields = {name: f for name, f in sonic_fields(model).items() if name not in without}
    chosen = list(_by_preference(model, fields))[:MOST_COLUMNS]
    shown = [name for name in fields if name in chosen]
    return [first, *(_column(fields[name]) for name in shown)]


def first_column(model: type[models.Model]) -> str:
    """The column that names the object: a name field that an index orders, else its ``str``."""
    fields = sonic_fields(model)
    names = [name for name in NAME_FIELDS if name in fields and not fields[name].many]
    sortable = [name for name in names if can_order_by(model, name)]
    if sortable:
        return sortable[0]
    own_str = model.__str__ not in (models.Model.__str__, SonicObj.__str__)
    return "__str__" if own_str or not names else names[0]


def _by_preference(model: type[models.Model], fields: dict[str, VirtualField]) -> Iterator[str]:
    """Single values that an index knows, then lists of them, then other short values."""
    short = [
        name
        for name, field in fields.items()
        if not is_long(field) and not (field.many and hasattr(field, "target_model"))
    ]
    indexed = [name for name in short if can_filter_by(model, name)]
    yield from (name for name in indexed if not fields[name].many)
    yield from (name for name in indexed if fields[name].many)
    yield from (name for name in short if name not in indexed and not fields[name].many)


def _column(field: VirtualField) -> Any:
    return _list_column(field) if field.many else field.name


def _list_column(field: VirtualField) -> Any:
    """A column that shows the first elements of a list and how many more there are."""

    @admin.display(description=capfirst(str(field.verbose_name)))
    def column(obj: Any) -> str:
        return shortened(getattr(obj, field.attname))

    column.__name__ = field.name
    return column


def shortened(elements: Any) -> str:
    """``a, b, c and 4 more``."""
    elements = list(elements or ())
    text = ", ".join(map(str, elements[:MOST_ELEMENTS]))
    more = len(elements) - MOST_ELEMENTS
    return f"{text} +{more}" if more > 0 else text
