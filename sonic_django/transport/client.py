"""Redis clients by django-redis, their time-outs, and the translation of their errors.

Nothing waits for ever: ``SONIC["TIMEOUT"]`` bounds connecting and answering. A connection that is
found closed is replaced by a new one, and the command is sent once more, at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from django.core.cache import InvalidCacheBackendError
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django_redis import get_redis_connection  # type: ignore[import-untyped]  # has no hints
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    RedisError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from ..conf import sonic_settings
from ..exceptions import IndexUnavailable
from . import data_sets, deferred


def redis_client(*, write: bool = True) -> Redis:
    """The Redis client, after this thread's deferred replies have been read.

    ``write=False`` may give a replica, where LOCATION lists some. Do not keep the client: replies
    that are deferred later would not be read.
    """
    deferred.await_replies()
    return _client(write)


def primary_client() -> Redis:
    """The client of the Redis that is written to. Does not read deferred replies."""
    return _client(write=True)


def _client(write: bool) -> Redis:
    settings = sonic_settings()
    client = _clients.get((settings.REDIS, write)) or _new_client(settings.REDIS, write)
    limits = _limits.get(client.connection_pool)
    if limits is None or limits.timeout != settings.TIMEOUT:
        _limit_waiting(client.connection_pool, settings.TIMEOUT)
    return client


#: The clients that never change, by alias and ``write``. Threads share them. A look-up here takes
#: a tenth of the time of one in django-redis.
_clients: dict[tuple[str, bool], Redis] = {}


def _new_client(alias: str, write: bool) -> Redis:
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
    """The time-out that Sonic set on a pool of connections, and the options that have it."""

    timeout: float
    names: tuple[str, ...]


#: The limits of each pool. django-redis makes one for each address and process.
_limits: WeakKeyDictionary[Any, _Limits] = WeakKeyDictionary()
_limiting = Lock()


def _limit_waiting(pool: Any, timeout: float) -> None:
    """Set the time-out and the retry where the project's OPTIONS do not set them.

    redis-py 5 waits for ever by default; 6 to 8 wait for ever or for five seconds.
    """
    with _limiting:
        options = pool.connection_kwargs
        known = _limits.get(pool)
        names = ("socket_timeout", "socket_connect_timeout")
        ours = known.names if known else tuple(name for name in names if name not in options)
        options.update(dict.fromkeys(ours, timeout))
        if not options.keys() & {"retry", "retry_on_error", "retry_on_timeout"}:
            # A time-out is not retried: the caller has waited long enough.
            options["retry"] = Retry(NoBackoff(), 1, (RedisConnectionError,))
            options["retry_on_error"] = [RedisConnectionError]
        data_sets.watch(pool)
        # Open connections keep the options with which they were made.
        pool.reset()
        _limits[pool] = _Limits(timeout, ours)


@contextmanager
def translated_errors(subject: str) -> Iterator[None]:
    """Raise an error of Redis as ``IndexUnavailable``. ``subject`` begins the message's sentence:
    it names the work that needs the index."""
    try:
        yield
    except RedisError as error:
        raise IndexUnavailable(
            f"{subject} needs the index in Redis, which {describe_error(error)}. The rows are safe "
            f'in SQL; start Redis or correct CACHES["{sonic_settings().REDIS}"].'
        ) from error


def describe_error(error: RedisError) -> str:
    """The end of a sentence about Redis: "does not answer (...)" or "refused: ..."."""
    # In redis-py these are connection errors, but the server has answered.
    answered = isinstance(error, (AuthenticationError, AuthorizationError, BusyLoadingError))
    is_silent = isinstance(error, (RedisConnectionError, RedisTimeoutError)) and not answered
    return f"does not answer ({error})" if is_silent else f"refused: {error}"
