"""What a user declares. Django finds the table of the uniques here as well."""

from ..table.uniques import UniqueValue
from .base import SonicObj
from .fields import *  # noqa: F403
from .indexes import Index
from .lists import ListField, list_field
from .references import ObjField, obj_field

__all__ = ["Index", "ListField", "ObjField", "SonicObj", "UniqueValue", "list_field", "obj_field"]
