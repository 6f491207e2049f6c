"""Steps on counters, which all writers raise at once."""

from __future__ import annotations

from typing import Any

from django.db.models import F

from sonic_django.exceptions import StaleObjectError

from .known import Done, Known, Step
from .models import Counter, counter_kind
from .promises import GivenUp, Violation

#: Tries to raise a counter that the others raise too.
_ATTEMPTS = 50


class CounterSteps(Known):
    """No increment may be lost."""

    def count(self) -> Step | None:
        """Raise the writer's share of a counter, in the way that this counter is raised."""
        id = self.rng.choice(sorted(self.shares))
        share = self.shares[id] + 1
        raise_it = {"saved": self._save_counter, "merged": self._merge_counter}.get(
            counter_kind(id), self._add_to_counter
        )

        def run() -> Done:
            raise_it(id, share)
            return Done()

        return Step(run, shares={id: share})

    def _save_counter(self, id: int, share: int) -> None:
        """All write the total and the list, so each conflict is to be raised, and tried again."""
        for _ in range(_ATTEMPTS):
            counter = self._counter(id)
            setattr(counter, f"share{self.writer}", share)
            counter.total += 1
            others = [mark for mark in counter.marks if not mark.startswith(f"{self.writer}:")]
            counter.marks = [*others, f"{self.writer}:{share}"]
            try:
                counter.save()
            except StaleObjectError:
                continue
            return
        raise GivenUp(f"counter {id} was changed {_ATTEMPTS} times meanwhile")

    def _merge_counter(self, id: int, share: int) -> None:
        """Each writes a field of its own, so there is no conflict."""
        counter = self._counter(id)
        setattr(counter, f"share{self.writer}", share)
        counter.save()

    def _add_to_counter(self, id: int, share: int) -> None:
        """By an expression, so there is no conflict."""
        values = {f"share{self.writer}": share, "total": F("total") + 1}
        if not Counter.objects.filter(pk=id).update(**values):
            raise GivenUp(f"the index does not give counter {id}")

    def _counter(self, id: int) -> Any:
        counter = Counter.get(id)
        if getattr(counter, f"share{self.writer}") != self.shares[id]:
            raise Violation(
                f"counter {id}: share{self.writer} is not {self.shares[id]}, which its writer "
                f"left there: {counter.to_dict()}"
            )
        return counter
