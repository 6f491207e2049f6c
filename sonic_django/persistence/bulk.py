"""``bulk_create()`` and ``bulk_update()``: many objects, in batches with one round trip each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from redis.exceptions import RedisError

from ..conf import is_available
from ..exceptions import StaleObjectError
from ..payload.stored import Payload
from ..sync import built
from ..sync.apply import schedule
from ..sync.testcase_rollbacks import undo_rollbacks
from ..table import uniques
from ..table.rows import Row
from ..table.versions import first_version
from .batches import Progress, batches, with_progress
from .changes import Change, merged
from .identity import note_row, refuse_moved
from .old_rows import Claim
from .save import find_change, write
from .transaction_state import remember, state_of
from .unique_claims import check_old_rows, violation
from .values import encode

if TYPE_CHECKING:
    from ..index.specs import Entry
    from ..schema.schema import Schema, Stores
    from .unique_claims import Keys


@dataclass(frozen=True)
class Encoded:
    """An object with the values that are going to be written."""

    obj: Any
    by_name: dict[str, Any]
    payload: bytes
    entries: tuple[Entry, ...]
    keys: Keys

    @classmethod
    def of(cls, obj: Any) -> Encoded:
        """The object encoded, after the fields that set themselves have done so."""
        schema = obj._sonic
        for field in schema.fields_with_pre_save:
            setattr(obj, field.attname, field.pre_save(obj, True))
        by_name, stored = encode(obj)
        payload = schema.codec.encode(stored)
        return cls(obj, by_name, payload, schema.entries(by_name), schema.unique_keys(by_name))


# Inserting --------------------------------------------------------------------------------------


def bulk_create(
    stores: Stores,
    objects: list[Any],
    batch_size: int,
    conflicts: Conflicts | None = None,
    progress: Progress | None = None,
) -> list[Any]:
    """Insert new objects, all or none; the objects. See ``SonicQuerySet.bulk_create``."""
    schema, using = stores.schema, stores.using
    if schema.problems:
        schema.raise_problems()
    with_ids = [obj for obj in objects if obj.id is not None]
    if with_ids:
        raise ValueError(
            f"bulk_create() gives the ids itself; {with_ids[0]!r} has one. Use save() for it."
        )
    if conflicts:
        conflicts.check(schema)
    undo_rollbacks(using)
    _prepare_first_write(stores)
    try:
        with transaction.atomic(using=using, savepoint=False):
            for batch in with_progress(batches(objects, batch_size), len(objects), progress):
                if conflicts:
                    _insert_free_ones(stores, batch, conflicts)
                else:
                    _insert(stores, [Encoded.of(obj) for obj in batch])
    except BaseException:
        # None of them was kept, so none is saved.
        for obj in objects:
            obj.id = None
            obj.__dict__.pop("_sonic_loaded", None)
            obj._state.adding = True
        raise
    return objects


def _prepare_first_write(stores: Stores) -> None:
    """Before many rows: an index that meets an empty table counts as built. One round trip."""
    index = stores.index
    try:
        if len(index.built()) < len(index.layout.digests):
            built.adopt_if_empty(stores)
    except RedisError:
        return  # Redis is away: the rows are written, the index is rebuilt later


def _insert_free_ones(stores: Stores, batch: Sequence[Any], conflicts: Conflicts) -> None:
    """Insert the objects whose unique values are free; the others as ``conflicts`` says."""
    encoded = [Encoded.of(obj) for obj in batch]
    locks = False
    while True:
        free, others = conflicts.split(encoded, stores.using, locks=locks)
        try:
            with transaction.atomic(using=stores.using):
                _insert(stores, free)
        except IntegrityError:
            if locks:
                raise
            # Another writer has taken a value since: reads that lock see what is committed.
            locks = True
            continue
        conflicts.update_owners(stores, others)
        return


def _insert(stores: Stores, encoded: Sequence[Encoded]) -> None:
    schema, using = stores.schema, stores.using
    version = first_version()
    ids = stores.table.insert_many([one.payload for one in encoded], version)
    claims = [(key, id) for id, one in zip(ids, encoded, strict=True) for key in one.keys]
    if claims:
        try:
            uniques.take(claims, using)
        except IntegrityError as error:
            taken = set(uniques.owners([key for key, _ in claims], using))
            seen: set[bytes] = set()
            for one in encoded:
                clash = [c for key, c in one.keys.items() if key in taken or key in seen]
                if clash:
                    raise violation(schema.model, clash, one.by_name) from error
                seen.update(one.keys)
            raise
        check_old_rows(
            stores,
            [
                Claim(key, constraint, id, one.by_name)
                for id, one in zip(ids, encoded, strict=True)
                for key, constraint in one.keys.items()
            ],
        )
    text = bool(schema.text_fields) and is_available()
    documents, states = [], []
    for one, id in zip(encoded, ids, strict=True):
        states.append(state_of(one.obj))
        one.obj.__dict__.update(id=id, sonic_payload=Payload(one.payload), sonic_version=version)
        note_row(one.obj, using, id)
        one.obj._state.adding = False
        one.obj._state.db = using
        row = Row(id, one.payload, False, version)
        documents.append(schema.document(row, one.entries, text_changed=text))
    token = schedule(stores, documents)
    for one, before in zip(encoded, states, strict=True):
        remember(one.obj, before, one.obj.id, version, token)


# Conflicts --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Conflicts:
    """The treatment of an object of which another one owns a unique value.

    Without ``update_fields`` it is left out. With them those fields of the owner of the values of
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
            declared = "; ".join(", ".join(constraint.fields) for constraint in schema.uniques)
            raise ValueError(
                f"{schema.label}: {', '.join(sorted(self.unique_fields))} are not the fields of a "
                f"unique. The uniques are: {declared or 'none'}."
            )

    def split(
        self, encoded: Sequence[Encoded], using: str, *, locks: bool
    ) -> tuple[list[Encoded], dict[int, list[Encoded]]]:
        """(the objects to insert, the others by the id of the owner of a unique value).

        Of several with the same values the first is inserted; later ones are left out, or change
        what is inserted. One statement for 400 values.
        """
        keys = [key for one in encoded for key in self._keys(one)]
        owners = uniques.owners(keys, using, locks=locks) if keys else {}
        free: list[Encoded] = []
        others: dict[int, list[Encoded]] = {}
        first: dict[bytes, int] = {}
        for one in encoded:
            mine = self._keys(one)
            owner = next((owners[key] for key in mine if key in owners), None)
            if owner is not None:
                others.setdefault(owner, []).append(one)
                continue
            at = next((first[key] for key in mine if key in first), None)
            if at is None:
                first.update(dict.fromkeys(mine, len(free)))
                free.append(one)
            elif self.update_fields:
                self._assign(one.obj, free[at].obj)
                free[at] = Encoded.of(free[at].obj)
        return free, others

    def _keys(self, one: Encoded) -> list[bytes]:
        return [
            key
            for key, constraint in one.keys.items()
            if not self.update_fields or frozenset(constraint.fields) == self.unique_fields
        ]

    def update_owners(self, stores: Stores, others: dict[int, list[Encoded]]) -> None:
        """Update the owners, if there are fields to update; in the order of their ids."""
        given = [one for some in others.values() for one in some]
        if not self.update_fields or not given:
            return
        schema, using, table = stores.schema, stores.using, stores.table
        model = type(given[0].obj)
        names = frozenset(schema.field(name).name for name in self.update_fields)
        # One that others have made since this transaction began is seen by a read that locks.
        rows = table.fetch(list(others))
        rows |= {id: row for id in others if id not in rows and (row := table.fetch_latest(id))}
        owners: dict[int, Any] = {}

        def changed(id: int, row: Row | None) -> Change | None:
            if row is None:
                raise StaleObjectError(
                    f"{schema.label} {id}, which owned a unique value, was removed meanwhile; try "
                    f"again.",
                    self.unique_fields,
                )
            owners[id] = schema.from_row(using, row, model)
            for one in others[id]:
                self._assign(one.obj, owners[id])
            return find_change(owners[id], names)

        changes = [change for id in sorted(others) if (change := changed(id, rows.get(id)))]
        write(changes, using, lambda change, row: changed(change.obj.id, row))
        for id, some in others.items():
            for one in some:
                _become(one.obj, owners[id], using)

    def _assign(self, source: Any, target: Any) -> None:
        for name in self.update_fields:
            attname = source._sonic.field(name).attname
            setattr(target, attname, getattr(source, attname))


