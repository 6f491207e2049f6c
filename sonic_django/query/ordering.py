"""The order of an index, by the values in a row."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from functools import cmp_to_key
from typing import TYPE_CHECKING, Any

from django.core.exceptions import FieldError

from ..fields.names import UNKNOWN
from ..index.encoding import position

if TYPE_CHECKING:
    from ..schema.schema import Schema

#: A key for each name of an order, None where the object has no value.
SortKey = Sequence[Any]


class Ordering:
    """An order by any fields that have one. FieldError for others."""

    def __init__(self, schema: Schema, names: Sequence[str]) -> None:
        parts = [(name.lstrip("-"), name.startswith("-")) for name in names]
        if parts[-1][0] not in ("pk", "id"):
            # Equal objects go by id, in the direction of the last name.
            parts.append(("pk", parts[-1][1]))
        self.descending = [descending for _, descending in parts]
        self.keys = [_key(schema, name) for name, _ in parts]

    def sort_key(self, stored: Mapping[str, Any], id: int) -> SortKey:
        """The sort key of an object with this payload dict."""
        return [key(stored, id) for key in self.keys]

    def sort(self, found: list[tuple[SortKey, int]]) -> list[int]:
        """The ids of (sort key, id) pairs in this order; those without a value last."""
        for at in range(len(self.keys) - 1, -1, -1):
            # Stable, also in reverse: the keys sorted before break ties.
            present = [one for one in found if one[0][at] is not None]
            absent = [one for one in found if one[0][at] is None]
            present.sort(key=_at(at), reverse=self.descending[at])
            found = present + absent
        return [id for _, id in found]

    def longest_run(self, given: Sequence[SortKey]) -> list[int]:
        """The indexes of the most sort keys that are in this order, one behind the other."""
        keys = [cmp_to_key(self._compare)(key) for key in given]
        #: For each length of a run the smallest end of such a run, and the key before it.
        ends: list[Any] = []
        end_at: list[int] = []
        before: list[int | None] = []
        for at, key in enumerate(keys):
            length = bisect_left(ends, key)
            before.append(end_at[length - 1] if length else None)
            ends[length : length + 1] = [key]
            end_at[length : length + 1] = [at]
        run: list[int] = []
        last = end_at[-1] if end_at else None
        while last is not None:
            run.append(last)
            last = before[last]
        return run[::-1]

    def _compare(self, one: SortKey, other: SortKey) -> int:
        for left, right, descending in zip(one, other, self.descending, strict=True):
            if left == right:
                continue
            if left is None or right is None:
                return 1 if left is None else -1
            return 1 if (left > right) != descending else -1
        return 0


def _at(at: int) -> Callable[[tuple[SortKey, int]], Any]:
    return lambda one: one[0][at]


def _key(schema: Schema, name: str) -> Callable[[Mapping[str, Any], int], Any]:
    if name in ("pk", "id"):
        return lambda stored, id: id
    indexed = schema.indexed(name)
    if indexed.order_kind is None:
        raise FieldError(f"{schema.label}.{name} has no order.")

    def key(stored: Mapping[str, Any], id: int) -> Any:
        value = indexed.of_stored(stored)
        if value is None or value is UNKNOWN:
            return None
        score, prefix = position(value)
        # A sort key without a prefix is between those that begin with "-" and with "~".
        return score, prefix or b"."

    return key
