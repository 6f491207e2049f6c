"""Django's ORM with one JSON column and generated columns for the indexes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q

from ..blog import FRESH, PostValues, created
from ..models import JsonPost
from .base import PAGE, Contender, Described, number_of


class DjangoJson(Contender):
    """No facet: MariaDB counts the elements of JSON lists only through JSON_TABLE, which the ORM
    does not speak."""

    name, label = "json", "Django ORM, JSON"

    def load(self, posts: Sequence[PostValues]) -> None:
        made = JsonPost.objects.bulk_create([_post(post) for post in posts])
        self.remember([post.pk for post in made])

    def describe(self, number: int) -> Described | None:
        post = JsonPost.objects.filter(id=self.id_of(number)).first()
        if post is None:
            return None
        data = post.data
        return Described(data["title"], data["author"], data["views"], tuple(sorted(data["tags"])))

    def remove_fresh(self) -> None:
        JsonPost.objects.filter(created__gte=_text(created(FRESH)))._raw_delete("default")  # noqa: SLF001 - no signals
        self._fresh.clear()

    # reading

    def field_of(self, found: JsonPost, field: str) -> Any:
        return found.data[field]

    def get(self, pk: int) -> JsonPost:
        return JsonPost.objects.get(id=pk)

    def in_bulk(self, ids: Sequence[int]) -> dict[int, JsonPost]:
        return JsonPost.objects.in_bulk(ids)

    def author_page(self, author: int) -> list[JsonPost]:
        return _newest(JsonPost.objects.filter(author=author))

    def tag_page(self, tag: str) -> list[JsonPost]:
        return _newest(JsonPost.objects.filter(data__tags__contains=tag))

    tag_page_by_created = tag_page

    def author_tag_page(self, given: tuple[int, str]) -> list[JsonPost]:
        author, tag = given
        return _newest(JsonPost.objects.filter(author=author, data__tags__contains=tag))

    def tag_count(self, tag: str) -> int:
        return JsonPost.objects.filter(data__tags__contains=tag).count()

    def count_all(self, _: None) -> int:
        return JsonPost.objects.count()

    def two_tags_count(self, given: tuple[str, str]) -> int:
        return JsonPost.objects.filter(_both(given)).count()

    def two_tags_page_count(self, given: tuple[str, str]) -> tuple[int, list[JsonPost]]:
        posts = JsonPost.objects.filter(_both(given))
        return posts.count(), _newest(posts)

    def random_depth_page(self, start: int) -> list[JsonPost]:
        return list(JsonPost.objects.order_by("created")[start : start + PAGE])

    def views_range(self, least: int) -> list[JsonPost]:
        return list(JsonPost.objects.filter(views__gte=least).order_by("views")[:PAGE])

    # writing

    def save_tags(self, post: PostValues) -> None:
        made = _post(post)
        made.save()
        self.remember_fresh(number_of(post["title"]), made.pk)

    save_plain = save_tags

    def update_one(self, given: tuple[int, int]) -> None:
        number, views = given
        post = JsonPost.objects.get(id=self.id_of(number))
        post.data["views"] = views
        post.save(update_fields=["data"])

    def prepare_delete(self, number: int) -> JsonPost:
        return JsonPost.objects.get(id=self.id_of(number))

    def delete(self, post: JsonPost) -> None:
        post.delete()

    def bulk_create_tags(self, posts: Sequence[PostValues]) -> int:
        made = JsonPost.objects.bulk_create([_post(post) for post in posts])
        for post in made:
            self.remember_fresh(number_of(post.data["title"]), post.pk)
        return len(made)

    bulk_create_plain = bulk_create_tags

    def update_query(self, given: tuple[int, int, int]) -> int:
        """Django has no update of a part of a document: load, change, ``bulk_update``."""
        least, below, author = given
        posts = list(JsonPost.objects.filter(views__gte=least, views__lt=below))
        for post in posts:
            post.data["author"] = author
        return JsonPost.objects.bulk_update(posts, ["data"], batch_size=500)


def _both(tags: tuple[str, str]) -> Q:
    return Q(data__tags__contains=tags[0]) & Q(data__tags__contains=tags[1])


def _newest(posts: Any) -> list[JsonPost]:
    return list(posts.order_by("-created")[:PAGE])


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")


def _post(post: PostValues) -> JsonPost:
    return JsonPost(data={**post, "created": _text(post["created"])})
