"""The floor: redis-py and mysqlclient by hand, one table and plain sorted sets.

The layout is Sonic's in the small: a row of id, data, is_deleted, version and dirty_at, a sorted
set per index value, a check of the version in each update. What it leaves out is what a library
adds: a queryset, declared fields, errors for mistakes, the record that keeps index entries exact
under concurrent writers, and the sweep.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..blog import PostValues
from .base import PAGE, number_of, redis_database, redis_memory
from .row import Row, data_of, placeholders

_DATABASE_NUMBER = 1


class Floor(Row):
    name, label = "floor", "by hand"
    table = "floor"

    def __init__(self) -> None:
        super().__init__()
        self._redis = redis_database(_DATABASE_NUMBER)

    def close(self) -> None:
        super().close()
        self._redis.close()

    def remove_fresh(self) -> None:
        posts = self.posts_of(self.fresh_ids)
        with self._redis.pipeline(transaction=False) as pipeline:
            for pk, post in posts.items():
                _unindex(pipeline, pk, post)
            pipeline.execute()
        super().remove_fresh()

    def redis_parts(self) -> dict[str, int]:
        return redis_memory(self._redis, "*", lambda key: key.decode().partition(":")[0])

    # reading

    def in_bulk(self, ids: Sequence[int]) -> dict[int, bytes]:
        return self.payloads(ids)

    def author_page(self, author: int) -> list[bytes]:
        return self._page(self._redis.zrevrange(f"author:{author}", 0, PAGE - 1))

    def tag_page(self, tag: str) -> list[bytes]:
        return self._page(self._redis.zrevrange(f"tag:{tag}", 0, PAGE - 1))

    tag_page_by_created = tag_page

    def author_tag_page(self, given: tuple[int, str]) -> list[bytes]:
        author, tag = given
        return self._page(self._redis.zinter([f"author:{author}", f"tag:{tag}"])[: -PAGE - 1 : -1])

    def tag_count(self, tag: str) -> int:
        return int(self._redis.zcard(f"tag:{tag}"))

    def count_all(self, _: None) -> int:
        return int(self._redis.zcard("created"))

    def two_tags_count(self, given: tuple[str, str]) -> int:
        return int(self._redis.zintercard(2, [f"tag:{tag}" for tag in given]))

    def two_tags_page_count(self, given: tuple[str, str]) -> tuple[int, list[bytes]]:
        ids = self._redis.zinter([f"tag:{tag}" for tag in given])
        return len(ids), self._page(ids[: -PAGE - 1 : -1])

    def random_depth_page(self, start: int) -> list[bytes]:
        return self._page(self._redis.zrange("created", start, start + PAGE - 1))

    def views_range(self, least: int) -> list[bytes]:
        return self._page(self._redis.zrangebyscore("views", least, "+inf", 0, PAGE))

    def tags_facet(self, limit: int) -> list[int]:
        found = self._redis.zrevrange("tags", 0, limit - 1, withscores=True)
        return [int(number) for _, number in found]

    # writing

    def save_tags(self, post: PostValues) -> None:
        pk = self.insert(post)
        with self._redis.pipeline(transaction=True) as pipeline:
            _index(pipeline, pk, post)
            pipeline.execute()
        self.remember_fresh(number_of(post["title"]), pk)

    save_plain = save_tags

    def update_one(self, given: tuple[int, int]) -> None:
        number, views = given
        pk = self.update_row(number, views)
        self._redis.zadd("views", {pk: views})

    def delete(self, given: tuple[int, PostValues]) -> None:
        pk, post = given
        self.delete_row(pk)
        with self._redis.pipeline(transaction=True) as pipeline:
            _unindex(pipeline, pk, post)
            pipeline.execute()

    def bulk_create_tags(self, posts: Sequence[PostValues]) -> int:
        ids = self.insert_many(posts)
        for pk, post in zip(ids, posts, strict=True):
            self.remember_fresh(number_of(post["title"]), pk)
        return len(ids)

    bulk_create_plain = bulk_create_tags

    def update_query(self, given: tuple[int, int, int]) -> int:
        least, below, author = given
        ids = [int(pk) for pk in self._redis.zrangebyscore("views", least, f"({below}")]
        posts = self.posts_of(ids)
        cases = " ".join("WHEN %s THEN %s" for _ in posts)
        arguments: list[Any] = []
        with self._redis.pipeline(transaction=False) as pipeline:
            for pk, post in posts.items():
                pipeline.zrem(f"author:{post['author']}", pk)
                post["author"] = author
                pipeline.zadd(f"author:{author}", {pk: post["created"].timestamp()})
                arguments += [pk, data_of(post)]
            self._cursor.execute(
                f"UPDATE floor SET data = CASE id {cases} END, version = version + 1, "
                f"dirty_at = UTC_TIMESTAMP(6) WHERE id IN ({placeholders(posts)})",
                [*arguments, *posts],
            )
            pipeline.execute()
        return len(posts)

    def inserted(self, ids: Sequence[int], posts: Sequence[PostValues]) -> None:
        with self._redis.pipeline(transaction=False) as pipeline:
            for pk, post in zip(ids, posts, strict=True):
                _index(pipeline, pk, post)
            pipeline.execute()

    def _page(self, found: Sequence[bytes]) -> list[bytes]:
        ids = [int(pk) for pk in found]
        payloads = self.payloads(ids)
        return [payloads[pk] for pk in ids]


def _entries(post: PostValues) -> Iterator[tuple[str, float]]:
    moment = post["created"].timestamp()
    yield "created", moment
    yield f"author:{post['author']}", moment
    for tag in post["tags"]:
        yield f"tag:{tag}", moment
    yield "views", post["views"]


def _index(pipeline: Any, pk: int, post: PostValues) -> None:
    for key, score in _entries(post):
        pipeline.zadd(key, {pk: score})
    for tag in post["tags"]:
        pipeline.zincrby("tags", 1, tag)


def _unindex(pipeline: Any, pk: int, post: PostValues) -> None:
    for key, _ in _entries(post):
        pipeline.zrem(key, pk)
    for tag in post["tags"]:
        pipeline.zincrby("tags", -1, tag)
