"""Ids to objects that are verified by their rows: one SQL statement a batch; and single objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from django.db.models import Q, prefetch_related_objects

from ..exceptions import PayloadError
from ..schema.ids import as_id
from ..sync import read_repair
from . import builder, distinct, execute
from .arguments import is_queryset, plain, several
from .scan import RowSource
from .select_related import attach_references
from .state import QueryState
from .verify import needed_predicate

#: Ids that one IN takes; more are fetched in steps.
_CHUNK = 2000
_NUMBERS = frozenset([int])

# Pages ------------------------------------------------------------------------------------------


def page(state: QueryState) -> list[Any]:
    """The objects or values as sliced. What the rows do not confirm is made up for from behind the
    slice. One round trip and one statement, unless something has to be made up for."""
    if state.merges_rows:
        return list(different(state))
    state = execute.bound(state)
    if state.scan and streams_rows(state):
        return completed(state, list(scanned(state)))
    ids = execute.ids(state)
    if state.shape is not None and state.shape.only_ids:
        return list(state.shape.shape(ids))
    objects, stale = _verified(state, ids)
    if stale and not state.scan:
        objects += _made_up_for(state, stale)
    return completed(state, objects)


def different(state: QueryState) -> Iterator[Any]:
    """The different rows of the slice: the ids of all objects are read, and rows until the slice is
    full. NotSupportedError for an order that is not one of the rows."""
    distinct.check_order(state)
    everything = execute.bound(builder.unsliced(state).changed(distinct=False))
    ids = execute.ids(everything)
    objects = (
        obj
        for start in range(0, len(ids), _CHUNK)
        for obj in confirmed(everything, ids[start : start + _CHUNK])
    )
    assert state.shape is not None, "only rows of values are merged"
    found = islice(distinct.first_of_each(state, objects), state.low, state.high)
    yield from state.shape.shape(found)


def count_different(state: QueryState) -> int:
    """The number of different rows in the slice: of one field in the index that lists its values,
    in one round trip; else the rows are read."""
    if not state.is_sliced:
        # As in Django, the number of all rows does not depend on their order.
        state = state.changed(order=(), is_reversed=False, ranking=None)
    in_index = execute.different_values(state)
    if in_index is None:
        return sum(1 for _ in different(state))
    return state.within_slice(in_index)


def _made_up_for(state: QueryState, stale: list[int]) -> list[Any]:
    """Objects from behind the slice in place of those that the rows did not confirm, which are
    reported."""
    objects: list[Any] = []
    met, end, lacking = list(stale), state.high, len(stale)
    while lacking and end is not None and state.order != ("?",):
        ids = execute.ids(state.changed(low=end, high=end + lacking, given=None))
        more, stale = _verified(state, ids)
        objects += more
        met += stale
        # Fewer than asked for: the index has no more.
        lacking, end = (len(stale), end + len(ids)) if len(ids) == lacking else (0, end)
    _report(state, met)
    return objects


def load(state: QueryState, ids: Sequence[int]) -> list[Any]:
    """The objects of these ids, or the values asked for, where the rows satisfy the filter."""
    if state.shape is not None and state.shape.only_ids:
        return list(state.shape.shape(ids))
    return completed(state, confirmed(state, ids))


def confirmed(state: QueryState, ids: Sequence[int]) -> list[Any]:
    """The objects of these ids whose rows satisfy the filter, without what is loaded along. One
    statement."""
    state = execute.bound(state)
    objects, stale = _verified(state, ids)
    if stale and not state.scan:
        _report(state, stale)
    return objects


def completed(state: QueryState, objects: list[Any]) -> list[Any]:
    """The objects with what is loaded along, or their values."""
    if state.related:
        attach_references(objects, state.related, state.db)
    if state.prefetch:
        prefetch_related_objects(objects, *state.prefetch)
    return list(state.shape.shape(objects)) if state.shape else objects


def streams_rows(state: QueryState) -> bool:
    """Whether the rows of a scan come in the order asked for as they are read."""
    needs_rows = state.shape is None or not state.shape.only_ids
    return (
        needs_rows
        and state.order != ("?",)
        and state.ranking is None
        and state.given is None
        and state.orders_by_id
    )


def scanned(state: QueryState) -> Iterator[Any]:
    """The objects of the rows of a scan, as they are read."""
    schema, using = state.schema, state.db
    for row, stored in RowSource(state).rows():
        obj = schema.from_row(using, row, state.model)
        obj.__dict__["_sonic_decoded"] = dict(stored)
        yield obj


def _report(state: QueryState, stale: Sequence[int]) -> None:
    """Have the entries repaired that led to rows that do not confirm them."""
    query = execute.plan(state, ("-id",) if state.order == ("?",) else None)
    read_repair.report(state.schema.at(state.write_db), stale, query.plain_sets())


# Rows -------------------------------------------------------------------------------------------


def _verified(state: QueryState, ids: Sequence[int]) -> tuple[list[Any], list[int]]:
    """(the objects of these ids whose rows satisfy the filter, in their order; the other ids).

    A payload that is decoded for the filter is not decoded again when the object is read. An object
    whose payload cannot be decoded is given, and says so when it is read.
    """
    schema, using, deleted = state.schema, state.db, state.deleted
    matches = needed_predicate(schema, state.conditions)
    found: list[Any] = []
    stale: list[int] = []
    for start in range(0, len(ids), _CHUNK):
        some = ids[start : start + _CHUNK]
        rows = {row[0]: row for row in schema.table(using).fetch_plain(_possible(some))}
        kept = []
        for id in some:
            row = rows.get(id)
            if row is None or (deleted is not None and row[2] != deleted):
                stale.append(id)
            else:
                kept.append(row)
        objects = schema.from_rows(using, kept, state.model)
        if matches is None:
            found += objects
            continue
        decode = schema.codec.decode
        for (id, payload, *_), obj in zip(kept, objects, strict=True):
            try:
                stored = decode(payload)
            except PayloadError:
                found.append(obj)
                continue
            if matches(stored, id) is False:
                stale.append(id)
                continue
            obj.__dict__["_sonic_decoded"] = stored
            found.append(obj)
    return found, stale


def _by_id(state: QueryState, id: int) -> list[Any]:
    """The object of an id, or none. One statement."""
    schema, using = state.schema, state.db
    row = schema.table(using).fetch_one(id) if _is_possible(id) else None
    if row is None or state.deleted not in (None, row.is_deleted):
        return []
    return [schema.from_row(using, row, state.model)]


def _by_ids(state: QueryState, ids: Sequence[int]) -> list[Any]:
    """The objects of these ids in any order, each once; ids without a row of the scope are left
    out. One statement for 900 ids."""
    if not ids:
        return []
    schema, using, deleted = state.schema, state.db, state.deleted
    rows = schema.table(using).fetch_plain(_possible(ids))
    if deleted is not None:
        rows = [row for row in rows if row[2] == deleted]
    return schema.from_rows(using, rows, state.model)


def _possible(ids: Sequence[int]) -> Sequence[int]:
    """Those that a BIGINT can be: SQLite refuses to be asked for larger ones."""
    if min(ids) > 0 and max(ids) < 2**63:
        return ids
    return [id for id in ids if _is_possible(id)]


def _is_possible(id: int) -> bool:
    return 0 < id < 2**63


# Single objects ---------------------------------------------------------------------------------


def get(state: QueryState, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The one object of a filter. By pk alone the row answers: one statement."""
    id = _plain_id(state, args, kwargs)
    if id is not None:
        found = _by_id(state, id)
        if state.shape is not None and state.shape.only_ids:
            found = list(state.shape.shape([obj.id for obj in found]))
        else:
            found = completed(state, found)
    else:
        if args or kwargs:
            state = builder.filtered(state, builder.q_of(args, kwargs))
        found = page(state if state.is_sliced else builder.sliced(state, None, 2))
    return single(state, found, args, kwargs)


