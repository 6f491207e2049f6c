"""Ranges of an index: between the values that conditions allow, and beside a cursor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from ..index.encoding import Bound, lower_bound, member, position, starts_with, upper_bound
from ..index.queries import Leaf
from .conditions import Condition


@dataclass(frozen=True)
class Cursor:
    """The sort key of an object, and the side of it that is looked at."""

    id: int
    #: The primitive of ``field``; None stands last. Of no meaning if the field is "id".
    value: Any
    field: str
    descending: bool
    ties_descending: bool
    behind: bool = True

    @property
    def keeps_lower(self) -> bool:
        """Whether smaller values are looked for, and not larger ones."""
        return self.descending == self.behind

    @property
    def keeps_lower_ids(self) -> bool:
        """Whether smaller ids are looked for among objects of the same value."""
        return self.ties_descending == self.behind

    def condition(self) -> Condition:
        """The cursor in an order by id, which a range of ids says."""
        return Condition("id", "lt" if self.keeps_lower else "gt", self.id)

    def cut(self, values: Leaf | None, nulls: Leaf | None, *, descending: bool) -> tuple[Leaf, ...]:
        """What is left of an order's sets, of which some may be missing already; the sets in the
        order of a listing in the direction given.

        Objects without a value stand last, with one exception: of the objects ahead of one without
        a value, listed backwards, those without a value are the nearest and come first.
        """
        if self.value is None:
            left = [] if self.behind or values is None else [values]
            beside = nulls and self._beside(nulls, Bound(float(self.id), member(self.id)))
            if beside and not self.behind and descending != self.descending:
                return (beside, *left)
            return (*left, beside) if beside else tuple(left)
        kept = self._beside_value(values) if values else []
        if self.behind == (descending != self.descending):
            kept.reverse()
        return (*kept, nulls) if nulls and self.behind else tuple(kept)

    def _beside_value(self, leaf: Leaf) -> list[Leaf]:
        """The entries of the cursor's value, and behind them those of values farther off; in one
        where ids and values run alike."""
        score, prefix = position(self.value)
        bound = Bound(score, prefix + member(self.id))
        if self.keeps_lower == self.keeps_lower_ids:
            return [self._beside(leaf, bound)]
        first = lower_bound(self.value, inclusive=True)
        last = upper_bound(self.value, inclusive=True)
        equal = narrowed(leaf, low=first, high=last)
        farther = narrowed(leaf, high=first) if self.keeps_lower else narrowed(leaf, low=last)
        return [self._beside(equal, bound), farther]

    def _beside(self, leaf: Leaf, bound: Bound) -> Leaf:
        if self.keeps_lower_ids:
            return narrowed(leaf, high=bound)
        # The next possible member behind this one.
        return narrowed(leaf, low=Bound(bound.score, bound.member + b"\x00"))


def narrowed(leaf: Leaf, *, low: Bound | None = None, high: Bound | None = None) -> Leaf:
    """The part of the leaf that is also within these bounds."""
    return replace(leaf, low=_highest([leaf.low, low]), high=_lowest([leaf.high, high]))


def bounds(conditions: Iterable[Condition]) -> tuple[Bound | None, Bound | None]:
    """The bounds between which all of the range conditions hold."""
    lows: list[Bound | None] = []
    highs: list[Bound | None] = []
    for condition in conditions:
        value = condition.value
        if value != value:
            raise ValueError(f"{condition.field}: NaN has no position in an order.")
        if condition.lookup == "startswith":
            low, high = starts_with(value)
            lows.append(low)
            highs.append(high)
        elif condition.lookup == "exact":
            lows.append(lower_bound(value, inclusive=True))
            highs.append(upper_bound(value, inclusive=True))
        elif condition.lookup in ("gt", "gte"):
            lows.append(lower_bound(value, inclusive=condition.lookup == "gte"))
        elif condition.lookup in ("lt", "lte"):
            highs.append(upper_bound(value, inclusive=condition.lookup == "lte"))
    return _highest(lows), _lowest(highs)


def id_range(conditions: Iterable[Condition]) -> tuple[int | None, int | None]:
    """The first and the last id for which all of the conditions hold; None is open."""
    lows: list[int] = []
    highs: list[int] = []
    for condition in conditions:
        if condition.lookup in ("gt", "gte"):
            lows.append(condition.value + (condition.lookup == "gt"))
        else:
            highs.append(condition.value - (condition.lookup == "lt"))
    return max(lows, default=None), min(highs, default=None)


def _key(bound: Bound) -> tuple[float, bytes]:
    return bound.score, bound.member


def _highest(given: Iterable[Bound | None]) -> Bound | None:
    return max((bound for bound in given if bound), key=_key, default=None)


def _lowest(given: Iterable[Bound | None]) -> Bound | None:
    return min((bound for bound in given if bound), key=_key, default=None)
