"""The indexes that this process knows to hold all that their server may have lost."""

from __future__ import annotations

from ..transport.data_sets import data_sets

#: The data sets of the connections when the index was confirmed, by the index's base key.
_confirmed: dict[str, frozenset[str]] = {}


def is_confirmed(base: str) -> bool:
    """Whether the index was confirmed since this process last met another server."""
    return _confirmed.get(base) is data_sets()


def note(base: str, seen: frozenset[str]) -> None:
    """Note that the index is confirmed for the data sets that were met before the look at it."""
    _confirmed[base] = seen
