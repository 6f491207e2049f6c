"""The metaclass of ``SonicObj``: it turns declared fields into virtual ones."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models.base import ModelBase

from ..fields.base import VirtualField, make_virtual
from ..fields.references import ReferenceField
from ..fields.ttl import add_expiry

#: Names that a field may not have, because SonicObj needs them itself.
RESERVED_NAMES = frozenset(
    [
        *("pk", "id", "objects", "sql", "indexes", "uniques", "fulltext_indexes", "expire_after"),
        *("is_deleted", "sonic_payload", "sonic_version", "sonic_dirty_at"),
        *("save", "delete", "undelete", "destroy", "reload", "revert", "refresh_from_db"),
        *("extra", "to_dict", "dirty_fields", "from_db", "check"),
        *("full_clean", "clean", "clean_fields", "validate_unique"),
    ]
)


class SonicBase(ModelBase):
    """Turns the fields of a class body into virtual ones. TypeError where that cannot be."""

    def __new__(
        mcs, name: str, bases: tuple[type, ...], attrs: dict[str, Any], **kwargs: Any
    ) -> Any:
        """Make the class: its declared fields move into the payload."""
        if any(isinstance(base, SonicBase) for base in bases):
            mcs._refuse_inheritance(name, bases, attrs)
            add_expiry(name, attrs)
            for key, value in attrs.items():
                if isinstance(value, models.Field):
                    mcs._virtualise(name, key, value)
        return super().__new__(mcs, name, bases, attrs, **kwargs)

    @staticmethod
    def _refuse_inheritance(name: str, bases: tuple[type, ...], attrs: dict[str, Any]) -> None:
        if getattr(attrs.get("Meta"), "proxy", False):
            return
        for base in bases:
            meta = getattr(base, "_meta", None)
            if isinstance(base, SonicBase) and meta is not None and not meta.abstract:
                raise TypeError(
                    f"{name} inherits from the concrete class {base.__name__}, which would need a "
                    f"table for each. Make {base.__name__} abstract (class Meta: abstract = True) "
                    f"or {name} a proxy."
                )

    @staticmethod
    def _virtualise(class_name: str, key: str, field: models.Field[Any, Any]) -> None:
        where = f"{class_name}.{key}"
        if isinstance(field, models.ManyToManyField):
            raise TypeError(
                f"{where} is a ManyToManyField, which needs a table of its own. "
                f"Use list_field({field.remote_field.model!r})."
            )
        if isinstance(field, models.GeneratedField):
            raise TypeError(f"{where} is a GeneratedField, which only a column can be.")
        if field.primary_key:
            raise TypeError(f"{where} is a primary key; a SonicObj's is always its id.")
        if key in RESERVED_NAMES or key.startswith("_sonic"):
            raise TypeError(
                f"{where} has a name that SonicObj uses itself. Rename the field; "
                f'db_column="{key}" keeps the key in the payload.'
            )
        if not isinstance(field, VirtualField):
            reference = isinstance(field, models.ForeignKey)
            make_virtual(field, ReferenceField if reference else VirtualField)
