"""Lookups across references: the ids of the targets first, then the objects that refer to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import NotSupportedError
from django.db.models import Model, Q

from .conditions import (
    EVERYTHING,
    Condition,
    Conjunction,
    Logic,
    Negation,
    conjoin,
    disjoin,
    negate,
)

if TYPE_CHECKING:
    from ..schema.schema import Schema

#: Targets whose ids are handed on to the index; some tenths of a second to plan.
MOST = 10_000


@dataclass(frozen=True)
class Targets:
    """The objects of a class that a reference shall point to: by ``logic`` if it is a SonicObj
    class, else by ``q``."""

    model: type[Model]
    lookups: tuple[tuple[str, Any], ...]
    logic: Logic = EVERYTHING
    q: Q | None = None

    def described(self, field: str) -> str:
        """The lookups across this reference as they were given."""
        return " and ".join(f"{field}__{name}={value!r}" for name, value in self.lookups)

    def joined(self, other: Targets) -> Targets:
        """Those that both ask for."""
        lookups = self.lookups + other.lookups
        if self.q is not None and other.q is not None:
            return Targets(self.model, lookups, q=self.q & other.q)
        return Targets(self.model, lookups, conjoin(self.logic, other.logic))

    def ids(self, using: str | None) -> list[Any]:
        """Their ids, one more than ``MOST`` at most. One Redis call, or one SQL statement; and one
        for each reference within the lookup."""
        if self.q is not None:
            rows = self.model._base_manager.using(using).filter(self.q)
            found: list[Any] = list(rows.values_list("pk", flat=True).distinct()[: MOST + 1])
            return found
        from .queryset import SonicQuerySet

        model: Any = self.model
        targets: SonicQuerySet = SonicQuerySet(model, using=using)._with_logic(self.logic)
        return list(targets[: MOST + 1].ids())


def target_of(indexed: Any) -> Any:
    """The class that a reference, or a list of references, refers to; None for anything else."""
    if hasattr(indexed, "target_model"):
        return indexed.target_model
    return indexed.remote_field.model if getattr(indexed, "is_relation", False) else None


def join_targets(children: Iterable[Logic]) -> list[Logic]:
    """Conditions that hold together, with those on the targets of one reference made one: they
    are about the same target, which matters for a list, and cost one call."""
    found: list[Logic] = []
    places: dict[str, int] = {}
    for child in children:
        if isinstance(child, Condition) and child.lookup == "related":
            if child.field in places:
                at = places[child.field]
                earlier: Any = found[at]
                found[at] = Condition(child.field, "related", earlier.value.joined(child.value))
                continue
            places[child.field] = len(found)
        found.append(child)
    return found


def crosses_references(logic: Logic) -> bool:
    """Whether there is something to ``bind``."""
    if isinstance(logic, Condition):
        return logic.lookup == "related"
    if isinstance(logic, Negation):
        return crosses_references(logic.child)
    return any(map(crosses_references, logic.children))


def bind(schema: Schema, logic: Logic, using: str | None) -> Logic:
    """The filter with the ids of the targets in place of the lookups across references.

    One Redis call for a reference to a SonicObj class, one SQL statement for one to another model.
    NotSupportedError if a lookup has more than ``MOST`` targets.
    """
    if not crosses_references(logic):
        return logic
    if isinstance(logic, Negation):
        return negate(bind(schema, logic.child, using))
    if not isinstance(logic, Condition):
        join = conjoin if isinstance(logic, Conjunction) else disjoin
        return join(*(bind(schema, child, using) for child in logic.children))
    ids = logic.value.ids(using)
    if len(ids) > MOST:
        target = logic.value.model._meta
        raise NotSupportedError(
            f"{schema.model._meta.label}: {logic} has more than {MOST} targets of "
            f"{target.label}. Narrow the lookup, or keep what is looked up in a field of "
            f"{schema.model._meta.object_name} itself, with an index."
        )
    field = schema.indexed(logic.field)
    return disjoin(*(Condition(logic.field, "exact", field.lookup_value(id)) for id in ids))
