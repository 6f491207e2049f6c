"""Values of rows that were written before a unique was declared: a save accepts no duplicate of
them, although they are not claimed yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from ..exceptions import IndexNotBuilt, PayloadError, SonicError
from ..sync import claimed
from ..sync.check.uniques import LiveRow, UniquesCheck
from .batches import batches

if TYPE_CHECKING:
    from ..schema.schema import Schema, Stores, UniqueConstraint

#: Tables up to this many rows are looked at, and their values claimed, by the save itself.
_SMALL = 1000
_VALUES_PER_QUERY = 100


class Claim(NamedTuple):
    """A value that was just claimed for an object."""

    key: bytes
    constraint: UniqueConstraint
    id: int
    by_name: Mapping[str, Any]


class Taken(Exception):
    """A row that was written before the unique was declared has the value."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim


def check(stores: Stores, claims: Sequence[Claim]) -> None:
    """Raise ``Taken`` if another row has one of the values; to be called in the transaction.

    Nothing to do, and no statement, once the uniques are known to be claimed for every row. Before:
    a small table is claimed whole; of a large one the index is asked for such values, and an error
    says that ``sonic_reindex`` is needed where it cannot answer.
    """
    names = claimed.unclaimed(stores, {claim.constraint.name for claim in claims})
    if not names:
        return
    own = {claim.id for claim in claims}
    rows = next(stores.table.walk(batch=_SMALL + len(own) + 1), [])
    others = [row for row in rows if row.id not in own]
    if len(others) > _SMALL:
        claimed.note_unclaimed(stores, names)
        _ask_index(stores, [claim for claim in claims if claim.constraint.name in names])
        return
    by_key = {claim.key: claim for claim in claims}
    live: list[LiveRow] = []
    for row in others:
        with suppress(PayloadError):
            if not row.is_deleted:
                live.append((row.id, row.version, stores.schema.values_of(row.payload, row.id)))
    for _, _, values in live:
        for key in stores.schema.unique_keys(values):
            if key in by_key:
                raise Taken(by_key[key])
    found = list(UniquesCheck(stores, repairs=True).rows(live))
    if all(repaired for _, repaired in found):
        claimed.note_claimed(stores, names, is_empty=not others)


def _ask_index(stores: Stores, claims: Sequence[Claim]) -> None:
    schema = stores.schema
    objects = schema.objects(stores.using)
    by_key = {claim.key: claim for claim in claims}
    own = {claim.id for claim in claims}
    for constraint in {claim.constraint for claim in claims}:
        some = [claim for claim in claims if claim.constraint == constraint]
        size = _VALUES_PER_QUERY if len(constraint.fields) == 1 else 1
        for batch in batches(some, size):
            if len(constraint.fields) == 1:
                (name,) = constraint.fields
                wanted = {f"{name}__in": [claim.by_name[name] for claim in batch]}
            else:
                wanted = {name: batch[0].by_name[name] for name in constraint.fields}
            try:
                found = list(objects.filter(**wanted))
            except SonicError as error:
                raise _unknown(schema, constraint, error) from error
            for obj in found:
                if obj.id in own:
                    continue
                for key in schema.unique_keys(schema.values_of(obj.sonic_payload, obj.id)):
                    if key in by_key:
                        raise Taken(by_key[key])


def _unknown(schema: Schema, constraint: UniqueConstraint, error: SonicError) -> IndexNotBuilt:
    fields = ", ".join(constraint.fields)
    return IndexNotBuilt(
        f"{schema.label}: the unique {constraint.name!r} ({fields}) is not known to be claimed for "
        f"rows written before it was declared, and the index cannot say whether one of them has "
        f"the value ({error}). Nothing was saved. Run: python manage.py sonic_reindex "
        f"{schema.label}",
        [constraint.name],
    )
