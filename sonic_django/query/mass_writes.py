"""Changing and removing many objects: in batches, with one Redis call each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction

from ..persistence.batches import Progress, batches, told
from ..persistence.values import decoded
from ..sync.testcase_rollbacks import undo_rollbacks
from ..table.rows import Row
from .f_expressions import computation, is_expression

if TYPE_CHECKING:
    from .queryset import SonicQuerySet

_BATCH = 1000


def bulk_update(
    model: Any,
    using: str,
    objects: list[Any],
    names: list[str],
    batch_size: int,
    progress: Progress | None = None,
) -> int:
    """What ``SonicQuerySet.bulk_update`` says."""
    from ..persistence.changes import merged
    from ..persistence.save import find_change, write

    if not names:
        raise ValueError("Field names must be given to bulk_update().")
    unsaved = [obj for obj in objects if obj.id is None]
    if unsaved:
        raise ValueError(f"All bulk_update() objects must be saved; {unsaved[0]!r} has no id.")
    fields = frozenset(model._sonic.field(name).name for name in names)
    undo_rollbacks(using)
    for batch in told(batches(objects, batch_size), len(objects), progress):
        # In the order of the ids, so that two of them wait for each other instead of locking up.
        changes = [find_change(obj, fields, automatic=False) for obj in sorted(batch, key=_id_of)]
        write([change for change in changes if change is not None], using, merged)
    return len(objects)


def _id_of(obj: Any) -> int:
    return int(obj.id)


def update(
    queryset: SonicQuerySet, values: dict[str, Any], progress: Progress | None = None
) -> int:
    """What ``SonicQuerySet.update`` says."""
    from ..persistence.changes import Change
    from ..persistence.save import find_change, write

    queryset = queryset._bound()
    model, using = queryset.model, queryset._write_db
    schema = model._sonic
    fields = frozenset(schema.field(name).name for name in values)
    for name, value in values.items():
        if not is_expression(value) and not hasattr(value, "_meta"):
            schema.field(name).to_primitive(value)
    computations = {name: computation(schema, value) for name, value in values.items()}

    def changed(obj: Any) -> Change | None:
        # The dict is taken apart when a value is first touched. What it holds is left alone: the
        # values are set, none is changed in its place.
        original = dict(decoded(obj))
        # All from the values before, as SQL does it.
        computed = {name: compute(obj) for name, compute in computations.items()}
        for name, value in computed.items():
            setattr(obj, name, value)
        return find_change(obj, fields, automatic=False, original=original)

    def renew(change: Change, row: Row | None) -> Change | None:
        """As UPDATE ... WHERE does it: the filter and the values by the row as it is now."""
        judge = queryset._verdict()
        if row is None or queryset._deleted not in (None, row.is_deleted):
            return None
        if judge is not None and judge(schema.decode(row.payload, row.id), row.id) is False:
            return None
        return changed(model._sonic.from_row(using, row, model))

    number = 0
    undo_rollbacks(using)
    found = queryset.ids()
    for ids in told(batches(found, _BATCH), len(found), progress):
        objects = sorted(queryset._confirmed(ids), key=_id_of)
        changes = [change for change in map(changed, objects) if change is not None]
        number += len(objects) - len(changes) + len(write(changes, using, renew))
    return number


def remove(
    queryset: SonicQuerySet, method: str, progress: Progress | None = None
) -> tuple[int, dict[str, int]]:
    """What ``SonicQuerySet.delete`` and ``destroy`` say."""
    queryset = queryset._bound()
    using = queryset._write_db
    total: dict[str, int] = {}
    found = queryset.ids()
    for ids in told(batches(found, _BATCH), len(found), progress):
        objects = queryset._confirmed(ids)
        with transaction.atomic(using=using, savepoint=False):
            for obj in objects:
                for label, number in getattr(obj, method)(using=using)[1].items():
                    total[label] = total.get(label, 0) + number
    return sum(total.values()), total
