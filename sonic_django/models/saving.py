"""The way of a save: object, payload, row, and after the commit the index."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models.signals import post_save, pre_save

from ..exceptions import StaleObjectError
from ..fulltext.availability import is_available
from ..index.store import Document
from ..sync.apply import schedule
from ..sync.journal import undo_rollbacks
from ..table import uniques
from . import uniqueness
from .columns import Payload
from .references import ReferenceField
from .removing import transaction_if

if TYPE_CHECKING:
    from .base import SonicObj


def save(
    obj: SonicObj,
    using: str,
    *,
    force_insert: bool,
    force_update: bool,
    update_fields: frozenset[str] | None,
) -> bool:
    """What ``SonicObj.save`` says."""
    model, options = type(obj), obj._sonic
    if options.problems:
        options.raise_problems()
    undo_rollbacks(using)
    if force_insert and (force_update or update_fields):
        raise ValueError("Cannot force both insert and updating in model saving.")
    if update_fields is not None:
        if not update_fields:
            return False
        update_fields = frozenset(options.field(name).name for name in update_fields)
    for field in options.fields.values():
        if isinstance(field, ReferenceField):
            field.check_saved(obj)
    adding = obj._state.adding or (obj._state.db is not None and obj._state.db != using)
    origin = model._meta.concrete_model
    if pre_save.has_listeners(origin):
        pre_save.send(origin, instance=obj, raw=False, using=using, update_fields=update_fields)
    if adding and obj.id is not None and not force_insert:
        adding = not _meet_row(obj, using)
    if adding:
        if force_update or update_fields:
            raise obj.DoesNotExist(f"{model._meta.label} {obj.id} has no row to update.")
        _insert(obj, using)
    elif not _update(obj, using, force_update, update_fields):
        if "_sonic_form_data" in obj.__dict__:
            obj.__dict__["_sonic_form_saved"] = True
        return False
    obj._state.db = using
    obj._state.adding = False
    if "_sonic_form_data" in obj.__dict__:
        obj.__dict__["_sonic_form_saved"] = True  # see VirtualField.save_form_data
    if post_save.has_listeners(origin):
        post_save.send(
            origin,
            instance=obj,
            created=adding,
            raw=False,
            using=using,
            update_fields=update_fields,
        )
    return True


def _meet_row(obj: SonicObj, using: str) -> bool:
    """A new object with a given id replaces the row of that id, as in Django; if there is one."""
    rows = obj._sonic.table(using).fetch([obj.id])
    if not rows:
        return False
    row = rows[obj.id]
    obj.extra  # noqa: B018 - keep what is set on the object from being read from the row
    obj.__dict__.update(
        sonic_payload=Payload(row.payload), sonic_version=row.version, is_deleted=row.is_deleted
    )
    obj._state.adding = False
    return True


def _insert(obj: SonicObj, using: str) -> None:
    options = obj._sonic
    _run_pre_save(obj, True)
    by_name, stored = obj._encode_values()
    payload = options.codec.encode(stored)
    entries = options.entries(by_name)
    keys = options.unique_keys(by_name)
    table = options.table(using)
    given = obj.id
    with transaction_if(bool(keys), using):
        if given is None:
            id, version = table.insert(payload, is_deleted=obj.is_deleted), 1
        else:
            id, version = given, table.insert_with_id(given, payload, is_deleted=obj.is_deleted)
        if not obj.is_deleted:
            uniqueness.take(obj, keys, id, by_name, using)
    obj.__dict__.update(id=id, sonic_payload=Payload(payload), sonic_version=version)
    obj.__dict__.pop("sonic_dirty_at", None)
    _index(obj, using, entries, text=bool(options.text_fields))


def _update(obj: SonicObj, using: str, force: bool, update_fields: frozenset[str] | None) -> bool:
    options = obj._sonic
    original = obj._stored_values()
    by_name, stored = obj._encode_values()
    changed = obj._changed_keys(stored, original)
    if not changed and not force and update_fields is None:
        return False
    if _run_pre_save(obj, False):
        by_name, stored = obj._encode_values()
        changed = obj._changed_keys(stored, original)
    if update_fields is not None:
        wanted = {options.fields[name].key for name in update_fields}
        stored = {**original, **{key: stored[key] for key in wanted}}
        changed &= wanted
        by_name = options.by_name(stored)
    payload = options.codec.encode(stored)
    entries = options.entries(by_name)
    table = options.table(using)
    names = {_name_of_key(obj, key) for key in changed}
    old_keys, new_keys = uniqueness.key_changes(obj, original, by_name, names)
    with transaction_if(bool(old_keys or new_keys), using):
        if not table.update(obj.id, obj.sonic_version, payload, is_deleted=obj.is_deleted):
            raise _stale(obj, using, changed)
        if old_keys:
            uniques.release(list(old_keys), obj.id, using)
        uniqueness.take(obj, new_keys, obj.id, by_name, using)
    obj.__dict__.update(sonic_payload=Payload(payload), sonic_version=obj.sonic_version + 1)
    obj.__dict__.pop("sonic_dirty_at", None)
    _index(obj, using, entries, text=bool(options.text_fields & names))
    return True


def save_raw(obj: SonicObj, using: str) -> bool:
    """Write a row as a fixture has it: replaced if there is one, inserted if not."""
    options = obj._sonic
    undo_rollbacks(using)
    payload = bytes(obj.sonic_payload) or obj._stored_payload()
    values = options.values_of(payload, obj.id)
    keys = options.unique_keys(values) if not obj.is_deleted else {}
    table = options.table(using)
    with transaction.atomic(using=using):
        old = table.fetch([obj.id]).get(obj.id) if obj.id is not None else None
        if old is None:
            id = obj.id
            version = table.insert_with_id(id, payload, is_deleted=obj.is_deleted)
        else:
            id, version = old.id, old.version + 1
            if not table.update(id, old.version, payload, is_deleted=obj.is_deleted):
                raise _stale(obj, using, ())
            held = options.unique_keys(options.values_of(old.payload, id))
            uniques.release(list(held), id, using)
        uniqueness.take(obj, keys, id, values, using)
        obj.__dict__.update(id=id, sonic_payload=Payload(payload), sonic_version=version)
        _index(obj, using, options.entries(values), text=bool(options.text_fields))
    return old is not None


# Parts ------------------------------------------------------------------------------------------


def _index(obj: SonicObj, using: str, entries: Any, *, text: bool) -> None:
    text = text and is_available()
    if obj.is_deleted:
        document = Document(obj.id, obj.sonic_version, "deleted", (), text)
    else:
        document = Document(obj.id, obj.sonic_version, "live", entries, text)
    schedule(type(obj), using, [document])


def _run_pre_save(obj: SonicObj, adding: bool) -> bool:
    """Let fields like DateTimeField(auto_now=True) set themselves; whether there are any."""
    hooked = obj._sonic.fields_with_pre_save
    for field in hooked:
        setattr(obj, field.attname, field.pre_save(obj, adding))
    return bool(hooked)


def _name_of_key(obj: SonicObj, key: str) -> str:
    field = obj._sonic.by_key.get(key)
    return field.name if field else key


def _stale(obj: SonicObj, using: str, changed: Iterable[str]) -> StaleObjectError:
    names = sorted(_name_of_key(obj, key) for key in changed)
    there = obj._sonic.table(using).fetch([obj.id])
    happened = "was changed" if there else "was destroyed"
    cure = "Reload it (obj.reload()) and apply the change again." if there else ""
    return StaleObjectError(
        f"{obj._meta.label} {obj.id} {happened} by someone else since it was loaded at version "
        f"{obj.sonic_version}; not written: {', '.join(names) or 'nothing'}. {cure}".rstrip(),
        names,
    )
