"""Facts about the Redis server, and the problems that an operator must know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from .client import describe_error, redis_client

#: The oldest Redis that has every command of the scripts.
OLDEST_VERSION = (6, 2)


@dataclass(frozen=True)
class Problem:
    """A problem that may lose data or results, and its remedy."""

    id: str
    message: str
    hint: str
    is_error: bool = False


@dataclass(frozen=True)
class ServerFacts:
    """Facts from INFO and CONFIG. None is an unknown fact: an ACL or the host may forbid both."""

    version: tuple[int, ...] | None = None
    maxmemory: int | None = None
    maxmemory_policy: str | None = None
    evicted_keys: int | None = None
    #: Whether anything is written to disk: an append-only file or save points.
    is_persistent: bool | None = None
    #: Whether each write is: an append-only file.
    keeps_each_write: bool | None = None
    is_replica: bool | None = None

    @property
    def may_evict(self) -> bool:
        """Whether the server may evict keys of Sonic. They never expire, so only the policies
        ``allkeys-*`` do."""
        return bool(self.maxmemory) and (self.maxmemory_policy or "").startswith("allkeys-")

    def problems(self) -> list[Problem]:
        """The problems of the server that the known facts show."""
        found = []
        if self.version and self.version < OLDEST_VERSION:
            found.append(
                Problem(
                    "sonic.E012",
                    f"Redis is {_dotted(self.version)}; Sonic needs "
                    f"{_dotted(OLDEST_VERSION)} or later.",
                    "Upgrade the server.",
                    is_error=True,
                )
            )
        if self.may_evict:
            found.append(
                Problem(
                    "sonic.W010",
                    f"Redis may evict keys: its maxmemory-policy is {self.maxmemory_policy}. An "
                    f"index that loses keys gives incomplete results.",
                    "Set maxmemory-policy to noeviction, or give Sonic a Redis of its own.",
                )
            )
        if self.is_persistent is False:
            found.append(
                Problem(
                    "sonic.W011",
                    "Redis keeps nothing on disk: after a restart every index must be rebuilt.",
                    "Set appendonly to yes.",
                )
            )
        if self.is_persistent and self.keeps_each_write is False:
            found.append(
                Problem(
                    "sonic.W015",
                    "Redis keeps snapshots alone on disk (RDB): when it is killed it comes back "
                    "without the writes of minutes, up to an hour where little is written.",
                    "Set appendonly to yes: redis-cli CONFIG SET appendonly yes, and the same in "
                    "redis.conf or on the command line (--appendonly yes).",
                )
            )
        if self.is_replica:
            found.append(
                Problem(
                    "sonic.W013",
                    "Redis is a read-only replica: nothing written reaches the index.",
                    "Let LOCATION begin with the primary, or promote this server.",
                )
            )
        return found

    def losses(self) -> list[Problem]:
        """Losses of data since the server was started."""
        if not self.evicted_keys:
            return []
        return [
            Problem(
                "sonic.W014",
                f"Redis has evicted {self.evicted_keys:,} key(s) since it was started.",
                "They may be keys of other programs that use this server. Run "
                "python manage.py sonic_check --deep --repair, or sonic_reindex.",
            )
        ]


def server_facts() -> ServerFacts:
    """The facts of the primary: two round trips.

    Raises redis-py's ``ConnectionError`` or ``TimeoutError`` if it does not answer.
    """
    client: Any = redis_client()
    try:
        info = client.info()
    except (RedisConnectionError, RedisTimeoutError):
        raise
    except RedisError:
        return ServerFacts()  # the server answers, but refuses INFO
    return ServerFacts(
        version=_version(info.get("redis_version")),
        maxmemory=info.get("maxmemory"),
        maxmemory_policy=info.get("maxmemory_policy"),
        evicted_keys=info.get("evicted_keys"),
        is_persistent=_is_persistent(client, info),
        keeps_each_write=bool(info["aof_enabled"]) if "aof_enabled" in info else None,
        is_replica=info.get("role") == "slave" and bool(info.get("slave_read_only", 1)),
    )


def server_problems() -> list[Problem]:
    """The problems of the server; one problem if it does not answer. Two round trips."""
    try:
        return server_facts().problems()
    except RedisError as error:
        return [no_answer(error)]


def no_answer(error: RedisError) -> Problem:
    """The problem of a server that does not answer or refuses."""
    return Problem(
        "sonic.W012",
        f"Redis {describe_error(error)}.",
        "Saves go on meanwhile; queries raise IndexUnavailable until it is back.",
    )


def _is_persistent(client: Any, info: dict[str, Any]) -> bool | None:
    if info.get("aof_enabled"):
        return True
    try:
        return bool(client.config_get("save").get("save"))
    except (RedisConnectionError, RedisTimeoutError):
        raise
    except RedisError:
        return None  # INFO lacks the save points, and CONFIG is forbidden


def _version(given: Any) -> tuple[int, ...] | None:
    parts = str(given or "").split(".")[:3]
    return tuple(map(int, parts)) if all(part.isdigit() for part in parts) else None


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
