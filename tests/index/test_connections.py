"""Streams of commands: each is made ready while Redis works on the one before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from redis.exceptions import ResponseError

from sonic_django.index.store import IndexStore
from sonic_django.transport import sockets
from sonic_django.transport.client import redis_client
from tests.index.dump import Expected, content_of, document
from tests.servers import PrivateRedis


@pytest.fixture
def key(store: IndexStore) -> str:
    return f"{store.base}:job"  # any one that is removed after the test


def test_the_replies_are_in_order(key: str) -> None:
    commands = [("RPUSH", key, "x")] * 20
    assert sockets.stream(redis_client(), iter(commands)) == list(range(1, 21))


def test_nothing_to_send() -> None:
    assert sockets.stream(redis_client(), []) == []


def test_the_next_is_made_and_sent_before_the_reply_is_there(key: str) -> None:
    client = redis_client()

    def commands() -> Iterator[tuple[Any, ...]]:
        yield ("BLPOP", key, 0)
        yield ("RPUSH", key, "y")
        # Redis has no reply to the first before this.
        client.rpush(key, "x")
        yield ("LLEN", key)

    assert sockets.stream(client, commands()) == [[key.encode(), b"x"], 1, 1]


def test_no_more_than_two_are_under_way(key: str) -> None:
    client, known = redis_client(), []

    def commands() -> Iterator[tuple[Any, ...]]:
        for _ in range(10):
            known.append(client.llen(key))
            yield ("RPUSH", key, "x")

    sockets.stream(client, commands())
    assert all(number >= i - 2 for i, number in enumerate(known))


def test_after_an_error_nobody_gets_the_replies_of_others(key: str) -> None:
    client = redis_client()
    commands = [("RPUSH", key, "x"), ("GET", key), ("RPUSH", key, "x"), ("RPUSH", key, "x")]
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        sockets.stream(client, commands)
    assert [client.echo(str(i)) for i in range(4)] == [b"0", b"1", b"2", b"3"]


def test_nor_when_the_commands_end_in_an_error(key: str) -> None:
    client = redis_client()

    def commands() -> Iterator[tuple[Any, ...]]:
        yield ("BLPOP", key, 0)  # has no reply as long as its connection is open
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        sockets.stream(client, commands())
    assert client.echo("0") == b"0"


class _Breaking(Sequence[Any]):
    """Documents in whose midst the server closes all connections and forgets its scripts."""

    def __init__(self, number: int, kill: Any) -> None:
        self.all = [document(id, 1, colours=["red"], number=id) for id in range(1, number + 1)]
        self.kill = kill

    def __len__(self) -> int:
        return len(self.all)

    def __getitem__(self, index: Any) -> Any:
        if self.kill is not None and index.start == 500:
            kill, self.kill = self.kill, None
            kill()
        return self.all[index]


@pytest.mark.parametrize("command", [("CLIENT", "KILL", "TYPE", "normal"), ("SCRIPT", "FLUSH")])
def test_all_is_written_where_the_server_breaks_off(
    store: IndexStore, private_redis: PrivateRedis, settings: Any, command: tuple[str, ...]
) -> None:
    options = {"CLIENT_CLASS": "django_redis.client.DefaultClient"}
    cache = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": private_redis.url}
    settings.CACHES = {**settings.CACHES, "broken": {**cache, "OPTIONS": options}}
    settings.SONIC = {"REDIS": "broken"}
    documents = _Breaking(1200, lambda: redis_client().execute_command(*command))
    store.apply(documents[:200])
    assert store.apply(documents).complete is False
    assert documents.kill is None
    expected = Expected({one.id: one for one in documents.all})
    assert content_of(store) == expected.content()
    store.clear()


def test_redis_py_has_the_private_parts_that_are_used() -> None:
    assert sockets.missing_parts() == []


def test_a_private_part_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "Retry", lambda *args: object())
    [sentence] = sockets.missing_parts()
    assert sentence.startswith("redis-py ")
    assert "Retry._supported_errors is missing" in sentence
