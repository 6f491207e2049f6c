"""Saving: object to payload to row, and after the commit to the index."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models.signals import post_save, pre_save

from ..conf import is_available
from ..exceptions import StaleObjectError
from ..index.specs import Entry
from ..index.store import Document
from ..payload.stored import Payload
from ..schema.ids import as_id
from ..sync.apply import schedule
from ..sync.commit_token import Token
from ..sync.testcase_rollbacks import undo_rollbacks
from ..table import tombstones, uniques
from ..table.batches import Rewrite
from ..table.rows import Row, Table
from ..table.versions import first_version
from . import unique_claims
from .changes import Change, adopt_written, change_of, changed_keys, merged, names_of
from .identity import is_insert, note_row, taken
from .retries import Overtaken, retry, transaction_if
from .transaction_state import remember, state_of, undo_rolled_back
from .values import decoded, encode, encoded_payload

if TYPE_CHECKING:
    from ..schema.schema import StoredObject


def save(
    obj: StoredObject,
    using: str,
    *,
    force_insert: bool,
    force_update: bool,
    update_fields: frozenset[str] | None,
) -> bool:
    """Write the object in ``using``; whether anything was written. See ``SonicObj.save``."""
    model, schema = type(obj), obj._sonic
    if schema.problems:
        schema.raise_problems()
    undo_rollbacks(using)
    undo_rolled_back(obj)
    if force_insert and (force_update or update_fields):
        raise ValueError("Cannot force both insert and updating in model saving.")
    if update_fields is not None:
        if not update_fields:
            return False
        update_fields = frozenset(schema.field(name).name for name in update_fields)
    for field in schema.references:
        field.check_saved(obj)
    origin = model._meta.concrete_model
    if pre_save.receivers and pre_save.has_listeners(origin):
        pre_save.send(origin, instance=obj, raw=False, using=using, update_fields=update_fields)
    if obj.id is not None:
        obj.id = as_id(schema, obj.id)  # "7", as forms and URLs have it, is the number 7
    forces_update = force_update or update_fields is not None
    adding = is_insert(obj, using, force_insert=force_insert, forces_update=forces_update)
    if adding:
        if forces_update:
            raise obj._sonic.DoesNotExist(f"{model._meta.label} {obj.id} has no row to update.")
        _insert(obj, using)
    elif not _update(obj, using, force_update, update_fields):
        if "_sonic_form_data" in obj.__dict__:
            obj.__dict__["_sonic_form_saved"] = True
        return False
    obj._state.db = using
    obj._state.adding = False
    if "_sonic_form_data" in obj.__dict__:
        obj.__dict__["_sonic_form_saved"] = True  # see VirtualField.save_form_data
    if post_save.receivers and post_save.has_listeners(origin):
        post_save.send(
            origin,
            instance=obj,
            created=adding,
            raw=False,
            using=using,
            update_fields=update_fields,
        )
    return True


def _insert(obj: StoredObject, using: str) -> None:
    schema = obj._sonic
    _run_pre_save(obj, True)
    by_name, stored = encode(obj)
    payload = schema.codec.encode(stored)
    entries = schema.entries(by_name)
    keys = schema.unique_keys(by_name)
    table = schema.table(using)
    given = obj.id
    with transaction_if(bool(keys), using):
        if given is None:
            version = first_version()
            id = table.insert(payload, version, is_deleted=obj.is_deleted)
        else:
            try:
                version = table.insert_with_id(
                    given, payload, after=_gone(obj, using), is_deleted=obj.is_deleted
                )
            except IntegrityError as error:
                raise taken(obj, given, using) from error
            id = given
        if not obj.is_deleted:
            unique_claims.take(obj, keys, id, by_name, using)
    before = state_of(obj)
    obj.__dict__.update(id=id, sonic_payload=Payload(payload), sonic_version=version)
    note_row(obj, using, id)
    obj.__dict__.pop("sonic_dirty_at", None)
    token = _index(obj, using, entries, text=bool(schema.text_fields))
    remember(obj, before, id, version, token)


def _update(
    obj: StoredObject, using: str, force: bool, update_fields: frozenset[str] | None
) -> bool:
    change = find_change(obj, update_fields)
    if change is None:
        if not force and update_fields is None:
            return False
        change = change_of(obj, obj._sonic.stored_values(obj), encode(obj)[1], set(), update_fields)
    write([change], using, merged)
    return True


def find_change(
    obj: StoredObject,
    update_fields: frozenset[str] | None,
    *,
    automatic: bool = True,
    original: Mapping[str, Any] | None = None,
) -> Change | None:
    """The change that a save of these fields (None: of all) would write; None if there is none.

    ``automatic``: whether fields that set themselves (``auto_now``) do so. ``original``: the
    payload dict that the object was loaded from, where it is decoded already. No round trip.
    """
    undo_rolled_back(obj)
    if original is None:
        original = _original(obj)
    stored = encode(obj)[1]
    differing = changed_keys(obj, stored, original)
    if not differing and update_fields is None:
        return None
    if automatic and _run_pre_save(obj, False):
        stored = encode(obj)[1]
        differing = changed_keys(obj, stored, original)
    return change_of(obj, original, stored, differing, update_fields)


def _original(obj: StoredObject) -> Mapping[str, Any]:
    """The payload dict that the object was loaded from."""
    is_untouched = "_sonic_extra" not in obj.__dict__ and obj.sonic_payload
    if is_untouched and not obj._sonic.fields_with_pre_save:
        # Decoded once for the comparison and for the object, which takes the dict apart. No list
        # in it has been handed out, so none can change before it is compared.
        return dict(decoded(obj))
    return obj._sonic.stored_values(obj)


def write(
    changes: Sequence[Change], using: str, renew: Callable[[Change, Row | None], Change | None]
) -> list[Change]:
    """Write changed objects of one class, each under its version; the changes as written.

    ``renew`` gives the change on top of a row that another writer has written since, or None to
    leave the row alone. One object may take a unique value that another of them gives up. All are
    written or none. One statement for 150 objects, three for each row that has a newer version, and
    two for each object whose unique values change.
    """
    if not changes:
        return []
    schema = changes[0].obj._sonic
    uniques_change = any(change.touches_uniques for change in changes)
    with transaction_if(len(changes) > 1 or uniques_change, using):
        written = _write_rows(changes, using, renew)
        for change in written:
            if change.freed:
                uniques.release(list(change.freed), change.obj.id, using)
        for change in written:
            unique_claims.take(change.obj, change.taken, change.obj.id, change.by_name, using)
    documents, states = [], []
    for change in written:
        states.append(state_of(change.obj))
        adopt_written(change)
        text = bool(schema.text_fields & change.names)
        documents.append(_document(change.obj, change.entries, text=text))
    token = schedule(schema.at(using), documents)
    for change, before in zip(written, states, strict=True):
        remember(change.obj, before, change.obj.id, change.new_version, token)
    return written


def _write_rows(
    changes: Sequence[Change], using: str, renew: Callable[[Change, Row | None], Change | None]
) -> list[Change]:
    """Write the rows; the changes as they were written."""
    table = changes[0].obj._sonic.table(using)
    if len(changes) == 1:
        change = changes[0]
        if _update_row(table, change):
            return [change]
        late = _write_over(change, using, renew)
        return [] if late is None else [late]
    by_id: dict[int, Change] = {}
    again = []
    for change in changes:
        if by_id.setdefault(change.obj.id, change) is not change:
            again.append(change)
    written: list[Change | None] = []
    rows = [
        Rewrite(id, change.version, change.new_version, change.payload, change.obj.is_deleted)
        for id, change in by_id.items()
    ]
    for batch, ids in table.update_many(rows):
        for row in batch:
            change = by_id[row.id]
            written.append(change if row.id in ids else _write_over(change, using, renew))
    # An object that is given twice is written on top of itself, as two writers would.
    written += [_write_over(change, using, renew) for change in again]
    return [change for change in written if change is not None]


def _update_row(table: Table, change: Change) -> bool:
    """Write the row if it still has the version of the change; whether it had."""
    obj = change.obj
    deleted = obj.is_deleted
    return bool(
        table.update(obj.id, change.version, change.payload, change.new_version, is_deleted=deleted)
    )


def _write_over(
    change: Change, using: str, renew: Callable[[Change, Row | None], Change | None]
) -> Change | None:
    """Write on top of a newer row; the change as it was written, None if ``renew`` gave none."""
    table = change.obj._sonic.table(using)
    latest = change

    def write(row: Row | None) -> Change | None:
        nonlocal latest
        renewed = renew(latest, row)
        if renewed is None:
            return None
        latest = renewed
        if not _update_row(table, latest):
            raise Overtaken
        return latest

    return retry(change.obj, using, write, fields=lambda: names_of(change.obj, change.written))


def save_raw(obj: StoredObject, using: str) -> bool:
    """Write a row as a fixture has it; whether it replaced a row."""
    schema = obj._sonic
    undo_rollbacks(using)
    payload = bytes(obj.sonic_payload) or encoded_payload(obj)
    values = schema.values_of(payload, obj.id)
    keys = schema.unique_keys(values) if not obj.is_deleted else {}
    table = schema.table(using)
    with transaction.atomic(using=using):
        old = table.fetch_one(obj.id) if obj.id is not None else None
        if old is None:
            id = obj.id
            version = table.insert_with_id(
                id, payload, after=_gone(obj, using), is_deleted=obj.is_deleted
            )
        else:
            id = old.id
            version = table.update(id, old.version, payload, is_deleted=obj.is_deleted)
            if not version:
                raise StaleObjectError(
                    f"{obj._meta.label} {id} was written by another writer; try again."
                )
            former = schema.unique_keys(schema.values_of(old.payload, id))
            uniques.release(list(former), id, using)
        unique_claims.take(obj, keys, id, values, using)
        obj.__dict__.update(id=id, sonic_payload=Payload(payload), sonic_version=version)
        note_row(obj, using, id)
        _index(obj, using, schema.entries(values), text=bool(schema.text_fields))
    return old is not None


# Parts ------------------------------------------------------------------------------------------


def _index(
    obj: StoredObject, using: str, entries: tuple[Entry, ...], *, text: bool
) -> Token | None:
    return schedule(obj._sonic.at(using), [_document(obj, entries, text=text)])


def _document(obj: StoredObject, entries: tuple[Entry, ...], *, text: bool) -> Document:
    row = Row(obj.id, obj.sonic_payload, obj.is_deleted, obj.sonic_version)
    return obj._sonic.document(row, entries, text_changed=text and is_available())


def _gone(obj: StoredObject, using: str) -> int:
    """The version of the removal of a former object of this id, as far as it is not forgotten."""
    if obj.id is None:
        return 0
    return tombstones.latest_version(obj._sonic.label_lower, obj.id, using)


def _run_pre_save(obj: StoredObject, adding: bool) -> bool:
    """Let fields such as ``DateTimeField(auto_now=True)`` set themselves; whether there are any."""
    hooked = obj._sonic.fields_with_pre_save
    for field in hooked:
        setattr(obj, field.attname, field.pre_save(obj, adding))
    return bool(hooked)
