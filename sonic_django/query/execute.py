"""A state to ids, numbers, values and plans: one round trip to Redis for each, or for a batch."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from heapq import merge
from itertools import islice
from typing import Any

from django.core.exceptions import FieldError
from django.db import NotSupportedError
from django.db.models import Q

from ..exceptions import IndexNotBuilt
from ..index.queries import NOTHING as NO_OBJECTS
from ..index.queries import IndexQuery, Scope
from ..index.store import IndexStore, Unbuilt
from ..schema.schema import Schema
from ..sync import built, confirmed, restarts
from ..sync.testcase_rollbacks import undo_rollbacks
from ..transport.client import translated_errors
from . import builder, joins
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
from .explain import Explanation
from .facets import FacetPlan, FieldValues
from .planner import Planner, everything
from .scan import RowSource
from .search import RelevanceSource, Source, without_search
from .state import QueryState

#: The order of a query of which only the set matters.
_ANY_ORDER = ("-id",)

# Answers ----------------------------------------------------------------------------------------


def ids(state: QueryState) -> list[int]:
    """The ids, in order and as sliced."""
    if state.given is not None:
        return list(state.given)
    if state.ranking is not None:
        return _ranked_ids(state, state.ranking)
    return _source(state).ids()


def _ranked_ids(state: QueryState, ranking: Sequence[int]) -> list[int]:
    everything = builder.unsliced(state).changed(
        ranking=None, order=_ANY_ORDER, is_reversed=False, shape=None
    )
    ranks = {id: rank for rank, id in enumerate(ranking)}
    found = ids(everything)
    found.sort(key=lambda id: ranks.get(id, len(ranks)), reverse=state.is_reversed)
    return found[state.low : state.high]


def count(state: QueryState) -> int:
    """The number of objects within the slice."""
    if state.given is not None:
        return len(state.given)
    return _source(state).count()


def exists(state: QueryState) -> bool:
    """Whether there is an object within the slice."""
    if state.given is not None:
        return bool(state.given)
    return _source(state).exists()


def random_ids(state: QueryState, number: int) -> list[int]:
    """Up to so many different ids, each as likely as any other."""
    return _source(state).random_ids(number)


def counts(state: QueryState, filters: Iterable[Q]) -> list[int]:
    """The number of objects that satisfy each of the filters. One round trip for all."""
    state = of_index_alone(state)
    asked: list[tuple[QueryState, str] | FacetPlan] = [
        (builder.filtered(state, q), "count") for q in filters
    ]
    return [raised(number) for number in batch(state, asked)]


def facets(state: QueryState, names: Sequence[str], limit: int) -> dict[str, list[tuple[Any, int]]]:
    """(value, number of objects) pairs of each field. One round trip for all."""
    plans = facet_plans(state, names, limit)
    found = [raised(values) for values in batch(state, [*plans])]
    return {name: list(values.pairs) for name, values in zip(names, found, strict=True)}


def facet_plans(
    state: QueryState, names: Iterable[str], limit: int, most: int | None = None
) -> list[FacetPlan]:
    """The plans for the values of fields, as ``batch`` takes them."""
    if state.scan:
        raise NotSupportedError("facet() counts in the index; scan() asks none.")
    state = of_index_alone(state)
    return [FacetPlan.of(state, name, limit, most) for name in names]


def explain(state: QueryState, what: str) -> Explanation:
    """How the index answers."""
    if state.scan:
        raise NotSupportedError("explain() shows what the index does; scan() asks none.")
    state = of_index_alone(state)
    query = plan(state, None if what == "ids" else _ANY_ORDER)
    page = state.low, _limit(state)
    (answer,) = _answers(state, lambda store: [store.explain(query, *page, what)])
    labels = {spec.digest: name for name, spec in state.schema.indexes.items()}
    return Explanation.of(raised(answer), labels)


def batch(state: QueryState, items: Sequence[tuple[QueryState, str] | FacetPlan]) -> list[Any]:
    """The answer to each item, or the IndexNotBuilt that keeps it from being known: to (state,
    "count") a number, to (state, "ids") a list of ids, both as sliced, to a plan ``FieldValues``.

    All are of the class and the database of ``state``. One round trip for all that the index
    answers by itself.
    """
    found: dict[int, Any] = {}
    queries: dict[int, tuple[QueryState, tuple[IndexQuery, str, int, int | None]]] = {}
    plans: dict[int, FacetPlan] = {}
    for at, item in enumerate(items):
        if isinstance(item, FacetPlan):
            plans[at] = item
            continue
        asked, what = item
        is_count = what == "count"
        if not (asked.is_counted_by_index if is_count else asked.is_of_index):
            found[at] = unless_unbuilt(partial(count if is_count else ids, asked))
            continue
        query = plan(asked, _ANY_ORDER if is_count else None)
        if _is_nothing(asked, query):
            found[at] = 0 if is_count else []
        elif is_count:
            queries[at] = asked, (query, "count", 0, None)
        else:
            queries[at] = asked, (query, "ids", asked.low, _limit(asked))
    found.update({at: FieldValues() for at, each in plans.items() if each.query is None})
    facet_calls = {
        at: (each.query, each.limit, each.most)
        for at, each in plans.items()
        if each.query is not None
    }
    if queries or facet_calls:
        asked_for, facets_asked_for = [q for _, q in queries.values()], list(facet_calls.values())

        def ask(store: IndexStore) -> list[Any]:
            numbers_and_ids, values = store.batch(asked_for, facets_asked_for)
            return [*numbers_and_ids, *values]

        replies = _answers(state, ask)
        for at, reply in zip([*queries, *facet_calls], replies, strict=True):
            if isinstance(reply, IndexNotBuilt):
                found[at] = reply
            elif at in plans:
                found[at] = plans[at].values(reply)
            else:
                asked, (_, what, *_) = queries[at]
                found[at] = asked.within_slice(int(reply)) if what == "count" else list(reply)
    return [found[at] for at in range(len(items))]


def unless_unbuilt(answer: Callable[[], Any]) -> Any:
    """The answer, or the IndexNotBuilt that keeps it from being known."""
    try:
        return answer()
    except IndexNotBuilt as error:
        return error


def raised(answer: Any) -> Any:
    """The answer; if it is an IndexNotBuilt, that is raised."""
    if isinstance(answer, IndexNotBuilt):
        raise answer
    return answer


# Plans ------------------------------------------------------------------------------------------


def plan(state: QueryState, order: Sequence[str] | None = None) -> IndexQuery:
    """The query for the index; ``order`` where only the set matters. FieldError if no index
    answers. No round trip, unless a filter crosses references."""
    by_distance = order is None and not state.order and state.cursor is None
    if order is None or state.cursor is not None:
        order = state.effective_order
    schema = state.schema
    if state.conditions is EVERYTHING and state.cursor is None:
        return everything(schema, state.scope, tuple(order))
    planner = Planner(schema, state.scope)
    conditions = bind(schema, state.conditions, state.alias)
    if by_distance:
        nearest = planner.nearest(conditions, farthest=state.is_reversed)
        if nearest is not None:
            return nearest
    return planner.plan(conditions, order, state.cursor)


def can_plan(state: QueryState, names: Sequence[str]) -> bool:
    """Whether the index answers the filter in the order of the names; without any, in the order of
    the state."""
    try:
        plan(builder.ordered(state, names) if names else state)
    except FieldError:
        return False
    return True


def bound(state: QueryState) -> QueryState:
    """The same objects, with the ids of the targets in place of lookups across references."""
    if state.conditions is EVERYTHING or not joins.crosses_references(state.conditions):
        return state
    return state.changed(conditions=bind(state.schema, state.conditions, state.alias))


def bind(schema: Schema, logic: Logic, using: str | None) -> Logic:
    """The filter with the ids of the targets in place of the lookups across references.

    One Redis call for a reference to a SonicObj class, one SQL statement for one to another model.
    NotSupportedError if a lookup has more than ``joins.MOST`` targets.
    """
    if not joins.crosses_references(logic):
        return logic
    if isinstance(logic, Negation):
        return negate(bind(schema, logic.child, using))
    if not isinstance(logic, Condition):
        join = conjoin if isinstance(logic, Conjunction) else disjoin
        return join(*(bind(schema, child, using) for child in logic.children))
    targets: joins.Targets = logic.value
    found = _target_ids(targets, using)
    if len(found) > joins.MOST:
        raise NotSupportedError(
            f"{schema.label}: {logic} has more than {joins.MOST} targets of "
            f"{targets.model._meta.label}. Narrow the lookup, or keep what is looked up in a field "
            f"of {schema.name} itself, with an index."
        )
    field = schema.indexed(logic.field)
    return disjoin(*(Condition(logic.field, "exact", field.lookup_value(id)) for id in found))


def _target_ids(targets: joins.Targets, using: str | None) -> list[Any]:
    """The ids of the targets, one more than ``joins.MOST`` at most."""
    if targets.q is not None:
        rows = targets.model._base_manager.using(using).filter(targets.q)
        found: list[Any] = list(rows.values_list("pk", flat=True).distinct()[: joins.MOST + 1])
        return found
    state = QueryState.of(targets.model, using)
    return ids(state.changed(conditions=targets.logic, high=joins.MOST + 1))


def of_index_alone(state: QueryState) -> QueryState:
    """The same objects, asked of the index of this class alone: those that full text finds now,
    and those that refer to the present targets of references."""
    return without_search(bound(state))


def _is_nothing(state: QueryState, query: IndexQuery) -> bool:
    return query.filter == NO_OBJECTS or state.high == state.low


def _limit(state: QueryState) -> int | None:
    return None if state.high is None else state.high - state.low


# Sources ----------------------------------------------------------------------------------------


def _source(state: QueryState) -> Source:
    """Where the ids come from."""
    state = bound(state)
    if state.scan:
        return RowSource(state)
    if state.text is not None and not state.order:
        return RelevanceSource(state, _source)
    state = without_search(state)
    return _LiveAndDeletedSource(state) if state.scope is Scope.ALL else _IndexSource(state)


class _IndexSource:
    """One query for one scope: one round trip each."""

    def __init__(self, state: QueryState) -> None:
        self.state = state

    def ids(self) -> list[int]:
        state = self.state
        if state.order == ("?",):
            number = state.high
            if number is None:
                number = int(_ask(state, plan(state, _ANY_ORDER), "count"))
            return self.random_ids(number)[state.low :]
        query = plan(state)
        if _is_nothing(state, query):
            return []
        return list(_ask(state, query, "ids", state.low, _limit(state)))

    def count(self) -> int:
        query = plan(self.state, _ANY_ORDER)
        if _is_nothing(self.state, query):
            return 0
        return self.state.within_slice(int(_ask(self.state, query, "count")))

    def exists(self) -> bool:
        query = plan(self.state, _ANY_ORDER)
        if _is_nothing(self.state, query):
            return False
        return bool(_ask(self.state, query, "ids", self.state.low, 1))

    def random_ids(self, number: int) -> list[int]:
        query = plan(self.state, _ANY_ORDER)
        if query.filter == NO_OBJECTS or number <= 0:
            return []
        return list(_ask(self.state, query, "random", random.getrandbits(31), number))


class _LiveAndDeletedSource:
    """Live and deleted objects, merged by id: two queries in one round trip.

    A page is as much work as its end is deep; ``after()`` is not.
    """

    def __init__(self, state: QueryState) -> None:
        self.state = state

    def ids(self) -> list[int]:
        state = self.state
        if state.order == ("?",):
            return self.random_ids(self._size() if state.high is None else state.high)[state.low :]
        plans = self._plans()
        if any(_is_nothing(state, query) for query in plans):
            return []
        found = self._ask([(query, "ids", 0, state.high) for query in plans])
        lists = [[int(id) for id in some] for some in found]
        return list(islice(merge(*lists, reverse=plans[0].descending), state.low, state.high))

    def count(self) -> int:
        return self.state.within_slice(self._size())

    def exists(self) -> bool:
        return self.count() > 0

    def random_ids(self, number: int) -> list[int]:
        plans = self._plans(_ANY_ORDER)
        if plans[0].filter == NO_OBJECTS or number <= 0:
            return []
        live, deleted = self._sizes()
        chosen = random.sample(range(live + deleted), min(number, live + deleted))
        shares = [sum(at < live for at in chosen), sum(at >= live for at in chosen)]
        found = self._ask(
            [
                (query, "random", random.getrandbits(31), share)
                for query, share in zip(plans, shares, strict=True)
                if share
            ]
        )
        ids = [int(id) for some in found for id in some]
        random.shuffle(ids)
        return ids

    def _plans(self, order: Sequence[str] | None = None) -> list[IndexQuery]:
        # Conditions that deleted objects cannot be asked for are refused first.
        deleted = plan(self.state.changed(scope=Scope.DELETED), order)
        return [plan(self.state.changed(scope=Scope.LIVE), order), deleted]

    def _sizes(self) -> list[int]:
        plans = self._plans(_ANY_ORDER)
        if plans[0].filter == NO_OBJECTS:
            return [0, 0]
        return [int(size) for size in self._ask([(query, "count", 0, None) for query in plans])]

    def _size(self) -> int:
        return sum(self._sizes())

    def _ask(self, queries: Sequence[tuple[IndexQuery, str, int, int | None]]) -> list[Any]:
        return list(map(raised, _answers(self.state, lambda store: store.results_of(queries))))


# The round trip ---------------------------------------------------------------------------------


def _ask(
    state: QueryState, query: IndexQuery, what: str, offset: int = 0, limit: int | None = None
) -> Any:
    """The answer to one query."""
    requests = [(query, what, offset, limit)]
    return raised(_answers(state, lambda store: store.results_of(requests))[0])


def _answers(state: QueryState, ask: Callable[[IndexStore], list[Any]]) -> list[Any]:
    """What the index of the state answers, with an IndexNotBuilt for each index that is not built.

    An index that meets an empty table for the first time counts as built. If the server is not the
    one that this process knew, what it may have lost is applied first.
    """
    using = state.write_db
    undo_rollbacks(using)
    schema = state.schema
    store = schema.store(using)
    with translated_errors(f"{schema.label}.objects"):
        answers = ask(store)
        if not confirmed.is_confirmed(store.base) and restarts.confirm(schema.at(using)):
            answers = ask(store)
        if not _has_unbuilt(answers):
            return answers
        if built.adopt_if_empty(schema.at(using)):
            answers = ask(store)
    return [
        built.not_built(schema.at(using), answer.digests) if isinstance(answer, Unbuilt) else answer
        for answer in answers
    ]


def _has_unbuilt(answers: list[Any]) -> bool:
    # A loop, and no generator: nearly every query has one answer.
    for answer in answers:  # noqa: SIM110
        if isinstance(answer, Unbuilt):
            return True
    return False
