"""Counting round trips to Redis, as ``assertNumQueries`` counts statements."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from redis.connection import AbstractConnection


class RedisCalls(list[str]):
    """The round trips of a block, each as the name of its first command."""


_local = threading.local()


@contextmanager
def count_redis_calls() -> Iterator[RedisCalls]:
    """The round trips of this process to Redis within the block, from all threads.

    A pipeline is one. The commands that open a connection are not counted.
    """
    calls = RedisCalls()
    # Any: redis-py's connections are typed for asyncio as well.
    connection_class: Any = AbstractConnection
    send, connect = connection_class.send_packed_command, connection_class.connect

    def counting_send(self: Any, command: Any, *args: Any, **kwargs: Any) -> Any:
        if not getattr(_local, "connecting", False):
            calls.append(_name_of(command))
        return send(self, command, *args, **kwargs)

    def quiet_connect(self: Any, *args: Any, **kwargs: Any) -> Any:
        before, _local.connecting = getattr(_local, "connecting", False), True
        try:
            return connect(self, *args, **kwargs)
        finally:
            _local.connecting = before

    with (
        patch.object(AbstractConnection, "send_packed_command", counting_send),
        patch.object(AbstractConnection, "connect", quiet_connect),
    ):
        yield calls


def _name_of(command: Any) -> str:
    r"""The first word of a packed command: ``*3\r\n$7\r\nEVALSHA\r\n...``."""
    packed = command if isinstance(command, bytes) else b"".join(command)
    words = packed.split(b"\r\n", 3)
    return words[2].decode("ascii", "replace") if len(words) > 2 else "?"
