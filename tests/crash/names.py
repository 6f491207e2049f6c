"""Steps on uniques: names and places that the writers take from each other."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from .known import Done, Known, Step, set_values
from .models import Item

NICKS = [f"nick{number}" for number in range(40)]
ROWS, SEATS = 4, 12


class UniqueSteps(Known):
    """Each gives a step, or None where there is nothing to do it on. Refused is a legal end."""

    def take_nick(self) -> Step | None:
        """A name that another writer may hold."""
        nick = self.rng.choice([*NICKS, None])
        return self._with(self._holder("nick"), {"nick": nick})

    def take_place(self) -> Step | None:
        """Two values that are unique together; without one of them they are not."""
        place: dict[str, Any] = {"row": self.rng.randrange(ROWS), "seat": self.rng.randrange(SEATS)}
        if self.rng.random() < 0.2:
            place["seat"] = None
        return self._with(self._holder("seat"), place)

    def take_deleted(self) -> Step | None:
        """The name of a deleted item of this writer, which has given it up."""
        nicks = [s.values["nick"] for s in self.items.values() if s.deleted and s.values["nick"]]
        return self._with(self._one(), {"nick": self.rng.choice(nicks)}) if nicks else None

    def _holder(self, name: str) -> str | None:
        """An item; often one that holds such a value, else all would soon be held by items that
        are left alone."""
        holding = [
            code
            for code, state in self.items.items()
            if not state.deleted and state.values[name] is not None
        ]
        return self.rng.choice(holding) if holding and self.rng.random() < 0.6 else self._one()

    def _with(self, code: str | None, values: dict[str, Any]) -> Step | None:
        if code is None:
            return None
        state = self._changed(code, {**values, "stamp": self.stamp})

        def run() -> Done:
            obj = self._load(code)
            set_values(obj, state.values)
            obj.save()
            return Done()

        return Step(run, {code: state})

    def swap(self) -> Step | None:
        """Two items exchange their names, in one transaction or in one call."""
        named = [c for c, s in self.items.items() if not s.deleted and s.values["nick"]]
        if len(named) < 2:
            return None
        one, other = self.rng.sample(named, 2)
        nicks = {one: self.items[other].values["nick"], other: self.items[one].values["nick"]}
        after = {
            code: self._changed(code, {"nick": nick, "stamp": self.stamp})
            for code, nick in nicks.items()
        }
        at_once = self.rng.random() < 0.5

        def run() -> Done:
            objects = [self._load(one), self._load(other)]
            with transaction.atomic():
                if not at_once:
                    objects[0].nick = None
                    objects[0].save()
                for obj in objects:
                    set_values(obj, after[obj.code].values)
                if at_once:
                    Item.objects.bulk_update(objects, ["nick", "stamp"])
                else:
                    objects[1].save()
                    objects[0].save()
            return Done()

        return Step(run, dict(after))
