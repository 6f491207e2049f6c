"""``bulk_create`` where unique values are held already: leave those out, or update the holder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..exceptions import StaleObjectError
from ..table import uniques

if TYPE_CHECKING:
    from ..schema.schema import Schema
    from ..table.rows import Row
    from .get_or_create import Encoded


@dataclass(frozen=True)
class Conflicts:
    """What becomes of an object of which another one holds a unique value.

    Without ``update_fields`` it is left out. With them those fields of the holder of the values of
    ``unique_fields`` are set; a conflict of other unique values is an IntegrityError.
    """

    unique_fields: frozenset[str] = frozenset()
    update_fields: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        ignore_conflicts: bool,
        update_conflicts: bool,
        update_fields: Sequence[str] | None,
        unique_fields: Sequence[str] | None,
    ) -> Conflicts | None:
        """From the arguments of Django's ``bulk_create``; None if conflicts are errors."""
        if ignore_conflicts and update_conflicts:
            raise ValueError("ignore_conflicts and update_conflicts are mutually exclusive.")
        if update_conflicts:
            if not update_fields or not unique_fields:
                raise ValueError("update_conflicts takes update_fields and unique_fields.")
            return cls(frozenset(unique_fields), tuple(update_fields))
        if update_fields or unique_fields:
            raise ValueError("update_fields and unique_fields go with update_conflicts=True.")
        return cls() if ignore_conflicts else None

    def check(self, schema: Schema) -> None:
        """ValueError unless ``unique_fields`` are the fields of a unique of the class."""
        for name in self.update_fields:
            schema.field(name)
        if self.unique_fields and not any(
            frozenset(constraint.fields) == self.unique_fields for constraint in schema.uniques
        ):
            there = "; ".join(", ".join(constraint.fields) for constraint in schema.uniques)
            raise ValueError(
                f"{schema.model._meta.label}: {', '.join(sorted(self.unique_fields))} are not the "
                f"fields of a unique. The uniques are: {there or 'none'}."
            )

    def split(
        self, encoded: Sequence[Encoded], using: str, *, locks: bool
    ) -> tuple[list[Encoded], dict[int, list[Encoded]]]:
        """(those to be inserted, those of which another one holds a unique value by its id).

        Of several with the same values the first is inserted; later ones are left out, or change
        what is inserted. One statement for 400 values.
        """
        keys = [key for one in encoded for key in self._keys(one)]
        held = uniques.owners(keys, using, locks=locks) if keys else {}
        free: list[Encoded] = []
        others: dict[int, list[Encoded]] = {}
        first: dict[bytes, int] = {}
        for one in encoded:
            mine = self._keys(one)
            holder = next((held[key] for key in mine if key in held), None)
            if holder is not None:
                others.setdefault(holder, []).append(one)
                continue
            at = next((first[key] for key in mine if key in first), None)
            if at is None:
                first.update(dict.fromkeys(mine, len(free)))
                free.append(one)
            elif self.update_fields:
                self._assign(one.obj, free[at].obj)
                free[at] = type(one).of(free[at].obj)
        return free, others

    def _keys(self, one: Encoded) -> list[bytes]:
        return [
            key
            for key, constraint in one.keys.items()
            if not self.update_fields or frozenset(constraint.fields) == self.unique_fields
        ]

    def settle(self, others: dict[int, list[Encoded]], using: str) -> None:
        """Update the holders, if that is asked for; in the order of their ids."""
        from ..persistence.changes import Change
        from ..persistence.save import find_change, write

        if not self.update_fields:
            return
        given = [one for some in others.values() for one in some]
        if not given:
            return
        model = type(given[0].obj)
        schema = model._sonic
        table = schema.table(using)
        names = frozenset(schema.field(name).name for name in self.update_fields)
        # One that others have made since this transaction began is seen by a read that locks.
        rows = table.fetch(list(others))
        rows |= {id: row for id in others if id not in rows and (row := table.fetch_latest(id))}
        holders: dict[int, Any] = {}

        def changed(id: int, row: Row | None) -> Change | None:
            if row is None:
                raise StaleObjectError(
                    f"{model._meta.label} {id}, which held a unique value, was removed meanwhile; "
                    f"try again.",
                    self.unique_fields,
                )
            holders[id] = model._sonic.from_row(using, row, model)
            for one in others[id]:
                self._assign(one.obj, holders[id])
            return find_change(holders[id], names)

        changes = [change for id in sorted(others) if (change := changed(id, rows.get(id)))]
        write(changes, using, lambda change, row: changed(change.obj.id, row))
        for id, some in others.items():
            for one in some:
                self._become(one.obj, holders[id], using)

    def _assign(self, source: Any, target: Any) -> None:
        for name in self.update_fields:
            attname = source._sonic.field(name).attname
            setattr(target, attname, getattr(source, attname))

    def _become(self, obj: Any, holder: Any, using: str) -> None:
        """Let the object given be that of the row; what it has beside the fields that were written
        is a change that its next save writes."""
        values = holder.__dict__
        obj.__dict__.update({n: values[n] for n in ("id", "sonic_payload", "sonic_version")})
        obj._state.adding, obj._state.db = False, using
