"""The index within a test's transaction, which is rolled back and never commits.

What a test saves is applied at once. For each such write a marker goes into the connection's
on-commit hooks, which Django itself drops when the savepoint or the transaction is rolled back.
The missing markers tell which objects must be brought back to their rows; this is looked
at before each query, before each write (the row of which may get the id of one that was rolled
back), and at the end of each test.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from django.db import connections

from ..fulltext import searching
from ..fulltext.queue import drain
from .commit_token import Token
from .documents import documents_of

if TYPE_CHECKING:
    from ..schema.schema import Stores


class _Marker:
    """Stands among the on-commit hooks for a write that was applied before its commit."""

    def __init__(self, stores: Stores, ids: list[int]) -> None:
        self.stores = stores
        self.ids = ids
        self.token = Token(stores.using)

    def __call__(self) -> None:
        """The index already has it."""
        self.token.committed = True


class _Markers(threading.local):
    """The markers of each connection of this thread, by alias."""

    def __init__(self) -> None:
        self.by_alias: dict[str, list[_Marker]] = {}


_markers = _Markers()


def note_applied(stores: Stores, ids: list[int]) -> Token:
    """Note that these objects are applied before their transaction has ended."""
    marker = _Marker(stores, ids)
    connections[stores.using].on_commit(marker)
    _markers.by_alias.setdefault(stores.using, []).append(marker)
    return marker.token


def undo_rollbacks(using: str) -> None:
    """Bring back to their rows the objects whose writes were rolled back since the last look.

    Costs nothing outside tests.
    """
    markers = _markers.by_alias.get(using)
    if not markers:
        return
    present = {id(hook[1]) for hook in connections[using].run_on_commit}
    missing = [marker for marker in markers if id(marker) not in present]
    if not missing:
        return
    _markers.by_alias[using] = [marker for marker in markers if id(marker) in present]
    stale: dict[Stores, set[int]] = {}
    for marker in missing:
        stale.setdefault(marker.stores, set()).update(marker.ids)
    for stores, ids in stale.items():
        resync(stores, sorted(ids))


searching.register("test-case rollbacks", undo_rollbacks)


def has_markers() -> bool:
    """Whether this thread has applied something whose transaction has not ended."""
    return any(_markers.by_alias.values())


def undo_all_rollbacks() -> None:
    """``undo_rollbacks`` for every database this thread has written to in a test."""
    for using in list(_markers.by_alias):
        undo_rollbacks(using)


def resync(stores: Stores, ids: list[int]) -> None:
    """Set the index of these objects to what their rows say, whatever version it has seen.

    Two statements and one round trip for 900 ids.
    """
    schema = stores.schema
    rows = stores.table.fetch(ids)
    text = schema.has_text
    destroyed = [schema.tombstone(id) for id in ids if id not in rows]
    documents = documents_of(stores, rows.values(), text_changed=text)
    stores.index.apply([*documents, *destroyed], "reset")
    # A writer may have committed and applied a newer version in between, which is now undone.
    fresh = stores.table.fetch(ids)
    overtaken = [
        row for id, row in fresh.items() if id not in rows or row.version != rows[id].version
    ]
    if overtaken:
        stores.index.apply(documents_of(stores, overtaken))
    if text:
        drain(stores)
