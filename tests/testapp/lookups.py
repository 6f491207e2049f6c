"""Models for lookups beyond plain fields: without case, by path, across references, computed."""

from __future__ import annotations

from sonic_django import Index, SonicObj, int_field, list_field, str_field, var_field


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
