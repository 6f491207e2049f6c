"""Writing many objects: in batches, with one Redis call a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import IntegrityError, transaction

from ..fulltext.availability import is_available
from ..index.store import Document
from ..sync import state
from ..sync.apply import schedule
from ..sync.journal import undo_rollbacks
from ..table import uniques
from ..table.rows import Row
from .expressions import computation, is_expression

if TYPE_CHECKING:
    from ..models.base import SonicObj
    from .queryset import SonicQuerySet

T = TypeVar("T")
_BATCH = 1000


def bulk_create(
    model: type[SonicObj], using: str, objects: list[Any], batch_size: int
) -> list[Any]:
    """What ``SonicQuerySet.bulk_create`` says."""
    options = model._sonic
    if options.problems:
        options.raise_problems()
    given = [obj for obj in objects if obj.id is not None]
    if given:
        raise ValueError(
            f"bulk_create() gives the ids itself; {given[0]!r} has one. Use save() for it."
        )
    undo_rollbacks(using)
    prepare_first_write(model, using)
    try:
        with transaction.atomic(using=using, savepoint=False):
            for batch in batches(objects, batch_size):
                _insert_batch(model, using, batch)
    except BaseException:
        # None of them was kept, so none is saved.
        for obj in objects:
            obj.id = None
            obj._state.adding = True
        raise
    return objects


def _insert_batch(model: type[SonicObj], using: str, batch: Sequence[Any]) -> None:
    from ..models.columns import Payload
    from ..models.rollbacks import remember, state_of
    from ..models.uniqueness import violation

    options = model._sonic
    encoded = []
    for obj in batch:
        for field in options.fields_with_pre_save:
            setattr(obj, field.attname, field.pre_save(obj, True))
        by_name, stored = obj._encode_values()
        payload = options.codec.encode(stored)
        encoded.append((by_name, payload, options.entries(by_name), options.unique_keys(by_name)))
    ids = options.table(using).insert_many([payload for _, payload, _, _ in encoded])
    claims = [(key, id) for id, (_, _, _, keys) in zip(ids, encoded, strict=True) for key in keys]
    if claims:
        try:
            uniques.take(claims, using)
        except IntegrityError as error:
            taken = set(uniques.owners([key for key, _ in claims], using))
            seen: set[bytes] = set()
            for by_name, _, _, keys in encoded:
                clash = [c for key, c in keys.items() if key in taken or key in seen]
                if clash:
                    raise violation(model, clash, by_name) from error
                seen.update(keys)
            raise
    text = bool(options.text_fields) and is_available()
    documents, states = [], []
    for obj, id, (_, payload, entries, _) in zip(batch, ids, encoded, strict=True):
        states.append(state_of(obj))
        obj.__dict__.update(id=id, sonic_payload=Payload(payload), sonic_version=1)
        obj._state.adding = False
        obj._state.db = using
        documents.append(Document(id, 1, "live", entries, text))
    token = schedule(model, using, documents)
    for obj, before in zip(batch, states, strict=True):
        remember(obj, before, obj.id, 1, token)


def bulk_update(
    model: type[SonicObj], using: str, objects: list[Any], names: list[str], batch_size: int
) -> int:
    """What ``SonicQuerySet.bulk_update`` says."""
    from ..models.changes import merged
    from ..models.saving import find_change, write

    if not names:
        raise ValueError("Field names must be given to bulk_update().")
    unsaved = [obj for obj in objects if obj.id is None]
    if unsaved:
        raise ValueError(f"All bulk_update() objects must be saved; {unsaved[0]!r} has no id.")
    fields = frozenset(model._sonic.field(name).name for name in names)
    undo_rollbacks(using)
    for batch in batches(objects, batch_size):
        # In the order of the ids, so that two of them wait for each other instead of locking up.
        changes = [find_change(obj, fields) for obj in sorted(batch, key=_id_of)]
        write([change for change in changes if change is not None], using, merged)
    return len(objects)


def _id_of(obj: Any) -> int:
    return int(obj.id)


def update(queryset: SonicQuerySet, values: dict[str, Any]) -> int:
    """What ``SonicQuerySet.update`` says."""
    from ..models.changes import Change
    from ..models.saving import find_change, write

    queryset = queryset._bound()
    model, using = queryset.model, queryset._write_db
    options = model._sonic
    fields = frozenset(options.field(name).name for name in values)
    for name, value in values.items():
        if not is_expression(value) and not hasattr(value, "_meta"):
            options.field(name).to_primitive(value)
    computations = {name: computation(options, value) for name, value in values.items()}

    def changed(obj: Any) -> Change | None:
        # All from the values before, as SQL does it.
        computed = {name: compute(obj) for name, compute in computations.items()}
        for name, value in computed.items():
            setattr(obj, name, value)
        return find_change(obj, fields)

    def renew(change: Change, row: Row | None) -> Change | None:
        """As UPDATE ... WHERE does it: the filter and the values by the row as it is now."""
        judge = queryset._verdict()
        if row is None or queryset._deleted not in (None, row.is_deleted):
            return None
        if judge is not None and judge(options.decode(row.payload, row.id), row.id) is False:
            return None
        return changed(model._from_row(using, row))

    number = 0
    undo_rollbacks(using)
    for ids in batches(queryset.ids(), _BATCH):
        objects = sorted(queryset._confirmed(ids), key=_id_of)
        changes = [change for change in map(changed, objects) if change is not None]
        number += len(objects) - len(changes) + len(write(changes, using, renew))
    return number


def remove(queryset: SonicQuerySet, method: str) -> tuple[int, dict[str, int]]:
    """What ``SonicQuerySet.delete`` and ``destroy`` say."""
    queryset = queryset._bound()
    using = queryset._write_db
    total: dict[str, int] = {}
    for ids in batches(queryset.ids(), _BATCH):
        objects = queryset._confirmed(ids)
        with transaction.atomic(using=using, savepoint=False):
            for obj in objects:
                for label, number in getattr(obj, method)(using=using)[1].items():
                    total[label] = total.get(label, 0) + number
    return sum(total.values()), total


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
        try:
            return queryset.get(**kwargs), False
        except queryset.model.DoesNotExist:
            pass
        raise


def update_or_create(
    queryset: SonicQuerySet,
    defaults: dict[str, Any],
    create_defaults: dict[str, Any] | None,
    kwargs: dict[str, Any],
) -> tuple[Any, bool]:
    """What Django's says."""
    created_with = defaults if create_defaults is None else create_defaults
    obj, created = get_or_create(queryset, created_with, kwargs)
    if not created:
        for name, value in defaults.items():
            setattr(obj, name, value() if callable(value) else value)
        obj.save(using=queryset._write_db)
    return obj, created


def prepare_first_write(model: type[SonicObj], using: str) -> None:
    """Before many rows: an index that meets an empty table counts as built. One round trip."""
    from redis.exceptions import RedisError

    store = model._sonic.store(using)
    try:
        if len(store.built()) < len(store.schema.digests):
            state.adopt_if_empty(model, using)
    except RedisError:
        return  # Redis is away: the rows are written, the index is rebuilt later


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Consecutive stretches of the items."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
