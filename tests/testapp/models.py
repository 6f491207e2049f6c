"""Models for the tests: the blog of the documentation, and one of everything."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from sonic_django import (
    Index,
    Now,
    SonicObj,
    bool_field,
    bytes_field,
    date_field,
    day_field,
    decimal_field,
    duration_field,
    email_field,
    float_field,
    int_field,
    list_field,
    obj_field,
    str_field,
    text_field,
    time_field,
    url_field,
    uuid_field,
    var_field,
)


class Author(SonicObj):
    username = str_field("")
    nick = str_field("")
    intro = text_field("")

    uniques = {"username": [username]}
    fulltext_indexes = {nick: 10, intro: 1}

    def __str__(self) -> str:
        return self.username


class Blog(SonicObj):
    title = str_field()
    content = text_field()
    author = obj_field(Author)
    tags = list_field(str)
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
        return self.title


class Plain(SonicObj):
    """No uniques, no full text: what the cheapest save costs."""

    name = str_field("", index=True)
    group = str_field("")
    number = int_field(null=True)

    indexes = {"group": [group], "group_number": Index([group], order_by=number)}


class Everything(SonicObj):
    """One field of every kind, indexed wherever it can be."""

    text = str_field("", index=True)
    long_text = text_field("")
    email = email_field("", index=True)
    url = url_field("")
    whole = int_field(index=True)
    real = float_field(index=True)
    exact = decimal_field(index=True)
    flag = bool_field(index=True)
    moment = date_field(index=True)
    day = day_field(index=True)
    clock = time_field(index=True)
    span = duration_field(index=True)
    code = uuid_field(index=True)
    raw = bytes_field(index=True)
    anything = var_field(index=True)
    words = list_field(str, index=True)
    numbers = list_field(int, index=True)
    friends = list_field("self", index=True)
    parent = obj_field("self", index=True)
    owner = obj_field(settings.AUTH_USER_MODEL, index=True)


class Described(SonicObj):
    """Plain Django field classes in the body, keys renamed, defaults of every sort."""

    title = models.CharField(max_length=20)
    kind = models.CharField(max_length=10, choices=[("a", "Alpha"), ("b", "Beta")], default="a")
    count_of = models.PositiveIntegerField(default=0, db_column="cnt")
    changed = models.DateTimeField(auto_now=True)
    token = uuid_field(uuid.uuid4)
    labels = list_field(str, ["new"])
    options = var_field(dict)

    indexes = {"kind": ["kind"], "title": Index(order_by="title")}


class Pair(SonicObj):
    """Uniques of one field and of two."""

    left = str_field(null=True)
    right = int_field(null=True)
    code = str_field(null=True, unique=True)

    uniques = {"pair": [left, right]}


class Member(SonicObj):
    """References with every policy."""

    name = str_field("")
    cascades = obj_field(Author, on_delete=models.CASCADE)
    protects = obj_field(Author, on_delete=models.PROTECT)
    nulls = obj_field(Author, on_delete=models.SET_NULL)
    user = obj_field(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)


class Comment(models.Model):
    """An ordinary model that refers to a SonicObj."""

    blog = models.ForeignKey(Blog, on_delete=models.CASCADE, null=True)
    text = models.TextField(default="")
    seen_by = models.ManyToManyField(Author, related_name="seen_comments")


# Django finds the classes of this module.
from .kinds import Account, Order, Pinned, Place  # noqa: E402, F401
from .lookups import Book, Company, Person, Session, Worker  # noqa: E402, F401
