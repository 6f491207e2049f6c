"""One command by one connection of a pool, without what redis-py does around it.

``Redis.execute_command`` takes about 30 us of its own, which is as much as Redis takes for the
smallest script; what it is there for, another try where a connection broke, is kept.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any

import redis
from redis.exceptions import ConnectionError as RedisConnectionError

try:
    from hiredis import pack_command as _hiredis_pack
except ImportError:  # redis-py does without it too
    _pack: Any = None
else:
    _pack = _hiredis_pack

#: Before 5.3 redis-py wanted to know what a connection is for.
_PURPOSE = ("EVALSHA",) if redis.VERSION < (5, 3) else ()


def execute(client: Any, *command: Any) -> Any:
    """The reply to a command whose reply needs no conversion: one round trip. It may run twice."""
    if is_watched(client):
        return client.execute_command(*command)
    pool = client.connection_pool
    connection = take(pool)
    try:
        send(connection, command)
        return connection.read_response()
    except redis.RedisError as error:
        if not is_worth_another(error, connection):
            raise
    finally:
        pool.release(connection)
    return client.execute_command(*command)


def is_watched(client: Any) -> bool:
    """Whether somebody has put something in place of ``execute_command``, as tracing does."""
    method = type(client).execute_command
    plain = isinstance(method, FunctionType) and method.__qualname__ == "Redis.execute_command"
    return not plain or client.connection is not None


def take(pool: Any) -> Any:
    """A connection, to be given back by ``pool.release``."""
    return pool.get_connection(*_PURPOSE)


def send(connection: Any, command: tuple[Any, ...]) -> None:
    """Send a command of texts, bytes and numbers."""
    # redis-py looks at each argument before it packs them.
    packed = (_pack(command),) if _pack else connection.pack_command(*command)
    connection.send_packed_command(packed)


def is_worth_another(error: Exception, connection: Any) -> bool:
    """Whether the policy of the connection is to try again: by default where it broke, and not
    after a time-out."""
    policy = getattr(connection.retry, "_supported_errors", (RedisConnectionError,))
    return isinstance(error, policy)
