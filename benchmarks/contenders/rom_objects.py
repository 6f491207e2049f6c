"""rom: whole objects in Redis hashes, nothing on disk but Redis's own log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import rom
import rom.util

from ..blog import PostValues
from .base import PAGE, Contender, Described, number_of, redis_database, redis_memory

_DATABASE_NUMBER = 2


class RomPost(rom.Model):  # type: ignore[misc]
    """Tags are the words of a text: rom indexes words, not elements of lists."""

    title = rom.Text()
    text = rom.Text()
    author = rom.Integer(index=True)
    views = rom.Integer(index=True)
    created = rom.Float(index=True)
    tags = rom.Text(index=True, keygen=rom.FULL_TEXT)


class Rom(Contender):
    """Without rom's identity map, which would answer ``get`` from memory; no count of all, which
    is the counter of ids; no facets, no bulk."""

    name, label = "rom", "rom"

    def __init__(self) -> None:
        super().__init__()
        self._redis = redis_database(_DATABASE_NUMBER)
        rom.util.CONNECTION = self._redis
        rom.util.use_null_session()

    def close(self) -> None:
        self._redis.close()

    def load(self, posts: Sequence[PostValues]) -> None:
        for post in posts:
            made = _post(post)
            made.save()
            self.remember([made.id])

    def describe(self, number: int) -> Described | None:
        post = RomPost.get(self.id_of(number))
        if post is None:
            return None
        return Described(post.title, post.author, post.views, tuple(sorted(post.tags.split())))

    def remove_fresh(self) -> None:
        for pk in self.fresh_ids:
            post = RomPost.get(pk)
            if post is not None:
                post.delete()
        self._fresh.clear()

    def redis_parts(self) -> dict[str, int]:
        return redis_memory(self._redis, "*", _part)

    # reading

    def get(self, pk: int) -> RomPost:
        return RomPost.get(pk)

    def in_bulk(self, ids: Sequence[int]) -> list[RomPost]:
        return list(RomPost.get(ids))

    def author_page(self, author: int) -> list[RomPost]:
        return _newest(RomPost.query.filter(author=author))

    def tag_page(self, tag: str) -> list[RomPost]:
        return _newest(RomPost.query.filter(tags=tag))

    tag_page_by_created = tag_page

    def author_tag_page(self, given: tuple[int, str]) -> list[RomPost]:
        author, tag = given
        return _newest(RomPost.query.filter(author=author, tags=tag))

    def tag_count(self, tag: str) -> int:
        return int(RomPost.query.filter(tags=tag).count())

    def two_tags_count(self, given: tuple[str, str]) -> int:
        return int(_both(given).count())

    def two_tags_page_count(self, given: tuple[str, str]) -> tuple[int, list[RomPost]]:
        posts = _both(given)
        return int(posts.count()), _newest(posts)

    def random_depth_page(self, start: int) -> list[RomPost]:
        return list(RomPost.query.order_by("created").limit(start, PAGE).all())

    def views_range(self, least: int) -> list[RomPost]:
        found = RomPost.query.filter(views=(least, None)).order_by("views")
        return list(found.limit(0, PAGE).all())

    # writing

    def save_tags(self, post: PostValues) -> None:
        made = _post(post)
        made.save()
        self.remember_fresh(number_of(post["title"]), made.id)

    save_plain = save_tags

    def update_one(self, given: tuple[int, int]) -> None:
        number, views = given
        post = RomPost.get(self.id_of(number))
        post.views = views
        post.save()

    def prepare_delete(self, number: int) -> Any:
        return RomPost.get(self.id_of(number))

    def delete(self, post: Any) -> None:
        post.delete()


def _post(post: PostValues) -> RomPost:
    return RomPost(
        title=post["title"],
        text=post["text"],
        author=post["author"],
        views=post["views"],
        created=post["created"].timestamp(),
        tags=" ".join(post["tags"]),
    )


def _both(tags: tuple[str, str]) -> Any:
    return RomPost.query.filter(tags=tags[0]).filter(tags=tags[1])


def _newest(posts: Any) -> list[RomPost]:
    return list(posts.order_by("-created").limit(0, PAGE).all())


def _part(key: bytes) -> str:
    """An object is ``RomPost:<id>``; the sorted sets of an index have two colons or end in idx."""
    parts = key.decode(errors="replace").split(":")
    return "objects" if len(parts) == 2 and parts[1].isdigit() else ":".join(parts[:2])
