"""Inserting: many objects in batches with one Redis call each, and one if it is not there yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction

from ..conf import is_available
from ..exceptions import StaleObjectError
from ..index.store import Document
from ..persistence.batches import Progress, batches, told
from ..persistence.values import encode
from ..sync import built
from ..sync.apply import schedule
from ..sync.testcase_rollbacks import undo_rollbacks
from ..table import uniques
from .conflicts import Conflicts
from .scan import judge_of

if TYPE_CHECKING:
    from ..index.specs import Entry
    from ..persistence.unique_claims import Keys
    from .queryset import SonicQuerySet

#: How often a get_or_create or update_or_create meets another writer before it gives up.
_ATTEMPTS = 20


@dataclass(frozen=True)
class Encoded:
    """An object as it is going to be written."""

    obj: Any
    by_name: dict[str, Any]
    payload: bytes
    entries: tuple[Entry, ...]
    keys: Keys

    @classmethod
    def of(cls, obj: Any) -> Encoded:
        schema = obj._sonic
        for field in schema.fields_with_pre_save:
            setattr(obj, field.attname, field.pre_save(obj, True))
        by_name, stored = encode(obj)
        payload = schema.codec.encode(stored)
        return cls(obj, by_name, payload, schema.entries(by_name), schema.unique_keys(by_name))


def bulk_create(
    model: Any,
    using: str,
    objects: list[Any],
    batch_size: int,
    conflicts: Conflicts | None,
    progress: Progress | None,
) -> list[Any]:
    """What ``SonicQuerySet.bulk_create`` says."""
    schema = model._sonic
    if schema.problems:
        schema.raise_problems()
    given = [obj for obj in objects if obj.id is not None]
    if given:
        raise ValueError(
            f"bulk_create() gives the ids itself; {given[0]!r} has one. Use save() for it."
        )
    if conflicts:
        conflicts.check(schema)
    undo_rollbacks(using)
    prepare_first_write(model, using)
    try:
        with transaction.atomic(using=using, savepoint=False):
            for batch in told(batches(objects, batch_size), len(objects), progress):
                if conflicts:
                    _insert_what_is_free(model, using, batch, conflicts)
                else:
                    _insert(model, using, [Encoded.of(obj) for obj in batch])
    except BaseException:
        # None of them was kept, so none is saved.
        for obj in objects:
            obj.id = None
            obj._state.adding = True
        raise
    return objects


def _insert_what_is_free(
    model: Any, using: str, batch: Sequence[Any], conflicts: Conflicts
) -> None:
    """Insert those whose uniques nobody holds; the others as ``conflicts`` says."""
    encoded = [Encoded.of(obj) for obj in batch]
    locks = False
    while True:
        free, others = conflicts.split(encoded, using, locks=locks)
        try:
            with transaction.atomic(using=using):
                _insert(model, using, free)
        except IntegrityError:
            if locks:
                raise
            # Taken by someone else since: seen by reads that lock, which show what is committed.
            locks = True
            continue
        conflicts.settle(others, using)
        return


def _insert(model: Any, using: str, encoded: Sequence[Encoded]) -> None:
    from ..payload.stored import Payload
    from ..persistence.transaction_state import remember, state_of
    from ..persistence.unique_claims import violation

    schema = model._sonic
    ids = schema.table(using).insert_many([one.payload for one in encoded])
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
                    raise violation(model, clash, one.by_name) from error
                seen.update(one.keys)
            raise
    text = bool(schema.text_fields) and is_available()
    documents, states = [], []
    for one, id in zip(encoded, ids, strict=True):
        states.append(state_of(one.obj))
        one.obj.__dict__.update(id=id, sonic_payload=Payload(one.payload), sonic_version=1)
        one.obj._state.adding = False
        one.obj._state.db = using
        documents.append(Document(id, 1, "live", one.entries, text))
    token = schedule(schema.at(using), documents)
    for one, before in zip(encoded, states, strict=True):
        remember(one.obj, before, one.obj.id, 1, token)


def get_or_create(
    queryset: SonicQuerySet, defaults: dict[str, Any], kwargs: dict[str, Any]
) -> tuple[Any, bool]:
    """What Django's says; a race is settled by the unique, if there is one."""
    queryset = queryset.using(queryset._write_db)
    try:
        return queryset.get(**kwargs), False
    except queryset.model.DoesNotExist:
        pass
    given = {name: value for name, value in kwargs.items() if "__" not in name}
    given.update({n: value() if callable(value) else value for n, value in defaults.items()})
    try:
        with transaction.atomic(using=queryset.db):
            return queryset.create(**given), True
    except IntegrityError:
        found = _holder(queryset, given, kwargs)
        if found is None:
            raise
        return found, False


def _holder(queryset: SonicQuerySet, given: dict[str, Any], kwargs: dict[str, Any]) -> Any:
    """The object that holds a unique value (or the id) of the new one and is the one that was
    looked for.

    By the rows and not by the index, which is told after the commit of whoever was faster; also
    within a transaction that began before that commit: the reads lock.
    """
    schema, using = queryset.model._sonic, queryset.db
    obj = queryset.model(**given)
    keys = list(schema.unique_keys(encode(obj)[0]))
    owners = uniques.owners(keys, using, locks=True) if keys else {}
    judge = judge_of(schema, queryset.filter(**kwargs)._bound()._logic)
    for id in {*owners.values(), obj.id} - {None}:
        # Outside a transaction nothing is locked for longer than the statement.
        row = schema.table(using).fetch_latest(id)
        if row is None or row.is_deleted:
            continue
        if judge(schema.decode(row.payload, id), id) is not False:
            return queryset.model._sonic.from_row(using, row, queryset.model)
    return None


def update_or_create(
    queryset: SonicQuerySet,
    defaults: dict[str, Any],
    create_defaults: dict[str, Any] | None,
    kwargs: dict[str, Any],
) -> tuple[Any, bool]:
    """What Django's says. Who changes the same fields meanwhile is overwritten: the last wins."""
    created_with = defaults if create_defaults is None else create_defaults
    obj, created = get_or_create(queryset, created_with, kwargs)
    if created:
        return obj, True
    for attempt in range(_ATTEMPTS):
        for name, value in defaults.items():
            setattr(obj, name, value() if callable(value) else value)
        try:
            obj.save(using=queryset._write_db)
            break
        except StaleObjectError:
            row = obj._sonic.table(queryset._write_db).fetch_latest(obj.id)
            if attempt + 1 == _ATTEMPTS or row is None or row.is_deleted:
                raise
            obj = queryset.model._sonic.from_row(queryset._write_db, row, queryset.model)
    return obj, False


def prepare_first_write(model: Any, using: str) -> None:
    """Before many rows: an index that meets an empty table counts as built. One round trip."""
    from redis.exceptions import RedisError

    store = model._sonic.store(using)
    try:
        if len(store.built()) < len(store.layout.digests):
            built.adopt_if_empty(model._sonic.at(using))
    except RedisError:
        return  # Redis is away: the rows are written, the index is rebuilt later
