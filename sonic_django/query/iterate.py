"""Millions of objects one after the other, with memory for one chunk of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..exceptions import PayloadError
from .ordering import Ordering
from .planner import Planner

if TYPE_CHECKING:
    from .retrieving import Retrieving


def iterate(queryset: Retrieving, chunk_size: int) -> Iterator[Any]:
    """What ``SonicQuerySet.iterator`` says."""
    by_id = queryset._effective_order[0].lstrip("-") in ("id", "pk")
    is_of_index = queryset._scanning is None and queryset._text is None
    is_of_index = is_of_index and queryset._ranking is None
    if queryset._scanning and queryset._streams_rows:
        objects = queryset._scanned()
        while chunk := list(islice(objects, chunk_size)):
            yield from queryset._completed(chunk)
    elif is_of_index and by_id and not queryset._is_sliced:
        yield from _by_id(queryset, chunk_size)
    elif is_of_index and _takes_cursors(queryset):
        yield from _by_cursor(queryset, chunk_size)
    else:
        ids = queryset.ids()
        for start in range(0, len(ids), chunk_size):
            yield from queryset._load(ids[start : start + chunk_size])


def _takes_cursors(queryset: Retrieving) -> bool:
    """Whether ``after()`` can be asked for: not in an order by several fields, or at random."""
    if queryset._is_sliced or queryset._cursor is not None or queryset._order == ("?",):
        return False
    return len(Planner(queryset.model._sonic).keys(queryset._effective_order)[0]) == 1


def _by_id(queryset: Retrieving, chunk_size: int) -> Iterator[Any]:
    descending = queryset._effective_order[0].startswith("-")
    rest = queryset
    while True:
        ids = rest[:chunk_size].ids()
        yield from queryset._load(ids)
        if len(ids) < chunk_size:
            return
        rest = queryset.filter(**{"pk__lt" if descending else "pk__gt": ids[-1]})


def _by_cursor(queryset: Retrieving, chunk_size: int) -> Iterator[Any]:
    """Each chunk begins behind the place of an object of the chunk before: of one whose row agrees
    with the index about its place, so that nothing is passed over because it moved meanwhile."""
    schema = queryset.model._sonic
    ordering = Ordering(schema, queryset._effective_order)
    rest = queryset
    given: set[int] = set()
    while True:
        # One more than are given: if the last of those has moved, it is not before that one.
        ids = rest[: chunk_size + 1 + len(given)].ids()
        chunk = [id for id in ids if id not in given][: chunk_size + 1]
        objects = queryset._confirmed(chunk)
        is_last = len(chunk) <= chunk_size
        wanted = chunk if is_last else chunk[:-1]
        rows = list(_contents(objects))
        yield from _chunk(queryset, [obj for obj in objects if obj.id in set(wanted)])
        if is_last:
            return
        given.update(wanted)
        unmoved = ordering.longest_run([ordering.place(stored, id) for id, stored in rows])
        anchors = [rows[at] for at in unmoved if rows[at][0] in given]
        if anchors:
            id, stored = anchors[-1]
            rest = queryset._with_cursor(id, schema.by_name(stored), behind=True)
            # Of those behind it, some may come again.
            given &= set(ids[ids.index(id) + 1 :])


def _contents(objects: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    """The id and the payload dict of each object; a damaged one says so when it is read."""
    for obj in objects:
        with suppress(PayloadError):
            yield obj.id, obj._sonic.stored_values(obj)


def _chunk(queryset: Retrieving, objects: list[Any]) -> list[Any]:
    shape = queryset._shape
    if shape is not None and shape.only_ids:
        return list(shape.shape([obj.id for obj in objects]))
    return queryset._completed(objects)
