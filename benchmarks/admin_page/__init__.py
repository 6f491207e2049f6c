"""One list page of the admin over HTTP: Sonic's, and Django's own on the equivalent models.

Both show the same columns, filters with numbers, the date hierarchy and pages of 100. One server
answers both, over one kept connection, in turns. Django's page is also measured without numbers.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from ..options import Options
from ..results import Result
from .client import Browser, Cost, Shown, browser

#: The rounds of one page: the most, the least, and the time after which no round begins.
MOST_ROUNDS, LEAST_ROUNDS = 20, 4
SECONDS_A_PAGE = 30
PER_PAGE = 100
_BATCH = 5000
TAG, AUTHOR, DEEP_PAGE = "tag20", 20, 1000
COUNTS = {"_facets": "True"}

SONIC, DJANGO, PLAIN = "Sonic", "Django", "Django without counts"
#: The requests of a round: a page that takes seconds less often than those that do not.
ROUND = (SONIC, PLAIN, SONIC, DJANGO, SONIC, PLAIN, SONIC)


@dataclass(frozen=True)
class ListPage:
    """The addresses of the same page."""

    name: str
    sonic: str
    django: str
    plain: str

    @property
    def addresses(self) -> dict[str, str]:
        return {SONIC: self.sonic, DJANGO: self.django, PLAIN: self.plain}


def run(options: Options, report: Callable[[str], None]) -> Result:
    """Load the posts into both, compare what the pages show, then measure."""
    rows = options.rows
    with browser() as client:
        report(f"saving {rows:,} posts twice")
        load(rows)
        found = []
        for page in pages(rows):
            report(f"admin list page: {page.name}")
            costs = compare(client, page)
            found.append((page, costs, measure(client, page)))
    return Result(
        name="admin",
        section="admin",
        columns=(
            "page", "Sonic ms", "p95", "Redis + SQL", "Django ms", "p95", "SQL", "ratio",
            "Django without counts ms", "SQL", "ratio",
        ),
        rows=[_row(page, costs, times) for page, costs, times in found],
        facts={"requests": {page.name: _numbers(times) for page, _, times in found}},
        conclusions=[_conclusion(found)],
    )  # fmt: skip


def load(rows: int) -> None:
    """Save the same posts as Sonic's objects and as Django's."""
    from django.db import connection

    from ..blog import values
    from ..contenders.orm import DjangoColumns
    from ..models import Post

    django, posts = DjangoColumns(), islice(values(), rows)
    while batch := list(islice(posts, _BATCH)):
        Post.objects.bulk_create([Post(**post) for post in batch])
        django.load(batch)
    with connection.cursor() as cursor:
        # The optimizer's figures are of the full tables.
        cursor.execute("ANALYZE TABLE benchmarks_post, benchmarks_ormpost, benchmarks_ormpost_tags")
        cursor.fetchall()


def pages(rows: int) -> Iterator[ListPage]:
    """The pages measured; a small table's deep page is its last."""
    from ..models import OrmTag

    tag = OrmTag.objects.get(name=TAG).pk
    deep = {"p": min(DEEP_PAGE, max(1, rows // PER_PAGE))}
    yield _page("first", {}, {})
    yield _page("of a tag", {"tags__exact": TAG}, {"tags__id__exact": tag})
    yield _page("of an author", {"author__exact": AUTHOR}, {"author": AUTHOR})
    yield _page(f"number {deep['p']:,}", deep, deep)


def _page(name: str, sonic: Mapping[str, Any], django: Mapping[str, Any]) -> ListPage:
    base = "/admin/benchmarks"
    return ListPage(
        name=name,
        sonic=f"{base}/post/?{urlencode({**sonic, **COUNTS})}",
        django=f"{base}/ormpost/?{urlencode({**django, **COUNTS})}",
        plain=f"{base}/ormpost/?{urlencode(django)}",
    )


def compare(client: Browser, page: ListPage) -> dict[str, Cost]:
    """The round trips of each contender; RuntimeError where they do not show the same."""
    looks = {name: client.look(path) for name, path in page.addresses.items()}
    sonic, django = looks[SONIC][0], looks[DJANGO][0]
    for name, differs in differences(sonic, django):
        raise RuntimeError(f"The page {page.name}: Sonic and Django differ in {name}: {differs}")
    return {name: cost for name, (_, cost) in looks.items()}


def differences(sonic: Shown, django: Shown) -> Iterator[tuple[str, Any]]:
    """(name, both values) of each difference between the pages; an empty value is one too."""
    for name in ("total", "dates", "rows"):
        one, other = getattr(sonic, name), getattr(django, name)
        if one != other or not one:
            yield name, (one, other)
    for name in ("tags", "author"):
        one, other = sonic.counts[name], django.counts[name]
        wrong = {line: (number, other.get(line)) for line, number in one.items()
                 if number != other.get(line)}  # fmt: skip
        if wrong or not one:
            yield f"the filter by {name}", wrong or "Sonic counts nothing"
    one, other = sonic.counts["created"], django.counts["created"]
    for line in set(one) & set(other):
        if one[line] != other[line]:
            yield f"the filter by created, {line}", (one[line], other[line])


def measure(client: Browser, page: ListPage) -> dict[str, list[float]]:
    """The seconds that the contenders take, in turns; all pages have been looked at before."""
    times: dict[str, list[float]] = {name: [] for name in page.addresses}
    started = time.perf_counter()
    for number in range(MOST_ROUNDS):
        if number >= LEAST_ROUNDS and time.perf_counter() - started > SECONDS_A_PAGE:
            break
        for name in ROUND:
            times[name].append(client.seconds(page.addresses[name]))
    return times


def _row(
    page: ListPage, costs: Mapping[str, Cost], times: Mapping[str, list[float]]
) -> tuple[Any, ...]:
    medians = {name: statistics.median(each) for name, each in times.items()}

    def ratio(name: str) -> float:
        return round(medians[name] / medians[SONIC], 1)

    return (
        page.name,
        _milliseconds(medians[SONIC]), _milliseconds(_p95(times[SONIC])), str(costs[SONIC]),
        _milliseconds(medians[DJANGO]), _milliseconds(_p95(times[DJANGO])), costs[DJANGO].sql,
        ratio(DJANGO),
        _milliseconds(medians[PLAIN]), costs[PLAIN].sql, ratio(PLAIN),
    )  # fmt: skip


def _conclusion(found: list[tuple[ListPage, dict[str, Cost], dict[str, list[float]]]]) -> str:
    ratios = [
        statistics.median(times[DJANGO]) / statistics.median(times[SONIC]) for _, _, times in found
    ]
    trips = [costs[SONIC].redis + costs[SONIC].sql for _, costs, _ in found]
    return (
        f"With counts the list of Sonic's admin is {min(ratios):.1f} to {max(ratios):.1f} times as "
        f"fast as that of Django's, by {max(trips)} calls to Redis and SQL at most."
    )


def _numbers(times: Mapping[str, list[float]]) -> dict[str, int]:
    return {name: len(each) for name, each in times.items()}


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _p95(times: list[float]) -> float:
    return sorted(times)[round(0.95 * (len(times) - 1))]
