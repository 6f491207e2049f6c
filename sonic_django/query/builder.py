"""A state from a state: filters, order, cursor, slice, and what is loaded along.

Arguments are checked here, before anything is read: an unknown field, a condition that no index
answers, a combination that has no meaning. Neither Redis nor SQL is asked, except for the row of a
cursor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.core.exceptions import FieldError
from django.db.models import Prefetch, Q

from ..index.queries import Scope
from ..schema.ids import as_id
from .arguments import batch_size as sized
from .arguments import instances, plain, reporter, several, text, texts, whole
from .bounds import Cursor
from .conditions import EVERYTHING, MOST_DEPTH, Logic, conjoin, disjoin, too_deep
from .lookups import resolve, resolve_any
from .ordering import Ordering
from .planner import Planner
from .shapes import ValueShape
from .state import QueryState, Scan, order_name

# Filters ----------------------------------------------------------------------------------------


def q_of(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Q:
    """The lookups as one Q object. TypeError for names that are arguments of ``Q`` itself, which
    would turn a filter by a request's data into another one."""
    if kwargs and not _OF_Q.isdisjoint(kwargs):
        invalid = ", ".join(f"'{name}'" for name in sorted(_OF_Q.intersection(kwargs)))
        raise TypeError(f"The following kwargs are invalid: {invalid}")
    return Q(*args, **kwargs)


_OF_Q = frozenset(["_connector", "_negated"])


def filtered(state: QueryState, q: Q) -> QueryState:
    """Narrowed by a Q object."""
    _refuse_slice(state, "Cannot filter a query once a slice has been taken.")
    schema = state.schema
    if schema.problems:
        schema.raise_problems()
    conditions = resolve(schema, q, resolve_any if state.scan else None)
    if state.scope is Scope.LIVE and not state.scan:
        Planner(schema).check(conditions)
    return narrowed(state, conditions)


def narrowed(state: QueryState, conditions: Logic) -> QueryState:
    """Narrowed by conditions that have been checked."""
    if state.conditions is not EVERYTHING:
        conditions = conjoin(state.conditions, conditions)
    return _with_conditions(state, conditions)


def _with_conditions(state: QueryState, conditions: Logic) -> QueryState:
    if conditions.depth > MOST_DEPTH:
        raise too_deep(state.schema.label)
    return state.changed(conditions=conditions)


def intersection(state: QueryState, other: QueryState) -> QueryState:
    """The objects of both, with the order of the first."""
    _check_combination(state, other)
    if other.cursor is not None:
        other = _with_cursor_as_filter(other, "&")
    return _with_conditions(state, conjoin(state.conditions, other.conditions))


def union(state: QueryState, other: QueryState) -> QueryState:
    """The objects of either, with the order of the first."""
    _check_combination(state, other)
    state, other = _with_cursor_as_filter(state, "|"), _with_cursor_as_filter(other, "|")
    return _with_conditions(state, disjoin(state.conditions, other.conditions))


def _with_cursor_as_filter(state: QueryState, operator: str) -> QueryState:
    """The same objects, with the cursor as one of the conditions; TypeError for a cursor in an
    order by a field, which no condition says."""
    if state.cursor is None:
        return state
    if state.cursor.field != "id":
        raise TypeError(
            f"Cannot combine queries by {operator} once after() or before() has been taken in an "
            f"order by {state.cursor.field}; take it of the combination."
        )
    return narrowed(state, state.cursor.condition()).changed(cursor=None)


def _check_combination(state: QueryState, other: QueryState) -> None:
    if state.model is not other.model or state.scope is not other.scope:
        raise TypeError("Cannot combine queries on two different base models.")
    if state.is_sliced or other.is_sliced:
        raise TypeError("Cannot combine queries once a slice has been taken.")
    if state.text is not None or other.text is not None:
        raise TypeError("Cannot combine queries with search(); take it of the combination.")
    if state.scan != other.scan:
        raise TypeError("Cannot combine a query with scan() and one without.")


