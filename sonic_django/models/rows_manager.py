"""``Blog.sql``: a plain Django queryset over the rows that refuses writes behind the index."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import NotSupportedError, models


class GuardedQuerySet(models.QuerySet[Any]):
    """Reads like any queryset. NotSupportedError for writes that would bypass the index."""

    def _refuse(self, method: str, instead: str) -> NoReturn:
        raise NotSupportedError(
            f"{self.model.__name__}.sql.{method}() would change rows without their index. "
            f"Use {instead.format(name=self.model.__name__)}."
        )

    def create(self, **kwargs: Any) -> Any:
        """Save a new object: its index follows."""
        obj = self.model(**kwargs)
        obj.save(force_insert=True, using=self.db)
        return obj

    def bulk_create(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise ``NotSupportedError``, which names the method of ``objects``."""
        self._refuse("bulk_create", "{name}.objects.bulk_create()")

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise ``NotSupportedError``, which names the method of ``objects``."""
        self._refuse("bulk_update", "{name}.objects.bulk_update()")

    def update(self, **kwargs: Any) -> NoReturn:
        """Raise ``NotSupportedError``, which names the method of ``objects``."""
        self._refuse("update", "{name}.objects.filter(...).update()")

    update.alters_data = True  # type: ignore[attr-defined]

    def _update(self, values: Any) -> NoReturn:
        self._refuse("update", "{name}.objects.filter(...).update()")

    def delete(self) -> NoReturn:
        """Raise ``NotSupportedError``, which names the method of ``objects``."""
        self._refuse("delete", "{name}.objects.filter(...).delete() or .destroy()")

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    def _raw_delete(self, using: str | None) -> NoReturn:
        self._refuse("_raw_delete", "{name}.objects.filter(...).destroy()")

    _raw_delete.alters_data = True  # type: ignore[attr-defined]


class GuardedManager(models.Manager.from_queryset(GuardedQuerySet)):  # type: ignore[misc]
    """The manager of ``Blog.sql``, and Django's base manager of the class."""
