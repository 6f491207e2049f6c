"""The first query after a restart or a failover of Redis: what it may have lost is applied first.

A server that comes back may lack its last writes: seconds of them, or minutes where it keeps
snapshots alone. Their rows still have dirty marks. A process that meets another data set than
before compares all marks with the index before it hands out an answer, unless a sweep has done so
since. The work goes to one process: the others find the note of it.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from django.db import connections
from redis.exceptions import ResponseError

from ..conf import sonic_settings
from ..exceptions import IndexUnavailable
from ..transport.data_sets import data_sets
from . import checkpoints, confirmed
from .sweep import KINDS, Kind, SweepResult, ever, sweep_batch

if TYPE_CHECKING:
    from ..schema.schema import Stores
    from ..table.dirty import MarkPosition

logger = logging.getLogger("sonic_django.sync")

_lock = threading.Lock()
#: How far a pass has come that took too long for one query: (base key, data set) to the kind and
#: the position of the last mark.
_unfinished: dict[tuple[str, str], tuple[Kind, MarkPosition | None]] = {}


def confirm(stores: Stores) -> bool:
    """Make sure that the index holds what its server may have lost; whether it was changed.

    One round trip if a sweep has done it. Else two more and a statement, and for each 500 dirty
    marks a statement and one or two round trips. ``IndexUnavailable`` if this takes more than
    ``SONIC["TIMEOUT"]`` seconds; the next query goes on.
    """
    index = stores.index
    with _lock:
        seen = data_sets()
        if confirmed.is_confirmed(index.base):
            return True
        if index.swept() in seen:
            confirmed.note(index.base, seen)
            return False
        server = index.server()
        if server.data_set in ("", server.swept):
            confirmed.note(index.base, seen)
            return False
        try:
            if checkpoints.is_set_back(stores, server):
                checkpoints.distrust(stores)
            else:
                _apply_marked(stores, server.data_set)
        except ResponseError as error:
            # It answers and refuses to write: a replica, a full disk. Queries go on, as they do
            # when a server that they know refuses.
            logger.warning(
                "%s: Redis was restarted or replaced and refuses to write (%s). Its index lacks "
                "what Redis has lost, until the next sweep.",
                stores.schema.label,
                error,
            )
        confirmed.note(index.base, seen)
        return True


def _apply_marked(stores: Stores, data_set: str) -> None:
    key = stores.index.base, data_set
    deadline = time.monotonic() + sonic_settings().TIMEOUT
    first, position = _unfinished.pop(key, (KINDS[0], None))
    result = SweepResult()
    for kind in KINDS[KINDS.index(first) :]:
        while True:
            position = sweep_batch(stores, kind, ever(), position, 500, result)
            if position is None:
                break
            if time.monotonic() > deadline:
                _unfinished[key] = kind, position
                raise IndexUnavailable(
                    f"{stores.schema.label}: Redis was restarted or replaced, and objects written "
                    f"before that are still compared with its index. Ask again, or run: python "
                    f"manage.py sonic_sync"
                )
    if not connections[stores.using].in_atomic_block:
        stores.index.note_swept(data_set)
