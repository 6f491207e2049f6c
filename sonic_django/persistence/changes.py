"""The change that a save writes: found by comparing values with the payload, and merged into a
newer row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..exceptions import StaleObjectError
from ..fields.references import ReferenceField
from ..index.specs import Entry
from ..payload import same
from ..payload.stored import Payload
from ..table.versions import following
from . import unique_claims
from .transaction_state import undo_rolled_back
from .values import encode, extra

if TYPE_CHECKING:
    from ..fields.base import VirtualField
    from ..schema.schema import StoredObject
    from ..table.rows import Row
    from .unique_claims import Keys

_MISSING = object()


def changed_keys(
    obj: StoredObject, stored: Mapping[str, Any], original: Mapping[str, Any]
) -> set[str]:
    """The payload keys in which ``stored``, the object's values now, differs from ``original``; a
    missing key is not a change to the field's default."""
    by_key = obj._sonic.by_key
    changed = {key for key in original if key not in stored}
    for key, value in stored.items():
        before = original.get(key, _MISSING)
        if before is _MISSING:
            field = by_key.get(key)
            if field is not None and _is_untouched_default(obj, field, value):
                continue
            changed.add(key)
        elif not same(value, before):
            changed.add(key)
    return changed


def _is_untouched_default(obj: StoredObject, field: VirtualField, value: Any) -> bool:
    if field.has_nondeterministic_default:
        # A default like Now gives another value each time; ask whether it is the one that was
        # filled in when the payload was decoded.
        filled_in = obj.__dict__.get("_sonic_filled_in", {})
        current = obj.__dict__[field.attname]
        return field.attname in filled_in and filled_in[field.attname] is current
    return same(value, field.absent_primitive())


def names_of(obj: StoredObject, keys: Iterable[str]) -> list[str]:
    """The names of the fields with these keys, extra keys as they are; sorted."""
    by_key = obj._sonic.by_key
    return sorted(by_key[key].name if key in by_key else key for key in keys)


def dirty_fields(obj: StoredObject) -> list[str]:
    """The fields and extra keys that a save would write. See ``SonicObj.dirty_fields``."""
    undo_rolled_back(obj)
    if obj._state.adding:
        return list(obj._sonic.fields)
    stored = encode(obj)[1]
    return names_of(obj, changed_keys(obj, stored, obj._sonic.stored_values(obj)))


@dataclass(frozen=True)
class Change:
    """The write of one object on top of one version of its row."""

    obj: StoredObject
    #: The version of the row that it replaces.
    version: int
    #: The version that it is written as.
    new_version: int
    #: The payload dict that the object was loaded from.
    original: Mapping[str, Any]
    #: The payload dict of the row that it replaces, which another writer may have written.
    replaced: Mapping[str, Any]
    #: The payload dict to be written, its bytes, and its values by field name.
    stored: dict[str, Any]
    payload: bytes
    by_name: dict[str, Any]
    entries: tuple[Entry, ...]
    #: Keys that are written; all that differ in the object, written or not.
    written: frozenset[str]
    differing: frozenset[str]
    #: Unique keys to give up and to take.
    freed: Keys
    taken: Keys

    @property
    def names(self) -> set[str]:
        """The names of the fields that are written."""
        return set(names_of(self.obj, self.written))

    @property
    def touches_uniques(self) -> bool:
        """Whether a field of a unique is written."""
        return bool(unique_claims.fields_of(self.obj) & self.names)


def change_of(
    obj: StoredObject,
    original: Mapping[str, Any],
    stored: dict[str, Any],
    differing: set[str],
    update_fields: frozenset[str] | None,
) -> Change:
    """The write of an object's values, or of the named fields of it."""
    schema = obj._sonic
    written = differing
    if update_fields is not None:
        wanted = {schema.fields[name].key for name in update_fields}
        written = differing & wanted
        stored = {**original, **{key: stored[key] for key in wanted}}
    return _completed(
        obj, obj.sonic_version, original, original, stored, frozenset(written), frozenset(differing)
    )


