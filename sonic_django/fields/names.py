"""Names that fields and queries share: lookups, and what they make of a field's name."""

from __future__ import annotations

from typing import Final

#: Ends the name of a field's text without its case, on which such conditions are.
FOLDED: Final = "__iexact"
#: Ends the name of a geo field's cell number, on which conditions on a distance are.
NEAR: Final = "__near"
#: Stands for a value that a payload lacks, and whose default differs each time.
UNKNOWN: Final = object()

RANGES: Final = ("gt", "gte", "lt", "lte")
WITHOUT_CASE: Final = frozenset(["iexact", "istartswith"])
#: Every lookup that an index can answer.
LOOKUPS: Final = frozenset(
    [
        *("exact", "in", "isnull", "range", "startswith", "contains", "all", "near"),
        *(*WITHOUT_CASE, *RANGES),
    ]
)
