"""The way to Redis: connections by django-redis, scripts by their digest, errors translated.

Nothing waits for ever: ``SONIC["TIMEOUT"]`` bounds connecting and answering. A connection that
turns out to be closed, or to lead to a server that has become a replica, is made anew and used
once more, at once: every script may be repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from hashlib import sha1
from importlib.resources import files
from threading import Lock
from typing import Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary, WeakSet

from django.core.cache import InvalidCacheBackendError
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from ..conf import sonic_settings
from ..exceptions import IndexUnavailable
from . import deferred, sockets

_T = TypeVar("_T")

#: What scripts share. Most read sets, some write them; some look at records only.
_SETS = ("members", "packed", "sets")
_RANKS = (*_SETS, "ranks", "ordered")
_SHARED_PARTS = {
    "count": ("built",),
    "page": ("built", *_RANKS, "latest"),
    "query": ("built", *_RANKS, "lib", "nodes", "reading", "paging", "parts", "question"),
    "facet": ("built", *_RANKS, "lib", "nodes", "reading"),
    **dict.fromkeys(["digest", "records"], (*_RANKS, "lib")),
    "walk": (*_SETS, "packing", "ranks", "ordered", "lib"),
    "apply": (*_SETS, "packing", "lib", "gathering"),
    "prune": (*_SETS, "packing", "lib"),
    **dict.fromkeys(["held", "versions", "census"], ("members", "lib")),
}

#: Scripts that a server is taught together: whoever asks one of them will soon ask another.
_TOGETHER = ("count", "page", "query", "facet")

#: Runs of a stream in one round trip, where it has to be sent by pipelines.
_PER_PIPELINE = 10


class Script:
    """A Lua script of this package: the shared parts it uses, then its own body."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.parts = (*_SHARED_PARTS.get(name, (*_SETS, "lib")), name)
        #: The sockets by which a server has run it.
        self._known: WeakSet[Any] = WeakSet()

    @cached_property
    def source(self) -> str:
        folder = files("sonic_django.index").joinpath("scripts")
        return "\n".join(folder.joinpath(f"{part}.lua").read_text("utf-8") for part in self.parts)

    @cached_property
    def digest(self) -> str:
        return sha1(self.source.encode()).hexdigest()

    def __call__(self, client: Redis, key: str, *args: Any) -> Any:
        """Run it: one round trip, two when the server does not know the script yet."""
        deferred.settle()
        return _on_the_primary(client, lambda: self._run(client, key, *args))

    def send(self, key: str, *args: Any, ready: Callable[[], None], done: deferred.Done) -> None:
        """Run it without waiting: ``done`` gets the reply, or the error, before this thread next
        uses Redis. No round trip; at first on a connection, those of a call. For ``ready`` see
        ``pending.send``."""
        client = _present_client(write=True)
        deferred.send(
            client,
            ("EVALSHA", self.digest, 1, key, *args),
            known=self._known,
            ready=ready,
            again=lambda: self(client, key, *args),
            done=done,
        )

    def _run(self, client: Redis, key: str, *args: Any) -> Any:
        try:
            return sockets.execute(client, "EVALSHA", self.digest, 1, key, *args)
        except NoScriptError:
            return _run_taught(client, key, [(self, args)])[0]

    def many(self, client: Redis, key: str, calls: Sequence[Sequence[Any]]) -> list[Any]:
        """Run it once for each list of arguments, all in one round trip: see ``run_all``."""
        return run_all(client, key, [(self, args) for args in calls])

    def stream(self, client: Redis, key: str, calls: Sequence[Sequence[Any]]) -> list[Any]:
        """``many`` for scripts that write much and answer little.

        Each call is made, packed and sent while Redis works on the one before: what is waited for
        in the end is the last. Where Redis calls are traced: one round trip for ``_PER_PIPELINE``.
        """
        if len(calls) == 1:
            return [self(client, key, *calls[0])]
        deferred.settle()
        return _on_the_primary(client, lambda: self._run_stream(client, key, calls))

    def _run_stream(self, client: Redis, key: str, calls: Sequence[Sequence[Any]]) -> list[Any]:
        if not sockets.is_watched(client):
            commands = (("EVALSHA", self.digest, 1, key, *args) for args in calls)
            streamed = sockets.stream(client, commands)
            if streamed is not None:
                return streamed
        replies: list[Any] = []
        for start in range(0, len(calls), _PER_PIPELINE):
            some = calls[start : start + _PER_PIPELINE]
            replies += _run_some(client, key, [(self, args) for args in some])
        return replies


def run_all(client: Redis, key: str, calls: Sequence[tuple[Script, Sequence[Any]]]) -> list[Any]:
    """Run scripts, each with its arguments, all in one round trip; raises the first error.

    For scripts that may be repeated: on a server that does not know one of them yet, all of the
    calls are sent again.
    """
    if len(calls) == 1:
        script, args = calls[0]
        return [script(client, key, *args)]
    deferred.settle()
    return _on_the_primary(client, lambda: _run_some(client, key, calls))


