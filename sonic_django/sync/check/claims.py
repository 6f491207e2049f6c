"""Claims of unique values without their rows: whatever removed the row, the value becomes free."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import TYPE_CHECKING

from django.db import transaction

from ...schema.registry import sonic_models
from ...table import uniques
from ...table.digests import versions_of
from ..claimed import drop_unknown
from .report import Drift

if TYPE_CHECKING:
    from ...schema.schema import Schema
    from ...table.rows import Row

#: (key, owner), as in sonic_unique.
Claim = tuple[bytes, int]


class ClaimsCheck:
    """Whether each claim of a database has a live row: by the ids of the rows, and if ``deep`` by
    their values. All classes share the table, and a claim does not say which class it is of, so
    the rows of all classes with uniques are looked at. Memory for a batch."""

    def __init__(self, using: str, *, deep: bool, repairs: bool) -> None:
        self.using = using
        self.deep = deep
        self.repairs = repairs
        schemas = {model._sonic for model in sonic_models() if model._sonic.uniques}
        self._schemas = [schema for schema in schemas if schema.table(using).exists()]

    def run(self, reported: Container[bytes] = ()) -> Iterator[tuple[Drift, bool]]:
        """The drifts, each with whether it was repaired; ``reported`` are keys whose drifts are
        known already. A statement for 1,000 claims and one for
        each class; where a claim has no row, three or more statements in a transaction."""
        if self.repairs:
            drop_unknown(self.using)
        for claims in uniques.walk(self.using):
            suspects = self._without_row(claims, locks=False)
            suspects = [claim for claim in suspects if claim[0] not in reported]
            if suspects:
                # Row and claim are written in one transaction: under a lock of the claims, which
                # waits for the transactions that write them, both are as they were committed.
                with transaction.atomic(using=self.using):
                    owners = uniques.owners([key for key, _ in suspects], self.using, locks=True)
                    still = [claim for claim in suspects if owners.get(claim[0]) == claim[1]]
                    found = self._without_row(still, locks=True)
                    if self.repairs:
                        for key, owner in found:
                            uniques.release([key], owner, self.using)
                for key, owner in found:
                    detail = f"the key {key.hex()} of sonic_unique"
                    yield Drift("unique without row", owner, detail), self.repairs

    def _without_row(self, claims: Sequence[Claim], *, locks: bool) -> list[Claim]:
        ids = sorted({owner for _, owner in claims})
        if not ids:
            return []
        held: set[Claim] = set()
        owners: set[int] = set()
        for schema in self._schemas:
            table = schema.table(self.using)
            if not (self.deep or locks):
                owners.update(id for id, row in versions_of(table, ids).items() if row.live)
                continue
            for row in table.fetch(ids, locks=locks).values():
                if row.is_deleted:
                    continue
                keys = _keys_of(schema, row) if self.deep else None
                if keys is None:
                    owners.add(row.id)  # by its id alone
                else:
                    held.update((key, row.id) for key in keys)
        return [claim for claim in claims if claim[1] not in owners and claim not in held]


def _keys_of(schema: Schema, row: Row) -> list[bytes] | None:
    """The unique keys of a row; None if it cannot be read, and may hold any."""
    try:
        return list(schema.unique_keys(schema.values_of(row.payload, row.id)))
    except (ValueError, TypeError):
        return None
