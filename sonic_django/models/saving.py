"""The way of a save: object, payload, row, and after the commit the index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save

from ..exceptions import StaleObjectError
from ..fulltext.availability import is_available
from ..index.store import DESTROYED_VERSION, Document
from ..sync.apply import schedule
from ..table import uniques
from ..table.rows import Row
from . import deletion
from .columns import Payload
from .references import ReferenceField

if TYPE_CHECKING:
    from .base import SonicObj
    from .options import UniqueConstraint

#: How often a delete reads the row again when others keep writing it.
_ATTEMPTS = 20


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
        return False
    obj._state.db = using
    obj._state.adding = False
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
    with _transaction_if(bool(keys), using):
        id = table.insert(payload, is_deleted=obj.is_deleted, id=given)
        if not obj.is_deleted:
            _take(obj, keys, id, by_name, using)
    obj.__dict__.update(id=id, sonic_payload=Payload(payload), sonic_version=1)
    obj.__dict__.pop("sonic_dirty_at", None)
    _index(obj, using, entries, text=bool(options.text_fields))


def _update(
    obj: SonicObj, using: str, force: bool, update_fields: frozenset[str] | None
) -> bool:
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
        by_name = _by_name(obj, stored)
    payload = options.codec.encode(stored)
    entries = options.entries(by_name)
    table = options.table(using)
    old_keys, new_keys = _unique_changes(obj, original, by_name, changed)
    with _transaction_if(bool(old_keys or new_keys), using):
        if not table.update(obj.id, obj.sonic_version, payload, is_deleted=obj.is_deleted):
            raise _stale(obj, using, changed)
        if old_keys:
            uniques.release(list(old_keys), using)
        _take(obj, new_keys, obj.id, by_name, using)
    obj.__dict__.update(sonic_payload=Payload(payload), sonic_version=obj.sonic_version + 1)
    obj.__dict__.pop("sonic_dirty_at", None)
    text = bool(options.text_fields & {_name_of_key(obj, key) for key in changed})
    _index(obj, using, entries, text=text)
    return True


def save_raw(obj: SonicObj, using: str) -> bool:
    """Write a row as a fixture has it: replaced if there is one, inserted if not."""
    options = obj._sonic
    payload = bytes(obj.sonic_payload) or obj._stored_payload()
    values = options.values_of(payload, obj.id)
    keys = options.unique_keys(values) if not obj.is_deleted else {}
    table = options.table(using)
    with transaction.atomic(using=using):
        old = table.fetch([obj.id]).get(obj.id) if obj.id is not None else None
        if old is None:
            id, version = table.insert(payload, is_deleted=obj.is_deleted, id=obj.id), 1
        else:
            id, version = old.id, old.version + 1
            if not table.update(id, old.version, payload, is_deleted=obj.is_deleted):
                raise _stale(obj, using, ())
            uniques.release(list(options.unique_keys(options.values_of(old.payload, id))), using)
        _take(obj, keys, id, values, using)
        obj.__dict__.update(id=id, sonic_payload=Payload(payload), sonic_version=version)
        _index(obj, using, options.entries(values), text=bool(options.text_fields))
    return old is not None


# Deleting -------------------------------------------------------------------------------------------


def delete(obj: SonicObj, using: str) -> tuple[int, dict[str, int]]:
    """What ``SonicObj.delete`` says."""
    return _remove(obj, using, for_good=False)


def destroy(obj: SonicObj, using: str) -> tuple[int, dict[str, int]]:
    """What ``SonicObj.destroy`` says."""
    return _remove(obj, using, for_good=True)


def _remove(obj: SonicObj, using: str, *, for_good: bool) -> tuple[int, dict[str, int]]:
    model, options = type(obj), obj._sonic
    verb = "destroy" if for_good else "delete"
    if obj.id is None:
        raise ValueError(f"{model._meta.label} object can't be {verb}ed: its id is None.")
    origin = model._meta.concrete_model
    related = deletion.has_dependents(model)
    counts: dict[str, int] = {}
    with _transaction_if(related or bool(options.uniques), using):
        if pre_delete.has_listeners(origin):
            pre_delete.send(origin, instance=obj, using=using, origin=obj)
        if related:
            counts.update(deletion.handle_dependents(obj, using, for_good=for_good))
        if for_good:
            row = options.table(using).fetch([obj.id]).get(obj.id)
            removed = options.table(using).delete([obj.id])
        else:
            row = _mark(obj, using, is_deleted=True)
            removed = 1 if row else 0
        if row and options.uniques:
            keys = options.unique_keys(options.values_of(row.payload, row.id))
            uniques.release(list(keys), using)
        if removed:
            counts[model._meta.label] = counts.get(model._meta.label, 0) + removed
            version = DESTROYED_VERSION if for_good else obj.sonic_version
            state = "gone" if for_good else "deleted"
            text = bool(options.text_fields) and is_available()
            schedule(model, using, [Document(obj.id, version, state, (), text)])  # type: ignore[arg-type]
        if post_delete.has_listeners(origin):
            post_delete.send(origin, instance=obj, using=using, origin=obj)
    if for_good:
        obj.id = None  # type: ignore[assignment]
        obj._state.adding = True
    return sum(counts.values()), counts


def undelete(obj: SonicObj, using: str) -> None:
    """What ``SonicObj.undelete`` says."""
    options = obj._sonic
    with _transaction_if(bool(options.uniques), using):
        row = _mark(obj, using, is_deleted=False)
        if row is None:
            return
        values = options.values_of(row.payload, row.id)
        try:
            _take(obj, options.unique_keys(values), obj.id, values, using)
        except IntegrityError:
            obj.is_deleted = True
            raise
        _index(obj, using, options.entries(values), text=bool(options.text_fields))


def _mark(obj: SonicObj, using: str, *, is_deleted: bool) -> Row | None:
    """Set the row's mark, whoever wrote it last; the row as it was, or None if it has the mark.

    One statement if the object is up to date.
    """
    table = obj._sonic.table(using)
    row: Row | None = Row(obj.id, bytes(obj.sonic_payload), obj.is_deleted, obj.sonic_version)
    for _ in range(_ATTEMPTS):
        if row is None:
            raise obj.DoesNotExist(f"{obj._meta.label} {obj.id} has no row in {using!r}.")
        if row.is_deleted != is_deleted and table.update(
            row.id, row.version, row.payload, is_deleted=is_deleted
        ):
            obj.is_deleted = is_deleted
            obj.sonic_version = row.version + 1
            obj.sonic_payload = Payload(row.payload)
            return row
        fresh = table.fetch([obj.id]).get(obj.id)
        if fresh is not None and fresh.is_deleted == is_deleted:
            obj.is_deleted, obj.sonic_version = is_deleted, fresh.version
            return None
        row = fresh
    raise StaleObjectError(
        f"{obj._meta.label} {obj.id} was written by others {_ATTEMPTS} times meanwhile; try again."
    )


# Parts -----------------------------------------------------------------------------------------------


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


def _by_name(obj: SonicObj, stored: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: stored[field.key]
        if field.key in stored
        else field.to_primitive(field.get_default())
        for name, field in obj._sonic.fields.items()
    }


def _name_of_key(obj: SonicObj, key: str) -> str:
    field = obj._sonic.by_key.get(key)
    return field.name if field else key


def _transaction_if(needed: bool, using: str) -> AbstractContextManager[Any]:
    """A save of one statement opens no transaction: it would cost four more statements."""
    return transaction.atomic(using=using, savepoint=False) if needed else nullcontext()


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


def _unique_changes(
    obj: SonicObj, original: Mapping[str, Any], by_name: Mapping[str, Any], changed: set[str]
) -> tuple[dict[bytes, UniqueConstraint], dict[bytes, UniqueConstraint]]:
    """(keys to give up, keys to take)."""
    options = obj._sonic
    fields = {name for constraint in options.uniques for name in constraint.fields}
    if obj.is_deleted or not fields & {_name_of_key(obj, key) for key in changed}:
        return {}, {}
    old = options.unique_keys(_by_name(obj, original))
    new = options.unique_keys(by_name)
    return (
        {key: constraint for key, constraint in old.items() if key not in new},
        {key: constraint for key, constraint in new.items() if key not in old},
    )


def _take(
    obj: SonicObj,
    keys: dict[bytes, UniqueConstraint],
    id: int,
    by_name: Mapping[str, Any],
    using: str,
) -> None:
    if not keys:
        return
    try:
        uniques.take([(key, id) for key in keys], using)
    except IntegrityError as error:
        raise unique_violation(obj, keys.values(), by_name) from error


def unique_violation(
    obj: SonicObj, constraints: Iterable[UniqueConstraint], by_name: Mapping[str, Any]
) -> IntegrityError:
    """The error for values that another object holds."""
    shown = " or ".join(
        ", ".join(f"{name}={by_name[name]!r}" for name in constraint.fields)
        for constraint in constraints
    )
    return IntegrityError(f"There is already another {obj._meta.label} with {shown}.")


def unique_errors(obj: SonicObj, excluded: set[str]) -> dict[str, list[ValidationError]]:
    """The validation errors of the uniques that other objects hold, by field."""
    options = obj._sonic
    if not options.uniques:
        return {}
    using = obj._state.db or "default"
    by_name: dict[str, Any] = {}
    for name, field in options.fields.items():
        try:
            by_name[name] = field.to_primitive(getattr(obj, field.attname))
        except ValidationError:
            by_name[name] = None  # reported by clean_fields; exempt here
    keys = options.unique_keys(by_name)
    held = uniques.owners(list(keys), using) if keys else {}
    errors: dict[str, list[ValidationError]] = {}
    for key, constraint in keys.items():
        if key not in held or held[key] == obj.id or excluded & set(constraint.fields):
            continue
        field_name = constraint.fields[0] if len(constraint.fields) == 1 else "__all__"
        error: Any = obj.unique_error_message(type(obj), constraint.fields)
        errors.setdefault(field_name, []).append(error)
    return errors
