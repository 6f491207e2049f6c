"""The operations, each defined once, with parameters that are drawn from the data.

Each contender has a method of an operation's name; this module has its label, its parameters and
its bar. The time is that of the call, until its objects are handed over; operations that also read
a field of each object have names of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Any

from .blog import AUTHORS, FRESH, Drawn, values
from .contenders.base import PAGE

#: Posts of one bulk_create, and of one update by query; fewer where there are few rows.
BULK, UPDATED = 10_000, 1000
#: Saves of one contender in a row.
IN_A_ROW = 10


class Drawing:
    """Draws parameters: an author, a tag or a view count is that of a random post, so that its
    frequency is that in the data."""

    def __init__(self, drawn: Drawn, rows: int, seed: int = 7) -> None:
        self._drawn, self.rows, self._random = drawn, rows, Random(seed)
        self._fresh = values(FRESH, seed=2)
        self._fresh_number = FRESH
        self._sorted_views = sorted(drawn.views[:rows])
        #: Numbers of fresh posts that are stored and not deleted yet.
        self.stored: list[int] = []

    def number(self) -> int:
        return self._random.randrange(self.rows)

    def numbers(self) -> list[int]:
        return self._random.sample(range(self.rows), min(100, self.rows))

    def author(self) -> int:
        return self._drawn.authors[self.number()]

    def tag(self) -> str:
        return self._random.choice(self._drawn.tags(self.number()))

    def two_tags(self) -> tuple[str, str]:
        first, second = self._random.sample(self._drawn.tags(self.number()), 2)
        return first, second

    def author_tag(self) -> tuple[int, str]:
        number = self.number()
        return self._drawn.authors[number], self._random.choice(self._drawn.tags(number))

    def depth(self) -> int:
        return self._random.randrange(max(1, self.rows - PAGE))

    def views(self) -> int:
        return self._drawn.views[self.number()]

    def nothing(self) -> None:
        return None

    def page(self) -> int:
        return PAGE

    def fresh(self) -> Any:
        self.stored.append(self._fresh_number)
        self._fresh_number += 1
        return next(self._fresh)

    def fresh_many(self) -> list[Any]:
        number = min(BULK, self.rows // 10)
        self.stored.extend(range(self._fresh_number, self._fresh_number + number))
        self._fresh_number += number
        return list(islice(self._fresh, number))

    def fresh_in_a_row(self) -> list[Any]:
        return [self.fresh() for _ in range(IN_A_ROW)]

    def stored_number(self) -> int:
        return self.stored.pop()

    def change(self) -> tuple[int, int]:
        return self.number(), self._random.randrange(1_000_000)

    def change_many(self) -> tuple[int, int, int]:
        """Bounds of views that enclose a thousand posts, and their new author."""
        wanted = min(UPDATED, self.rows // 10)
        first = self._random.randrange(self.rows - wanted)
        least, below = self._sorted_views[first], self._sorted_views[first + wanted]
        return least, below, self._random.randrange(AUTHORS)


@dataclass(frozen=True)
class Operation:
    name: str
    label: str
    #: Given the Drawing of the data at hand.
    draw: Callable[[Any], Any]
    #: The contenders' method; None: that of the operation's name.
    method: str | None = None
    #: Which field of the objects in the answer is compared; None: the answer has no objects.
    field: str | None = None
    #: Whether reading the field of each object is in the time too.
    reads_field: bool = False
    #: Whether the order of the answer is compared too.
    in_order: bool = True
    #: The least ratio of Django's time (columns) to Sonic's; None: shown without a bar.
    bar: float | None = None
    #: The most times the floor's time that Sonic may take.
    floor_bar: float | None = None
    #: Whether Sonic may not grow by half from the fewest rows to the most.
    must_not_grow: bool = False
    #: It changes the data: each contender takes part in each round.
    writes: bool = False
    #: Which posts a call changed: to compare what is stored afterwards.
    changed: Callable[[Any], list[int]] | None = None
    #: Whether the tags are compared too.
    with_tags: bool = True
    #: Most rounds, where one alone takes long.
    most_rounds: int | None = None

    @property
    def asked(self) -> str:
        """The name of the contenders' method."""
        return self.method or self.name


def _of_values(post: Any) -> list[int]:
    return [int(post["title"].removeprefix("post "))]


