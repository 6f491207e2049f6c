"""The report of a check of the stores."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

#: Drifts that a result lists; all are counted.
LISTED = 100

#: Every kind of drift, and what it means.
KINDS = {
    "not built": "the index was never built, or its declaration has changed",
    "missing": "a row that the index does not know",
    "stale": "the index has an older version than the row",
    "ahead": "the index has a newer version than the row: the database lost a commit",
    "without row": "the index has an object that has no row",
    "state": "the index and the row disagree on whether the object is deleted",
    "digest": "the digest of a range of ids is not that of its objects",
    "key": "a key in Redis is not of the type that its name says, or has other contents",
    "payload": "a payload that cannot be read or indexed",
    "missing entry": "a set of the index lacks an object",
    "wrong score": "an object stands at the wrong position of a set",
    "record": "an object's record does not name the sets that the object belongs to",
    "stale entry": "a set of the index has an object that does not belong to it",
    "count": "the number of objects of a value is wrong",
    "full text unreadable": "the index of full text is damaged",
    "document missing": "full text lacks an object",
    "document stale": "full text has other words than the row",
    "document without row": "full text has an object that has no row or is deleted",
    "document without digest": "full text of an older version, which cannot be compared",
    "unique not claimed": "a value of a unique that no row of sonic_unique holds",
    "unique held wrongly": "a value that sonic_unique gives to an object that does not have it",
    "unique without row": "a value that sonic_unique keeps for an object that is gone or lost it",
    "duplicate": "two objects have the same value of a unique",
}


class Drift(NamedTuple):
    """One difference between the stores; ``id`` is the object's, None where there is none."""

    kind: str
    id: int | None
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {'' if self.id is None else f'{self.id}: '}{self.detail}"


@dataclass
class CheckResult:
    """The result of a check of one class in one database: the numbers compared, and the drifts.

    ``differing`` is the number of ranges of a thousand ids whose digests were not equal at first;
    where a writer was between its commit and the index, that is no drift.
    """

    label: str
    database: str
    deep: bool = False
    rows: int = 0
    ranges: int = 0
    differing: int = 0
    #: Of a deep check: entries of sets, documents of full text, values of uniques.
    entries: int = 0
    documents: int = 0
    uniques: int = 0
    #: How many of each kind were found, and how many of them were repaired.
    found: Counter[str] = field(default_factory=Counter)
    repaired: Counter[str] = field(default_factory=Counter)
    #: The first of them.
    drifts: list[Drift] = field(default_factory=list)
    #: What could not be compared, and why.
    notes: list[str] = field(default_factory=list)

    def add(self, drift: Drift, *, repaired: bool = False) -> None:
        """Count a drift, and list it if it is among the first."""
        self.found[drift.kind] += 1
        if repaired:
            self.repaired[drift.kind] += 1
        if len(self.drifts) < LISTED:
            self.drifts.append(drift)

    @property
    def repairs(self) -> int:
        """The number of drifts that were repaired."""
        return self.repaired.total()

    @property
    def remaining(self) -> int:
        """The number of drifts that are left."""
        return self.found.total() - self.repairs

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            **{name: getattr(self, name) for name in _PLAIN},
            "found": dict(self.found),
            "repaired": dict(self.repaired),
            "remaining": self.remaining,
            "drifts": [drift._asdict() for drift in self.drifts],
            "notes": list(self.notes),
        }


_PLAIN = (
    *("label", "database", "deep", "rows", "ranges", "differing"),
    *("entries", "documents", "uniques"),
)
