"""Posts with the distributions of a blog: a few authors and tags have most of them.

One generator feeds all contenders. ``Drawn`` remembers a few values of each post, so that the
parameters of operations are drawn from the data without keeping the data.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from io import StringIO
from itertools import accumulate, islice
from random import Random
from typing import TypedDict

from django.core.management import call_command

AUTHORS, AUTHOR_SKEW = 2000, 0.8
TAGS, TAG_SKEW, TAGS_PER_POST = 300, 1.0, 3
TEXT_BYTES = 650
_START = datetime(2020, 1, 1, tzinfo=timezone.utc)
_SECONDS_APART = 97
_BATCH = 5000

#: Posts that a measurement saves have numbers from here on; the loaded ones stay below.
FRESH = 10_000_000


class PostValues(TypedDict):
    """A post as plain values."""

    title: str
    text: str
    author: int
    tags: list[str]
    views: int
    created: datetime


def make_tables() -> None:
    """The tables of all models, Django's own among them."""
    call_command("migrate", run_syncdb=True, verbosity=0, stdout=StringIO())


def values(start: int = 0, seed: int = 1) -> Iterator[PostValues]:
    """Posts without end, the same ones for the same seed; ``start`` is the first one's number."""
    random = Random(seed)
    authors = list(accumulate(1 / rank**AUTHOR_SKEW for rank in range(1, AUTHORS + 1)))
    tags = list(accumulate(1 / rank**TAG_SKEW for rank in range(1, TAGS + 1)))
    words = [f"word{i}" for i in range(2000)]
    number = start
    while True:
        chosen: dict[int, None] = {}
        while len(chosen) < TAGS_PER_POST:
            chosen[random.choices(range(TAGS), cum_weights=tags)[0]] = None
        yield PostValues(
            title=title(number),
            text=" ".join(random.choices(words, k=TEXT_BYTES // 8)),
            author=random.choices(range(AUTHORS), cum_weights=authors)[0],
            tags=[f"tag{rank}" for rank in chosen],
            views=random.randrange(1_000_000),
            created=created(number),
        )
        number += 1


def title(number: int) -> str:
    return f"post {number}"


def created(number: int) -> datetime:
    return _START + timedelta(seconds=_SECONDS_APART * number)


class Drawn:
    """The parameters of operations: author, tags and views of each post, 18 bytes a post."""

    def __init__(self) -> None:
        self.authors = array("i")
        self.views = array("i")
        self._tags = array("H")

    def __len__(self) -> int:
        return len(self.authors)

    def add(self, post: PostValues) -> None:
        self.authors.append(post["author"])
        self.views.append(post["views"])
        self._tags.extend(int(tag.removeprefix("tag")) for tag in post["tags"])

    def tags(self, number: int) -> list[str]:
        first = number * TAGS_PER_POST
        return [f"tag{rank}" for rank in self._tags[first : first + TAGS_PER_POST]]


def load(number: int) -> None:
    """Save this number of posts in Sonic alone."""
    from .models import Post

    posts = islice(values(), number)
    while batch := [Post(**post) for post in islice(posts, _BATCH)]:
        Post.objects.bulk_create(batch)
