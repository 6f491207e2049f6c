"""walrus: whole objects in Redis hashes, nothing on disk but Redis's own log."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import walrus

from ..blog import PostValues
from .base import PAGE, Contender, Described, number_of, redis_database, redis_memory

_DATABASE_NUMBER = 3


class WalrusPost(walrus.Model):  # type: ignore[misc]
    """Tags are the words of a text under full-text search: lists have no index."""

    title = walrus.TextField()
    text = walrus.TextField()
    author = walrus.IntegerField(index=True)
    views = walrus.IntegerField(index=True)
    created = walrus.FloatField(index=True)
    tags = walrus.TextField(fts=True)


class Walrus(Contender):
    """No counts but of all, no limit or offset (a page is the start of an iteration), no bulk."""

    name, label = "walrus", "walrus"

    def __init__(self) -> None:
        super().__init__()
        self._redis = redis_database(_DATABASE_NUMBER)
        options = dict(self._redis.connection_pool.connection_kwargs)
        WalrusPost.__database__ = walrus.Database(
            unix_socket_path=options["path"], db=_DATABASE_NUMBER
        )

    def close(self) -> None:
        self._redis.close()
        WalrusPost.__database__.close()

    def load(self, posts: Sequence[PostValues]) -> None:
        self.remember([_create(post)._id for post in posts])

    def describe(self, number: int) -> Described | None:
        try:
            post = WalrusPost.load(self.id_of(number))
        except KeyError:
            return None
        return Described(post.title, post.author, post.views, tuple(sorted(post.tags.split())))

    def remove_fresh(self) -> None:
        for pk in self.fresh_ids:
            try:
                WalrusPost.load(pk).delete()
            except KeyError:
                continue
        self._fresh.clear()

    def redis_parts(self) -> dict[str, int]:
        return redis_memory(self._redis, "*", _part)

    # reading

    def get(self, pk: int) -> WalrusPost:
        return WalrusPost.load(pk)

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

    # writing

    def save_tags(self, post: PostValues) -> None:
        self.remember_fresh(number_of(post["title"]), _create(post)._id)

    save_plain = save_tags

    def update_one(self, given: tuple[int, int]) -> None:
        number, views = given
        post = WalrusPost.load(self.id_of(number))
        post.views = views
        post.save()

    def prepare_delete(self, number: int) -> Any:
        return WalrusPost.load(self.id_of(number))

    def delete(self, post: Any) -> None:
        post.delete()


def _create(post: PostValues) -> Any:
    return WalrusPost.create(
        title=post["title"],
        text=post["text"],
        author=post["author"],
        views=post["views"],
        created=post["created"].timestamp(),
        tags=" ".join(post["tags"]),
    )


def _newest(expression: Any) -> list[WalrusPost]:
    found = WalrusPost.query(expression, order_by=WalrusPost.created.desc())
    return list(islice(found, PAGE))


def _part(key: bytes) -> str:
    """An object is ``walruspost.id.<id>``."""
    parts = key.decode(errors="replace").replace(":", ".").split(".")
    return "objects" if parts[1] == "id" else ".".join(parts[:2])
