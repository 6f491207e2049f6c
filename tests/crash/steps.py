"""What a writer may do: each step says beforehand what it will have changed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from sonic_django.exceptions import StaleObjectError

from .ledger import State
from .models import Counter, Item
from .promises import Violation

TAGS = ["red", "green", "blue", "black", "white", ""]
NICKS = [f"nick{number}" for number in range(40)]
NUMBERS = 20
ROWS, SEATS = 4, 12
#: Items that a writer keeps, about.
ITEMS = 40
#: Tries to raise a counter that the others raise too.
_ATTEMPTS = 50


@dataclass
class Done:
    """What only the doing shows: the ids of new items, and what the index did not give."""

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


class Steps:
    """Steps on the items and shares of one writer as they are known to be."""

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

    def choose(self) -> tuple[str, Step]:
        """A step that can be done now, and its name."""
        while True:
            self._chosen += 1
            self.stamp = f"s{self._operation}p{self._chosen}"
            (name,) = self.rng.choices(list(WEIGHTS), list(WEIGHTS.values()))
            step: Step | None = getattr(self, name)()
            if step is not None:
                return name, step

    # New items ----------------------------------------------------------------------------------

    def create(self) -> Step | None:
        if self._is_full():
            return None
        code, state = self._new()

        def run() -> Done:
            return Done({code: Item.objects.create(**state.values).id})

        return Step(run, {code: state})

    def bulk_create(self) -> Step | None:
        if self._is_full():
            return None
        new = dict(self._new() for _ in range(self.rng.randint(2, 8)))

        def run() -> Done:
            objects = Item.objects.bulk_create([Item(**state.values) for state in new.values()])
            return Done({obj.code: obj.id for obj in objects})

        return Step(run, dict(new))

    def _is_full(self) -> bool:
        return len(self.items) >= ITEMS and self.rng.random() < 0.9

    def _new(self) -> tuple[str, State]:
        code = f"c{self._operation}k{self._made}"
        self._made += 1
        values = {"code": code, "writer": self.writer, **self._written(code, text=True)}
        values.update(nick=None, row=None, seat=None)
        if self.rng.random() < 0.2:
            values["nick"] = self.rng.choice(NICKS)
        return code, State(None, False, values)

    # Changes ------------------------------------------------------------------------------------

    def save(self) -> Step | None:
        return self._saved(self._some(1))

    def save_fields(self) -> Step | None:
        """``update_fields``: what else is set on the object is not written."""
        code = self._one()
        if code is None:
            return None
        values = self._written(code, text=self.rng.random() < 0.3)
        left_out = self.rng.choice([name for name in values if name != "stamp"])

        def run() -> Done:
            obj = self._load(code)
            _set(obj, values)
            obj.save(update_fields=[name for name in values if name != left_out])
            return Done()

        kept = {name: value for name, value in values.items() if name != left_out}
        return Step(run, {code: self._changed(code, kept)})

    def save_some(self) -> Step | None:
        """Several saves; one transaction only if the caller makes it one."""
        return self._saved(self._some(self.rng.randint(2, 4)), each=True)

    def _saved(self, codes: list[str], each: bool = False) -> Step | None:
        after = {code: self._changed(code, self._written(code)) for code in codes}

        def run() -> Done:
            for code, state in after.items():
                obj = self._load(code)
                _set(obj, state.values)
                obj.save()
            return Done()

        return Step(run, dict(after), each=each) if codes else None

    def bulk_update(self) -> Step | None:
        codes = self._some(self.rng.randint(2, 6))
        names = ["stamp", *self.rng.sample(["number", "tags", "text"], self.rng.randint(1, 3))]
        after = {}
        for code in codes:
            written = self._written(code, text="text" in names)
            after[code] = self._changed(code, {name: written[name] for name in names})

        def run() -> Done:
            objects = [self._load(code) for code in after]
            for obj in objects:
                _set(obj, after[obj.code].values)
            Item.objects.bulk_update(objects, names)
            return Done()

        return Step(run, dict(after)) if codes else None

    def update(self) -> Step | None:
        """By a query: what the index does not give is not changed."""
        codes = self._some(self.rng.randint(1, 6))
        values = {"stamp": self.stamp, "number": self.rng.randrange(NUMBERS)}
        after = {code: self._changed(code, values) for code in codes}

        def run() -> Done:
            changed = Item.objects.filter(code__in=codes).update(**values)
            return self._given(after, changed)

        return Step(run, dict(after), each=True) if codes else None

    # Deleting -----------------------------------------------------------------------------------

    def delete(self) -> Step | None:
        code = self._one()
        if code is None:
            return None

        def run() -> Done:
            self._load(code).delete()
            return Done()

        return Step(run, {code: replace(self.items[code], deleted=True)})

    def delete_some(self) -> Step | None:
        codes = self._some(self.rng.randint(2, 4))
        after = {code: replace(self.items[code], deleted=True) for code in codes}

        def run() -> Done:
            deleted, _ = Item.objects.filter(code__in=codes).delete()
            return self._given(after, deleted)

        return Step(run, dict(after), each=True) if codes else None

    def undelete(self) -> Step | None:
        code = self._one(deleted=True)
        if code is None:
            return None

        def run() -> Done:
            self._load(code).undelete()
            return Done()

        return Step(run, {code: replace(self.items[code], deleted=False)})

    def destroy(self) -> Step | None:
        code = self._one(deleted=self.rng.random() < 0.5)
        if code is None:
            return None

        def run() -> Done:
            self._load(code).destroy()
            return Done()

        return Step(run, {code: None})

    def destroy_some(self) -> Step | None:
        codes = self._some(self.rng.randint(2, 4))
        after: dict[str, State | None] = dict.fromkeys(codes)

        def run() -> Done:
            destroyed, _ = Item.objects.filter(code__in=codes).destroy()
            return self._given(after, destroyed)

        return Step(run, after, each=True) if codes else None

    # Uniques ------------------------------------------------------------------------------------

    def take_nick(self) -> Step | None:
        """A name that another writer may hold."""
        nick = self.rng.choice([*NICKS, None])
        return self._with(self._one(), {"nick": nick})

    def take_place(self) -> Step | None:
        """Two values that are unique together; without one of them they are not."""
        place = {"row": self.rng.randrange(ROWS), "seat": self.rng.randrange(SEATS)}
        if self.rng.random() < 0.2:
            place["seat"] = None
        return self._with(self._one(), place)

    def take_deleted(self) -> Step | None:
        """The name of a deleted item of this writer, which has given it up."""
        nicks = [s.values["nick"] for s in self.items.values() if s.deleted and s.values["nick"]]
        return self._with(self._one(), {"nick": self.rng.choice(nicks)}) if nicks else None

    def _with(self, code: str | None, values: dict[str, Any]) -> Step | None:
        if code is None:
            return None
        state = self._changed(code, {**values, "stamp": self.stamp})

        def run() -> Done:
            obj = self._load(code)
            _set(obj, state.values)
            obj.save()
            return Done()

        return Step(run, {code: state})

    # What all write -----------------------------------------------------------------------------

    def count(self) -> Step | None:
        """Raise the writer's share of a counter, the total, and its mark in the list."""
        id = self.rng.choice(sorted(self.shares))
        share = self.shares[id] + 1

        def change(counter: Counter) -> None:
            counter.total += 1
            others = [mark for mark in counter.marks if not mark.startswith(f"{self.writer}:")]
            counter.marks = [*others, f"{self.writer}:{share}"]

        def run() -> Done:
            for _ in range(_ATTEMPTS):
                counter = Counter.get(id)
                if getattr(counter, f"share{self.writer}") != self.shares[id]:
                    raise Violation(
                        f"counter {id}: share{self.writer} is not {self.shares[id]}, which its "
                        f"writer left there: {counter.to_dict()}"
                    )
                setattr(counter, f"share{self.writer}", share)
                change(counter)
                try:
                    counter.save()
                except StaleObjectError:
                    continue
                return Done()
            raise StaleObjectError(f"counter {id} was changed {_ATTEMPTS} times meanwhile")

        return Step(run, shares={id: share})

    # Parts --------------------------------------------------------------------------------------

    def _one(self, *, deleted: bool = False) -> str | None:
        return next(iter(self._some(1, deleted=deleted)), None)

    def _some(self, number: int, *, deleted: bool = False) -> list[str]:
        codes = [code for code, state in self.items.items() if state.deleted == deleted]
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


#: How often each step is chosen.
WEIGHTS = {
    "create": 10,
    "bulk_create": 3,
    "save": 16,
    "save_fields": 6,
    "save_some": 4,
    "bulk_update": 5,
    "update": 6,
    "delete": 6,
    "delete_some": 2,
    "undelete": 6,
    "destroy": 5,
    "destroy_some": 1,
    "take_nick": 8,
    "take_place": 6,
    "take_deleted": 3,
    "count": 8,
}


def values_of(obj: Any) -> dict[str, Any]:
    """The declared fields of an item."""
    return {name: getattr(obj, name) for name in obj._sonic.fields}


def is_as(state: State | None, obj: Any) -> bool:
    """Whether a loaded row (or none) is in this state."""
    if state is None or obj is None:
        return state is None and obj is None
    return bool(obj.is_deleted == state.deleted and values_of(obj) == state.values)


def _set(obj: Any, values: Iterable[Any]) -> None:
    for name, value in dict(values).items():
        setattr(obj, name, value)
