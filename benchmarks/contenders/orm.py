"""Django's ORM with columns, indexes and a many-to-many relation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Count

from ..blog import PostValues
from ..models import OrmPost, OrmTag
from .base import PAGE, Contender, Described, number_of

_Through: Any = OrmPost.tags.through


class DjangoColumns(Contender):
    name, label = "orm", "Django ORM, columns"

    def __init__(self) -> None:
        super().__init__()
        self._tag_ids: dict[str, int] = {}

    def load(self, posts: Sequence[PostValues]) -> None:
        self.remember([post.pk for post in self._create(posts)])

    def _create(self, posts: Sequence[PostValues]) -> list[OrmPost]:
        """Posts and their tags in two statements a batch, and those of tags not met before."""
        with transaction.atomic():
            self._learn({tag for post in posts for tag in post["tags"]})
            made = OrmPost.objects.bulk_create([_post(post) for post in posts])
            _Through.objects.bulk_create(
                [
                    _Through(ormpost_id=stored.pk, ormtag_id=self._tag_ids[tag])
                    for stored, post in zip(made, posts, strict=True)
                    for tag in post["tags"]
                ]
            )
        return made

    def _learn(self, tags: set[str]) -> None:
        """Make those tags that are new; the ids of all are remembered, which is kind to Django."""
        if new := tags - self._tag_ids.keys():
            for tag in OrmTag.objects.bulk_create([OrmTag(name=name) for name in sorted(new)]):
                self._tag_ids[tag.name] = tag.pk

    def describe(self, number: int) -> Described | None:
        post = OrmPost.objects.filter(id=self.id_of(number)).first()
        if post is None:
            return None
        tags = tuple(sorted(post.tags.values_list("name", flat=True)))
        return Described(post.title, post.author, post.views, tags)

    def remove_fresh(self) -> None:
        # By ranges of ids, which are the highest there are: MariaDB would read the whole table for
        # a DELETE with a subquery.
        if self._fresh:
            first, last = min(self.fresh_ids), max(self.fresh_ids)
            relation = _Through.objects.filter(ormpost_id__gte=first, ormpost_id__lte=last)
            relation._raw_delete("default")  # noqa: SLF001 - no signals
            OrmPost.objects.filter(id__range=(first, last))._raw_delete("default")  # noqa: SLF001 - no signals
        self._fresh.clear()

    # reading

    def get(self, pk: int) -> OrmPost:
        return OrmPost.objects.get(id=pk)

    def in_bulk(self, ids: Sequence[int]) -> dict[int, OrmPost]:
        return OrmPost.objects.in_bulk(ids)

    def author_page(self, author: int) -> list[OrmPost]:
        return list(OrmPost.objects.filter(author=author).order_by("-created")[:PAGE])

    def tag_page(self, tag: str) -> list[OrmPost]:
        return list(OrmPost.objects.filter(tags__name=tag).order_by("-created")[:PAGE])

    tag_page_by_created = tag_page

    def author_tag_page(self, given: tuple[int, str]) -> list[OrmPost]:
        author, tag = given
        found = OrmPost.objects.filter(author=author, tags__name=tag)
        return list(found.order_by("-created")[:PAGE])

    def tag_count(self, tag: str) -> int:
        return OrmPost.objects.filter(tags__name=tag).count()

    def count_all(self, _: None) -> int:
        return OrmPost.objects.count()

    def two_tags_count(self, given: tuple[str, str]) -> int:
        return OrmPost.objects.filter(tags__name=given[0]).filter(tags__name=given[1]).count()

    def two_tags_page_count(self, given: tuple[str, str]) -> tuple[int, list[OrmPost]]:
        posts = OrmPost.objects.filter(tags__name=given[0]).filter(tags__name=given[1])
        return posts.count(), list(posts.order_by("-created")[:PAGE])

    def random_depth_page(self, start: int) -> list[OrmPost]:
        return list(OrmPost.objects.order_by("created")[start : start + PAGE])

    def views_range(self, least: int) -> list[OrmPost]:
        return list(OrmPost.objects.filter(views__gte=least).order_by("views")[:PAGE])

    def tags_facet(self, limit: int) -> list[int]:
        found = _Through.objects.values("ormtag__name").annotate(number=Count("id"))
        return [row["number"] for row in found.order_by("-number")[:limit]]

    # writing

    def save_tags(self, post: PostValues) -> None:
        with transaction.atomic():
            made = _post(post)
            made.save()
            self._learn(set(post["tags"]))
            made.tags.add(*[self._tag_ids[tag] for tag in post["tags"]])
        self.remember_fresh(number_of(post["title"]), made.pk)

    def save_plain(self, post: PostValues) -> None:
        made = _post(post)
        made.save()
        self.remember_fresh(number_of(post["title"]), made.pk)

    def update_one(self, given: tuple[int, int]) -> None:
        number, views = given
        post = OrmPost.objects.get(id=self.id_of(number))
        post.views = views
        post.save(update_fields=["views"])

    def prepare_delete(self, number: int) -> OrmPost:
        return OrmPost.objects.get(id=self.id_of(number))

    def delete(self, post: OrmPost) -> None:
        post.delete()

    def bulk_create_tags(self, posts: Sequence[PostValues]) -> int:
        made = self._create(posts)
        for post in made:
            self.remember_fresh(number_of(post.title), post.pk)
        return len(made)

    def bulk_create_plain(self, posts: Sequence[PostValues]) -> int:
        made = OrmPost.objects.bulk_create([_post(post) for post in posts])
        for post in made:
            self.remember_fresh(number_of(post.title), post.pk)
        return len(made)

    def update_query(self, given: tuple[int, int, int]) -> int:
        least, below, author = given
        return OrmPost.objects.filter(views__gte=least, views__lt=below).update(author=author)


def _post(post: PostValues) -> OrmPost:
    return OrmPost(
        title=post["title"],
        text=post["text"],
        author=post["author"],
        views=post["views"],
        created=post["created"],
    )
