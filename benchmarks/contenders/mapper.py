"""The base of rom and walrus: whole objects in Redis, saved one by one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from ..blog import PostValues
from .base import Contender, Described, number_of, redis_database, redis_memory


class RedisMapper(Contender):
    """Tags are the words of a text, since neither has an index on the elements of a list."""

    database: ClassVar[int]
    #: The attribute that has an object's id.
    id_name: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self._redis = redis_database(self.database)

    def close(self) -> None:
        self._redis.close()

    @abstractmethod
    def make(self, values: dict[str, Any]) -> Any:
        """A new object, saved."""

    @abstractmethod
    def get(self, pk: int) -> Any: ...

    @abstractmethod
    def find(self, pk: int) -> Any:
        """``get``, or None where there is no such object."""

    @staticmethod
    @abstractmethod
    def part_of(key: bytes) -> str:
        """The structure to whose memory a key is added."""

    def load(self, posts: Sequence[PostValues]) -> None:
        self.remember([self._saved(post) for post in posts])

    def describe(self, number: int) -> Described | None:
        post = self.find(self.id_of(number))
        if post is None:
            return None
        return Described(post.title, post.author, post.views, tuple(sorted(post.tags.split())))

    def remove_fresh(self) -> None:
        for pk in self.fresh_ids:
            post = self.find(pk)
            if post is not None:
                post.delete()
        self._fresh.clear()

    def redis_parts(self) -> dict[str, int]:
        return redis_memory(self._redis, "*", self.part_of)

    def save_tags(self, post: PostValues) -> None:
        self.remember_fresh(number_of(post["title"]), self._saved(post))

    save_plain = save_tags

    def update_one(self, given: tuple[int, int]) -> None:
        number, views = given
        post = self.get(self.id_of(number))
        post.views = views
        post.save()

    def prepare_delete(self, number: int) -> Any:
        return self.get(self.id_of(number))

    def delete(self, post: Any) -> None:
        post.delete()

    def _saved(self, post: PostValues) -> int:
        made = self.make(
            {**post, "created": post["created"].timestamp(), "tags": " ".join(post["tags"])}
        )
        return int(getattr(made, self.id_name))
