"""``Blog.objects``: lazy, chainable, answered by the index; spelled as Django spells it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import date, datetime, tzinfo
from typing import TYPE_CHECKING, Any

from ..async_methods import with_twins
from ..persistence.batches import Progress
from . import aggregates, dates, get_or_create, mass_writes
from .conflicts import Conflicts
from .retrieving import Retrieving


@with_twins(
    *("get", "first", "last", "latest", "earliest", "in_bulk", "random"),
    *("ids", "count", "counts", "exists", "contains", "explain", "batch"),
    *("aggregate", "facet", "facets", "dates", "datetimes"),
    *("create", "get_or_create", "update_or_create", "bulk_create", "bulk_update"),
    *("update", "delete", "destroy"),
)
class SonicQuerySet(Retrieving):
    """A set of objects, asked of the index when it is first looked at.

    A page costs one Redis call and one SQL statement; ``count`` and ``exists`` one Redis call.
    Raises FieldError where no index answers, IndexNotBuilt, and IndexUnavailable when Redis is
    away. Whatever asks a store has an async twin: ``aget``, ``acount``, ``async for``.
    """

    if TYPE_CHECKING:
        aget: Callable[..., Awaitable[Any]]
        acreate: Callable[..., Awaitable[Any]]
        abulk_create: Callable[..., Awaitable[Any]]
        abulk_update: Callable[..., Awaitable[Any]]
        aget_or_create: Callable[..., Awaitable[Any]]
        aupdate_or_create: Callable[..., Awaitable[Any]]
        aupdate: Callable[..., Awaitable[Any]]
        adelete: Callable[..., Awaitable[Any]]
        adestroy: Callable[..., Awaitable[Any]]
        acount: Callable[..., Awaitable[Any]]
        acounts: Callable[..., Awaitable[Any]]
        aexists: Callable[..., Awaitable[Any]]
        acontains: Callable[..., Awaitable[Any]]
        afirst: Callable[..., Awaitable[Any]]
        alast: Callable[..., Awaitable[Any]]
        alatest: Callable[..., Awaitable[Any]]
        aearliest: Callable[..., Awaitable[Any]]
        ain_bulk: Callable[..., Awaitable[Any]]
        aids: Callable[..., Awaitable[Any]]
        arandom: Callable[..., Awaitable[Any]]
        aaggregate: Callable[..., Awaitable[Any]]
        afacet: Callable[..., Awaitable[Any]]
        afacets: Callable[..., Awaitable[Any]]
        adates: Callable[..., Awaitable[Any]]
        adatetimes: Callable[..., Awaitable[Any]]
        abatch: Callable[..., Awaitable[Any]]
        aexplain: Callable[..., Awaitable[Any]]

    # Summaries ----------------------------------------------------------------------------------

    def aggregate(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """``Count``, ``Min``, ``Max``, each with ``filter=Q(...)``; others are NotSupportedError.

        ``Count("*")`` and ``Count("field")`` (of objects that have a value) cost one Redis call
        together; ``Count("field", distinct=True)`` one each, of up to 100,000 different values;
        ``Min`` and ``Max`` one and a statement each, and need an index that orders by the field.
        """
        return aggregates.aggregate(self, args, kwargs)

    def dates(self, field_name: str, kind: str, order: str = "ASC") -> list[date]:
        """The years, months, weeks or days (their first day) in which a ``day_field`` has a value.

        One Redis call and one statement for each of them, and needs an index that orders by the
        field. A list, where Django gives a queryset.
        """
        return dates.dates(self, field_name, kind, order)

    def datetimes(
        self, field_name: str, kind: str, order: str = "ASC", tzinfo: tzinfo | None = None
    ) -> list[datetime]:
        """The periods, years to seconds, in which a ``date_field`` has a value; their starts, in
        the zone given or the current one.

        One Redis call and one statement for each of them, and needs an index that orders by the
        field. A list, where Django gives a queryset.
        """
        return dates.datetimes(self, field_name, kind, order, tzinfo)

    # Writing ------------------------------------------------------------------------------------

    def create(self, **kwargs: Any) -> Any:
        obj = self.model(**kwargs)
        obj.save(force_insert=True, using=self._write_db)
        return obj

    create.alters_data = True  # type: ignore[attr-defined]

    def bulk_create(
        self,
        objs: Iterable[Any],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        update_conflicts: bool = False,
        update_fields: Sequence[str] | None = None,
        unique_fields: Sequence[str] | None = None,
        *,
        progress: Progress | None = None,
    ) -> list[Any]:
        """Insert objects, all or none, in batches with their uniques; no signals, as in Django.

        A batch of 1,000 costs about seven statements and one Redis call; ``progress`` is called
        after each with (objects done, objects in all). With ``ignore_conflicts`` an object of
        which another one holds a unique value is left out and gets no id. With
        ``update_conflicts`` the ``update_fields`` of the one that holds the values of
        ``unique_fields`` are set, and the object given stands for that one.
        """
        conflicts = Conflicts.of(ignore_conflicts, update_conflicts, update_fields, unique_fields)
        return get_or_create.bulk_create(
            self.model, self._write_db, list(objs), batch_size or 1000, conflicts, progress
        )

    bulk_create.alters_data = True  # type: ignore[attr-defined]

    def bulk_update(
        self,
        objs: Iterable[Any],
        fields: Sequence[str],
        batch_size: int | None = None,
        *,
        progress: Progress | None = None,
    ) -> int:
        """Write the named fields of objects; how many there are. No signals, as in Django.

        One statement for up to 150 and one Redis call a batch; each batch is one transaction, in
        which objects may take unique values from each other.
        """
        return mass_writes.bulk_update(
            self.model, self._write_db, list(objs), list(fields), batch_size or 1000, progress
        )

    bulk_update.alters_data = True  # type: ignore[attr-defined]

    def update(self, **values: Any) -> int:
        """Set fields of all of them; how many. No signals, as in Django.

        Values may be computed from the object's own, as in ``update(hits=F("hits") + 1)``: no
        count is lost, whoever else writes. Loads and writes in batches of 1,000, each of them one
        transaction: one statement for up to 150 and one Redis call. ``progress``, unless it is a
        field, is called after each batch with (objects done, objects in all).
        """
        if self._is_sliced:
            raise TypeError("Cannot update a query once a slice has been taken.")
        progress = None
        if "progress" not in self.model._sonic.fields:
            progress = values.pop("progress", None)
        changed = mass_writes.update(self.using(self._write_db), values, progress)
        self._result_cache = None
        return changed

    update.alters_data = True  # type: ignore[attr-defined]

    def delete(self, *, progress: Progress | None = None) -> tuple[int, dict[str, int]]:
        """Delete softly, object by object, with Django's signals and cascades.

        In batches of 1,000, each of them one transaction; ``progress`` is called after each with
        (objects done, objects in all).
        """
        return self._remove("delete", progress)

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    def destroy(self, *, progress: Progress | None = None) -> tuple[int, dict[str, int]]:
        """Remove the rows for good; otherwise as ``delete``."""
        return self._remove("destroy", progress)

    destroy.alters_data = True  # type: ignore[attr-defined]
    destroy.queryset_only = True  # type: ignore[attr-defined]

    def _remove(self, method: str, progress: Progress | None) -> tuple[int, dict[str, int]]:
        if self._is_sliced:
            raise TypeError("Cannot use 'limit' or 'offset' with delete().")
        if self._shape is not None:
            raise TypeError("Cannot call delete() after .values() or .values_list()")
        removed = mass_writes.remove(self.using(self._write_db), method, progress)
        self._result_cache = None
        return removed

    def get_or_create(self, defaults: Any = None, **kwargs: Any) -> tuple[Any, bool]:
        """(the object, whether it was made). Of several who make it at once, where its fields are
        unique, one does and the others get it."""
        return get_or_create.get_or_create(self, defaults or {}, kwargs)

    get_or_create.alters_data = True  # type: ignore[attr-defined]

    def update_or_create(
        self, defaults: Any = None, create_defaults: Any = None, **kwargs: Any
    ) -> tuple[Any, bool]:
        """(the object, whether it was made); ``defaults`` are set and saved. Of several who set
        the same fields at once the last wins, and none gets an error."""
        return get_or_create.update_or_create(self, defaults or {}, create_defaults, kwargs)

    update_or_create.alters_data = True  # type: ignore[attr-defined]


SonicQuerySet._plain_class = SonicQuerySet
__all__ = ["SonicQuerySet"]
