"""Applying committed objects to the index: at once in autocommit, else after the commit.

A failure here never fails the save, which is committed: it is logged and signalled, and the row
keeps its dirty mark.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, connections
from redis.exceptions import RedisError

from ..conf import sonic_settings
from ..fulltext.queue import drain
from ..index.store import OBJECTS_PER_SCRIPT, Applied, Document, IndexStore
from ..signals import index_failed, post_index, send_after_commit
from ..table import tombstones
from ..transport.redis_circuit import redis_circuit
from . import background, built
from .commit_token import Token
from .testcase_rollbacks import note_applied

if TYPE_CHECKING:
    from ..schema.schema import Stores

logger = logging.getLogger("sonic_django.sync")


class PendingApply:
    """The documents of one run of saves in a transaction, applied when it commits."""

    def __init__(self, stores: Stores, savepoints: frozenset[Any]) -> None:
        self.stores = stores
        self.savepoints = savepoints
        self.documents: list[Document] = []
        self.token = Token(stores.using)
        self._begun = time.monotonic()

    def __call__(self) -> None:
        """Apply the documents: the transaction has committed."""
        self.token.committed = True
        if time.monotonic() - self._begun > sonic_settings().RETENTION / 2:
            self._renew_marks()
        apply_now(self.stores, self.documents)

    def _renew_marks(self) -> None:
        """Date the dirty marks from the commit. Their statements dated them earlier: after a long
        transaction the retention would be over before the index had anything."""
        schema = self.stores.schema
        try:
            self.stores.table.renew_dirty([(d.id, d.version) for d in self.documents])
            destroyed = [
                document.id for document in self.documents if document.state == "destroyed"
            ]
            tombstones.renew_objects(schema.label_lower, destroyed, self.stores.using)
        except DatabaseError as error:
            logger.warning(
                "%s: dirty marks could not be dated again: %s", schema.label_lower, error
            )


def schedule(stores: Stores, documents: Sequence[Document]) -> Token | None:
    """Apply the documents once the present transaction, if any, has committed; what will tell
    whether it has, or None outside a transaction.

    In autocommit: one round trip now (see ``apply_now``). In a transaction: one for each run of
    saves of one model, when it commits; a rolled-back savepoint takes its documents with it. In a
    test's transaction, which never commits: at once, noted, so that a rollback is undone.
    """
    connection = connections[stores.using]
    if not connection.in_atomic_block:
        apply_now(stores, documents)
        return None
    if any(getattr(block, "_from_testcase", False) for block in connection.atomic_blocks):
        token = note_applied(stores, [document.id for document in documents])
        apply_now(stores, documents, waits=True)
        return token
    savepoints = frozenset(connection.savepoint_ids)
    hooks = connection.run_on_commit
    last = hooks[-1][1] if hooks else None
    if not (
        isinstance(last, PendingApply)
        and last.stores == stores
        and last.savepoints == savepoints
        and hooks[-1][0] == savepoints
    ):
        last = PendingApply(stores, savepoints)
        connection.on_commit(last)
    last.documents.extend(documents)
    return last.token


def _drain_text(stores: Stores) -> None:
    try:
        drain(stores)
    except RedisError as error:
        logger.error("%s: full text waits in its queue (%s).", stores.schema.label, error)


def apply_now(stores: Stores, documents: Sequence[Document], *, waits: bool = False) -> None:
    """Bring the index to these documents. One round trip (see ``IndexStore.apply``).

    None for up to ``OBJECTS_PER_SCRIPT`` outside a transaction: those are sent, and their
    result is read before this thread next uses Redis (see ``transport.deferred``). They are waited
    for where something is to follow: ``post_index``, full text, a background job, the first
    writes to an index.
    """
    store = stores.index
    if not (waits or _is_heard_at_once(stores, documents, store)):
        _send(stores, documents, store)
        return
    try:
        with redis_circuit().guard():
            applied = store.apply(documents)
            if documents:
                built.note_complete(store, applied.complete)
                if not applied.complete:
                    built.adopt_if_complete(stores)
    except RedisError as error:
        _failed(stores, documents, error)
        return
    model = stores.schema.model
    if post_index.has_listeners(model):
        ids = [document.id for document in documents]
        send_after_commit(post_index, model, ids=ids, using=stores.using)
    if applied.texts:
        _drain_text(stores)
    background.after_write(stores, applied=True)


def _is_heard_at_once(stores: Stores, documents: Sequence[Document], store: IndexStore) -> bool:
    return (
        not 0 < len(documents) <= OBJECTS_PER_SCRIPT
        or background.is_due(stores)
        or not redis_circuit().is_closed
        or store.layout.has_text
        or bool(post_index.receivers and post_index.has_listeners(stores.schema.model))
        or not built.was_complete(store)
    )


def _send(stores: Stores, documents: Sequence[Document], store: IndexStore) -> None:
    circuit = redis_circuit()

    def done(applied: Applied | RedisError) -> None:
        if isinstance(applied, RedisError):
            circuit.note(applied)
            _failed(stores, documents, applied)
        elif not applied.complete:
            # It was emptied. The next write waits for its reply and restores what is missing.
            built.note_complete(store, False)

    store.send(documents, ready=circuit.raise_if_open, done=done)


def _failed(stores: Stores, documents: Sequence[Document], error: RedisError) -> None:
    ids = [document.id for document in documents]
    logger.error(
        "%s: the index of %d committed object(s) in %r could not be updated (%s); "
        "their rows stay marked as dirty.",
        stores.schema.label,
        len(ids),
        stores.using,
        error,
    )
    send_after_commit(
        index_failed, stores.schema.model, ids=ids, using=stores.using, exception=error
    )
    background.after_write(stores, applied=False)