def _completed(
    obj: StoredObject,
    version: int,
    original: Mapping[str, Any],
    replaced: Mapping[str, Any],
    stored: dict[str, Any],
    written: frozenset[str],
    differing: frozenset[str],
) -> Change:
    schema = obj._sonic
    by_name = schema.by_name(stored)
    names = set(names_of(obj, written))
    freed, taken = unique_claims.key_changes(obj, replaced, by_name, names)
    return Change(
        obj=obj,
        version=version,
        new_version=following(version),
        original=original,
        replaced=replaced,
        stored=stored,
        payload=schema.codec.encode(stored),
        by_name=by_name,
        entries=schema.entries(by_name),
        written=written,
        differing=differing,
        freed=freed,
        taken=taken,
    )


# Merging into a newer row -------------------------------------------------------------------------


def merged(change: Change, row: Row | None) -> Change:
    """The same change on top of the current row.

    StaleObjectError if the row was destroyed, deleted or restored. StaleObjectError if a field was
    changed both by another writer and in the object, even one that is not being written: the
    object's next save would overwrite it. Fields that set themselves (``auto_now``) are set again.
    """
    obj = change.obj
    schema = obj._sonic
    if row is None:
        raise _stale(change, "was destroyed by another writer", change.written)
    if row.is_deleted != obj.is_deleted:
        happened = "was deleted by another writer" if row.is_deleted else "was restored"
        raise _stale(change, happened, change.written)
    theirs = schema.decode(row.payload, obj.id)
    automatic = {field.key for field in schema.fields_with_pre_save}
    both = (_differing(obj, theirs, change.original) & change.differing) - automatic
    if both:
        shown = ", ".join(names_of(obj, both))
        raise _stale(change, f"was changed by another writer, which changed {shown} too,", both)
    stored = dict(theirs)
    for key in change.written:
        if key in change.stored:
            stored[key] = change.stored[key]
        else:
            stored.pop(key, None)
    return _completed(
        obj, row.version, change.original, theirs, stored, change.written, change.differing
    )


def adopt_written(change: Change) -> None:
    """Make the object what was written. Fields that another writer changed are read from the new
    payload."""
    obj, values = change.obj, change.obj.__dict__
    if change.replaced is not change.original:
        _forget(
            obj, _differing(obj, change.stored, change.original) - change.written, change.stored
        )
    values.update(sonic_payload=Payload(change.payload), sonic_version=change.new_version)
    values.pop("sonic_dirty_at", None)


def _forget(obj: StoredObject, keys: set[str], stored: Mapping[str, Any]) -> None:
    """Drop the values of these keys, so that they are read again."""
    extra(obj)  # decodes: the payload is about to change, and no value may be lost
    values = obj.__dict__
    for key in keys:
        field = obj._sonic.by_key.get(key)
        if field is None:
            values["_sonic_extra"].pop(key, None)
            if key in stored:
                values["_sonic_extra"][key] = stored[key]
            continue
        values.pop(field.attname, None)
        values.get("_sonic_filled_in", {}).pop(field.attname, None)
        if isinstance(field, ReferenceField) and field.is_cached(obj):
            field.delete_cached_value(obj)


def _differing(obj: StoredObject, one: Mapping[str, Any], other: Mapping[str, Any]) -> set[str]:
    """The keys in which two payloads differ. A missing key stands for its field's default, if that
    is deterministic."""

    def value(stored: Mapping[str, Any], key: str) -> Any:
        field = obj._sonic.by_key.get(key)
        if key in stored or field is None or field.has_nondeterministic_default:
            return stored.get(key, _MISSING)
        return field.absent_primitive()

    return {key for key in {*one, *other} if not same(value(one, key), value(other, key))}


def _stale(change: Change, happened: str, keys: Iterable[str]) -> StaleObjectError:
    obj = change.obj
    unwritten = ", ".join(names_of(obj, change.written)) or "nothing"
    cure = (
        "" if "destroyed" in happened else " Reload it (obj.reload()) and apply the change again."
    )
    return StaleObjectError(
        f"{obj._meta.label} {obj.id} {happened} since it was loaded at version "
        f"{obj.sonic_version}; not written: {unwritten}.{cure}",
        names_of(obj, keys),
    )
