"""Loading a part of an object again: named fields, or columns that a queryset deferred.

A save compares an object's values with its payload, and writes under its version. So payload and
version are never taken from two moments: whichever of them is loaded brings the other along, or
the version becomes one that no row has, and the next save is merged with the row as it is then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from ..fields.references import ReferenceField
from ..payload.stored import Payload

if TYPE_CHECKING:
    from ..schema.schema import StoredObject
    from ..table.rows import Row

#: The columns that are loaded together.
_TOGETHER = ("sonic_payload", "sonic_version")
#: The version of an object that does not know which version its payload is of.
_UNKNOWN_VERSION = 0


def needs_all(obj: StoredObject, names: Iterable[str]) -> bool:
    """Whether the names mean the whole object: its payload or its version, which it has already."""
    has_both = obj.__dict__.keys() >= set(_TOGETHER)
    return has_both and any(name in _TOGETHER for name in names)


def is_deferred(obj: StoredObject, names: Iterable[str]) -> bool:
    """Whether one of the names is a column that a queryset left out: it is read from the row that
    the object was loaded from, whatever id was set since."""
    return any(name in _COLUMNS and name not in obj.__dict__ for name in names)


def take(obj: StoredObject, row: Row, names: Collection[str]) -> None:
    """Take the columns and declared fields of these names from the row; other values stay."""
    values = obj.__dict__
    if not values.keys() >= set(_TOGETHER):
        _complete(obj, row)
    if "is_deleted" in names or "is_deleted" not in values:
        values["is_deleted"] = row.is_deleted
    fields = [name for name in names if name not in _COLUMNS]
    if fields:
        _take_fields(obj, row, fields)


_COLUMNS = frozenset(["id", "pk", "is_deleted", "sonic_dirty_at", *_TOGETHER])


def _complete(obj: StoredObject, row: Row) -> None:
    """Load payload and version, of which the object lacks one or both."""
    values = obj.__dict__
    payload = values.get("sonic_payload")
    if payload is not None and payload != row.payload and not _is_untouched(obj):
        # What was read is of an older version than the row, but not known which.
        values["sonic_version"] = _UNKNOWN_VERSION
        return
    values.update(
        sonic_payload=Payload(row.payload), sonic_version=row.version, is_deleted=row.is_deleted
    )


def _is_untouched(obj: StoredObject) -> bool:
    """Whether no value was read or set since the object was loaded."""
    values = obj.__dict__
    if "_sonic_extra" in values or "_sonic_decoded" in values:
        return False
    return obj._sonic.attnames.keys().isdisjoint(values)


def _take_fields(obj: StoredObject, row: Row, names: Iterable[str]) -> None:
    """Set fields to their values in the row, in the payload to compare with too: other changes of
    the object and of the row stay what they were."""
    schema, values = obj._sonic, obj.__dict__
    theirs = schema.decode(row.payload, obj.id)
    base = schema.stored_values(obj)
    values.pop("_sonic_decoded", None)
    for name in names:
        field = schema.field(name)
        key, attname = field.key, field.attname
        values.get("_sonic_filled_in", {}).pop(attname, None)
        if key in theirs:
            base[key] = theirs[key]
        else:
            base.pop(key, None)
    # Encoded before a value is handed out, which may be changed in place.
    if row.version != obj.sonic_version:
        values["sonic_payload"] = Payload(schema.codec.encode(base))
    for name in names:
        field = schema.field(name)
        key, attname = field.key, field.attname
        if key in theirs:
            values[attname] = field.from_primitive(theirs[key])
        else:
            values[attname] = default = field.get_default()
            if field.has_nondeterministic_default:
                values.setdefault("_sonic_filled_in", {})[attname] = default
        if isinstance(field, ReferenceField) and field.is_cached(obj):
            field.delete_cached_value(obj)
