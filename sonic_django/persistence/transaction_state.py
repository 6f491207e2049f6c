"""Objects after a rollback: they return to their state before the write that was undone.

An object keeps the version and the payload of its last write, to find its own changes and those of
other writers. After a rollback it would still count as saved, and saving it again would do nothing.
So a write within a transaction is noted on the object, with the token of the hook that runs at the
commit. Before the object is next compared or written, the token tells whether the transaction was
committed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..sync.commit_token import Token, open_tokens
from .values import extra

if TYPE_CHECKING:
    from ..schema.schema import StoredObject

_NAME = "_sonic_uncommitted"


class State(NamedTuple):
    """An object's view of its row."""

    id: int | None
    payload: bytes
    version: int
    is_deleted: bool
    adding: bool
    db: str | None
    #: The row that it was loaded from: see ``identity``.
    loaded: Any


class _Write(NamedTuple):
    """A write in an open transaction: the object before it, and the row after it."""

    token: Token
    before: State
    id: int
    #: None if the row was removed.
    version: int | None
    payload: bytes


def state_of(obj: StoredObject) -> State:
    """The object's present view of its row."""
    state = obj._state
    return State(
        obj.id,
        obj.sonic_payload,
        obj.sonic_version,
        obj.is_deleted,
        state.adding,
        state.db,
        obj.__dict__.get("_sonic_loaded"),
    )


def remember(
    obj: StoredObject, before: State, id: int, version: int | None, token: Token | None
) -> None:
    """Note a write on the object. Without a token it is committed, and nothing is noted."""
    if token is None:
        return
    writes: list[_Write] = obj.__dict__.setdefault(_NAME, [])
    if writes and writes[-1].token is token:
        before = writes.pop().before
    writes.append(_Write(token, before, id, version, bytes(obj.sonic_payload)))


def undo_rolled_back(obj: StoredObject) -> None:
    """Restore the object to its state before its first write that was rolled back, if there is one.

    Values that were set stay set. One statement if the hook of a write has not run.
    """
    writes: list[_Write] | None = obj.__dict__.get(_NAME)
    if not writes:
        return
    open_ones = open_tokens(writes[-1].token.connection)
    kept = []
    for write in writes:
        if write.token.committed:
            continue
        if id(write.token) in open_ones:
            kept.append(write)
        elif not _is_in_the_table(obj, write):
            restore(obj, write.before)
            break
    if kept:
        obj.__dict__[_NAME] = kept
    else:
        del obj.__dict__[_NAME]


def _is_in_the_table(obj: StoredObject, write: _Write) -> bool:
    """Whether the transaction was committed although its hook has not run: a hook before it failed,
    or is still running."""
    row = obj._sonic.table(write.token.using).fetch_one(write.id)
    if row is None or write.version is None:
        return row is None and write.version is None
    # The version alone is not enough: SQLite reuses the id of an insert that was rolled back.
    return row.version == write.version and row.payload == write.payload


def restore(obj: StoredObject, before: State) -> None:
    """Give the object its former view of its row. Values that were set stay set."""
    if "_sonic_extra" not in obj.__dict__ and obj.sonic_payload:
        # Fields that were not read yet keep the values that were written.
        extra(obj)
    values: dict[str, Any] = {
        "id": before.id,
        "sonic_payload": before.payload,
        "sonic_version": before.version,
        "is_deleted": before.is_deleted,
    }
    if before.loaded is None:
        obj.__dict__.pop("_sonic_loaded", None)
    else:
        values["_sonic_loaded"] = before.loaded
    obj.__dict__.update(values)
    obj._state.adding = before.adding
    obj._state.db = before.db
