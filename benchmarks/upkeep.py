"""What runs behind the application: rebuilding the index, full text."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice
from random import Random
from typing import Any

from django.apps import apps

from . import blog
from .options import Options
from .results import Result

#: More documents than these are not put into full text: it takes a minute then.
MOST_DOCUMENTS = 20_000
_BATCH = 1000
_SEARCHES = 200
_PAGE = 20


def run(options: Options, report: Callable[[str], None]) -> Result:
    from sonic_django.sync.rebuild import rebuild
    from sonic_django.transport.client import redis_client

    from .models import Post

    blog.make_tables()
    report(f"saving {options.rows:,} posts")
    blog.load(options.rows)
    rows: list[tuple[Any, ...]] = []
    report("reindex of a healthy index")
    rows.append(_rate("sonic_reindex, healthy index", lambda: rebuild(Post._sonic.at("default"))))
    client: Any = redis_client()
    client.flushdb()
    report("reindex of an empty Redis")
    rows.append(_rate("sonic_reindex, Redis emptied", lambda: rebuild(Post._sonic.at("default"))))
    if Post.objects.count() != options.rows:
        raise RuntimeError(f"{Post.objects.count()} of {options.rows} posts were indexed again.")
    rows += _full_text(options, report)
    return Result(
        name="upkeep",
        section="upkeep",
        columns=("what", "number", "seconds", "a second"),
        rows=rows,
        figures={"rates": {what: rate for what, _, _, rate in rows}},
    )


def _rate(what: str, action: Callable[[], int]) -> tuple[str, int, float, int]:
    started = time.perf_counter()
    number = action()
    seconds = time.perf_counter() - started
    return what, number, round(seconds, 3), round(number / seconds)


def _full_text(options: Options, report: Callable[[str], None]) -> list[tuple[Any, ...]]:
    if not apps.is_installed("haystack"):
        report("WITHOUT full text: Haystack or Xapian is not installed (requirements-demo.txt)")
        return []
    from .models import Article

    number = min(options.rows, MOST_DOCUMENTS)
    posts = islice(blog.values(), number)
    report(f"saving {number:,} articles with full text")

    def save() -> int:
        while batch := list(islice(posts, _BATCH)):
            Article.objects.bulk_create(
                [Article(title=post["title"], text=post["text"]) for post in batch]
            )
        return number

    rows: list[tuple[Any, ...]] = [_rate("bulk_create with full text", save)]
    random = Random(9)
    times = []
    report("full-text first page")
    for _ in range(_SEARCHES):
        words = " ".join(f"word{random.randrange(2000)}" for _ in range(2))
        started = time.perf_counter()
        page = [article.title for article in Article.objects.search(words)[:_PAGE]]
        times.append(time.perf_counter() - started)
        if not page:
            raise RuntimeError(f"Full text does not find {words!r} in {number} articles.")
    seconds = sum(times)
    what = "full-text first page, two words"
    return [*rows, (what, _SEARCHES, round(seconds, 3), round(_SEARCHES / seconds))]
