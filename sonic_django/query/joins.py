"""Lookups across references: the ids of the targets first, then the objects that refer to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, Q

from .conditions import EVERYTHING, Condition, Logic, Negation, conjoin

#: Targets whose ids are handed on to the index; some tenths of a second to plan.
MOST = 10_000


@dataclass(frozen=True)
class Targets:
    """The objects of a class that a reference must point to: by ``logic`` if it is a SonicObj
    class, else by ``q``."""

    model: type[Model]
    lookups: tuple[tuple[str, Any], ...]
    logic: Logic = EVERYTHING
    q: Q | None = None

    def described(self, field: str) -> str:
        """The lookups across this reference as they were given."""
        return " and ".join(f"{field}__{name}={value!r}" for name, value in self.lookups)

    def joined(self, other: Targets) -> Targets:
        """The targets that satisfy both."""
        lookups = self.lookups + other.lookups
        if self.q is not None and other.q is not None:
            return Targets(self.model, lookups, q=self.q & other.q)
        return Targets(self.model, lookups, conjoin(self.logic, other.logic))


def target_of(indexed: Any) -> Any:
    """The class that a reference, or a list of references, refers to; None for anything else."""
    if hasattr(indexed, "target_model"):
        return indexed.target_model
    return indexed.remote_field.model if getattr(indexed, "is_relation", False) else None


def join_targets(children: Iterable[Logic]) -> list[Logic]:
    """Conditions that hold together, with those on the targets of one reference made one: they
    are about the same target, which matters for a list, and cost one call."""
    found: list[Logic] = []
    seen: dict[str, int] = {}
    for child in children:
        if isinstance(child, Condition) and child.lookup == "related":
            if child.field in seen:
                at = seen[child.field]
                earlier: Any = found[at]
                found[at] = Condition(child.field, "related", earlier.value.joined(child.value))
                continue
            seen[child.field] = len(found)
        found.append(child)
    return found


def crosses_references(logic: Logic) -> bool:
    """Whether a condition is on the targets of a reference, which have to be found first."""
    if isinstance(logic, Condition):
        return logic.lookup == "related"
    if isinstance(logic, Negation):
        return crosses_references(logic.child)
    return any(map(crosses_references, logic.children))
