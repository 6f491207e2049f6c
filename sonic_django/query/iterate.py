"""Millions of objects one after the other, with memory for one chunk of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

from django.db.models import Q

from ..exceptions import PayloadError
from . import builder, execute, loading
from .ordering import Ordering
from .planner import Planner
from .state import QueryState

#: Rows loaded by one step, unless the caller says otherwise.
CHUNK = 2000


def iterate(state: QueryState, chunk_size: int = CHUNK) -> Iterator[Any]:
    """The objects or values of a state, in order. One round trip and one statement a chunk."""
    if state.merges_rows:
        yield from loading.different(state)
        return
    state = execute.bound(state)
    if state.scan and loading.streams_rows(state):
        objects = loading.scanned(state)
        while chunk := list(islice(objects, chunk_size)):
            yield from loading.completed(state, chunk)
    elif _takes_ranges(state):
        yield from _by_id(state, chunk_size)
    elif _takes_cursors(state):
        yield from _by_cursor(state, chunk_size)
    else:
        ids = execute.ids(state)
        for start in range(0, len(ids), chunk_size):
            yield from loading.load(state, ids[start : start + chunk_size])


def _is_walked(state: QueryState) -> bool:
    """Whether each chunk can be asked for by itself, and not only all ids at once."""
    is_of_rows_or_words = state.scan is not None or state.text is not None
    return not is_of_rows_or_words and state.ranking is None and not state.is_sliced


def _takes_ranges(state: QueryState) -> bool:
    return _is_walked(state) and state.orders_by_id


def _takes_cursors(state: QueryState) -> bool:
    """Whether ``after()`` can be asked for: not in an order by several fields, or at random."""
    if not _is_walked(state) or state.cursor is not None or state.order == ("?",):
        return False
    return len(Planner(state.schema).keys(state.effective_order)[0]) == 1


def _by_id(state: QueryState, chunk_size: int) -> Iterator[Any]:
    descending = state.effective_order[0].startswith("-")
    rest = state
    while True:
        ids = execute.ids(builder.sliced(rest, None, chunk_size))
        yield from loading.load(state, ids)
        if len(ids) < chunk_size:
            return
        rest = builder.filtered(state, Q(**{"pk__lt" if descending else "pk__gt": ids[-1]}))


def _by_cursor(state: QueryState, chunk_size: int) -> Iterator[Any]:
    """Each chunk begins behind the sort key of an object of the chunk before: of one whose row
    agrees with the index about it, so that nothing is passed over because it moved meanwhile."""
    schema = state.schema
    ordering = Ordering(schema, state.effective_order)
    rest = state
    given: set[int] = set()
    while True:
        # One more than are given: if the last of those has moved, it is not before that one.
        ids = execute.ids(builder.sliced(rest, None, chunk_size + 1 + len(given)))
        chunk = [id for id in ids if id not in given][: chunk_size + 1]
        objects = loading.confirmed(state, chunk)
        is_last = len(chunk) <= chunk_size
        wanted = chunk if is_last else chunk[:-1]
        rows = list(_contents(objects))
        yield from _completed(state, [obj for obj in objects if obj.id in set(wanted)])
        if is_last:
            return
        given.update(wanted)
        unmoved = ordering.longest_run([ordering.sort_key(stored, id) for id, stored in rows])
        anchors = [rows[at] for at in unmoved if rows[at][0] in given]
        if anchors:
            id, stored = anchors[-1]
            rest = builder.beside_values(state, id, schema.by_name(stored), behind=True)
            # Of those behind it, some may come again.
            given &= set(ids[ids.index(id) + 1 :])


def _contents(objects: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    """The id and the payload dict of each object; a damaged one says so when it is read."""
    for obj in objects:
        with suppress(PayloadError):
            yield obj.id, obj._sonic.stored_values(obj)


def _completed(state: QueryState, objects: list[Any]) -> list[Any]:
    if state.shape is not None and state.shape.only_ids:
        return list(state.shape.shape([obj.id for obj in objects]))
    return loading.completed(state, objects)
