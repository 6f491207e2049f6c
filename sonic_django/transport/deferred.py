"""Deferred replies: a script is sent, and its caller continues while Redis runs it.

A deferred reply is read before its thread next uses Redis: ``await_replies`` is called wherever
Sonic takes a client. At the latest it is read at the end of the request, of the thread or of the
process. Until then its connection is not in the pool.

The whole script is sent when ``send`` returns. Another thread of this process waits for
the reply before it uses Redis itself. Another process does not wait: it sees the script's effect as
soon as Redis, which takes commands in the order of their arrival, has run it.

A process that is killed or forked does not read the reply. The script runs all the same.
"""

from __future__ import annotations

import atexit
import os
import threading

# Documented for event loops: unlike get_running_loop() it raises no error without a loop.
from asyncio import _get_running_loop
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

from asgiref.sync import SyncToAsync
from django.core.signals import request_finished
from redis.exceptions import NoScriptError, ReadOnlyError, RedisError

from . import sockets

#: Called once, with the reply or with the error.
Done = Callable[[Any], None]

#: At most one in so many connections of a pool has a deferred reply.
_SHARE = 4


def send(
    client: Any,
    command: tuple[Any, ...],
    *,
    known: WeakSet[Any],
    ready: Callable[[], None],
    rerun: Callable[[], Any],
    done: Done,
) -> None:
    """Send a command and defer its reply. ``done`` gets every error, including errors of sending.

    ``ready`` is called before anything is sent, after this thread's last reply has been read. An
    error of Redis that it raises goes to ``done``. ``rerun`` runs the command and waits; it is
    called after a refusal or a broken connection that permits a retry.

    Two kinds of replies are not deferred: the first on a connection, as a new server may lack the
    script (``known`` has the sockets of the other connections), and those to code that an event
    loop awaits. If Redis calls are traced, ``rerun`` is called at once, because it is traced.
    """
    if sockets.is_traced(client):
        done(_reply_or_error(rerun))
        return
    own = _thread.own
    pool = client.connection_pool
    # Consecutive writes use the same connection.
    connection = own.finish(keeps_of=pool)
    if connection is None:
        try:
            ready()
            connection = sockets.take(pool)
        except RedisError as error:
            done(error)
            return
    try:
        sockets.send(connection, command)
    except BaseException as error:
        pool.release(connection)
        if not isinstance(error, RedisError):
            raise
        done(_retried(error, connection, rerun))
        return
    own.reply = reply = DeferredReply(pool, connection, known, rerun, done)
    _deferred.add(reply)
    if not reply.is_known or len(_deferred) * _SHARE >= pool.max_connections or _is_awaited():
        await_replies()


def await_replies() -> None:
    """Read this thread's deferred reply, and wait until those of other threads have arrived.

    Costs nothing if there are none. Raises no error of Redis: ``done`` of each reply gets its
    error.
    """
    if not _deferred:
        return
    _thread.own.finish()
    for reply in tuple(_deferred):
        reply.read()


def outstanding() -> tuple[DeferredReply, ...]:
    """The deferred replies of all threads of this process."""
    return tuple(_deferred)


class DeferredReply:
    """A reply that is not read yet, and its connection."""

    def __init__(
        self,
        pool: Any,
        connection: Any,
        known: WeakSet[Any],
        rerun: Callable[[], Any],
        done: Done,
    ) -> None:
        self.pool = pool
        self.connection = connection
        self._socket = sockets.socket_of(connection)
        self.is_known = self._socket in known
        self._known = known
        self._rerun = rerun
        self._done = done
        self.pid = os.getpid()
        self._lock = threading.Lock()
        self._is_read = False
        self.value: Any = None

    def read(self) -> None:
        """Wait for the reply and store it. The first thread that calls this reads it."""
        if self.pid != os.getpid():
            return  # the reply belongs to the parent
        with self._lock:
            if self._is_read:
                return
            try:
                self.value = self.connection.read_response()
            except RedisError as error:
                self.value = error
            self._is_read = True

    def succeed(self) -> None:
        """Call ``done`` with the reply."""
        if not self.is_known:
            self._known.add(self._socket)
        self._done(self.value)

    def fail(self, *, repeats: bool) -> None:
        """Call ``done`` with the error, or with the reply to a retry."""
        error = self.value
        self._done(_retried(error, self.connection, self._rerun) if repeats else error)


def _retried(error: RedisError, connection: Any, rerun: Callable[[], Any]) -> Any:
    """The reply to a retry, or the error if none is permitted."""
    is_refusal = isinstance(error, (NoScriptError, ReadOnlyError)) or "READONLY" in str(error)
    if not is_refusal and not sockets.is_retryable(error, connection):
        return error
    return _reply_or_error(rerun)


def _reply_or_error(run: Callable[[], Any]) -> Any:
    try:
        return run()
    except RedisError as error:
        return error


#: The deferred replies of all threads.
_deferred: set[DeferredReply] = set()


class _Own:
    """The deferred reply of one thread. Python deletes this object when the thread ends."""

    reply: DeferredReply | None = None

    def finish(self, *, keeps_of: Any = None, repeats: bool = True) -> Any:
        """Read the reply, if there is one, and release its connection to its pool.

        A connection of the pool ``keeps_of`` is not released but returned for another use.
        """
        reply, self.reply = self.reply, None
        if reply is None or reply.pid != os.getpid():
            return None
        keeps = False
        try:
            reply.read()
            failed = isinstance(reply.value, RedisError)
            if not failed:
                reply.succeed()
                keeps = reply.pool is keeps_of
        finally:
            _deferred.discard(reply)
            if not keeps:
                reply.pool.release(reply.connection)
        if failed:
            reply.fail(repeats=repeats)
        return reply.connection if keeps else None

    def __del__(self) -> None:
        # The thread is ending: it starts no retry.
        self.finish(repeats=False)


class _Thread(threading.local):
    def __init__(self) -> None:
        self.own = _Own()


_thread = _Thread()


def _is_awaited() -> bool:
    """Whether an event loop awaits this code, and may continue in another thread."""
    if _get_running_loop() is not None:
        return True
    loop = getattr(SyncToAsync.threadlocal, "main_event_loop", None)
    return loop is not None and loop.is_running()


def _await_at_the_end_of_a_request(**kwargs: Any) -> None:
    await_replies()


request_finished.connect(_await_at_the_end_of_a_request, dispatch_uid="sonic_await_replies")
atexit.register(await_replies)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_deferred.clear)
