"""walrus: whole objects in Redis hashes, nothing on disk but Redis's own log."""

from __future__ import annotations

from itertools import islice
from typing import Any

import walrus

from .base import PAGE
from .mapper import RedisMapper


class WalrusPost(walrus.Model):  # type: ignore[misc]
    """walrus finds words by its full-text search."""

    title = walrus.TextField()
    text = walrus.TextField()
    author = walrus.IntegerField(index=True)
    views = walrus.IntegerField(index=True)
    created = walrus.FloatField(index=True)
    tags = walrus.TextField(fts=True)


class Walrus(RedisMapper):
    """No counts but of all, no limit or offset (a page is the start of an iteration), no bulk."""

    name, label = "walrus", "walrus"
    database = 3
    id_name = "_id"

    def __init__(self) -> None:
        super().__init__()
        options = dict(self._redis.connection_pool.connection_kwargs)
        WalrusPost.__database__ = walrus.Database(
            unix_socket_path=options["path"], db=self.database
        )

    def close(self) -> None:
        super().close()
        WalrusPost.__database__.close()

    def make(self, values: dict[str, Any]) -> WalrusPost:
        return WalrusPost.create(**values)

    def get(self, pk: int) -> WalrusPost:
        return WalrusPost.load(pk)

    def find(self, pk: int) -> WalrusPost | None:
        try:
            return WalrusPost.load(pk)
        except KeyError:
            return None

    def author_page(self, author: int) -> list[WalrusPost]:
        return _newest(WalrusPost.author == author)

    def tag_page(self, tag: str) -> list[WalrusPost]:
        return _newest(WalrusPost.tags.match(tag))

    tag_page_by_created = tag_page

    def author_tag_page(self, given: tuple[int, str]) -> list[WalrusPost]:
        author, tag = given
        return _newest((WalrusPost.author == author) & WalrusPost.tags.match(tag))

    def count_all(self, _: None) -> int:
        return int(WalrusPost.count())

    def views_range(self, least: int) -> list[WalrusPost]:
        found = WalrusPost.query(WalrusPost.views >= least, order_by=WalrusPost.views)
        return list(islice(found, PAGE))

    @staticmethod
    def part_of(key: bytes) -> str:
        """An object is ``walruspost.id.<id>``."""
        parts = key.decode(errors="replace").replace(":", ".").split(".")
        return "objects" if parts[1] == "id" else ".".join(parts[:2])


def _newest(expression: Any) -> list[WalrusPost]:
    found = WalrusPost.query(expression, order_by=WalrusPost.created.desc())
    return list(islice(found, PAGE))
