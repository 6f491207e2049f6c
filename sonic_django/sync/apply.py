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
from ..index.breaker import pausing
from ..index.store import Document
from ..signals import index_failed, post_index
from ..table import gone
from . import slices, state
from .journal import journal
from .tokens import Token

if TYPE_CHECKING:
    from ..models.base import SonicObj

logger = logging.getLogger("sonic_django.sync")

#: Documents in one round trip; a larger bulk is applied in several.
_DOCUMENTS_PER_CALL = 1000


class PendingApply:
    """The documents of one stretch of a transaction, applied when it commits."""

    def __init__(self, model: type[SonicObj], using: str, savepoints: frozenset[Any]) -> None:
        self.model = model
        self.using = using
        self.savepoints = savepoints
        self.documents: list[Document] = []
        self.token = Token(using)
        self._begun = time.monotonic()

    def __call__(self) -> None:
        self.token.committed = True
        if time.monotonic() - self._begun > sonic_settings().RETENTION / 2:
            self._renew_marks()
        apply_now(self.model, self.using, self.documents)

    def _renew_marks(self) -> None:
        """Marks are dated by their statements, the retention counts from the commit: after a long
        transaction it would be over before the index has held anything."""
        options = self.model._sonic
        try:
            options.table(self.using).renew_dirty([(d.id, d.version) for d in self.documents])
            gone_ones = [document.id for document in self.documents if document.state == "gone"]
            gone.renew_objects(options.label, gone_ones, self.using)
        except DatabaseError as error:
            logger.warning("%s: marks could not be dated anew: %s", options.label, error)


def schedule(model: type[SonicObj], using: str, documents: Sequence[Document]) -> Token | None:
    """Apply the documents once the present transaction, if any, has committed; what will tell
    whether it has, or None outside a transaction.

    In autocommit: one round trip now. In a transaction: one for each stretch of saves of one
    model, when it commits; a rolled-back savepoint takes its documents with it. In a test's
    transaction, which never commits: at once, noted in the journal that undoes it.
    """
    connection = connections[using]
    if not connection.in_atomic_block:
        apply_now(model, using, documents)
        return None
    if any(getattr(block, "_from_testcase", False) for block in connection.atomic_blocks):
        token = journal(model, using, [document.id for document in documents])
        apply_now(model, using, documents)
        return token
    savepoints = frozenset(connection.savepoint_ids)
    hooks = connection.run_on_commit
    last = hooks[-1][1] if hooks else None
    if not (
        isinstance(last, PendingApply)
        and last.model is model
        and last.savepoints == savepoints
        and hooks[-1][0] == savepoints
    ):
        last = PendingApply(model, using, savepoints)
        connection.on_commit(last)
    last.documents.extend(documents)
    return last.token


def _drain_text(model: type[SonicObj], using: str) -> None:
    try:
        drain(model, using)
    except RedisError as error:
        logger.error("%s: full text waits in its queue (%s).", model._meta.label, error)


def apply_now(model: type[SonicObj], using: str, documents: Sequence[Document]) -> bool:
    """Bring the index to these documents; whether Redis took them. One round trip for 1,000."""
    store = model._sonic.store(using)
    ids = [document.id for document in documents]
    texts = False
    try:
        with pausing():
            for start in range(0, len(documents), _DOCUMENTS_PER_CALL):
                applied = store.apply(documents[start : start + _DOCUMENTS_PER_CALL])
                texts = texts or applied.texts
            if documents and not applied.complete:
                state.adopt_if_complete(model, using)
    except RedisError as error:
        logger.error(
            "%s: the index of %d committed object(s) in %r could not be updated (%s); "
            "their rows stay marked as dirty.",
            model._meta.label,
            len(ids),
            using,
            error,
        )
        index_failed.send(sender=model, ids=ids, using=using, exception=error)
        slices.after_write(model, using, applied=False)
        return False
    if post_index.has_listeners(model):
        post_index.send(sender=model, ids=ids, using=using)
    if texts:
        _drain_text(model, using)
    slices.after_write(model, using, applied=True)
    return True
