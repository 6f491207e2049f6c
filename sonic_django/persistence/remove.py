"""Deleting softly, bringing back, and removing for good."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from django.db import connections, transaction
from django.db.models.signals import post_delete, pre_delete

from ..exceptions import StaleObjectError
from ..index.store import Document
from ..index.store import State as IndexState
from ..sync.apply import schedule
from ..sync.testcase_rollbacks import undo_rollbacks
from ..table import tombstones, uniques
from ..table.rows import Row
from . import on_delete, unique_claims
from .transaction_state import State, remember, restore, state_of, undo_rolled_back

if TYPE_CHECKING:
    from ..schema.schema import StoredObject

#: How often the row is read again when others keep writing it.
ATTEMPTS = 20


def delete(obj: StoredObject, using: str) -> tuple[int, dict[str, int]]:
    """What ``SonicObj.delete`` says."""
    return _remove(obj, using, for_good=False)


def destroy(obj: StoredObject, using: str) -> tuple[int, dict[str, int]]:
    """What ``SonicObj.destroy`` says."""
    result = _remove(obj, using, for_good=True)
    obj.id = None  # as Django leaves it
    obj._state.adding = True
    return result


def _remove(obj: StoredObject, using: str, *, for_good: bool) -> tuple[int, dict[str, int]]:
    model, schema = type(obj), obj._sonic
    if obj.id is None:
        verb = "destroyed" if for_good else "deleted"
        raise ValueError(f"{model._meta.label} object can't be {verb}: its id is None.")
    undo_rolled_back(obj)
    before = state_of(obj)
    origin = model._meta.concrete_model
    related = on_delete.has_dependents(model)
    counts: dict[str, int] = {}
    with (
        transaction_if(for_good or related or bool(schema.uniques), using),
        undone_on_error(obj, before, using),
    ):
        if pre_delete.has_listeners(origin):
            pre_delete.send(origin, instance=obj, using=using, origin=obj)
        if related:
            counts.update(on_delete.handle_dependents(obj, using, for_good=for_good))
        row = _take_out(obj, using) if for_good else _mark(obj, using, is_deleted=True)
        if row is not None:
            counts[model._meta.label] = counts.get(model._meta.label, 0) + 1
            _let_go(obj, row, before, using, for_good=for_good)
        if post_delete.has_listeners(origin):
            post_delete.send(origin, instance=obj, using=using, origin=obj)
    return sum(counts.values()), counts


def _let_go(obj: StoredObject, row: Row, before: State, using: str, *, for_good: bool) -> None:
    """Give up the uniques of a row that was deleted, and tell the index."""
    schema = obj._sonic
    version = row.version + 1
    if schema.uniques and not row.is_deleted:
        keys = schema.unique_keys(schema.values_of(row.payload, row.id))
        uniques.release(list(keys), row.id, using)
    if for_good:
        tombstones.bury(schema.label_lower, row.id, version, using)
    state: IndexState = "gone" if for_good else "deleted"
    document = Document(row.id, version, state, (), schema.has_text)
    token = schedule(schema.at(using), [document])
    remember(obj, before, row.id, None if for_good else version, token)


def undelete(obj: StoredObject, using: str) -> None:
    """What ``SonicObj.undelete`` says."""
    schema = obj._sonic
    undo_rolled_back(obj)
    before = state_of(obj)
    with transaction_if(bool(schema.uniques), using), undone_on_error(obj, before, using):
        row = _mark(obj, using, is_deleted=False)
        if row is None:
            return
        values = schema.values_of(row.payload, row.id)
        unique_claims.take(obj, schema.unique_keys(values), obj.id, values, using)
        entries = schema.entries(values)
        document = Document(row.id, row.version + 1, "live", entries, schema.has_text)
        token = schedule(schema.at(using), [document])
        remember(obj, before, row.id, row.version + 1, token)


@contextmanager
def undone_on_error(obj: StoredObject, before: State, using: str) -> Iterator[None]:
    """Within a transaction that an error rolls back: the object is then what it was before."""
    try:
        yield
    except BaseException:
        if connections[using].in_atomic_block:
            restore(obj, before)
        raise


def _mark(obj: StoredObject, using: str, *, is_deleted: bool) -> Row | None:
    """Set the row's mark, whoever wrote it last; the row as it was, or None if it has the mark.

    One statement if the object is up to date.
    """
    table = obj._sonic.table(using)

    def write(row: Row) -> bool:
        return table.update(row.id, row.version, row.payload, is_deleted=is_deleted)

    row = _on_present_row(obj, using, write, done=lambda row: row.is_deleted == is_deleted)
    obj.is_deleted = is_deleted
    return row


def _take_out(obj: StoredObject, using: str) -> Row | None:
    """Remove the row, whoever wrote it last; the row as it was, or None if it was gone."""
    table = obj._sonic.table(using)
    try:
        return _on_present_row(obj, using, lambda row: table.delete(row.id, row.version))
    except obj._sonic.DoesNotExist:
        return None


def _on_present_row(
    obj: StoredObject,
    using: str,
    write: Callable[[Row], bool],
    done: Callable[[Row], bool] = lambda row: False,
) -> Row | None:
    """Write under the version last seen, and if that has passed, under the row's present one."""
    undo_rollbacks(using)
    row: Row | None = Row(obj.id, bytes(obj.sonic_payload), obj.is_deleted, obj.sonic_version)
    for _ in attempts():
        if row is None:
            raise obj._sonic.DoesNotExist(f"{obj._meta.label} {obj.id} has no row in {using!r}.")
        if not done(row) and write(row):
            if row.version == obj.sonic_version:
                # Else the object is still what it was loaded as, so that its next save is merged
                # with what others have written, and does not undo it.
                obj.sonic_version = row.version + 1
            return row
        row = obj._sonic.table(using).fetch_latest(obj.id)
        if row is not None and done(row):
            return None
    raise StaleObjectError(
        f"{obj._meta.label} {obj.id} was written by others {ATTEMPTS} times meanwhile; try again."
    )


def attempts() -> Iterator[int]:
    """The numbers of tries to write a row; from the third on after a pause of some milliseconds,
    by chance, so that busy writers of one row do not meet each other again and again."""
    for number in range(ATTEMPTS):
        if number > 1:
            time.sleep(random.random() * min(number, 10) / 1000)
        yield number


def transaction_if(needed: bool, using: str) -> AbstractContextManager[Any]:
    """A write of one statement opens no transaction: it would cost four more statements."""
    return transaction.atomic(using=using, savepoint=False) if needed else nullcontext()