# Order and position -----------------------------------------------------------------------------


def ordered(state: QueryState, names: Sequence[Any]) -> QueryState:
    """In the order of the names, or the default one if there are none."""
    _refuse_slice(state, "Cannot reorder a query once a slice has been taken.")
    order = tuple([order_name(plain(name)) for name in names])
    if state.scan and order != ("?",):
        Ordering(state.schema, order or ("pk",))
    elif order and order[0] != "?":
        Planner(state.schema).keys(order)
    _refuse_cursor(state)
    return state.changed(order=order, is_reversed=False, ranking=None)


def ranked(state: QueryState, ids: Iterable[Any]) -> QueryState:
    """In the order of these ids."""
    _refuse_slice(state, "Cannot reorder a query once a slice has been taken.")
    _refuse_cursor(state)
    return state.changed(order=(), is_reversed=False, ranking=_ids(state, "in_order_of", ids))


def turned_round(state: QueryState) -> QueryState:
    """In the opposite order."""
    _refuse_slice(state, "Cannot reverse a query once a slice has been taken.")
    return state.changed(is_reversed=not state.is_reversed)


def beside(state: QueryState, cursor: Any, *, behind: bool) -> QueryState:
    """On one side of an object or of the object of an id. One statement for an id in an order by a
    field."""
    _refuse_slice(state, "Cannot take after() or before() once a slice has been taken.")
    if state.cursor is not None:
        raise TypeError("after() and before() cannot be combined; filter by pk or a range.")
    if state.ranking is not None:
        raise TypeError("after() and before() need an order by a field, not in_order_of().")
    if state.text is not None and not state.order:
        raise TypeError("after() and before() need an order; search() gives none. Slice it.")
    schema = state.schema
    id = as_id(schema, plain(cursor))
    values: Mapping[str, Any] = {}
    if not state.orders_by_id:
        row = schema.table(state.db).fetch_one(id)
        if row is None:
            raise state.model.DoesNotExist(f"The cursor {cursor!r} has no row.")
        values = schema.values_of(row.payload, id)
    return beside_values(state, id, values, behind=behind)


def beside_values(
    state: QueryState, id: int, values: Mapping[str, Any], *, behind: bool
) -> QueryState:
    """On one side of an object with these primitives, which an order by id does not need."""
    schema = state.schema
    field, descending, ties_descending = Planner(schema).direction(state.effective_order)
    value = None if field == "id" else schema.indexed(field).of(values)
    return state.changed(cursor=Cursor(id, value, field, descending, ties_descending, behind))


def sliced(state: QueryState, start: int | None, stop: int | None) -> QueryState:
    """A slice of the slice. ValueError for negative positions, TypeError for no whole numbers."""
    if start is not None and type(start) is not int:
        start = whole("The start of a slice", start)
    if stop is not None and type(stop) is not int:
        stop = whole("The end of a slice", stop)
    if (start or 0) < 0 or (stop or 0) < 0:
        raise ValueError("Negative indexing is not supported.")
    low, high = state.low, state.high
    changes: dict[str, Any] = {}
    if state.given is not None:
        changes["given"] = state.given[start:stop]
        if low == 0 and high is None:
            # The ids are not those of a slice: its positions have no meaning in the index.
            return state.changed(**changes)
    if stop is not None:
        end = low + stop
        high = end if high is None else min(high, end)
    low = min(low + (start or 0), _FARTHEST)
    if high is not None:
        high = min(high, _FARTHEST)
    return state.changed(low=low, high=None if high is None else max(low, high), **changes)


#: No set has as many entries; Redis takes no rank beyond 64 bits.
_FARTHEST = 2**50


def unsliced(state: QueryState) -> QueryState:
    """Without its slice."""
    return state.changed(low=0, high=None)


