"""mysqlclient by hand: an object's row alone, found only by its id."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import MySQLdb

from ..blog import PostValues
from .base import Contender, Described, number_of

_COLUMNS = """(
    id BIGINT AUTO_INCREMENT PRIMARY KEY, data LONGBLOB NOT NULL, is_deleted BOOL NOT NULL,
    version BIGINT NOT NULL, dirty_at DATETIME(6) NULL, KEY (dirty_at))"""
_VALUES = "(%s, 0, 1, UTC_TIMESTAMP(6))"


class Row(Contender):
    """The cost of a durable write without any index."""

    name, label = "row", "its row alone"
    table: ClassVar[str] = "row_alone"

    def __init__(self) -> None:
        super().__init__()
        self._sql = MySQLdb.connect(
            unix_socket=os.environ["SONIC_BENCHMARKS_MARIADB_SOCKET"],
            user="root",
            db="sonic_benchmarks",
            autocommit=True,
            charset="utf8mb4",
        )
        self._cursor = self._sql.cursor()
        self._cursor.execute(f"CREATE TABLE {self.table} {_COLUMNS}")
        self._insert = f"INSERT INTO {self.table} (data, is_deleted, version, dirty_at) VALUES "

    def close(self) -> None:
        self._sql.close()

    def load(self, posts: Sequence[PostValues]) -> None:
        self.remember(self.insert_many(posts))

    def describe(self, number: int) -> Described | None:
        post = self.posts_of([self.id_of(number)]).get(self.id_of(number))
        if post is None:
            return None
        return Described(post["title"], post["author"], post["views"], tuple(sorted(post["tags"])))

    def remove_fresh(self) -> None:
        if self._fresh:
            self._cursor.execute(
                f"DELETE FROM {self.table} WHERE id IN ({placeholders(self._fresh)})",
                self.fresh_ids,
            )
        self._fresh.clear()

    def field_of(self, found: bytes, field: str) -> Any:
        return pickle.loads(found)[field]

    def get(self, pk: int) -> bytes:
        self._cursor.execute(
            f"SELECT data FROM {self.table} WHERE id = %s AND is_deleted = 0", (pk,)
        )
        data: bytes = self._cursor.fetchone()[0]
        return data

    def save_tags(self, post: PostValues) -> None:
        self.remember_fresh(number_of(post["title"]), self.insert(post))

    save_plain = save_tags

    def update_one(self, given: tuple[int, int]) -> None:
        self.update_row(*given)

    def prepare_delete(self, number: int) -> tuple[int, PostValues]:
        pk = self.id_of(number)
        return pk, self.posts_of([pk])[pk]

    def delete(self, given: tuple[int, PostValues]) -> None:
        self.delete_row(given[0])

    # Rows -----------------------------------------------------------------------------------------

    def insert(self, post: PostValues) -> int:
        self._cursor.execute(self._insert + _VALUES, (data_of(post),))
        return int(self._cursor.lastrowid)

    def insert_many(self, posts: Sequence[PostValues]) -> list[int]:
        """One statement for each thousand."""
        ids: list[int] = []
        for first in range(0, len(posts), 1000):
            batch = posts[first : first + 1000]
            self._cursor.execute(
                self._insert + ", ".join([_VALUES] * len(batch)), [data_of(post) for post in batch]
            )
            new = range(self._cursor.lastrowid, self._cursor.lastrowid + len(batch))
            self.inserted(new, batch)
            ids += new
        return ids

    def inserted(self, ids: Sequence[int], posts: Sequence[PostValues]) -> None:
        """After each statement of ``insert_many``."""
        return

    def update_row(self, number: int, views: int) -> int:
        """The id."""
        pk = self.id_of(number)
        self._cursor.execute(f"SELECT data, version FROM {self.table} WHERE id = %s", (pk,))
        data, version = self._cursor.fetchone()
        post = pickle.loads(data)
        post["views"] = views
        changed = self._cursor.execute(
            f"UPDATE {self.table} SET data = %s, version = %s, dirty_at = UTC_TIMESTAMP(6) "
            "WHERE id = %s AND version = %s",
            (data_of(post), version + 1, pk, version),
        )
        assert changed == 1
        return pk

    def delete_row(self, pk: int) -> None:
        self._cursor.execute(
            f"UPDATE {self.table} SET is_deleted = 1, version = version + 1, "
            "dirty_at = UTC_TIMESTAMP(6) WHERE id = %s",
            (pk,),
        )

    def payloads(self, ids: Sequence[int]) -> dict[int, bytes]:
        if not ids:
            return {}
        self._cursor.execute(
            f"SELECT id, data FROM {self.table} "
            f"WHERE id IN ({placeholders(ids)}) AND is_deleted = 0",
            ids,
        )
        return dict(self._cursor.fetchall())

    def posts_of(self, ids: Sequence[int]) -> dict[int, PostValues]:
        return {pk: pickle.loads(data) for pk, data in self.payloads(ids).items()}


def data_of(post: PostValues) -> bytes:
    return pickle.dumps(post, protocol=5)


def placeholders(ids: Iterable[Any]) -> str:
    return ", ".join("%s" for _ in ids)
