"""Steps on items: made, changed, deleted, brought back, destroyed, and their uniques."""

from __future__ import annotations

from dataclasses import replace

from .known import NUMBERS, Done, Known, Step, set_values
from .ledger import State
from .models import Item
from .names import NICKS

#: Items that a writer keeps, about.
_ITEMS = 1500


class ItemSteps(Known):
    """Each gives a step, or None where there is nothing to do it on."""

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
        return len(self.items) >= _ITEMS and self.rng.random() < 0.9

    def _new(self) -> tuple[str, State]:
        code = f"c{self._operation}k{self._made}"
        self._made += 1
        values = {"code": code, "writer": self.writer, **self._written(code, text=True)}
        values.update(nick=None, row=None, seat=None)
        if self.rng.random() < 0.05:
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
            set_values(obj, values)
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
                set_values(obj, state.values)
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
                set_values(obj, after[obj.code].values)
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
