"""What the index did to answer, for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..index.results import IndexResult
from ..index.specs import NULLS

_DIGEST_LENGTH = 8
#: What the runs call it, where that says more than a person needs.
_NAMES = {"number": "gather", "members": "gather"}
_MEANINGS = {
    "none": "nothing was asked for",
    "page": "the page is read by rank from one ordered set",
    "walk": "the order is walked and each object tested until the page is full",
    "gather": "all that satisfy the filter are gathered from its smallest part",
    "groups": "the groups of equal first values that the page has a part in are read",
    "cardinality": "the number is the size of a set",
    "parts": "the sets are combined as wholes, 10,000 ids at a time",
}


@dataclass(frozen=True)
class SetUse:
    """An ordered set that was looked at: the index, the set's name, the number of its entries."""

    index: str
    name: str
    entries: int


@dataclass(frozen=True)
class Explanation:
    """``strategy`` is page, walk, gather, groups, parts, cardinality or none; ``touched`` the
    entries (and parts) that were looked at, a record counted as five; ``live`` the number of all
    objects; ``round_trips`` those to Redis."""

    strategy: str
    touched: int
    live: int
    order: tuple[SetUse, ...]
    filter: tuple[SetUse, ...]
    round_trips: int = 1

    @classmethod
    def of(cls, answer: IndexResult, labels: Mapping[str, str]) -> Explanation:
        """From the reply of ``IndexStore.explain``, with the indexes' names by digest."""
        live, ordering, sets = answer.facts
        uses = [_use(sets[i], int(sets[i + 1]), labels) for i in range(0, len(sets), 2)]
        return cls(
            _NAMES.get(answer.strategy, answer.strategy),
            answer.touched,
            live,
            tuple(uses[:ordering]),
            tuple(uses[ordering:]),
            answer.runs,
        )

    def __str__(self) -> str:
        trips = f"{self.round_trips} round trip{'s' * (self.round_trips != 1)}"
        lines = [
            f"{self.strategy}: {_MEANINGS[self.strategy]}",
            f"{self.touched} entries looked at, {self.live} objects in all, {trips}",
        ]
        for title, uses in (("order", self.order), ("filter", self.filter)):
            lines.extend(
                f"{title}: {use.index}, {use.entries} entries ({use.name})" for use in uses
            )
        return "\n".join(lines)


def _use(raw: bytes, entries: int, labels: Mapping[str, str]) -> SetUse:
    name = raw.decode("utf-8", "backslashreplace")
    digest = name[:_DIGEST_LENGTH]
    index = labels.get(digest, "all objects")
    if raw[_DIGEST_LENGTH:].endswith(NULLS):
        index += " (no value)"
    return SetUse(index, name, entries)
