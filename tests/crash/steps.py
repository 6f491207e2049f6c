"""The steps of a writer: each declares its changes beforehand."""

from __future__ import annotations

from .counters import CounterSteps
from .items import ItemSteps
from .known import Step
from .names import UniqueSteps


class Steps(ItemSteps, UniqueSteps, CounterSteps):
    """All steps of a writer."""

    def choose(self) -> tuple[str, Step]:
        """A step that can be done now, and its name."""
        while True:
            self._chosen += 1
            self.stamp = f"s{self._operation}p{self._chosen}"
            (name,) = self.rng.choices(list(WEIGHTS), list(WEIGHTS.values()))
            step: Step | None = getattr(self, name)()
            if step is not None:
                return name, step


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
    "swap": 3,
    "count": 12,
}
