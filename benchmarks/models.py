"""The synthetic blog: what a page of posts needs, about seven index entries each."""

from __future__ import annotations

from sonic_django import Index, SonicObj, date_field, int_field, list_field, str_field, text_field


class Post(SonicObj):
    title = str_field("")
    text = text_field("")
    author = int_field(0)
    tags = list_field(str)
    views = int_field(0, index=True)
    created = date_field()

    indexes = {"author": [author], "tags": [tags], "recent": Index(order_by="created")}
