"""The queue of objects whose full text is behind, and bringing it up to date in batches.

The apply script queues an id in the same step that writes its entries, so a crash between the
index and full text loses nothing: the next writer or worker that drains the queue does the work.
"""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from ..conf import is_available, sonic_settings
from ..interruptions import is_interruption
from ..transport.circuit_breaker import CircuitOpen
from . import waiting
from .availability import search_connection

if TYPE_CHECKING:
    from ..schema.schema import Schema, Stores

logger = logging.getLogger("sonic_django.fulltext")

_BATCH = 1000
#: Batches of one drain; while others keep queueing, it does not go on for ever.
_MOST_BATCHES = 1000


def drain(stores: Stores, *, force: bool = False) -> int:
    """Bring full text up to date for the model's queued objects; how many there were.

    Does nothing where a worker does it (``SONIC["FULLTEXT"] = "queue"``), unless forced. A failure
    of full text is logged and leaves the queue as it is; errors of Redis come out. Cost for 1,000
    objects: two round trips, one statement, one commit of Xapian.
    """
    if not is_available() or (sonic_settings().FULLTEXT != "inline" and not force):
        return 0
    if waiting.circuit.is_open and not force:
        return 0
    done = 0
    for _ in range(_MOST_BATCHES):
        try:
            with nullcontext() if force else waiting.briefly():
                number = _drain_batch(stores)
        except RedisError:
            raise
        except CircuitOpen:
            break
        except Exception as error:
            if is_interruption(error):
                raise
            # Xapian and Haystack raise what they like: locks, full disks, engines of their own.
            logger.exception(
                "%s: full text could not be brought up to date; its objects stay queued.",
                stores.schema.label,
            )
            break
        done += number
        if number < _BATCH:
            break
    return done


def drain_in_sweep(stores: Stores, limit: int | None, *, in_worker: bool) -> int:
    """``drain`` as a job of the sweep, which in a worker is forced. ``limit`` is not needed, since
    full text goes in batches."""
    if not in_worker and not stores.schema.text_fields:
        return 0
    return drain(stores, force=in_worker)


def _drain_batch(stores: Stores) -> int:
    store = stores.index
    queued = store.queued_text(_BATCH)
    if queued:
        update(stores, [id for id, _ in queued])
        store.done_text(queued)
    return len(queued)


def update(stores: Stores, ids: list[int]) -> None:
    """Make full text of these objects what their rows say. One statement and one commit."""
    with exclusively(stores.schema):
        _write(stores, ids)


def _write(stores: Stores, ids: list[int]) -> None:
    index = haystack_index(stores.schema)
    rows = stores.table.fetch(ids)
    live = [
        stores.schema.from_row(stores.using, row) for row in rows.values() if not row.is_deleted
    ]
    if live:
        index.get_backend().update(index, live)
    remove(stores.schema, [id for id in ids if id not in rows or rows[id].is_deleted])


def exclusively(schema: Schema) -> AbstractContextManager[Any]:
    """Keep other processes from full text, from the look at the rows to its end.

    Else one that has read an older row could write it last, over that of a newer one which is
    off the queue already. Other engines than Sonic's have no such lock.
    """
    backend = haystack_index(schema).get_backend()
    lock = getattr(backend, "exclusively", nullcontext)
    context: AbstractContextManager[Any] = lock()
    return context


def remove(schema: Schema, ids: list[int]) -> None:
    """Forget the full text of these ids: one commit of Xapian, if any."""
    backend = haystack_index(schema).get_backend()
    identifiers = [f"{schema.label_lower}.{id}" for id in ids]
    if identifiers and hasattr(backend, "remove_many"):
        backend.remove_many(identifiers)
        return
    for identifier in identifiers:
        backend.remove(identifier)


def indexed_ids(schema: Schema) -> set[int]:
    """The ids that full text holds; none where the engine cannot tell.

    An index that cannot be read is given up for a new one, as its error message promises.
    """
    from haystack.exceptions import HaystackError  # noqa: PLC0415 - Haystack is optional

    backend = haystack_index(schema).get_backend()
    if not hasattr(backend, "indexed_pks"):
        return set()
    try:
        return set(backend.indexed_pks(schema.model))
    except HaystackError as error:
        logger.warning("%s A new index is started; rebuild the other classes too.", error)
        backend.clear()
        return set()


def clear(schema: Schema) -> None:
    """Forget the full text of the class."""
    haystack_index(schema).get_backend().clear(models=[schema.model])


def haystack_index(schema: Schema) -> Any:
    """The model's SearchIndex as Haystack knows it."""
    return search_connection().get_unified_index().get_index(schema.model)