def single(
    state: QueryState, found: Sequence[Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """The one object found; DoesNotExist or MultipleObjectsReturned names what was asked for."""
    if len(found) == 1:
        return found[0]
    model = state.model
    shown = ", ".join([*map(str, args), *(f"{k}={v!r}" for k, v in kwargs.items())])
    if not found:
        raise model.DoesNotExist(
            f"{model._meta.object_name} matching query does not exist: {shown}"
        )
    raise model.MultipleObjectsReturned(
        f"get() returned more than one {model._meta.object_name}: {shown}"
    )


def _plain_id(state: QueryState, args: Any, kwargs: dict[str, Any]) -> int | None:
    if args or len(kwargs) != 1 or state.is_sliced or not state.is_unfiltered:
        return None
    ((name, value),) = kwargs.items()
    if name not in ("pk", "id", "pk__exact", "id__exact") or value is None:
        return None
    value = plain(value)
    return None if is_queryset(value) else as_id(state.schema, value)


def first(state: QueryState) -> Any:
    """The first object; None if there is none."""
    return next(iter(page(builder.sliced(state, None, 1))), None)


def edge(state: QueryState, method: str, fields: Sequence[str], *, is_last: bool) -> Any:
    """The first or the last object in the order of the fields, or of ``Meta.get_latest_by``."""
    default = state.model._meta.get_latest_by
    names = fields or ([default] if isinstance(default, str) else default)
    if not names:
        raise ValueError(f"{method}() takes the field to order by, or Meta.get_latest_by names it.")
    state = builder.ordered(state, names)
    found = first(builder.turned_round(state) if is_last else state)
    if found is None:
        raise state.model.DoesNotExist(
            f"{state.model._meta.object_name} matching query does not exist."
        )
    return found


def in_bulk(state: QueryState, given: Iterable[Any] | None, field_name: str) -> dict[Any, Any]:
    """Objects by id, or by a unique field."""
    if state.is_sliced:
        raise TypeError("Cannot use 'limit' or 'offset' with in_bulk().")
    if state.shape is not None:
        raise TypeError("in_bulk() cannot be used with values() or values_list().")
    schema = state.schema
    if field_name not in ("pk", "id"):
        if field_name not in {one.fields[0] for one in schema.uniques if not one.fields[1:]}:
            raise ValueError(
                f"in_bulk()'s field_name must be a unique field but {field_name!r} isn't."
            )
        if given is not None:
            state = builder.filtered(state, Q(**{f"{field_name}__in": given}))
        return {getattr(obj, field_name): obj for obj in page(state)}
    if given is None:
        return {obj.id: obj for obj in page(state)}
    ids = [id for id in several("in_bulk", "exact", given) if id is not None]
    if not _NUMBERS.issuperset(map(type, ids)):
        ids = [as_id(schema, id) for id in ids]
    if state.is_unfiltered:
        found = completed(state, _by_ids(state, ids))
    else:
        found = page(builder.filtered(state, Q(pk__in=ids)))
    return {obj.id: obj for obj in found}
