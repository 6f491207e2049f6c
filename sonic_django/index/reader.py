"""Reading one model's index: ids, numbers, facets. Reads only, on a replica where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from ..transport.client import redis_client
from ..transport.scripts import Script, run_all
from . import alternatives, lua
from .documents import Facet, Unbuilt
from .queries import BUDGET, FacetQuery, Ids, IndexQuery, Leaf, Node, Or, Scope, large_parts
from .results import FacetResult, IndexResult
from .specs import BY_ID

#: A query, "ids", "count" or "random", the offset or a seed, the limit.
IndexRequest: TypeAlias = "tuple[IndexQuery, str, int, int | None]"

#: Objects whose records one run of a facet reads.
_IDS_PER_FACET = 500


class IndexReader:
    """The index whose keys begin with ``base``."""

    def __init__(self, base: str) -> None:
        self.base = base

    def ids(self, query: IndexQuery, offset: int, limit: int | None) -> list[int] | Unbuilt:
        """The ids of a page, in order: one round trip, and one more for each ``BUDGET`` entries."""
        found: list[int] | Unbuilt = self.results_of([(query, "ids", offset, limit)])[0]
        return found

    def count(self, query: IndexQuery) -> int | Unbuilt:
        """The number of objects: one round trip, and one more for each ``BUDGET`` entries."""
        number: int | Unbuilt = self.results_of([(query, "count", 0, None)])[0]
        return number

    def random_ids(self, query: IndexQuery, number: int, seed: int) -> list[int] | Unbuilt:
        """Up to ``number`` different ids in random order, each as likely as any other: one round
        trip; of a filter by several sets all ids are fetched."""
        found: list[int] | Unbuilt = self.results_of([(query, "random", seed, number)])[0]
        return found

    def results_of(self, requests: Sequence[IndexRequest]) -> list[Any | Unbuilt]:
        """The result of each request: one round trip for all, and more for those that touch more
        than ``BUDGET`` entries."""
        if any(request[0].has_large_parts for request in requests):
            requests = [self._with_few_sets(request) for request in requests]
        results = [_direct(*request) or IndexResult(request[0]) for request in requests]
        self._complete(results, requests)
        return _results(results, requests)

    def _with_few_sets(self, request: IndexRequest) -> IndexRequest:
        """The request without disjunctions of very many sets, if these have few objects: two round
        trips."""
        query = request[0]
        if not query.has_large_parts:
            return request
        filter = self._few_sets(query.filter, query.scope, query.needs)
        return replace(query, filter=filter), *request[1:]

    def _facet_of_few_sets(self, query: FacetQuery) -> FacetQuery:
        if not large_parts(query.filter):
            return query
        return replace(query, filter=self._few_sets(query.filter, Scope.LIVE, query.needs))

    def _few_sets(self, node: Node | None, scope: Scope, needs: dict[str, str]) -> Node | None:
        found: list[tuple[Or | Ids, Ids]] = []
        for part in large_parts(node):
            if isinstance(part, Or):
                numbers = self._of_part(part, "count", scope, needs)
                if sum(numbers) > alternatives.MOST_OBJECTS:
                    continue
            ids = set().union(*self._of_part(part, "members", scope, needs))
            found.append((part, Ids(tuple(sorted(ids)))))
        return alternatives.replaced(node, found) if node and found else node

    def _of_part(self, part: Or | Ids, what: str, scope: Scope, needs: dict[str, str]) -> list[Any]:
        """The results for some sets of the part at a time; none if an index is not built, which
        the query itself then says."""
        answers = self.results_of(alternatives.requests_of(part, what, scope, needs))
        return [] if any(isinstance(answer, Unbuilt) for answer in answers) else answers

    def batch(
        self,
        requests: Sequence[IndexRequest],
        facets: Sequence[tuple[FacetQuery, int, int | None]],
    ) -> tuple[list[Any | Unbuilt], list[Facet | Unbuilt]]:
        """``results_of`` and ``facets`` together: one round trip for all, and more for those that
        touch more than ``BUDGET`` entries."""
        requests = [self._with_few_sets(request) for request in requests]
        facets = [(self._facet_of_few_sets(query), n, most) for query, n, most in facets]
        results = [_direct(*request) or IndexResult(request[0]) for request in requests]
        calls = [(lua.FACET, query.arguments(limit, most)) for query, limit, most in facets]
        replies = self._complete(results, requests, calls)
        values = [
            self._finished(FacetResult(limit), query, most, reply)
            for (query, limit, most), reply in zip(facets, replies, strict=True)
        ]
        return _results(results, requests), values

    def explain(
        self, query: IndexQuery, offset: int, limit: int | None, what: str
    ) -> IndexResult | Unbuilt:
        """The result of "ids" or "count" with its strategy and costs: the same round trips."""
        query = self._with_few_sets((query, what, offset, limit))[0]
        results: list[Any] = [IndexResult(query)]
        self._complete(results, [(query, what, offset, limit)])
        result: IndexResult | Unbuilt = results[0]
        return result

    def _complete(
        self,
        results: list[Any],
        requests: Sequence[IndexRequest],
        further: Sequence[tuple[Script, Sequence[Any]]] = (),
    ) -> list[Any]:
        """Complete the results, or put Unbuilt in place of them; the replies to the further calls,
        which are sent along with the first ones."""
        client = redis_client(write=False)
        unfinished = list(range(len(results)))
        beside: list[Any] = []
        while unfinished or len(beside) < len(further):
            calls = [_call(results[number], requests[number]) for number in unfinished]
            if len(beside) < len(further):
                replies = run_all(client, self.base, [*calls, *further])
                replies, beside = replies[: len(calls)], list(replies[len(calls) :])
            else:
                replies = run_all(client, self.base, calls)
            left = []
            for number, reply in zip(unfinished, replies, strict=True):
                unbuilt = _unbuilt(reply)
                if unbuilt:
                    results[number] = unbuilt
                    continue
                results[number].add(reply)
                if not results[number].is_complete:
                    left.append(number)
            unfinished = left
        return beside

    def facets(
        self, requests: Sequence[tuple[FacetQuery, int, int | None]]
    ) -> list[Facet | Unbuilt]:
        """For each (query, limit, most) the ``limit`` values with most objects: one round trip for
        all, and more for those that touch more than ``BUDGET`` entries. ``most`` limits the objects
        of the filter, or the values of a sorted index, that are walked through."""
        return self.batch((), requests)[1]

    def _finished(
        self, result: FacetResult, query: FacetQuery, most: int | None, reply: Any
    ) -> Facet | Unbuilt:
        """The facet: the first reply, and the replies of further runs until it is complete."""
        client = redis_client(write=False)
        while reply[0] == b"built":
            result.add(reply)
            if result.is_complete:
                return result.result()
            arguments = query.arguments(result.limit, most, result.token)
            reply = lua.FACET(client, self.base, *arguments)
        return _unbuilt(reply) or self._facet_of_members(result, query, most)

    def _facet_of_members(
        self, result: FacetResult, query: FacetQuery, most: int | None
    ) -> Facet | Unbuilt:
        """The facet of a filter that may give an object in several runs: all ids are read first."""
        members = IndexQuery((Leaf(b"ids"),), filter=query.filter, needs=query.needs)
        ids = self.results_of([(members, "members", 0, None)])[0]
        if isinstance(ids, Unbuilt):
            return ids
        if most is not None and len(ids) > most:
            return Facet((), False)
        client = redis_client(write=False)
        for start in range(0, len(ids), _IDS_PER_FACET):
            some = replace(query, filter=Ids(tuple(ids[start : start + _IDS_PER_FACET])))
            reply = lua.FACET(client, self.base, *some.arguments(result.limit, None))
            found = self._finished(result, some, None, reply)
            if isinstance(found, Unbuilt):
                return found
        return result.result()


def _results(results: Sequence[Any], requests: Sequence[IndexRequest]) -> list[Any | Unbuilt]:
    return [
        result if isinstance(result, Unbuilt) else result.result(what, offset, limit)
        for result, (_, what, offset, limit) in zip(results, requests, strict=True)
    ]


def _unbuilt(reply: Any) -> Unbuilt | None:
    is_unbuilt = reply[0] == b"unbuilt"
    return Unbuilt(tuple(name.decode() for name in reply[1:])) if is_unbuilt else None


class _Direct:
    """A result that the sets give without a test of their objects.

    It has smaller scripts: ``query.lua`` alone takes Redis several times as long to start.
    """

    is_complete = True

    def __init__(self, script: Script, arguments: Sequence[Any]) -> None:
        self.script, self.arguments = script, arguments
        self._found: Any = None

    def add(self, reply: Sequence[Any]) -> None:
        self._found = reply[1]

    def result(self, what: str, offset: int, limit: int | None) -> Any:
        if what == "count":
            return self._found
        return list(map(int, self._found.split(b","))) if self._found else []


def _direct(query: IndexQuery, what: str, offset: int, limit: int | None) -> _Direct | None:
    sets = query.untested()
    if sets is None:
        return None
    if what == "ids" and limit is not None and 0 < limit <= BUDGET:
        return _Direct(lua.PAGE, query.page_arguments(sets, offset, limit))
    if what == "count" and len(sets) == 1 and sets[0].kind == BY_ID and not sets[0].is_part:
        return _Direct(lua.COUNT, (",".join(query.needs), sets[0].name))
    return None


def _call(result: IndexResult | _Direct, request: IndexRequest) -> tuple[Script, Sequence[Any]]:
    """The script that gives the next part of the result, and its arguments."""
    if isinstance(result, _Direct):
        return result.script, result.arguments
    query, what, offset, limit = request
    return lua.QUERY, query.arguments(what, offset, limit, result.token)
