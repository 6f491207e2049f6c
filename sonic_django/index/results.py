"""The results of queries, put together from the runs of ``query.lua`` and ``facet.lua``.

A run touches a bounded number of entries, so that no query keeps Redis from other clients for more
than some milliseconds. Nearly all queries need one run. A further run continues after the entry
(not the rank) at which the previous one stopped, so an object that existed throughout and kept its
position is returned once. An object that is returned twice all the same is recognised by its id.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from . import bitmaps
from .documents import Facet
from .geohash import distance, point_of
from .queries import IndexQuery

#: Strategies that give ids in their final order.
_IN_ORDER = frozenset(["page", "walk"])


class IndexResult:
    """The result of a query, collected from the replies of its runs."""

    def __init__(self, query: IndexQuery) -> None:
        self.query = query
        self.token = b""
        self.is_complete = False
        #: The last run's strategy, entries touched, and round trips.
        self.strategy = ""
        self.touched = 0
        self.runs = 0
        #: [live objects, number of sets that make the order, [set name, entries, ...]].
        self.facts: Sequence[Any] = ()
        self._ids: dict[int, None] = {}
        self._rows: list[tuple[Any, ...]] = []
        self._number = 0
        self._left_out = 0

    def add(self, reply: Sequence[Any]) -> None:
        """Add the reply of a run."""
        _, strategy, self.token, touched, payload, remark, facts = reply
        self.is_complete = not self.token
        self.strategy = strategy.decode()
        self.touched += touched
        self.runs += 1
        self.facts = facts or self.facts
        if self.strategy == "abandon":
            self._ids.clear()
        elif self.strategy in ("cardinality", "number"):
            self._number += payload
        elif self.strategy == "parts":
            assert self.query.filter is not None
            self._number += bitmaps.count(self.query.filter, payload)
        elif isinstance(payload, bytes):
            self._ids.update(dict.fromkeys(map(int, payload.split(b",") if payload else ())))
        else:
            self._add_rows(payload)
        if remark:
            self._left_out = remark[0]
            if self.runs == 1:
                self._began = remark[1]

    def _add_rows(self, flat: Sequence[Any]) -> None:
        width = 4 + 3 * len(self.query.further)
        for start in range(0, len(flat), width):
            row = flat[start : start + width]
            values: list[Any] = [int(row[0])]
            for at in range(1, width, 3):
                # An entry without a prefix is between "-..." and "~...", see encoding.py.
                values += (row[at], float(row[at + 1]), row[at + 2] or b".")
            self._rows.append(tuple(values))

    # The result ----------------------------------------------------------------------------

    def result(self, what: str, offset: int, limit: int | None) -> Any:
        """The ids for "ids" and "random" (then ``offset`` is a seed), the number for "count"."""
        if what == "count":
            return self.count()
        if what == "random":
            return self.sample(limit or 0, offset)
        return self.page(offset, limit)

    def page(self, offset: int, limit: int | None) -> list[int]:
        """The ids from ``offset``, ``limit`` of them, in order."""
        if self.strategy in _IN_ORDER:
            return list(self._ids)
        if self.strategy == "groups":
            rows = self._rows[self._left_out - self._began :]
            found, first = self._sorted(rows), offset - self._left_out
        elif self._rows:
            rows = list({row[0]: row for row in self._rows}.values())
            found, first = self._sorted(rows), offset
        else:
            found, first = sorted(self._ids, reverse=self.query.ties_descending), offset
        return found[first : None if limit is None else first + limit]

    def _sorted(self, rows: list[tuple[Any, ...]]) -> list[int]:
        """The ids in the order of the query. Sorts are stable, so the last key is sorted first."""
        centre = self.query.centre
        if centre is not None:
            # Distances are from the middle of a cell, as in Redis.
            distances = [(distance(centre, point_of(row[2])), row[0]) for row in rows]
            return [id for _, id in sorted(distances, reverse=self.query.descending)]
        rows.sort(key=lambda row: row[0], reverse=self.query.ties_descending)
        directions = [self.query.descending, *(key.descending for key in self.query.further)]
        for number in range(len(directions) - 1, -1, -1):
            at = 1 + 3 * number
            rows.sort(key=lambda row: row[at + 1 : at + 3], reverse=directions[number])
            # Objects without a value are last in both directions.
            rows.sort(key=lambda row: row[at])
        return [row[0] for row in rows]

    def count(self) -> int:
        """The number of objects."""
        return self._number or len(self._ids)

    def sample(self, number: int, seed: int) -> list[int]:
        """Up to ``number`` of the ids, in random order."""
        ids = list(self._ids)
        return random.Random(seed).sample(ids, min(number, len(ids)))


class FacetResult:
    """The values of a facet, counted from the replies of its runs."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.token = b""
        self.is_complete = False
        self._numbers: dict[bytes, int] = {}
        self._originals: dict[bytes, bytes] = {}
        self._all = True

    def add(self, reply: Sequence[Any]) -> None:
        """Add the reply of a run."""
        _, self.token, flat, complete, hashed = reply
        self.is_complete = not self.token
        for value, number in zip(flat[::2], flat[1::2], strict=True):
            self._numbers[value] = self._numbers.get(value, 0) + number
        self._originals.update(zip(hashed[::2], hashed[1::2], strict=True))
        self._all = bool(complete)

    def result(self) -> Facet:
        """The facet, with the most frequent values first."""
        ranking = sorted(self._numbers.items(), key=lambda pair: (-pair[1], pair[0]))
        values = [
            (value, number, self._originals.get(value, b""))
            for value, number in ranking[: self.limit]
        ]
        return Facet(tuple(values), self._all)
