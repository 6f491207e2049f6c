"""The row that an object stands for: whether a save inserts a row, updates its own, or is refused
because the row of its id is another's.

An object remembers the id of the row that its payload and version are of. An id that was set since
then makes a copy, as in Django, but never writes over a row that the object was not loaded from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..exceptions import UniqueViolation
from ..payload.stored import Payload
from ..schema.ids import as_id
from .values import extra

if TYPE_CHECKING:
    from ..schema.schema import StoredObject
    from ..table.rows import Row


def row_id(obj: StoredObject) -> int | None:
    """The id of the row that the object was loaded from or saved to; its id where there is none."""
    loaded: tuple[str | None, int | None] | None = obj.__dict__.get("_sonic_loaded")
    return obj.id if loaded is None else loaded[1]


def note_row(obj: StoredObject, using: str, id: int) -> None:
    """Note that the object's payload and version are those of this row."""
    obj.__dict__["_sonic_loaded"] = (using, id)


def refuse_moved(obj: StoredObject, verb: str) -> None:
    """ValueError if the object's id was set since it was loaded: ``verb`` would hit another row."""
    loaded = row_id(obj)
    if obj.id is not None:
        obj.id = as_id(obj._sonic, obj.id)
    if loaded != obj.id and not obj._state.adding:
        label = obj._meta.label
        raise ValueError(
            f"{label} {loaded} cannot be {verb}: its id was set to {obj.id!r} since it was loaded. "
            f"Load the object that you mean: {obj._meta.object_name}.objects.get(pk={obj.id!r})."
        )


def is_insert(obj: StoredObject, using: str, *, force_insert: bool, forces_update: bool) -> bool:
    """Whether a save inserts a row; the object's id is normalised already.

    No statement for an object that was loaded from this database, or that has no id. One for
    another id or another database. UniqueViolation if the id is that of a row which the object was
    not loaded from; ``forces_update`` lets a new object write to it, as in Django.
    """
    adding: bool = obj._state.adding
    loaded_from = obj._state.db
    is_elsewhere = not adding and loaded_from is not None and loaded_from != using
    if force_insert:
        return True
    if obj.id is None:
        if forces_update and not adding:
            raise ValueError("Cannot force an update in save() with no primary key.")
        return True
    if not adding and not is_elsewhere and row_id(obj) == obj.id:
        return False
    row = obj._sonic.table(using).fetch_one(obj.id)
    if row is None:
        return True
    if adding and forces_update:
        _adopt(obj, row)
    elif is_elsewhere and row_id(obj) == obj.id and _may_be_the_same(obj, row):
        return False
    else:
        raise taken(obj, obj.id, using)
    return False


def taken(obj: StoredObject, id: int, using: str) -> UniqueViolation:
    """The error for a save under the id of another row."""
    meta = obj._meta
    loaded = row_id(obj)
    came = "" if obj._state.adding or loaded == id else f", and this object was loaded as {loaded}"
    return UniqueViolation(
        f"There is already a row of {meta.label} with id={id} in {using!r}{came}. save() does not "
        f"write over a row that its object was not loaded from. To change that row, load it: "
        f"{meta.object_name}.objects.get(pk={id}). To make a copy, set pk to None or to a free id.",
        ["id"],
    )


def _adopt(obj: StoredObject, row: Row) -> None:
    """Let a new object stand for the row: the fields that are not written keep its values."""
    extra(obj)  # decodes: what is not set on the object must not be read from the row
    obj.__dict__.update(
        sonic_payload=Payload(row.payload), sonic_version=row.version, is_deleted=row.is_deleted
    )
    obj._state.adding = False


def _may_be_the_same(obj: StoredObject, row: Row) -> bool:
    """Whether a row of another database, such as the primary of a replica, is the object's own: as
    it was loaded, or in a later version, into which changes are merged."""
    if row.payload == obj.sonic_payload:
        obj.__dict__.update(sonic_version=row.version, is_deleted=row.is_deleted)
        return True
    return bool(row.version > obj.sonic_version)
