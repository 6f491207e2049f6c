"""The models that the writers write."""

from __future__ import annotations

from sonic_django import Index, SonicObj, int_field, list_field, str_field, text_field


class Item(SonicObj):
    """Written by one writer only, so that its last state is known exactly."""

    code = str_field(unique=True)
    writer = int_field(index=True)
    #: The step that wrote it last.
    stamp = str_field()
    number = int_field(index=True)
    tags = list_field(str, index=True)
    #: What the writers take from each other: one unique field, and two that are unique together.
    nick = str_field(null=True, unique=True)
    row = int_field(null=True)
    seat = int_field(null=True)
    #: Words that no other item has: its code, and the step that wrote this text.
    text = text_field("")

    indexes = {
        "writer_number": Index([writer], order_by=number),
        "tags_stamp": Index([tags], order_by=stamp),
        "stamp": Index(order_by=stamp),
    }
    uniques = {"place": [row, seat]}
    fulltext_indexes = {text: 1}


def counter_kind(id: int) -> str:
    """How the counter of this id is raised: loaded and saved, merged, or by an expression."""
    return ("saved", "merged", "added")[id % 3]


class Counter(SonicObj):
    """Written by all writers at once."""

    #: One for each writer, raised by it alone: what it is known to have added.
    share0 = int_field(0)
    share1 = int_field(0)
    share2 = int_field(0)
    share3 = int_field(0)
    #: Written by all, but where the counter is merged: the sum of the shares.
    total = int_field(0, index=True)
    #: Written by all, where the counter is saved: for each writer ``<writer>:<its share>``.
    marks = list_field(str, index=True)


class Entry(SonicObj):
    """Many of them, for rebuilding; no full text."""

    code = str_field(unique=True)
    group = int_field()
    number = int_field(index=True)
    tags = list_field(str, index=True)

    indexes = {"group_number": Index([group], order_by=number), "code_order": Index(order_by=code)}
