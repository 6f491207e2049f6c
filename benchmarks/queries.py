"""Queries of the index: time and entries touched of each kind, and the wait of another connection
meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Q

from . import blog
from .models import Post
from .options import Options
from .pings import ping_beside
from .results import Result, median_seconds

_REPETITIONS = 15


def run(options: Options, report: Callable[[str], None]) -> Result:
    """Save the rows, time the queries, and time PINGs beside the heaviest ones."""
    rows = options.rows
    blog.make_tables()
    report(f"saving {rows:,} posts")
    blog.load(rows)
    table: list[tuple[Any, ...]] = []
    for name, query, count_only in _queries(rows):
        report(name)
        explained = query.explain("count" if count_only else "ids")
        seconds = median_seconds(query.count if count_only else query.ids, _REPETITIONS)
        table.append(
            (
                name,
                explained.strategy,
                explained.touched,
                explained.round_trips,
                round(seconds * 1000, 3),
            )
        )
    waits = {}
    for name, query, count_only in _heaviest():
        report(f"PING beside: {name}")
        waits[name] = ping_beside(query.count if count_only else query.ids)
    worst = max(wait["p99.9"] for wait in waits.values())
    return Result(
        name="queries",
        section="queries",
        columns=("query", "strategy", "entries touched", "round trips", "ms"),
        rows=table,
        facts={"rows": rows, "ping_ms": waits},
        conclusions=[
            *(
                f"PING beside {name}: median {w['median']:.2f} ms, 99.9th percentile "
                f"{w['p99.9']:.2f} ms, longest {w['longest']:.2f} ms ({w['pings']} PINGs)."
                for name, w in waits.items()
            ),
            f"The 99.9th percentile of a PING is {worst:.2f} ms at most.",
        ],
    )


def _queries(rows: int) -> list[tuple[str, Any, bool]]:
    """(name, queryset, whether it is counted instead of listed)."""
    posts = Post.objects
    newest = posts.order_by("-created")
    deep = min(5000 * 20, max(0, rows - 20))
    rare = 1900  # an author with few posts; tag0 and tag1 are the most frequent tags
    dense = posts.filter(tags="tag0")
    either = Q(tags="tag0") | Q(tags="tag1")
    return [
        ("newest 20", newest[:20], False),
        (f"20 from number {deep:,}", newest[deep : deep + 20], False),
        ("of a tag", dense[:20], False),
        ("of a tag, ordered", dense.order_by("-created")[:20], False),
        ("dense tag and rare author", dense.filter(author=rare)[:20], False),
        ("dense tag and rare author, ordered", dense.filter(author=rare).order_by("views"), False),
        ("two dense tags, ordered", dense.filter(tags="tag1").order_by("-created")[:20], False),
        ("without a dense tag, ordered", newest.exclude(tags="tag0")[:20], False),
        ("either of two tags, ordered", newest.filter(either)[:20], False),
        ("a range, ordered by it", posts.filter(views__lt=1000).order_by("views")[:20], False),
        ("by two fields", posts.order_by("-created", "views")[:20], False),
        ("count of a tag", dense, True),
        ("count of two tags", dense.filter(tags="tag1"), True),
        ("count of either tag", posts.filter(either), True),
        ("count without a tag", posts.exclude(tags="tag0"), True),
        ("count of a tag in a range", dense.filter(views__lt=500_000), True),
    ]


def _heaviest() -> list[tuple[str, Any, bool]]:
    either = Q(tags="tag0") | Q(tags="tag1") | Q(views__lt=500_000)
    return [
        ("a count of three dense alternatives", Post.objects.filter(either), True),
        ("all ids of them, in an order", Post.objects.filter(either).order_by("views"), False),
        ("all ids by two fields", Post.objects.order_by("author", "-views"), False)
        if _has_author_order()
        else ("all ids", Post.objects.order_by("-created"), False),
    ]


def _has_author_order() -> bool:
    return any(s.order is not None and s.order.name == "author" for s in Post._sonic.layout.specs)
