"""The base of all contenders."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from redis import Redis

from ..blog import FRESH, PostValues

PAGE = 20
_KEYS_A_CALL = 1000


class Described(NamedTuple):
    """A stored post, to compare contenders after writes."""

    title: str
    author: int
    views: int
    tags: tuple[str, ...] = ()


class Answering:
    """A contender: each operation is a method of its name.

    A contender without the method does not take part in the operation. ``plain`` turns the objects
    of an answer into values that can be compared.
    """

    name: str
    label: str

    def can(self, operation: str) -> bool:
        return hasattr(self, operation)

    def prepared(self, operation: str, parameter: Any) -> Any:
        """The argument of the timed method; ``prepare_<operation>`` makes it from the parameter."""
        prepare = getattr(self, f"prepare_{operation}", None)
        return parameter if prepare is None else prepare(parameter)

    def plain(self, answer: Any, field: str | None) -> Any:
        """The answer as values that can be compared: this field of each object, in their order.

        ``field`` is None if the answer has no objects.
        """
        match answer:
            case _ if field is None:
                return answer
            case list():
                return [self.field_of(found, field) for found in answer]
            case dict():
                return [self.field_of(found, field) for found in answer.values()]
            case (int() as number, list() as page):
                return number, [self.field_of(found, field) for found in page]
            case _:
                return self.field_of(answer, field)

    def field_of(self, found: Any, field: str) -> Any:
        """The field's value in one object as the contender gave it back."""
        return getattr(found, field)

    def finish(self) -> None:
        """Wait until all work of the call is done. Called after each write, outside its time."""
        return


class Contender(Answering, ABC):
    """A contender on the blog. Posts have numbers; each contender knows its own ids for them."""

    #: The most rows that it gets; None: any number.
    most_rows: int | None = None

    def __init__(self) -> None:
        self._ids = array("q")
        self._fresh: dict[int, int] = {}

    @abstractmethod
    def load(self, posts: Sequence[PostValues]) -> None:
        """Store a batch in the quickest way; ``remember`` takes the ids."""

    @abstractmethod
    def describe(self, number: int) -> Described | None:
        """The post as it is stored; None if it is not."""

    @abstractmethod
    def remove_fresh(self) -> None:
        """Remove the posts that measurements saved, from all stores."""

    def redis_parts(self) -> dict[str, int] | None:
        """Bytes of Redis memory that the posts take, by structure; None: it has none there."""
        return None

    def close(self) -> None:
        """Close connections of its own."""
        return

    def prepare_get(self, number: int) -> int:
        return self.id_of(number)

    def prepare_in_bulk(self, numbers: Sequence[int]) -> list[int]:
        return [self.id_of(number) for number in numbers]

    @abstractmethod
    def save_tags(self, post: PostValues) -> None:
        """Save a new post with its tags; ``remember_fresh`` takes the id."""

    @abstractmethod
    def save_plain(self, post: PostValues) -> None:
        """The same without the tags, where the tags are rows of their own."""

    def save_tags_in_a_row(self, posts: Sequence[PostValues]) -> None:
        for post in posts:
            self.save_tags(post)
        self.finish()

    def save_plain_in_a_row(self, posts: Sequence[PostValues]) -> None:
        for post in posts:
            self.save_plain(post)
        self.finish()

    def remember(self, ids: Sequence[int]) -> None:
        """The ids of the next posts loaded."""
        self._ids.extend(ids)

    def remember_fresh(self, number: int, pk: int) -> None:
        self._fresh[number] = pk

    def id_of(self, number: int) -> int:
        return self._fresh[number] if number >= FRESH else self._ids[number]

    @property
    def fresh_ids(self) -> list[int]:
        return list(self._fresh.values())

    @property
    def rows(self) -> int:
        """Posts loaded."""
        return len(self._ids)


def redis_database(number: int) -> Any:
    """A new client for the Redis database of this number; Sonic uses number 0.

    Typed as Any, because redis-py's types are those of all clients and protocols at once.
    """
    url = os.environ["SONIC_BENCHMARKS_REDIS_URL"]
    return Redis.from_url(re.sub(r"(?<=[?&]db=)\d+", str(number), url))


def number_of(title: str) -> int:
    return int(title.removeprefix("post "))


def redis_memory(client: Any, pattern: str, part_of: Callable[[bytes], str]) -> dict[str, int]:
    """Bytes of the keys that match, summed by the structure that they are part of."""
    found: dict[str, int] = {}
    batch: list[bytes] = []

    def ask() -> None:
        with client.pipeline(transaction=False) as pipeline:
            for key in batch:
                pipeline.memory_usage(key, samples=0)
            for key, size in zip(batch, pipeline.execute(), strict=True):
                part = part_of(key)
                found[part] = found.get(part, 0) + (size or 0)
        batch.clear()

    for key in client.scan_iter(match=pattern, count=1000):
        batch.append(key)
        if len(batch) == _KEYS_A_CALL:
            ask()
    ask()
    return found
