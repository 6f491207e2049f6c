"""Deleting softly, bringing back, and removing for good."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models.signals import post_delete, pre_delete

from ..exceptions import StaleObjectError
from ..fulltext.availability import is_available
from ..index.store import Document, State
from ..sync.apply import schedule
from ..sync.journal import undo_rollbacks
from ..table import gone, uniques
from ..table.rows import Row
from . import deletion, uniqueness
from .columns import Payload

if TYPE_CHECKING:
    from .base import SonicObj

#: How often the row is read again when others keep writing it.
_ATTEMPTS = 20


def delete(obj: SonicObj, using: str) -> tuple[int, dict[str, int]]:
    """What ``SonicObj.delete`` says."""
    return _remove(obj, using, for_good=False)


def destroy(obj: SonicObj, using: str) -> tuple[int, dict[str, int]]:
    """What ``SonicObj.destroy`` says."""
    result = _remove(obj, using, for_good=True)
    obj.id = None  # type: ignore[assignment] # as Django leaves it
    obj._state.adding = True
    return result


def _remove(obj: SonicObj, using: str, *, for_good: bool) -> tuple[int, dict[str, int]]:
    model, options = type(obj), obj._sonic
    if obj.id is None:
        verb = "destroyed" if for_good else "deleted"
        raise ValueError(f"{model._meta.label} object can't be {verb}: its id is None.")
    origin = model._meta.concrete_model
    related = deletion.has_dependents(model)
    counts: dict[str, int] = {}
    with transaction_if(for_good or related or bool(options.uniques), using):
        if pre_delete.has_listeners(origin):
            pre_delete.send(origin, instance=obj, using=using, origin=obj)
        if related:
            counts.update(deletion.handle_dependents(obj, using, for_good=for_good))
        row = _take_out(obj, using) if for_good else _mark(obj, using, is_deleted=True)
        if row is not None:
            counts[model._meta.label] = counts.get(model._meta.label, 0) + 1
            if options.uniques and not row.is_deleted:
                keys = options.unique_keys(options.values_of(row.payload, row.id))
                uniques.release(list(keys), row.id, using)
            if for_good:
                gone.bury(options.label, row.id, row.version + 1, using)
            state: State = "gone" if for_good else "deleted"
            text = bool(options.text_fields) and is_available()
            schedule(model, using, [Document(row.id, row.version + 1, state, (), text)])
        if post_delete.has_listeners(origin):
            post_delete.send(origin, instance=obj, using=using, origin=obj)
    return sum(counts.values()), counts


def undelete(obj: SonicObj, using: str) -> None:
    """What ``SonicObj.undelete`` says."""
    options = obj._sonic
    try:
        with transaction_if(bool(options.uniques), using):
            row = _mark(obj, using, is_deleted=False)
            if row is None:
                return
            values = options.values_of(row.payload, row.id)
            uniqueness.take(obj, options.unique_keys(values), obj.id, values, using)
            text = bool(options.text_fields) and is_available()
            entries = options.entries(values)
            schedule(type(obj), using, [Document(row.id, row.version + 1, "live", entries, text)])
    except IntegrityError:
        obj.is_deleted = True
        raise


def _mark(obj: SonicObj, using: str, *, is_deleted: bool) -> Row | None:
    """Set the row's mark, whoever wrote it last; the row as it was, or None if it has the mark.

    One statement if the object is up to date.
    """
    table = obj._sonic.table(using)

    def write(row: Row) -> bool:
        return table.update(row.id, row.version, row.payload, is_deleted=is_deleted)

    row = _on_present_row(obj, using, write, done=lambda row: row.is_deleted == is_deleted)
    obj.is_deleted = is_deleted
    return row


def _take_out(obj: SonicObj, using: str) -> Row | None:
    """Remove the row, whoever wrote it last; the row as it was, or None if it was gone."""
    table = obj._sonic.table(using)
    try:
        return _on_present_row(obj, using, lambda row: table.delete(row.id, row.version))
    except obj.DoesNotExist:
        return None


def _on_present_row(
    obj: SonicObj,
    using: str,
    write: Callable[[Row], bool],
    done: Callable[[Row], bool] = lambda row: False,
) -> Row | None:
    """Write under the version last seen, and if that has passed, under the row's present one."""
    undo_rollbacks(using)
    row: Row | None = Row(obj.id, bytes(obj.sonic_payload), obj.is_deleted, obj.sonic_version)
    for _ in range(_ATTEMPTS):
        if row is None:
            raise obj.DoesNotExist(f"{obj._meta.label} {obj.id} has no row in {using!r}.")
        if not done(row) and write(row):
            obj.__dict__.update(sonic_payload=Payload(row.payload), sonic_version=row.version + 1)
            return row
        row = obj._sonic.table(using).fetch_latest(obj.id)
        if row is not None and done(row):
            obj.__dict__.update(sonic_payload=Payload(row.payload), sonic_version=row.version)
            return None
    raise StaleObjectError(
        f"{obj._meta.label} {obj.id} was written by others {_ATTEMPTS} times meanwhile; try again."
    )


def transaction_if(needed: bool, using: str) -> AbstractContextManager[Any]:
    """A write of one statement opens no transaction: it would cost four more statements."""
    return transaction.atomic(using=using, savepoint=False) if needed else nullcontext()
