"""Sonic: schemaless objects for Django.

The names below come from ``sonic_django.models`` and are imported when first asked for (PEP 562),
because Django imports this package before its app registry is ready for models.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .models import *  # noqa: F403 - the same names, for type checkers and editors

__all__ = [  # noqa: F405
    "BoolField",
    "BytesField",
    "DateField",
    "DayField",
    "DecimalField",
    "DurationField",
    "DynamicField",
    "DynamicListField",
    "EmailField",
    "EmbeddedObj",
    "EmobjField",
    "EmobjListField",
    "FloatField",
    "GeoField",
    "Index",
    "IntField",
    "ListField",
    "Now",
    "ObjField",
    "PasswordField",
    "SonicObj",
    "StrField",
    "TextField",
    "TimeField",
    "URLField",
    "UUIDField",
    "VarField",
    "__version__",
    "bool_field",
    "bytes_field",
    "date_field",
    "day_field",
    "decimal_field",
    "duration_field",
    "dynamic_field",
    "dynamic_list_field",
    "email_field",
    "emobj_field",
    "emobj_list_field",
    "float_field",
    "geo_field",
    "int_field",
    "list_field",
    "obj_field",
    "password_field",
    "str_field",
    "text_field",
    "time_field",
    "url_field",
    "uuid_field",
    "var_field",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.models"), name)


def __dir__() -> list[str]:
    return __all__
