"""rom: whole objects in Redis hashes, nothing on disk but Redis's own log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import rom
import rom.util

from .base import PAGE
from .mapper import RedisMapper


class RomPost(rom.Model):  # type: ignore[misc]
    """rom indexes the words of a text."""

    title = rom.Text()
    text = rom.Text()
    author = rom.Integer(index=True)
    views = rom.Integer(index=True)
    created = rom.Float(index=True)
    tags = rom.Text(index=True, keygen=rom.FULL_TEXT)


class Rom(RedisMapper):
    """Without rom's identity map, which would answer ``get`` from memory; no count of all, which
    is the counter of ids; no facets, no bulk."""

    name, label = "rom", "rom"
    database = 2
    id_name = "id"

    def __init__(self) -> None:
        super().__init__()
        rom.util.CONNECTION = self._redis
        rom.util.use_null_session()

    def make(self, values: dict[str, Any]) -> RomPost:
        made = RomPost(**values)
        made.save()
        return made

    def get(self, pk: int) -> RomPost:
        return RomPost.get(pk)

    find = get

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

    @staticmethod
    def part_of(key: bytes) -> str:
        """An object is ``RomPost:<id>``; the sorted sets of an index have two colons or end in
        idx."""
        parts = key.decode(errors="replace").split(":")
        return "objects" if len(parts) == 2 and parts[1].isdigit() else ":".join(parts[:2])


def _both(tags: tuple[str, str]) -> Any:
    return RomPost.query.filter(tags=tags[0]).filter(tags=tags[1])


def _newest(posts: Any) -> list[RomPost]:
    return list(posts.order_by("-created").limit(0, PAGE).all())