def given(state: QueryState, ids: Iterable[Any]) -> QueryState:
    """With just these ids as its result."""
    return state.changed(given=_ids(state, "with_ids", ids))


def _ids(state: QueryState, method: str, given: Any) -> tuple[int, ...]:
    """The ids that stand for objects: ids, their digits, objects, or a queryset."""
    return tuple([as_id(state.schema, one) for one in several(method, "exact", given)])


# Which objects, and by which store --------------------------------------------------------------


def scoped(state: QueryState, scope: Scope) -> QueryState:
    """Deleted objects, or live and deleted ones."""
    _refuse_slice(state, "Cannot ask for deleted objects once a slice has been taken.")
    if state.text is not None:
        raise TypeError("search() finds live objects only; full text forgets deleted ones.")
    return state.changed(scope=scope)


def searching(state: QueryState, words: Any) -> QueryState:
    """Narrowed to what full text finds by these words."""
    _refuse_slice(state, "Cannot search once a slice has been taken.")
    if state.scope is not Scope.LIVE:
        raise TypeError("search() finds live objects only; full text forgets deleted ones.")
    if state.text is not None:
        raise TypeError("search() was taken already; give all words to one search().")
    if state.scan or state.cursor is not None:
        raise TypeError("search() cannot be combined with scan(), after() and before().")
    return state.changed(text=text("search()", words))


def scanning(
    state: QueryState, progress: Callable[[int, int], None] | None, batch_size: int
) -> QueryState:
    """Answered from the rows."""
    _refuse_slice(state, "Cannot scan once a slice has been taken.")
    if state.text is not None:
        raise TypeError("search() cannot be combined with scan(), after() and before().")
    size = sized("scan()", batch_size)
    return state.changed(scan=Scan(reporter("scan()", progress), size))


# Loading ----------------------------------------------------------------------------------------


def with_related(state: QueryState, names: Sequence[Any]) -> QueryState:
    """With references loaded along: those named, all of them, or with (None,) none."""
    if tuple(names) == (None,):
        return state.changed(related=())
    names = texts("select_related()", names)
    if not names:
        fields = state.schema.fields.values()
        names = [field.name for field in fields if field.is_relation and not field.many]
    return state.changed(related=tuple(dict.fromkeys((*state.related, *names))))


def with_prefetch(state: QueryState, lookups: tuple[Any, ...]) -> QueryState:
    """With Django's prefetch lookups, or with (None,) without any."""
    if lookups == (None,):
        return state.changed(prefetch=())
    given = instances("prefetch_related()", lookups, (str, Prefetch), "names and Prefetch objects")
    return state.changed(prefetch=(*state.prefetch, *given))


def shaped(
    state: QueryState, names: Sequence[str], kind: str, *, flat: bool = False, named: bool = False
) -> QueryState:
    """With values in place of objects."""
    names = texts("values()" if kind == "dict" else "values_list()", names)
    return state.changed(shape=ValueShape(state.schema, names, kind, flat=flat, named=named))


def check_names(state: QueryState, names: Sequence[str]) -> None:
    """FieldError for a name that is no field."""
    for name in texts("only() and defer()", names):
        if name not in ("pk", "id"):
            state.schema.field(name)


def distinct(state: QueryState, names: Sequence[str]) -> QueryState:
    """With each row of values once. FieldError for names."""
    _refuse_slice(state, "Cannot create distinct fields once a slice has been taken.")
    if names:
        raise FieldError("distinct() takes no fields: the index gives each object once.")
    return state.changed(distinct=True)


def _refuse_slice(state: QueryState, message: str) -> None:
    if state.is_sliced:
        if state.given is not None:
            raise TypeError("with_ids() comes last: filter and order the queryset before it.")
        raise TypeError(message)


def _refuse_cursor(state: QueryState) -> None:
    if state.cursor is not None:
        raise TypeError("Cannot reorder a query once after() or before() has been taken.")
