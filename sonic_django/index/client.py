"""The way to Redis: connections by django-redis, scripts by their digest, errors translated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from hashlib import sha1
from importlib.resources import files
from typing import Any

from django.core.cache import InvalidCacheBackendError
from django.core.exceptions import ImproperlyConfigured
from redis import Redis
from redis.exceptions import NoScriptError, RedisError

from ..conf import sonic_settings
from ..exceptions import IndexUnavailable

#: Scripts that read a filter need more than ``lib.lua``.
_SHARED_PARTS = {"query": ("lib", "nodes", "paging"), "facet": ("lib", "nodes")}


class Script:
    """A Lua script of this package: the shared parts it uses, then its own body."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.parts = (*_SHARED_PARTS.get(name, ("lib",)), name)

    @cached_property
    def source(self) -> str:
        folder = files(__package__).joinpath("scripts")
        return "\n".join(folder.joinpath(f"{part}.lua").read_text("utf-8") for part in self.parts)

    @cached_property
    def digest(self) -> str:
        return sha1(self.source.encode()).hexdigest()

    def __call__(self, client: Redis, key: str, *args: Any) -> Any:
        """Run it: one round trip, two when the server does not know the script yet."""
        try:
            return _execute(client, "EVALSHA", self.digest, 1, key, *args)
        except NoScriptError:
            return _execute(client, "EVAL", self.source, 1, key, *args)

    def many(self, client: Redis, key: str, calls: Sequence[Sequence[Any]]) -> list[Any]:
        """Run it once for each list of arguments, all in one round trip; raises the first error.

        For scripts that may be repeated: on a server that does not know the script yet, all of
        the calls are sent again.
        """
        if len(calls) == 1:
            return [self(client, key, *calls[0])]
        for source in (None, self.source):
            pipeline = client.pipeline(transaction=False)
            if source is not None:
                _execute(pipeline, "SCRIPT LOAD", source)
            for args in calls:
                _execute(pipeline, "EVALSHA", self.digest, 1, key, *args)
            try:
                return list(pipeline.execute())[-len(calls) :]
            except NoScriptError:
                if source is not None:
                    raise
        raise AssertionError("unreachable: the second round returns or raises")


def _execute(client: Any, *command: Any) -> Any:
    # redis-py gives this method no types.
    return client.execute_command(*command)


def redis_client(*, write: bool = True) -> Redis:
    """The Redis client; ``write=False`` may give a replica, where LOCATION lists some."""
    # The package has no type hints.
    from django_redis import get_redis_connection  # type: ignore[import-untyped]

    alias = sonic_settings().REDIS
    try:
        client: Redis = get_redis_connection(alias, write=write)
        return client
    except (InvalidCacheBackendError, NotImplementedError) as error:
        raise ImproperlyConfigured(
            f'Sonic keeps its indexes in the django-redis cache {alias!r}: add CACHES["{alias}"] '
            f'with BACKEND "django_redis.cache.RedisCache" and a LOCATION, or name another alias '
            f'in SONIC["REDIS"].'
        ) from error


@contextmanager
def translated_errors(question: str) -> Iterator[None]:
    """Turn an error of Redis into ``IndexUnavailable``, saying what was asked."""
    try:
        yield
    except RedisError as error:
        raise IndexUnavailable(
            f"{question} needs the index in Redis, which failed: {error}. The rows are safe in "
            f'SQL; start Redis or correct CACHES["{sonic_settings().REDIS}"].'
        ) from error
