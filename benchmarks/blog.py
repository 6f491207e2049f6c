"""Posts with the distributions of a blog: a few authors and tags have most of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from io import StringIO
from itertools import accumulate
from random import Random

from django.core.management import call_command

from .models import Post

AUTHORS, AUTHOR_SKEW = 2000, 0.8
TAGS, TAG_SKEW, TAGS_PER_POST = 300, 1.0, 3
TEXT_BYTES = 650
_START = datetime(2020, 1, 1, tzinfo=timezone.utc)
_BATCH = 5000


def make_tables() -> None:
    call_command("sonic_build_tables", stdout=StringIO())


def posts(number: int, seed: int = 1) -> Iterator[Post]:
    """Unsaved posts, the same ones for the same seed."""
    random = Random(seed)
    authors = list(accumulate(1 / rank**AUTHOR_SKEW for rank in range(1, AUTHORS + 1)))
    tags = list(accumulate(1 / rank**TAG_SKEW for rank in range(1, TAGS + 1)))
    words = [f"word{i}" for i in range(2000)]
    for i in range(number):
        text = " ".join(random.choices(words, k=TEXT_BYTES // 8))
        chosen = {f"tag{rank}" for rank in random.choices(range(TAGS), cum_weights=tags, k=9)}
        yield Post(
            title=f"post {i}",
            text=text,
            author=random.choices(range(AUTHORS), cum_weights=authors)[0],
            tags=sorted(chosen)[:TAGS_PER_POST],
            views=random.randrange(1_000_000),
            created=_START + timedelta(seconds=97 * i),
        )


def load(number: int) -> None:
    """Save so many posts."""
    batch: list[Post] = []
    for post in posts(number):
        batch.append(post)
        if len(batch) == _BATCH:
            Post.objects.bulk_create(batch)
            batch = []
    Post.objects.bulk_create(batch)