def _run_some(client: Redis, key: str, calls: Sequence[tuple[Script, Sequence[Any]]]) -> list[Any]:
    pipeline = client.pipeline(transaction=False)
    for script, args in calls:
        _execute(pipeline, "EVALSHA", script.digest, 1, key, *args)
    try:
        return list(pipeline.execute())
    except NoScriptError:
        return _run_taught(client, key, calls)


def _run_taught(
    client: Redis, key: str, calls: Sequence[tuple[Script, Sequence[Any]]]
) -> list[Any]:
    """The replies of a server that is told the scripts before. One round trip."""
    pipeline = client.pipeline(transaction=False)
    asked = {script.name for script, _ in calls}
    told = asked.union(_TOGETHER) if asked.intersection(_TOGETHER) else asked
    # EVAL teaches as well, also by a user who may not use SCRIPT LOAD: others are then met later.
    for name in sorted(told - asked if len(calls) == 1 else told):
        _execute(pipeline, "SCRIPT LOAD", Script(name).source)
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
    """The result of an action; tried again on new connections where the server refuses to write.

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


def redis_client(*, write: bool = True) -> Redis:
    """The Redis client; ``write=False`` may give a replica, where LOCATION lists some.

    Not to be kept: what this thread has sent before is read here.
    """
    deferred.settle()
    return _present_client(write)


def connection_pool() -> Any:
    """The connections to the Redis that is written to. Deferred replies stay unread."""
    return _present_client(write=True).connection_pool


def _present_client(write: bool) -> Redis:
    settings = sonic_settings()
    client = _clients.get((settings.REDIS, write)) or _new_client(settings.REDIS, write)
    limits = _limits.get(client.connection_pool)
    if limits is None or limits.timeout != settings.TIMEOUT:
        _limit_waiting(client.connection_pool, settings.TIMEOUT)
    return client


#: The clients that are always the same, by alias and ``write``: to ask django-redis costs ten times
#: a look here. Threads share them.
_clients: dict[tuple[str, bool], Redis] = {}


def _new_client(alias: str, write: bool) -> Redis:
    # The package has no type hints.
    from django_redis import get_redis_connection  # type: ignore[import-untyped]

    try:
        client: Redis = get_redis_connection(alias, write=write)
    except (InvalidCacheBackendError, NotImplementedError) as error:
        raise ImproperlyConfigured(
            f'Sonic keeps its indexes in the django-redis cache {alias!r}: add CACHES["{alias}"] '
            f'with BACKEND "django_redis.cache.RedisCache" and a LOCATION, or name another alias '
            f'in SONIC["REDIS"].'
        ) from error
    if write or get_redis_connection(alias, write=True) is client:
        _clients[alias, write] = client
    return client


def _forget_clients(*, setting: str, **kwargs: Any) -> None:
    if setting == "CACHES":
        _clients.clear()


setting_changed.connect(_forget_clients, dispatch_uid="sonic_forget_clients")


class _Limits(NamedTuple):
    """What was set on a pool of connections: the time-out, and for which of its options."""

    timeout: float
    names: tuple[str, ...]


#: The pools that were met. django-redis makes one for each address, for the whole process.
_limits: WeakKeyDictionary[Any, _Limits] = WeakKeyDictionary()
_limiting = Lock()


def _limit_waiting(pool: Any, timeout: float) -> None:
    """Set the time-out and the second try where the project's OPTIONS do not set them.

    redis-py 5 waits for ever by default; 6 to 8 wait for ever or for five seconds.
    """
    with _limiting:
        options = pool.connection_kwargs
        known = _limits.get(pool)
        names = ("socket_timeout", "socket_connect_timeout")
        ours = known.names if known else tuple(name for name in names if name not in options)
        options.update(dict.fromkeys(ours, timeout))
        if not options.keys() & {"retry", "retry_on_error", "retry_on_timeout"}:
            # Not after a time-out: who has waited once need not wait again.
            options["retry"] = Retry(NoBackoff(), 1, (RedisConnectionError,))
            options["retry_on_error"] = [RedisConnectionError]
        # Connections that were made before do not know of it.
        pool.reset()
        _limits[pool] = _Limits(timeout, ours)


@contextmanager
def translated_errors(question: str) -> Iterator[None]:
    """Turn an error of Redis into ``IndexUnavailable``, saying what was asked."""
    try:
        yield
    except RedisError as error:
        raise IndexUnavailable(
            f"{question} needs the index in Redis, which {what_happened(error)}. The rows are safe "
            f'in SQL; start Redis or correct CACHES["{sonic_settings().REDIS}"].'
        ) from error


def what_happened(error: RedisError) -> str:
    """The end of a sentence about Redis: "does not answer (...)" or "refused: ..."."""
    # redis-py counts these among the errors of connecting.
    answered = isinstance(error, (AuthenticationError, AuthorizationError, BusyLoadingError))
    is_silent = isinstance(error, (RedisConnectionError, RedisTimeoutError)) and not answered
    return f"does not answer ({error})" if is_silent else f"refused: {error}"
