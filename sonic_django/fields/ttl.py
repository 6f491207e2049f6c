"""``expire_after``: objects that end some time after their last save."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import router

from ..table import clock
from .scalars import DateField

#: The field that such a class has without declaring it.
NAME = "expires_at"


class ExpiryField(DateField):
    """The moment at which the object ends, a datetime with an index; each save sets it."""

    def __init__(self) -> None:
        super().__init__(index=True, auto_now=True, null=True)

    def pre_save(self, model_instance: Any, add: bool) -> datetime:
        """Set the moment: now plus the class's ``expire_after``."""
        model = type(model_instance)
        using = model_instance._state.db or router.db_for_write(model, instance=model_instance)
        moment: datetime = clock.now(using) + model.expire_after
        setattr(model_instance, self.attname, moment)
        return moment

    def clone(self) -> ExpiryField:
        """A new field, since ``__init__`` takes no arguments."""
        return type(self)()


def add_expiry(class_name: str, attrs: dict[str, Any]) -> None:
    """Add the field to the body of a class with ``expire_after``. TypeError for a wrong value."""
    given = attrs.get("expire_after")
    if given is None:
        return
    if not isinstance(given, timedelta) or given <= timedelta():
        raise TypeError(
            f"{class_name}.expire_after is {given!r}; it must be a timedelta above zero, as in "
            f"timedelta(days=30)."
        )
    attrs.setdefault(NAME, ExpiryField())
