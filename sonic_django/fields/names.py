"""Names that fields and queries share: the lookups, and the suffixes of derived values."""

from __future__ import annotations

from typing import Final

#: The suffix of the name of a field's case-folded text.
FOLDED: Final = "__iexact"
#: The suffix of the name of a geo field's cell number.
NEAR: Final = "__near"
#: Stands for a value that a payload lacks and whose default is non-deterministic.
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