def _of_first_and_last(posts: Any) -> list[int]:
    return _of_values(posts[0]) + _of_values(posts[-1])


def _page(name: str, label: str, draw: Callable[[Any], Any], **options: Any) -> Operation:
    """Its answer has objects, whose titles are compared."""
    return Operation(name, label, draw, **{"field": "title", **options})


def _count(name: str, label: str, draw: Callable[[Any], Any], **options: Any) -> Operation:
    return Operation(name, label, draw, **options)


READS = (
    _page("get", "get by id", Drawing.number, bar=2.3, floor_bar=1.35, must_not_grow=True),
    _page("get_field", "get by id, a field read", Drawing.number, method="get", reads_field=True),
    _page("in_bulk", "in_bulk of 100", Drawing.numbers, bar=2, in_order=False),
    _page(
        "in_bulk_field",
        "in_bulk of 100, a field of each read",
        Drawing.numbers,
        method="in_bulk",
        reads_field=True,
        in_order=False,
    ),
    _page("author_page", "newest 20 of an author", Drawing.author, bar=1.8, must_not_grow=True),
    _page("tag_page", "newest 20 of a tag", Drawing.tag, bar=10, must_not_grow=True),
    _page(
        "tag_page_field",
        "newest 20 of a tag, a field of each read",
        Drawing.tag,
        method="tag_page",
        reads_field=True,
    ),
    _page("tag_page_by_created", "20 of a tag by created", Drawing.tag),
    _page("author_tag_page", "newest 20 of author and tag", Drawing.author_tag, bar=2.5),
    _count("tag_count", "count of a tag", Drawing.tag, bar=80, must_not_grow=True),
    _count("count_all", "count of all", Drawing.nothing, bar=300, must_not_grow=True),
    _page(
        "random_depth_page", "page at a random depth", Drawing.depth, bar=200, must_not_grow=True
    ),
    # posts with equal views may come in any order
    _page(
        "views_range",
        "numeric range, first 20",
        Drawing.views,
        bar=1.6,
        must_not_grow=True,
        field="views",
    ),
    _count("two_tags_count", "count of tag and tag", Drawing.two_tags, bar=10),
    _page("two_tags_page_count", "page + count of tag and tag", Drawing.two_tags, bar=14),
    _count("tags_facet", "facet of tags, first 20", Drawing.page),
)
WRITES = (
    Operation(
        "save_tags", "save new, 3 tags", Drawing.fresh, bar=1.5, writes=True, changed=_of_values
    ),
    Operation(
        "delete",
        "delete",
        Drawing.stored_number,
        bar=1,
        writes=True,
        changed=lambda number: [number],
    ),
    Operation(
        "save_plain",
        "save new, no tags in SQL",
        Drawing.fresh,
        bar=1,
        writes=True,
        changed=_of_values,
        with_tags=False,
    ),
    Operation(
        "save_tags_in_a_row",
        "10 saves in a row, 3 tags",
        Drawing.fresh_in_a_row,
        writes=True,
        changed=_of_first_and_last,
    ),
    Operation(
        "save_plain_in_a_row",
        "10 saves in a row, no tags in SQL",
        Drawing.fresh_in_a_row,
        writes=True,
        changed=_of_first_and_last,
        with_tags=False,
    ),
    Operation(
        "update_one",
        "update one field",
        Drawing.change,
        bar=1,
        writes=True,
        changed=lambda given: [given[0]],
    ),
    Operation("update_query", "update by query", Drawing.change_many, writes=True, most_rounds=8),
    Operation(
        "bulk_create_tags",
        "bulk_create, 3 tags",
        Drawing.fresh_many,
        bar=1,
        writes=True,
        changed=_of_first_and_last,
        most_rounds=3,
    ),
    Operation(
        "bulk_create_plain",
        "bulk_create, no tags in SQL",
        Drawing.fresh_many,
        writes=True,
        changed=_of_first_and_last,
        with_tags=False,
        most_rounds=3,
    ),
)
OPERATIONS = {operation.name: operation for operation in READS + WRITES}


def operations(names: Sequence[str]) -> Iterator[Operation]:
    """All of them, or those of these names."""
    for name, operation in OPERATIONS.items():
        if not names or name in names:
            yield operation
