"""Sonic: schemaless objects for Django.

The names below are imported when first asked for (PEP 562), because Django imports this package
before its app registry is ready for models.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .models.base import SonicObj
    from .models.fields import (
        BoolField,
        BytesField,
        DateField,
        DayField,
        DecimalField,
        DurationField,
        EmailField,
        FloatField,
        IntField,
        Now,
        StrField,
        TextField,
        TimeField,
        URLField,
        UUIDField,
        VarField,
        bool_field,
        bytes_field,
        date_field,
        day_field,
        decimal_field,
        duration_field,
        email_field,
        float_field,
        int_field,
        str_field,
        text_field,
        time_field,
        url_field,
        uuid_field,
        var_field,
    )
    from .models.indexes import Index
    from .models.lists import ListField, list_field
    from .models.references import ObjField, obj_field

_HOMES = {
    "models.base": ("SonicObj",),
    "models.indexes": ("Index",),
    "models.fields": (
        "Now",
        *("BoolField", "BytesField", "DateField", "DayField", "DecimalField", "DurationField"),
        *("EmailField", "FloatField", "IntField", "StrField", "TextField", "TimeField"),
        *("URLField", "UUIDField", "VarField"),
        *("bool_field", "bytes_field", "date_field", "day_field", "decimal_field"),
        *("duration_field", "email_field", "float_field", "int_field", "str_field"),
        *("text_field", "time_field", "url_field", "uuid_field", "var_field"),
    ),
    "models.lists": ("ListField", "list_field"),
    "models.references": ("ObjField", "obj_field"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [*_HOME_OF, "__version__"]


def __getattr__(name: str) -> Any:
    try:
        home = _HOME_OF[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
