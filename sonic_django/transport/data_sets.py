"""The data set that each Redis connection leads to, asked for when the connection is made.

A server that was restarted, or a replica that was promoted, may lack what the one before it had. No
open connection survives a restart, so the first command after it goes over a new connection, and a
new connection tells the server's replication id: it changes with every start of a primary and with
every promotion, and all replicas of one primary have the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from redis.exceptions import ResponseError

_ID = re.compile(rb"master_replid:(\w+)")

#: The data set of the newest connection of each pool.
_of_pools: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
_current: frozenset[str] = frozenset()


def data_sets() -> frozenset[str]:
    """The data sets that this process's connections lead to: the same object until one changes.

    A server that does not tell its replication id, as an ACL may forbid INFO, is not among them.
    """
    return _current


def data_set_in(info: Any) -> str:
    """The data set in a reply of INFO, as bytes or text; "" if it is not told."""
    raw = info if isinstance(info, bytes) else str(info).encode()
    found = _ID.search(raw)
    return found[1].decode() if found else ""


def watch(pool: Any) -> None:
    """Ask each new connection of the pool for its data set: one round trip a connection."""
    options = pool.connection_kwargs
    former = options.get("redis_connect_func")
    if isinstance(former, partial) and former.func is _connected:
        return
    _of_pools.setdefault(pool, "")
    options["redis_connect_func"] = partial(_connected, _note(pool), former)


def _note(pool: Any) -> Callable[[str], None]:
    pools = WeakKeyDictionary({pool: None})  # the pool holds this function by its options

    def note(data_set: str) -> None:
        global _current
        for pool in pools:
            if _of_pools.get(pool) != data_set:
                _of_pools[pool] = data_set
                _current = frozenset(filter(None, _of_pools.values()))

    return note


def _connected(
    note: Callable[[str], None], former: Callable[[Any], Any] | None, connection: Any
) -> None:
    if former is None:
        connection.on_connect()
    else:
        former(connection)
    connection.send_command("INFO", "replication")
    try:
        info = connection.read_response()
    except ResponseError:
        info = b""
    note(data_set_in(info))
