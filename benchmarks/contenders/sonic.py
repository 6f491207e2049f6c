"""Sonic."""

from __future__ import annotations

from collections.abc import Sequence

from sonic_django.index.keys import base_key
from sonic_django.transport.client import redis_client
from sonic_django.transport.deferred import await_replies

from ..blog import FRESH, PostValues, created
from ..models import Post
from .base import PAGE, Contender, Described, number_of, redis_memory


class Sonic(Contender):
    name, label = "sonic", "Sonic"

    def load(self, posts: Sequence[PostValues]) -> None:
        made = Post.objects.bulk_create([Post(**post) for post in posts])
        self.remember([post.pk for post in made])

    def describe(self, number: int) -> Described | None:
        post = Post.get(self.id_of(number))
        if post is None:
            return None
        return Described(post.title, post.author, post.views, tuple(sorted(post.tags)))

    def remove_fresh(self) -> None:
        Post.objects.filter(created__gte=created(FRESH)).destroy()
        self._fresh.clear()

    def redis_parts(self) -> dict[str, int]:
        base = base_key("benchmarks.post", "default")
        labels = {spec.digest: _label(spec.label) for spec in Post._sonic.layout.specs}

        def part_of(key: bytes) -> str:
            name = key.decode(errors="replace").removeprefix(f"{base}:")
            return labels.get(name[:8], name.partition("#")[0].partition(":")[0])

        return redis_memory(redis_client(), f"{_escaped(base)}*", part_of)

    def finish(self) -> None:
        """Read the deferred replies: a save does not wait for them."""
        await_replies()

    # reading

    def get(self, pk: int) -> Post:
        found: Post = Post.objects.get(id=pk)
        return found

    def in_bulk(self, ids: Sequence[int]) -> dict[int, Post]:
        found: dict[int, Post] = Post.objects.in_bulk(ids)
        return found

    def author_page(self, author: int) -> list[Post]:
        return list(Post.objects.filter(author=author)[:PAGE])

    def tag_page(self, tag: str) -> list[Post]:
        return list(Post.objects.filter(tags=tag)[:PAGE])

    def author_tag_page(self, given: tuple[int, str]) -> list[Post]:
        author, tag = given
        return list(Post.objects.filter(author=author, tags=tag)[:PAGE])

    def tag_page_by_created(self, tag: str) -> list[Post]:
        return list(Post.objects.filter(tags=tag).order_by("-created")[:PAGE])

    def tag_count(self, tag: str) -> int:
        number: int = Post.objects.filter(tags=tag).count()
        return number

    def count_all(self, _: None) -> int:
        number: int = Post.objects.count()
        return number

    def two_tags_count(self, given: tuple[str, str]) -> int:
        number: int = Post.objects.filter(tags__all=given).count()
        return number

    def two_tags_page_count(self, given: tuple[str, str]) -> tuple[int, list[Post]]:
        posts = Post.objects.filter(tags__all=given)
        return posts.count(), list(posts[:PAGE])

    def random_depth_page(self, start: int) -> list[Post]:
        return list(Post.objects.order_by("created")[start : start + PAGE])

    def views_range(self, least: int) -> list[Post]:
        return list(Post.objects.filter(views__gte=least).order_by("views")[:PAGE])

    def tags_facet(self, limit: int) -> list[int]:
        return [number for _, number in Post.objects.facet("tags", limit=limit)]

    # writing

    def save_tags(self, post: PostValues) -> None:
        made = Post(**post)
        made.save()
        self.remember_fresh(number_of(post["title"]), made.pk)

    save_plain = save_tags

    def update_one(self, given: tuple[int, int]) -> None:
        number, views = given
        post = Post.objects.get(id=self.id_of(number))
        post.views = views
        post.save()

    def prepare_delete(self, number: int) -> Post:
        post: Post = Post.objects.get(id=self.id_of(number))
        return post

    def delete(self, post: Post) -> None:
        post.delete()

    def bulk_create_tags(self, posts: Sequence[PostValues]) -> int:
        made = Post.objects.bulk_create([Post(**post) for post in posts])
        for post in made:
            self.remember_fresh(number_of(post.title), post.pk)
        return len(made)

    bulk_create_plain = bulk_create_tags

    def update_query(self, given: tuple[int, int, int]) -> int:
        least, below, author = given
        number: int = Post.objects.filter(views__gte=least, views__lt=below).update(author=author)
        return number


def _escaped(key: str) -> str:
    return key.translate({ord(letter): f"\\{letter}" for letter in "*?[]^"})


def _label(label: str) -> str:
    """Of an index, "[tags]" or "[] ordered by views"."""
    return f"index {label.translate({ord('['): None, ord(']'): None})}".replace("  ", " ")
