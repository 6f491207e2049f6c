"""The manager of ``objects``."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models.manager import BaseManager

from .queryset import SonicQuerySet


class SonicManager(BaseManager.from_queryset(SonicQuerySet)):  # type: ignore[misc]
    """Answers from Redis and loads rows by id."""

    def get_queryset(self) -> Any:
        """The queryset of all live objects; a plain one of Django's for a related manager."""
        if "core_filters" in self.__dict__:
            # A related manager (many-to-many from an ordinary model) joins in SQL.
            return models.QuerySet(self.model, using=self._db, hints=self._hints)
        return super().get_queryset()

    def get(self, *args: Any, **kwargs: Any) -> Any:
        """The one object, as the queryset's ``get``."""
        # What BaseManager does for each method, without its search by name: it is the quickest.
        return self.get_queryset().get(*args, **kwargs)
