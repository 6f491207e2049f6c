"""A step of a writer, and what a step can rely on: the items and shares as they were left."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .ledger import State
from .models import Item
from .promises import Violation

TAGS = ["red", "green", "blue", "black", "white", ""]
NUMBERS = 20
#: Items written last: half of the steps are on them, since there a kill has left its traces.
_RECENT = 6
#: The other half are on these. Older items are left alone, so that what a kill has left on them
#: is still there at the end.
_WORKED_ON = 40


@dataclass
class Done:
    """Facts known only after a step: the ids of new items, and what the index did not give."""

    ids: dict[str, int] = field(default_factory=dict)
    unchanged: set[str] = field(default_factory=set)


@dataclass
class Step:
    """A write that is not done yet: ``items`` and ``shares`` will then be so."""

    run: Callable[[], Done]
    items: dict[str, State | None] = field(default_factory=dict)
    shares: dict[int, int] = field(default_factory=dict)
    #: Whether items that the index does not give stay as they are.
    each: bool = False


class Known:
    """The items and shares of one writer as they are known to be."""

    def __init__(
        self,
        rng: random.Random,
        writer: int,
        number: int,
        items: dict[str, State],
        shares: dict[int, int],
    ) -> None:
        self.rng = rng
        self.writer = writer
        self.items = items
        self.shares = shares
        self._operation = f"{writer}n{number}"
        #: What the present step writes: no other step does.
        self.stamp = ""
        self._chosen = 0
        self._made = 0

    def _one(self, *, deleted: bool = False) -> str | None:
        return next(iter(self._some(1, deleted=deleted)), None)

    def _some(self, number: int, *, deleted: bool = False) -> list[str]:
        codes = [code for code, state in self.items.items() if state.deleted == deleted]
        codes = codes[-(_RECENT if self.rng.random() < 0.5 else _WORKED_ON) :]
        return self.rng.sample(codes, min(number, len(codes)))

    def _written(self, code: str, text: bool | None = None) -> dict[str, Any]:
        """New values of the ordinary fields."""
        values: dict[str, Any] = {
            "stamp": self.stamp,
            "number": self.rng.randrange(NUMBERS),
            "tags": self.rng.sample(TAGS, self.rng.randrange(3)),
        }
        if text or (text is None and self.rng.random() < 0.3):
            values["text"] = f"{code} {self.stamp} lorem ipsum"
        return values

    def _changed(self, code: str, values: dict[str, Any]) -> State:
        state = self.items[code]
        return replace(state, values={**state.values, **values})

    def _load(self, code: str) -> Any:
        """The item as it is, which must be as it was left."""
        state = self.items[code]
        obj = Item.get(state.id, read_deleted=True)
        if obj is None or obj.is_deleted != state.deleted or values_of(obj) != state.values:
            found = None if obj is None else (obj.is_deleted, values_of(obj))
            raise Violation(f"item {code} is not as its writer left it: {state}, but {found}")
        return obj

    def _given(self, after: dict[str, State] | dict[str, State | None], changed: int) -> Done:
        """What a query left as it was: the rows tell."""
        unchanged = {code for code in after if not is_as(after[code], self._row(code))}
        for code in unchanged:
            if not is_as(self.items[code], self._row(code)):
                raise Violation(f"item {code} was half changed by a query: {self._row(code)}")
        if changed != len(after) - len(unchanged):
            raise Violation(f"a query said {changed}, and changed all of {after} but {unchanged}")
        return Done(unchanged=unchanged)

    def _row(self, code: str) -> Any:
        return Item.get(self.items[code].id, read_deleted=True)


def values_of(obj: Any) -> dict[str, Any]:
    """The declared fields of an item."""
    return {name: getattr(obj, name) for name in obj._sonic.fields}


def is_as(state: State | None, obj: Any) -> bool:
    """Whether a loaded row (or none) is in this state."""
    if state is None or obj is None:
        return state is None and obj is None
    return bool(obj.is_deleted == state.deleted and values_of(obj) == state.values)


def set_values(obj: Any, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(obj, name, value)
