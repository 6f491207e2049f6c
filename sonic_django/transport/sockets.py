"""One command by one connection of a pool, without the work that redis-py does around it.

``Redis.execute_command`` takes about 30 us of its own, which is as much as Redis takes for the
smallest script. Its use, another try where a connection broke, is kept.

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

#: Before 5.3 redis-py wanted to know the command that a connection is for.
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


def stream(client: Any, commands: Iterable[tuple[Any, ...]]) -> list[Any] | None:
    """The replies to commands, or None where all are to be tried again in another way: the
    connection broke, or the server does not know the script. Raises the first of the other errors.

    Each command is taken, packed and sent while Redis works on the one before. No more than
    ``_AHEAD`` are under way, and their replies are to be small, so neither side ever waits for the
    other to read. One round trip, when all has been sent.
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
        # Replies that are still to come would be taken for those to the next user's commands.
        connection.disconnect()
        if isinstance(error, NoScriptError) or is_worth_another(error, connection):
            return None
        raise
    finally:
        pool.release(connection)
    return replies


def is_watched(client: Any) -> bool:
    """Whether ``execute_command`` has been replaced, as tracing does, or the client has a
    connection of its own."""
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


# Private parts of redis-py ------------------------------------------------------------------------


def socket_of(connection: Any) -> Any:
    """The socket of an open connection, which a connection that is opened again replaces.

    redis-py offers no other mark of that: the connection object stays the same.
    """
    return connection._sock


def is_worth_another(error: BaseException, connection: Any) -> bool:
    """Whether the connection's policy is to try again: by default where it broke, and not after a
    time-out.

    ``Retry`` has no public question for that: it only wraps calls, and a deferred reply is none.
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
        found.append("Connection._sock is gone: it told which connections were opened again.")
    if not hasattr(Retry(NoBackoff(), 1), "_supported_errors"):
        found.append("Retry._supported_errors is gone: it told which errors are tried again.")
    client = redis.Redis()
    if is_watched(client):
        found.append(
            "Redis.execute_command is not a plain method, or Redis.connection is not None: scripts "
            "would always be run as if Redis calls were traced."
        )
    for owner, names in (
        (ConnectionPool, ("get_connection", "release", "reset")),
        (AbstractConnection, ("pack_command", "send_packed_command", "read_response")),
    ):
        found += [
            f"{owner.__name__}.{name} is gone: commands are sent and read by it."
            for name in names
            if not callable(inspect.getattr_static(owner, name, None))
        ]
    pool = ConnectionPool()
    for name in ("connection_kwargs", "max_connections"):
        if not hasattr(pool, name):
            found.append(f"ConnectionPool.{name} is gone: time-outs and limits are read from it.")
    return [f"redis-py {redis.__version__}: {sentence}" for sentence in found]
