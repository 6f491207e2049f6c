"""Deleting softly, restoring, and destroying objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from django.db import connections
from django.db.models.signals import post_delete, pre_delete

from ..sync.apply import schedule
from ..sync.testcase_rollbacks import undo_rollbacks
from ..table import tombstones, uniques
from ..table.rows import Row
from ..table.versions import following
from . import on_delete, unique_claims
from .identity import refuse_moved
from .retries import Overtaken, retry, transaction_if
from .transaction_state import State, remember, restore, state_of, undo_rolled_back

if TYPE_CHECKING:
    from ..schema.schema import StoredObject


def delete(obj: StoredObject, using: str) -> tuple[int, dict[str, int]]:
    """Delete softly; (number of objects, number by label). See ``SonicObj.delete``."""
    return _remove(obj, using, destroys=False)


def destroy(obj: StoredObject, using: str) -> tuple[int, dict[str, int]]:
    """Remove the row; (number of objects, number by label). See ``SonicObj.destroy``."""
    result = _remove(obj, using, destroys=True)
    obj.id = None  # as Django leaves it
    obj.__dict__.pop("_sonic_loaded", None)
    obj._state.adding = True
    return result


def _remove(obj: StoredObject, using: str, *, destroys: bool) -> tuple[int, dict[str, int]]:
    model, schema = type(obj), obj._sonic
    verb = "destroyed" if destroys else "deleted"
    if obj.id is None:
        raise ValueError(f"{model._meta.label} object can't be {verb}: its id is None.")
    undo_rolled_back(obj)
    refuse_moved(obj, verb)
    before = state_of(obj)
    origin = model._meta.concrete_model
    related = on_delete.has_dependents(model)
    counts: dict[str, int] = {}
    with (
        transaction_if(destroys or related or bool(schema.uniques), using),
        undone_on_error(obj, before, using),
    ):
        if pre_delete.has_listeners(origin):
            pre_delete.send(origin, instance=obj, using=using, origin=obj)
        if related:
            counts.update(on_delete.handle_dependents(obj, using, destroys=destroys))
        removed = _take_out(obj, using) if destroys else _set_deleted(obj, using, is_deleted=True)
        if removed is not None:
            counts[model._meta.label] = counts.get(model._meta.label, 0) + 1
            _release(obj, removed, before, using, destroys=destroys)
        if post_delete.has_listeners(origin):
            post_delete.send(origin, instance=obj, using=using, origin=obj)
    return sum(counts.values()), counts


class _Replaced(NamedTuple):
    """A row that was replaced, and the version that replaced it."""

    row: Row
    version: int


def _release(
    obj: StoredObject, removed: _Replaced, before: State, using: str, *, destroys: bool
) -> None:
    """Give up the unique values of a removed row, and schedule its document."""
    schema = obj._sonic
    row, version = removed
    if schema.uniques and not row.is_deleted:
        keys = schema.unique_keys(schema.values_of(row.payload, row.id))
        uniques.release(list(keys), row.id, using)
    if destroys:
        tombstones.record(schema.label_lower, row.id, version, using)
        document = schema.tombstone(row.id, version)
    else:
        marked = Row(row.id, row.payload, True, version)
        document = schema.document(marked, text_changed=schema.has_text)
    token = schedule(schema.at(using), [document])
    remember(obj, before, row.id, None if destroys else version, token)


def undelete(obj: StoredObject, using: str) -> None:
    """Restore a softly deleted object. See ``SonicObj.undelete``."""
    schema = obj._sonic
    undo_rolled_back(obj)
    refuse_moved(obj, "restored")
    before = state_of(obj)
    with transaction_if(bool(schema.uniques), using), undone_on_error(obj, before, using):
        replaced = _set_deleted(obj, using, is_deleted=False)
        if replaced is None:
            return
        row, version = replaced
        values = schema.values_of(row.payload, row.id)
        unique_claims.take(obj, schema.unique_keys(values), obj.id, values, using)
        entries = schema.entries(values)
        restored = Row(row.id, row.payload, False, version)
        document = schema.document(restored, entries, text_changed=schema.has_text)
        token = schedule(schema.at(using), [document])
        remember(obj, before, row.id, version, token)


@contextmanager
def undone_on_error(obj: StoredObject, before: State, using: str) -> Iterator[None]:
    """Make the object what it was before, if an error rolls the transaction back."""
    try:
        yield
    except BaseException:
        if connections[using].in_atomic_block:
            restore(obj, before)
        raise


def _set_deleted(obj: StoredObject, using: str, *, is_deleted: bool) -> _Replaced | None:
    """Set ``is_deleted`` of the row, whichever version it has; the row as it was, or None if it was
    set already. One statement if the object is up to date."""
    table = obj._sonic.table(using)

    def write(row: Row) -> int:
        return table.update(row.id, row.version, row.payload, is_deleted=is_deleted)

    replaced = _on_current_row(obj, using, write, done=lambda row: row.is_deleted == is_deleted)
    obj.is_deleted = is_deleted
    return replaced


def _take_out(obj: StoredObject, using: str) -> _Replaced | None:
    """Remove the row, whichever version it has; the row as it was, or None if there was none."""
    table = obj._sonic.table(using)

    def write(row: Row) -> int:
        return following(row.version) if table.delete(row.id, row.version) else 0

    try:
        return _on_current_row(obj, using, write)
    except obj._sonic.DoesNotExist:
        return None


def _on_current_row(
    obj: StoredObject,
    using: str,
    write: Callable[[Row], int],
    done: Callable[[Row], bool] = lambda row: False,
) -> _Replaced | None:
    """Write under the version last seen, and if that has passed, under the row's current one; the
    row that was replaced, or None if it was ``done`` already. ``write`` gives the new version, 0 if
    another writer was faster."""
    undo_rollbacks(using)

    def write_current(row: Row | None) -> _Replaced | None:
        if row is None:
            raise obj._sonic.DoesNotExist(f"{obj._meta.label} {obj.id} has no row in {using!r}.")
        if done(row):
            return None
        version = write(row)
        if not version:
            raise Overtaken
        if row.version == obj.sonic_version:
            # Otherwise the object stays as it was loaded, so that its next save is merged into the
            # newer row instead of undoing it.
            obj.sonic_version = version
        return _Replaced(row, version)

    seen = Row(obj.id, bytes(obj.sonic_payload), obj.is_deleted, obj.sonic_version)
    if not done(seen):
        with suppress(Overtaken):
            return write_current(seen)
    return retry(obj, using, write_current)
