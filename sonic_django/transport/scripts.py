"""Lua scripts: made from files, run by their digest, loaded when a server lacks them.

A file may begin its comments with ``-- requires: members packed``. The parts that it names, and
those that they require, precede it in the script, each of them once.

Every script must be repeatable: it is run again after a broken connection, if the server has become
a replica, and if the server does not know it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from hashlib import sha1
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from redis import Redis
from redis.exceptions import NoScriptError, ReadOnlyError, ResponseError

from . import deferred, sockets
from .client import primary_client

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_T = TypeVar("_T")

#: Runs of a stream in one round trip, if it must be sent by pipelines.
_PER_PIPELINE = 10

_REQUIRES = re.compile(r"^-- requires: *(.*)$", re.MULTILINE)


class ScriptFolder:
    """A folder of Lua files: scripts, and the parts that scripts share."""

    def __init__(self, folder: Traversable) -> None:
        self._folder = folder

    def script(self, name: str) -> Script:
        """The script whose body is ``<name>.lua``."""
        return Script(name, lambda: self.source(name))

    def parts(self, name: str) -> tuple[str, ...]:
        """The names of the files that make the script, in order; its own is the last.

        Raises ``ValueError`` for parts that require each other.
        """
        found: list[str] = []
        self._collect(name, found, ())
        return tuple(found)

    def source(self, name: str) -> str:
        """The text of the script."""
        return "\n".join(self._read(part) for part in self.parts(name))

    def _collect(self, name: str, found: list[str], path: tuple[str, ...]) -> None:
        if name in path:
            raise ValueError(f"Lua files require each other: {' -> '.join((*path, name))}")
        if name in found:
            return
        for line in _REQUIRES.findall(self._read(name)):
            for part in line.split():
                self._collect(part, found, (*path, name))
        found.append(name)

    def _read(self, name: str) -> str:
        return self._folder.joinpath(f"{name}.lua").read_text("utf-8")


class Script:
    """A Lua script. ``load`` returns its text and is called at the first use."""

    def __init__(self, name: str, load: Callable[[], str]) -> None:
        self.name = name
        self._load = load
        #: Scripts that are loaded with this one: see ``load_together``.
        self.companions: tuple[Script, ...] = ()
        #: The sockets by which a server has run it.
        self._known: WeakSet[Any] = WeakSet()

    def __repr__(self) -> str:
        return f"<Script {self.name}>"

    @cached_property
    def source(self) -> str:
        """The text of the script."""
        return self._load()

    @cached_property
    def digest(self) -> str:
        """The SHA-1 by which a server knows the script."""
        return sha1(self.source.encode()).hexdigest()

    def __call__(self, client: Redis, key: str, *args: Any) -> Any:
        """Run the script: one round trip, two if the server does not know it yet."""
        deferred.await_replies()
        return _on_the_primary(client, lambda: self._run(client, key, *args))

    def send(self, key: str, *args: Any, ready: Callable[[], None], done: deferred.Done) -> None:
        """Send the script without waiting for the reply.

        ``done`` gets the reply, or the error, before this thread next uses Redis. ``ready`` is
        called before anything is sent. No round trip; the first time on a connection, those of a
        call.
        """
        client = primary_client()
        deferred.send(
            client,
            ("EVALSHA", self.digest, 1, key, *args),
            known=self._known,
            ready=ready,
            rerun=lambda: self(client, key, *args),
            done=done,
        )

    def many(self, client: Redis, key: str, calls: Sequence[Sequence[Any]]) -> list[Any]:
        """The replies to one run for each list of arguments: one round trip, as ``run_all``."""
        return run_all(client, key, [(self, args) for args in calls])

    def stream(self, client: Redis, key: str, calls: Sequence[Sequence[Any]]) -> list[Any]:
        """``many`` for scripts with large arguments and small replies.

        Each call is made, packed and sent while Redis runs the previous one, so only the last reply
        is waited for. If Redis calls are traced: one round trip for ``_PER_PIPELINE`` calls.
        """
        if len(calls) == 1:
            return [self(client, key, *calls[0])]
        deferred.await_replies()
        return _on_the_primary(client, lambda: self._run_stream(client, key, calls))

    def _run(self, client: Redis, key: str, *args: Any) -> Any:
        try:
            return sockets.execute(client, "EVALSHA", self.digest, 1, key, *args)
        except NoScriptError:
            return _load_and_run(client, key, [(self, args)])[0]

    def _run_stream(self, client: Redis, key: str, calls: Sequence[Sequence[Any]]) -> list[Any]:
        if not sockets.is_traced(client):
            commands = (("EVALSHA", self.digest, 1, key, *args) for args in calls)
            streamed = sockets.stream(client, commands)
            if streamed is not None:
                return streamed
        replies: list[Any] = []
        for start in range(0, len(calls), _PER_PIPELINE):
            some = calls[start : start + _PER_PIPELINE]
            replies += _run_pipeline(client, key, [(self, args) for args in some])
        return replies


def load_together(*scripts: Script) -> None:
    """Load all of these scripts when a server lacks one of them: a client that runs one soon runs
    the others."""
    for script in scripts:
        script.companions = scripts


def run_all(client: Redis, key: str, calls: Sequence[tuple[Script, Sequence[Any]]]) -> list[Any]:
    """Run scripts, each with its arguments, all in one round trip; raises the first error.

    If the server does not know one of them yet, all of the calls are sent again: two round trips.
    """
    if len(calls) == 1:
        script, args = calls[0]
        return [script(client, key, *args)]
    deferred.await_replies()
    return _on_the_primary(client, lambda: _run_pipeline(client, key, calls))


def _run_pipeline(
    client: Redis, key: str, calls: Sequence[tuple[Script, Sequence[Any]]]
) -> list[Any]:
    pipeline = client.pipeline(transaction=False)
    for script, args in calls:
        _execute(pipeline, "EVALSHA", script.digest, 1, key, *args)
    try:
        return list(pipeline.execute())
    except NoScriptError:
        return _load_and_run(client, key, calls)


def _load_and_run(
    client: Redis, key: str, calls: Sequence[tuple[Script, Sequence[Any]]]
) -> list[Any]:
    """Load the scripts, and those that are loaded with them, and run the calls. One round trip."""
    pipeline = client.pipeline(transaction=False)
    loaded = {script.name: script for script, _ in calls}
    for script, _ in calls:
        loaded.update((companion.name, companion) for companion in script.companions)
    if len(calls) == 1:
        # EVAL loads its script as well, also for a user who may not use SCRIPT LOAD; the companions
        # are then loaded when they are first run.
        del loaded[calls[0][0].name]
    for _, script in sorted(loaded.items()):
        _execute(pipeline, "SCRIPT LOAD", script.source)
    for script, args in calls:
        if len(calls) == 1:
            _execute(pipeline, "EVAL", script.source, 1, key, *args)
        else:
            _execute(pipeline, "EVALSHA", script.digest, 1, key, *args)
    replies = pipeline.execute(raise_on_error=False)[-len(calls) :]
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    return replies


def _on_the_primary(client: Any, action: Callable[[], _T]) -> _T:
    """The result of an action, which is run again on new connections if the server refuses to
    write.

    After a failover the open connections still lead to the former primary, and the address may
    already lead to the new one. Redis 6.2 gives this error no class of its own within scripts.
    """
    try:
        return action()
    except ResponseError as error:
        if not isinstance(error, ReadOnlyError) and "READONLY" not in str(error):
            raise
        client.connection_pool.reset()
        return action()


def _execute(client: Any, *command: Any) -> Any:
    # redis-py gives this method no types.
    return client.execute_command(*command)
