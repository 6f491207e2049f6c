"""Rows written before a unique was declared: claim their values, and find the duplicates."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import IntegrityError, connections, transaction

from ...table import uniques
from .. import claimed
from .report import Drift

if TYPE_CHECKING:
    from ...schema.schema import Stores, UniqueConstraint

#: A live row: id, version, primitives by field name.
LiveRow = tuple[int, int, Mapping[str, Any]]
#: A drift, and whether it was repaired.
Found = tuple[Drift, bool]

_ROWS_PER_STATEMENT = 400


class _Claim(NamedTuple):
    key: bytes
    id: int
    version: int
    shown: str


class _Moved(Exception):
    """Another writer has written a row meanwhile."""


class UniquesCheck:
    """Whether each live row owns its unique values in sonic_unique; with ``repairs`` it gets those
    that no other row has. Memory: 16 bytes for each value that is not claimed."""

    def __init__(self, stores: Stores, *, repairs: bool) -> None:
        self.schema = stores.schema
        self.table = stores.table
        self.using = stores.using
        self.repairs = repairs
        self.compared = 0
        #: Keys that another object than the row's holds.
        self.held_wrongly: set[bytes] = set()
        #: Values that could not be given to their rows.
        self._left = 0
        #: Of values that nobody claims: the first half of their keys, and whose they are.
        self._unclaimed, self._ids = array("Q"), array("q")

    def note_claimed(self) -> None:
        """After all rows, in a pass that repairs: mark the uniques as claimed for every row, if
        they are. One statement."""
        if self.repairs and not self._left:
            stores = self.schema.at(self.using)
            claimed.note_claimed(stores, [one.name for one in self.schema.uniques])

    def rows(self, rows: Sequence[LiveRow]) -> Iterator[Found]:
        """The drifts of these rows. One statement for 400 values where nothing is."""
        for drift, repaired in self._rows(rows):
            self._left += not repaired
            yield drift, repaired

    def _rows(self, rows: Sequence[LiveRow]) -> Iterator[Found]:
        if not self.schema.uniques:
            return
        claims = [
            _Claim(key, id, version, _shown(constraint, values))
            for id, version, values in rows
            for key, constraint in self._keys_of(values).items()
        ]
        self.compared += len(claims)
        owners = uniques.owners(list({claim.key for claim in claims}), self.using)
        wrong = [claim for claim in claims if owners.get(claim.key) != claim.id]
        # Row and claim are written in one transaction: a row that is now as it was before the
        # claims were read was not being written then.
        present = self.table.versions([claim.id for claim in wrong]) if wrong else {}
        wrong = [claim for claim in wrong if present.get(claim.id) == claim.version]
        free = [claim for claim in wrong if claim.key not in owners]
        if self.repairs and free and self._claim_all(free):
            yield from ((self._unclaimed_drift(claim), True) for claim in free)
        elif self.repairs:
            for claim in free:
                yield from self._resolve(claim)
        else:
            for claim in free:
                self._unclaimed.append(int.from_bytes(claim.key[:8], "big"))
                self._ids.append(claim.id)
        for claim in wrong:
            if claim.key in owners:
                yield from self._resolve(claim)

    def end(self) -> Iterator[Found]:
        """What nobody claims: duplicates among it, and the others. A statement or two for each
        value that several have."""
        order = sorted(range(len(self._ids)), key=self._unclaimed.__getitem__)
        for half, positions in groupby(order, key=self._unclaimed.__getitem__):
            ids = sorted(self._ids[position] for position in positions)
            if len(ids) == 1:
                yield (
                    Drift("unique not claimed", ids[0], "a value of before its declaration"),
                    False,
                )
            else:
                yield from self._unclaimed_together(half, ids)

    def _unclaimed_together(self, half: int, ids: list[int]) -> Iterator[Found]:
        """What is wrong with rows that have a key which begins like this: the same, as a rule."""
        by_key: dict[bytes, list[_Claim]] = {}
        for claim in [claim for id in ids for claim in self._claims_of(id)]:
            if int.from_bytes(claim.key[:8], "big") == half:
                by_key.setdefault(claim.key, []).append(claim)
        for first, *others in by_key.values():
            yield self._unclaimed_drift(first), False
            yield from ((self._duplicate(claim, first.id), False) for claim in others)

    # Repairs ------------------------------------------------------------------------------------

    def _claim_all(self, claims: Sequence[_Claim]) -> bool:
        """Claim free values together; False if that cannot be, and then none is claimed."""
        try:
            self._take(claims, None)
        except (IntegrityError, _Moved):
            return False
        return True

    def _take(self, claims: Sequence[_Claim], former: int | None) -> None:
        """Claim, and take the values from a former owner, in one transaction in which the rows
        are as they were read."""
        with transaction.atomic(using=self.using):
            locks = connections[self.using].features.has_select_for_update
            if locks:
                self._refuse_moved(claims)
            if former is not None:
                uniques.release([claim.key for claim in claims], former, self.using)
            uniques.take([(claim.key, claim.id) for claim in claims], self.using)
            if not locks:
                # The first write has locked the whole database, which is SQLite.
                self._refuse_moved(claims)

    def _refuse_moved(self, claims: Sequence[_Claim]) -> None:
        connection = connections[self.using]
        quote = connection.ops.quote_name
        id, version, table = quote("id"), quote("version"), quote(self.table.name)
        end = " FOR UPDATE" if connection.features.has_select_for_update else ""
        wanted = {claim.id: claim.version for claim in claims}
        ids = sorted(wanted)
        with connection.cursor() as cursor:
            for start in range(0, len(ids), _ROWS_PER_STATEMENT):
                some = ids[start : start + _ROWS_PER_STATEMENT]
                markers = ", ".join(["%s"] * len(some))
                cursor.execute(
                    f"SELECT {id}, {version} FROM {table} WHERE {id} IN ({markers}){end}", some
                )
                found = dict(cursor.fetchall())
                if any(found.get(one) != wanted[one] for one in some):
                    raise _Moved

    def _resolve(self, claim: _Claim) -> Iterator[Found]:
        """A single value: free, owned by an object that has no right to it, or a duplicate."""
        owner = uniques.owners([claim.key], self.using).get(claim.key)
        if owner == claim.id:
            return
        if owner is not None and any(one.key == claim.key for one in self._claims_of(owner)):
            yield self._duplicate(claim, owner), False
            return
        try:
            if self.repairs:
                self._take([claim], owner)
        except _Moved:
            return  # its writer claims it
        except IntegrityError:
            # Another writer was faster: look at which one.
            yield from self._resolve(claim)
            return
        if owner is None:
            yield self._unclaimed_drift(claim), self.repairs
        else:
            self.held_wrongly.add(claim.key)
            detail = f"{claim.shown} is owned by {owner}, which does not have it"
            yield Drift("unique held wrongly", claim.id, detail), self.repairs

    def _keys_of(self, values: Mapping[str, Any]) -> dict[bytes, UniqueConstraint]:
        """The unique keys; none of a row with a value that no key can be made of."""
        try:
            return self.schema.unique_keys(values)
        except (ValueError, TypeError):
            return {}  # nor can an entry: the row is reported as one that cannot be indexed

    def _claims_of(self, id: int) -> list[_Claim]:
        """The values of a row as it is now; none if it is destroyed, deleted or unreadable."""
        row = self.table.fetch_one(id)
        if row is None or row.is_deleted:
            return []
        try:
            values = self.schema.values_of(row.payload, id)
            keys = self.schema.unique_keys(values)
        except (ValueError, TypeError):
            return []
        return [
            _Claim(key, id, row.version, _shown(constraint, values))
            for key, constraint in keys.items()
        ]

    def _unclaimed_drift(self, claim: _Claim) -> Drift:
        return Drift("unique not claimed", claim.id, claim.shown)

    def _duplicate(self, claim: _Claim, other: int) -> Drift:
        detail = f"{claim.shown}, as {other}. Change one of them, or delete it"
        return Drift("duplicate", claim.id, detail)


def _shown(constraint: UniqueConstraint, values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={values[name]!r}" for name in constraint.fields)
