"""Authors and blog posts, declared once: no column, no migration for any of the fields."""

from __future__ import annotations

from sonic_django import (
    Index,
    Now,
    SonicObj,
    date_field,
    int_field,
    list_field,
    obj_field,
    str_field,
    text_field,
)


class Author(SonicObj):
    """A writer with a unique user name."""

    username = str_field("")
    nick = str_field("", blank=True)
    intro = text_field("", blank=True)

    uniques = {"username": [username]}
    fulltext_indexes = {nick: 10, intro: 1}

    def __str__(self) -> str:
        return self.nick or self.username


class Blog(SonicObj):
    """One post."""

    title = str_field()
    content = text_field()
    author = obj_field(Author)
    tags = list_field(str, blank=True)
    score = int_field(0, index=True)
    created = date_field(Now)

    indexes = {
        "author": [author],
        "author_tags": [author, tags],
        "tags_order_by_created": [tags],
        "recent": Index(order_by="-created"),
    }
    fulltext_indexes = {title: 5, content: 1, "groups": [author, tags]}

    def __str__(self) -> str:
        return self.title or f"post {self.pk}"
