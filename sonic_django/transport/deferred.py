"""Replies that are read later: a script is sent, and its caller goes on while Redis runs it.

A reply is read before its thread next uses Redis, in whatever way: ``settle`` stands in the gate
through which all of Sonic goes. At the latest it is read at the end of the request, of the thread
or of the process. Until then its connection is out of the pool.

What others see: the script is on its way as a whole when ``send`` returns. Another thread of this
process waits for the reply before it uses Redis itself. Another process is not waited for: it sees
what the script does as soon as Redis, which takes commands as they come, has run it.

Neither a process that is killed nor one that was forked reads a reply: then only the reply is
lost, not what was sent.
"""

from __future__ import annotations

import atexit
import os
import threading
from asyncio import _get_running_loop
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

from asgiref.sync import SyncToAsync
from django.core.signals import request_finished
from redis.exceptions import NoScriptError, ReadOnlyError, RedisError

from . import sockets

#: Called once with the reply, or with the error in its place.
Done = Callable[[Any], None]

#: At most one in so many connections of a pool waits for its reply to be read.
_SHARE = 4


def send(
    client: Any,
    command: tuple[Any, ...],
    *,
    known: WeakSet[Any],
    ready: Callable[[], None],
    again: Callable[[], Any],
    done: Done,
) -> None:
    """Send a command, and read its reply later. Errors go to ``done``, that of sending at once.

    ``ready`` is called before anything is sent, when the reply to what was sent before is read; an
    error of Redis that it raises is the answer.
    ``again`` asks and waits; it is called where an answer is worth another try. Read at once are
    the first replies on a connection (``known`` holds the sockets of the others: what a new server
    does not know must not wait), and those of code that an event loop awaits. Where Redis calls are
    traced, ``again`` is called at once: it goes the way that is traced.
    """
    if sockets.is_watched(client):
        done(_reply_or_error(again))
        return
    place = _thread.place
    pool = client.connection_pool
    # One write after the other goes by the same connection.
    connection = place.finish(keeps_of=pool)
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
        done(_repeated(error, connection, again))
        return
    place.unread = unread = _Unread(pool, connection, known, again, done)
    _unread.add(unread)
    if not unread.is_known or len(_unread) * _SHARE >= pool.max_connections or _is_awaited():
        settle()


def settle() -> None:
    """Read what this thread has not read, and wait until other threads' replies are there.

    Costs nothing where there are none. Raises no error of Redis: each reply has its own ``done``.
    """
    if not _unread:
        return
    _thread.place.finish()
    for other in tuple(_unread):
        other.read()


class _Unread:
    """A reply that is under way, and the connection that it comes by."""

    def __init__(
        self,
        pool: Any,
        connection: Any,
        known: WeakSet[Any],
        again: Callable[[], Any],
        done: Done,
    ) -> None:
        self.pool = pool
        self.connection = connection
        # A connection that is made anew has another one.
        self._socket = connection._sock
        self.is_known = self._socket in known
        self._known = known
        self._again = again
        self._done = done
        self.pid = os.getpid()
        self._lock = threading.Lock()
        self._is_read = False
        self.reply: Any = None

    def read(self) -> None:
        """Wait for the reply and keep it, whichever thread comes first."""
        if self.pid != os.getpid():
            return  # it is the parent's
        with self._lock:
            if self._is_read:
                return
            try:
                self.reply = self.connection.read_response()
            except RedisError as error:
                self.reply = error
            self._is_read = True

    def succeed(self) -> None:
        """Give the reply to whom it is for."""
        if not self.is_known:
            self._known.add(self._socket)
        self._done(self.reply)

    def fail(self, *, repeats: bool) -> None:
        """Give the error to whom it is for, or the answer to another try."""
        error = self.reply
        self._done(_repeated(error, self.connection, self._again) if repeats else error)


def _repeated(error: RedisError, connection: Any, again: Callable[[], Any]) -> Any:
    """The answer to another try, or the error where none is to be made."""
    is_refusal = isinstance(error, (NoScriptError, ReadOnlyError)) or "READONLY" in str(error)
    if not is_refusal and not sockets.is_worth_another(error, connection):
        return error
    return _reply_or_error(again)


def _reply_or_error(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except RedisError as error:
        return error


#: Those of all threads.
_unread: set[_Unread] = set()


class _Place:
    """Where a thread keeps its reply. Python drops it when the thread ends."""

    unread: _Unread | None = None

    def finish(self, *, keeps_of: Any = None, repeats: bool = True) -> Any:
        """Read the reply, if there is one, and give its connection back; unless it is of this
        pool: then it is returned, to be used again."""
        unread, self.unread = self.unread, None
        if unread is None or unread.pid != os.getpid():
            return None
        keeps = False
        try:
            unread.read()
            failed = isinstance(unread.reply, RedisError)
            if not failed:
                unread.succeed()
                keeps = unread.pool is keeps_of
        finally:
            _unread.discard(unread)
            if not keeps:
                unread.pool.release(unread.connection)
        if failed:
            unread.fail(repeats=repeats)
        return unread.connection if keeps else None

    def __del__(self) -> None:
        # What the thread had is being taken apart: nothing new is begun in it.
        self.finish(repeats=False)


class _Thread(threading.local):
    def __init__(self) -> None:
        self.place = _Place()


_thread = _Thread()


def _is_awaited() -> bool:
    """Whether an event loop waits for this code, and may go on in another thread."""
    if _get_running_loop() is not None:
        return True
    loop = getattr(SyncToAsync.threadlocal, "main_event_loop", None)
    return loop is not None and loop.is_running()


def _settle_request(**kwargs: Any) -> None:
    settle()


request_finished.connect(_settle_request, dispatch_uid="sonic_settle")
atexit.register(settle)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unread.clear)
