"""Models for lookups beyond plain fields: without case, by path, across references, computed."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from sonic_django import (
    Index,
    SonicObj,
    bool_field,
    int_field,
    list_field,
    obj_field,
    str_field,
    var_field,
)


class Person(SonicObj):
    """Texts that are looked up without their case, and a dict that is looked into."""

    nick = str_field(null=True)
    team = str_field("")
    words = list_field(str)
    meta = var_field(dict)
    score = int_field()

    indexes = {
        "nick": Index(order_by="nick"),
        "nick_i": Index(order_by="nick", case_insensitive=True),
        "team_score_i": Index([team], order_by="score", case_insensitive=True),
        "words_i": Index([words], case_insensitive=True),
        "city": ["meta__city"],
        "city_i": Index(["meta__city"], case_insensitive=True),
        "street": ["meta__home__street"],
        "score_of_city": Index(["meta__city"], order_by=score),
    }


class Company(SonicObj):
    name = str_field(null=True, index=True)
    is_large = bool_field(False, index=True)
    town = str_field("")
    owner = obj_field("self", index=True)


class Worker(SonicObj):
    """References of every kind, to be looked across."""

    name = str_field("", index=True)
    company = obj_field(Company, index=True)
    user = obj_field(settings.AUTH_USER_MODEL, index=True)
    chief = obj_field("self", index=True)
    friends = list_field("self", index=True)
    clients = list_field(Company, index=True)
    users = list_field(settings.AUTH_USER_MODEL, index=True)
    former = obj_field(Company)


def initial(book: Book) -> str | None:
    """The letter under which a catalogue has it."""
    return book.title[:1].upper() or None


def words(book: Book) -> list[str]:
    return [*book.title.split(), *book.tags]


class Book(SonicObj):
    """What is computed from its fields."""

    title = str_field("")
    tags = list_field(str)
    year = int_field()
    author = obj_field("self")

    indexes = {
        "initial": Index(expression=initial, name="initial"),
        "word": Index(expression=words),
        "decade": Index(expression=lambda book: book.year and book.year // 10, order_by="year"),
        "author_initial": Index(["author"], expression=initial, name="initial"),
    }


class Session(SonicObj):
    """Objects that live for an hour after their last save."""

    token = str_field("", index=True)
    visits = int_field(0)

    expire_after = timedelta(hours=1)
