"""``update()``, ``delete()`` and ``destroy()``: batches of objects with one round trip each."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from ..fields.lists import materialised
from ..persistence.batches import Progress, batches, with_progress
from ..persistence.changes import Change
from ..persistence.save import find_change, write
from ..persistence.values import decoded
from ..sync.testcase_rollbacks import undo_rollbacks
from ..table.rows import Row
from . import execute, loading
from .f_expressions import computation, is_expression
from .state import QueryState
from .verify import needed_predicate

_BATCH = 1000


def update(state: QueryState, values: dict[str, Any], progress: Progress | None = None) -> int:
    """Set fields of all objects; the number of objects. See ``SonicQuerySet.update``."""
    state = execute.bound(state.changed(alias=state.write_db))
    schema, using = state.schema, state.write_db
    fields = frozenset(schema.field(name).name for name in values)
    # Once for all objects: the first of them would use an iterator up.
    values = {
        name: materialised(value) if schema.field(name).many else value
        for name, value in values.items()
    }
    for name, value in values.items():
        if not is_expression(value) and not hasattr(value, "_meta"):
            schema.field(name).to_primitive(value)
    computations = {name: computation(schema, value) for name, value in values.items()}
    matches = needed_predicate(schema, state.conditions)

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
        if row is None or state.deleted not in (None, row.is_deleted):
            return None
        if matches is not None and matches(schema.decode(row.payload, row.id), row.id) is False:
            return None
        return changed(schema.from_row(using, row, state.model))

    number = 0
    undo_rollbacks(using)
    found = execute.ids(state)
    for ids in with_progress(batches(found, _BATCH), len(found), progress):
        # In the order of the ids, so that two writers wait for each other instead of locking up.
        objects = sorted(loading.confirmed(state, ids), key=_id_of)
        changes = [change for change in map(changed, objects) if change is not None]
        number += len(objects) - len(changes) + len(write(changes, using, renew))
    return number


def _id_of(obj: Any) -> int:
    return int(obj.id)


def remove(
    state: QueryState, method: str, progress: Progress | None = None
) -> tuple[int, dict[str, int]]:
    """Call ``delete`` or ``destroy`` of each object; Django's (number, number by label)."""
    state = execute.bound(state.changed(alias=state.write_db))
    using = state.write_db
    total: dict[str, int] = {}
    found = execute.ids(state)
    for ids in with_progress(batches(found, _BATCH), len(found), progress):
        objects = loading.confirmed(state, ids)
        with transaction.atomic(using=using, savepoint=False):
            for obj in objects:
                for label, number in getattr(obj, method)(using=using)[1].items():
                    total[label] = total.get(label, 0) + number
    return sum(total.values()), total
