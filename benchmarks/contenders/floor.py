"""The floor: redis-py and mysqlclient by hand, one table and plain sorted sets.

The layout is Sonic's in the small: a row of id, data, is_deleted, version and dirty_at, a sorted
set per index value, a check of the version in each update. What it leaves out is what a library
adds: a queryset, declared fields, errors for mistakes, the record that makes an index entry exact
whoever wrote it, and the sweep.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator, Sequence
from typing import Any

import MySQLdb

from ..blog import PostValues
from .base import PAGE, Contender, Described, number_of, redis_database, redis_memory

_TABLE = """CREATE TABLE floor (
    id BIGINT AUTO_INCREMENT PRIMARY KEY, data LONGBLOB NOT NULL, is_deleted BOOL NOT NULL,
    version BIGINT NOT NULL, dirty_at DATETIME(6) NULL, KEY (dirty_at))"""
_INSERT = "INSERT INTO floor (data, is_deleted, version, dirty_at) VALUES "
_VALUES = "(%s, 0, 1, UTC_TIMESTAMP(6))"
_DATABASE_NUMBER = 1


class Floor(Contender):
    name, label = "floor", "by hand"

    def __init__(self) -> None:
        super().__init__()
        self._redis = redis_database(_DATABASE_NUMBER)
        self._sql = MySQLdb.connect(
            unix_socket=os.environ["SONIC_BENCHMARKS_MARIADB_SOCKET"],
            user="root",
            db="sonic_benchmarks",
            autocommit=True,
            charset="utf8mb4",
        )
        self._cursor = self._sql.cursor()
        self._cursor.execute(_TABLE)

    def close(self) -> None:
        self._sql.close()
        self._redis.close()

    def load(self, posts: Sequence[PostValues]) -> None:
        self.remember(self._insert_many(posts))

    def describe(self, number: int) -> Described | None:
        post = self._rows([self.id_of(number)]).get(self.id_of(number))
        if post is None:
            return None
        return Described(post["title"], post["author"], post["views"], tuple(sorted(post["tags"])))

    def remove_fresh(self) -> None:
        posts = self._rows(self.fresh_ids)
        with self._redis.pipeline(transaction=False) as pipeline:
            for pk, post in posts.items():
                _unindex(pipeline, pk, post)
            pipeline.execute()
        if self._fresh:
            self._cursor.execute(
                f"DELETE FROM floor WHERE id IN ({_places(self._fresh)})", self.fresh_ids
            )
        self._fresh.clear()

    def redis_parts(self) -> dict[str, int]:
        return redis_memory(self._redis, "*", lambda key: key.decode().partition(":")[0])

    # reading

    def field_of(self, found: bytes, field: str) -> Any:
        return pickle.loads(found)[field]

    def get(self, pk: int) -> bytes:
        self._cursor.execute("SELECT data FROM floor WHERE id = %s AND is_deleted = 0", (pk,))
        data: bytes = self._cursor.fetchone()[0]
        return data

    def in_bulk(self, ids: Sequence[int]) -> dict[int, bytes]:
        return self._payloads(ids)

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
        self._cursor.execute(_INSERT + _VALUES, (_data(post),))
        pk = self._cursor.lastrowid
        with self._redis.pipeline(transaction=True) as pipeline:
            _index(pipeline, pk, post)
            pipeline.execute()
        self.remember_fresh(number_of(post["title"]), pk)

    save_plain = save_tags

    def update_one(self, given: tuple[int, int]) -> None:
        number, views = given
        pk = self.id_of(number)
        self._cursor.execute("SELECT data, version FROM floor WHERE id = %s", (pk,))
        data, version = self._cursor.fetchone()
        post = pickle.loads(data)
        post["views"] = views
        changed = self._cursor.execute(
            "UPDATE floor SET data = %s, version = %s, dirty_at = UTC_TIMESTAMP(6) "
            "WHERE id = %s AND version = %s",
            (_data(post), version + 1, pk, version),
        )
        assert changed == 1
        self._redis.zadd("views", {pk: views})

    def prepare_delete(self, number: int) -> tuple[int, PostValues]:
        pk = self.id_of(number)
        return pk, self._rows([pk])[pk]

    def delete(self, given: tuple[int, PostValues]) -> None:
        pk, post = given
        self._cursor.execute(
            "UPDATE floor SET is_deleted = 1, version = version + 1, dirty_at = UTC_TIMESTAMP(6) "
            "WHERE id = %s",
            (pk,),
        )
        with self._redis.pipeline(transaction=True) as pipeline:
            _unindex(pipeline, pk, post)
            pipeline.execute()

    def bulk_create_tags(self, posts: Sequence[PostValues]) -> int:
        ids = self._insert_many(posts)
        for pk, post in zip(ids, posts, strict=True):
            self.remember_fresh(number_of(post["title"]), pk)
        return len(ids)

    bulk_create_plain = bulk_create_tags

    def update_query(self, given: tuple[int, int, int]) -> int:
        least, below, author = given
        ids = [int(pk) for pk in self._redis.zrangebyscore("views", least, f"({below}")]
        posts = self._rows(ids)
        cases = " ".join("WHEN %s THEN %s" for _ in posts)
        arguments: list[Any] = []
        with self._redis.pipeline(transaction=False) as pipeline:
            for pk, post in posts.items():
                pipeline.zrem(f"author:{post['author']}", pk)
                post["author"] = author
                pipeline.zadd(f"author:{author}", {pk: post["created"].timestamp()})
                arguments += [pk, _data(post)]
            self._cursor.execute(
                f"UPDATE floor SET data = CASE id {cases} END, version = version + 1, "
                f"dirty_at = UTC_TIMESTAMP(6) WHERE id IN ({_places(posts)})",
                [*arguments, *posts],
            )
            pipeline.execute()
        return len(posts)

    def _insert_many(self, posts: Sequence[PostValues]) -> list[int]:
        """One statement, one pipeline, for each thousand."""
        ids: list[int] = []
        for first in range(0, len(posts), 1000):
            batch = posts[first : first + 1000]
            self._cursor.execute(
                _INSERT + ", ".join([_VALUES] * len(batch)), [_data(post) for post in batch]
            )
            new = range(self._cursor.lastrowid, self._cursor.lastrowid + len(batch))
            with self._redis.pipeline(transaction=False) as pipeline:
                for pk, post in zip(new, batch, strict=True):
                    _index(pipeline, pk, post)
                pipeline.execute()
            ids += new
        return ids

    def _page(self, found: Sequence[bytes]) -> list[bytes]:
        ids = [int(pk) for pk in found]
        payloads = self._payloads(ids)
        return [payloads[pk] for pk in ids]

    def _payloads(self, ids: Sequence[int]) -> dict[int, bytes]:
        if not ids:
            return {}
        self._cursor.execute(
            f"SELECT id, data FROM floor WHERE id IN ({_places(ids)}) AND is_deleted = 0", ids
        )
        return dict(self._cursor.fetchall())

    def _rows(self, ids: Sequence[int]) -> dict[int, PostValues]:
        return {pk: pickle.loads(data) for pk, data in self._payloads(ids).items()}


def _data(post: PostValues) -> bytes:
    return pickle.dumps(post, protocol=5)


def _places(ids: Any) -> str:
    return ", ".join(["%s"] * len(ids))


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
