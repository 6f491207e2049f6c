"""Commands sent directly by a connection of a pool, without redis-py's overhead.

``Redis.execute_command`` takes about 30 us of its own, as much as Redis takes for the smallest
script. Its retry after a broken connection is kept.

This module is the only one that uses private parts of redis-py. ``missing_parts`` names those that
a new version of redis-py lacks.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from types import FunctionType
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection, Connection, ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError
from redis.retry import Retry

try:
    from hiredis import pack_command as _hiredis_pack
except ImportError:  # redis-py does without it too
    _pack: Any = None
else:
    _pack = _hiredis_pack

#: Commands of a stream that are sent before the first of them is answered.
_AHEAD = 2

#: Before 5.3 redis-py required the name of the command.
_PURPOSE = ("EVALSHA",) if redis.VERSION < (5, 3) else ()


def execute(client: Any, *command: Any) -> Any:
    """The reply to a command whose reply needs no conversion: one round trip. It may run twice."""
    if is_traced(client):
        return client.execute_command(*command)
    pool = client.connection_pool
    connection = take(pool)
    try:
        send(connection, command)
        return connection.read_response()
    except redis.RedisError as error:
        if not is_retryable(error, connection):
            raise
    finally:
        pool.release(connection)
    return client.execute_command(*command)


def stream(client: Any, commands: Iterable[tuple[Any, ...]]) -> list[Any] | None:
    """The replies to commands, or None if the caller must run all of them in another way: the
    connection broke, or the server does not know the script. Raises the first other error.

    Each command is made, packed and sent while Redis runs the previous one. At most ``_AHEAD`` have
    no reply yet, and replies must be small, so neither side waits for the other to read. One round
    trip, after the last command.
    """
    pool = client.connection_pool
    connection = take(pool)
    replies: list[Any] = []
    sent = 0
    try:
        for command in commands:
            if sent - len(replies) == _AHEAD:
                replies.append(connection.read_response())
            send(connection, command)
            sent += 1
        while len(replies) < sent:
            replies.append(connection.read_response())
    except BaseException as error:
        # The next user of the connection would read the outstanding replies as its own.
        connection.disconnect()
        if isinstance(error, NoScriptError) or is_retryable(error, connection):
            return None
        raise
    finally:
        pool.release(connection)
    return replies


def is_traced(client: Any) -> bool:
    """Whether ``execute_command`` has been replaced, as tracing does, or the client has a
    connection of its own."""
    method = type(client).execute_command
    plain = isinstance(method, FunctionType) and method.__qualname__ == "Redis.execute_command"
    return not plain or client.connection is not None


def take(pool: Any) -> Any:
    """A connection of the pool. The caller returns it with ``pool.release``."""
    return pool.get_connection(*_PURPOSE)


def send(connection: Any, command: tuple[Any, ...]) -> None:
    """Send a command of texts, bytes and numbers."""
    # hiredis packs without redis-py's check of each argument.
    packed = (_pack(command),) if _pack else connection.pack_command(*command)
    connection.send_packed_command(packed)


# Private parts of redis-py ------------------------------------------------------------------------


def socket_of(connection: Any) -> Any:
    """The socket of an open connection. A connection that is opened again has a new one.

    redis-py shows a reconnection in no other way: the connection object stays the same.
    """
    return connection._sock  # noqa: SLF001 - redis-py has no public name for it


def is_retryable(error: BaseException, connection: Any) -> bool:
    """Whether the connection's policy retries after this error: by default after a broken
    connection, and not after a time-out.

    ``Retry`` has no public test for that: it only wraps calls, and a deferred reply is not a call.
    """
    policy = getattr(connection.retry, "_supported_errors", (RedisConnectionError,))
    return isinstance(error, policy)


def missing_parts() -> list[str]:
    """A sentence for each part of redis-py that this module uses and the installed version lacks.

    Opens no connection.
    """
    found = []
    # redis-py gives its constructor no types.
    make_connection: Any = Connection
    if not hasattr(make_connection(), "_sock"):
        found.append("Connection._sock is missing: it shows which connections were opened again.")
    if not hasattr(Retry(NoBackoff(), 1), "_supported_errors"):
        found.append("Retry._supported_errors is missing: it has the errors that are retried.")
    client = redis.Redis()
    if is_traced(client):
        found.append(
            "Redis.execute_command is not a plain method, or Redis.connection is not None: scripts "
            "would always be run as if Redis calls were traced."
        )
    for owner, names in (
        (ConnectionPool, ("get_connection", "release", "reset")),
        (AbstractConnection, ("pack_command", "send_packed_command", "read_response")),
    ):
        found += [
            f"{owner.__name__}.{name} is missing: commands are sent and read by it."
            for name in names
            if not callable(inspect.getattr_static(owner, name, None))
        ]
    pool = ConnectionPool()
    for name in ("connection_kwargs", "max_connections"):
        if not hasattr(pool, name):
            found.append(f"ConnectionPool.{name} is missing: time-outs and limits are there.")
    return [f"redis-py {redis.__version__}: {sentence}" for sentence in found]
