"""Clearing dirty marks, so that an index which was set back afterwards is noticed.

A dirty mark is what brings a write into an index that lost it. Marks that are cleared leave the
index alone responsible. So before that the index must have the write on its disk, and both stores
get the same token: the index first, and SQL once the index cannot lose it any more. An index
without the token of SQL has been set back, by a snapshot or by a replica that lagged, or the
database was. Then what was forgotten may be missing, and the index counts as not built until
``sonic_reindex``.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from math import inf
from typing import TYPE_CHECKING

from django.db import transaction

from ..conf import sonic_settings
from ..table import checkpoints, clock

if TYPE_CHECKING:
    from ..index.store import ServerState
    from ..schema.schema import Stores

logger = logging.getLogger("sonic_django.sync")


def last_token(stores: Stores) -> str:
    """The token of the last clearing, or "". One statement."""
    return checkpoints.token_of(stores.schema.label_lower, stores.using)


def is_set_back(stores: Stores, server: ServerState) -> bool:
    """Whether the index is older than the last clearing, or the database is. One statement, and a
    round trip and a statement more if it seems so."""
    while True:
        token = last_token(stores)
        if not token or token in server.tokens:
            return False
        # Another process may have replaced the token between the two looks.
        server = stores.index.server()
        if token in server.tokens:
            return False
        if last_token(stores) == token:
            return True


def distrust(stores: Stores) -> None:
    """Count the indexes as not built, because one of the stores was set back. Up to three round
    trips."""
    if not stores.index.built():
        return
    stores.index.forget_built()
    logger.error(
        "%s: its index in Redis and its rows in %r are not of the same time: one of them was set "
        "back, by a backup, a snapshot or a replica that lagged. Queries raise IndexNotBuilt. Run: "
        "python manage.py sonic_reindex %s",
        stores.schema.label,
        stores.using,
        stores.schema.label,
    )


class Clearing:
    """The clearing of dirty marks in one sweep of a class."""

    def __init__(self, stores: Stores, server: ServerState) -> None:
        self._stores = stores
        self._server = server
        # What is older than the retention is on the disk, or on the replica that takes over.
        since = server.snapshot_of
        if since is None:
            since = server.now - sonic_settings().RETENTION
        #: The tokens that the server does not lose any more.
        self._durable = {token for token, time in server.tokens.items() if time < since}
        self._token = ""
        self.before = self._limit()

    def _limit(self) -> datetime:
        """The time before which writes that the index has may be forgotten."""
        server = self._server
        now = clock.now(self._stores.using)
        limit = now - timedelta(seconds=sonic_settings().RETENTION)
        if not self._durable:
            return datetime.min.replace(tzinfo=now.tzinfo)
        # A difference of the server's times, so its clock need not agree with ours.
        age = server.now - max(server.tokens[token] for token in self._durable)
        return min(limit, now - timedelta(seconds=age))

    def clear(self, clear: Callable[[], int]) -> int:
        """Clear dirty marks of writes that the index has had since ``before``; the result of
        ``clear``, or 0 if another process was faster. Some statements, and a round trip the first
        time."""
        stores, server = self._stores, self._server
        former = last_token(stores)
        is_first = not self._token
        if is_first:
            self._token = max(self._durable, key=server.tokens.__getitem__)
        if former and server.tokens.get(former, inf) > server.tokens[self._token]:
            # Another process has cleared under a later token since the look at the server.
            return 0
        label = stores.schema.label_lower
        with transaction.atomic(using=stores.using):
            if former != self._token and not checkpoints.replace(
                label, stores.using, former, self._token
            ):
                return 0
            cleared = clear()
        if is_first:
            stores.index.remove_tokens(self._durable - {self._token})
        return cleared

    def prepare(self) -> None:
        """Give the server the token of the next clearing, which it must not lose any more then.
        One round trip, if it has none that is too young."""
        server = self._server
        if len(self._durable) == len(server.tokens):
            self._stores.index.add_token(uuid.uuid4().hex, server.now)