def _become(obj: Any, owner: Any, using: str) -> None:
    """Let the object given be that of the row. Its values of fields that were not written are
    changes that its next save writes."""
    values = owner.__dict__
    obj.__dict__.update({n: values[n] for n in ("id", "sonic_payload", "sonic_version")})
    note_row(obj, using, owner.id)
    obj._state.adding, obj._state.db = False, using


# Updating ---------------------------------------------------------------------------------------


def bulk_update(
    stores: Stores,
    objects: list[Any],
    names: list[str],
    batch_size: int,
    progress: Progress | None = None,
) -> int:
    """Write the named fields of saved objects; the number of objects. See
    ``SonicQuerySet.bulk_update``."""
    if not names:
        raise ValueError("Field names must be given to bulk_update().")
    unsaved = [obj for obj in objects if obj.id is None]
    if unsaved:
        raise ValueError(f"All bulk_update() objects must be saved; {unsaved[0]!r} has no id.")
    for obj in objects:
        refuse_moved(obj, "updated")
    using = stores.using
    fields = frozenset(stores.schema.field(name).name for name in names)
    undo_rollbacks(using)
    for batch in with_progress(batches(objects, batch_size), len(objects), progress):
        # In the order of the ids, so that two of them wait for each other instead of locking up.
        changes = [find_change(obj, fields, automatic=False) for obj in sorted(batch, key=_id_of)]
        write([change for change in changes if change is not None], using, merged)
    return len(objects)


def _id_of(obj: Any) -> int:
    return int(obj.id)
