"""Asking one model's index: ids, numbers, facets. Reads only, on a replica where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from ..transport.client import Script, redis_client, run_all
from .documents import Facet, Unbuilt
from .queries import BUDGET, FacetQuery, Ids, IndexQuery, Leaf
from .results import Answer, FacetAnswer
from .specs import BY_ID

_QUERY, _FACET = Script("query"), Script("facet")
_PAGE, _COUNT = Script("page"), Script("count")

#: A query, "ids", "count" or "random", the offset or a seed, the limit.
Question: TypeAlias = "tuple[IndexQuery, str, int, int | None]"

#: Objects whose records one run of a facet reads, beside what it costs to find them.
_IDS_PER_FACET = 500


class IndexReader:
    """The index whose keys begin with ``base``."""

    def __init__(self, base: str) -> None:
        self.base = base

    def ids(self, query: IndexQuery, offset: int, limit: int | None) -> list[int] | Unbuilt:
        """The ids of a page, in order: one round trip, and one more for each ``BUDGET`` entries."""
        found: list[int] | Unbuilt = self.ask_many([(query, "ids", offset, limit)])[0]
        return found

    def count(self, query: IndexQuery) -> int | Unbuilt:
        """How many: one round trip, and one more for each ``BUDGET`` entries."""
        number: int | Unbuilt = self.ask_many([(query, "count", 0, None)])[0]
        return number

    def random_ids(self, query: IndexQuery, number: int, seed: int) -> list[int] | Unbuilt:
        """Up to ``number`` different ids in random order, each as likely as any other: one round
        trip; of a filter by several sets all ids are fetched."""
        found: list[int] | Unbuilt = self.ask_many([(query, "random", seed, number)])[0]
        return found

    def ask_many(self, questions: Sequence[Question]) -> list[Any | Unbuilt]:
        """Several questions (query, "ids", "count" or "random", offset or seed, limit): one round
        trip for all, and more for those that touch more than ``BUDGET`` entries."""
        return self.batch(questions, ())[0]

    def batch(
        self,
        questions: Sequence[Question],
        facets: Sequence[tuple[FacetQuery, int, int | None]],
    ) -> tuple[list[Any | Unbuilt], list[Facet | Unbuilt]]:
        """``ask_many`` and ``facets`` together: one round trip for all, and more for those that
        touch more than ``BUDGET`` entries."""
        answers = [_direct(*question) or Answer(question[0]) for question in questions]
        calls = [(_FACET, query.arguments(limit, most)) for query, limit, most in facets]
        replies = self._asked(answers, questions, calls)
        return [
            answer if isinstance(answer, Unbuilt) else answer.result(what, offset, limit)
            for answer, (_, what, offset, limit) in zip(answers, questions, strict=True)
        ], [
            self._finished(FacetAnswer(limit), query, most, reply)
            for (query, limit, most), reply in zip(facets, replies, strict=True)
        ]

    def explain(
        self, query: IndexQuery, offset: int, limit: int | None, what: str
    ) -> Answer | Unbuilt:
        """The answer to "ids" or "count" itself, which knows how it was found."""
        answers: list[Any] = [Answer(query)]
        self._asked(answers, [(query, what, offset, limit)])
        answer: Answer | Unbuilt = answers[0]
        return answer

    def _asked(
        self,
        answers: list[Any],
        questions: Sequence[Question],
        further: Sequence[tuple[Script, Sequence[Any]]] = (),
    ) -> list[Any]:
        """Complete the answers, or put Unbuilt in place of them; the replies to the further calls,
        which are sent along with the first."""
        client = redis_client(write=False)
        open_ones = list(range(len(answers)))
        beside: list[Any] = []
        while open_ones or len(beside) < len(further):
            calls = [_call(answers[number], questions[number]) for number in open_ones]
            is_first = len(beside) < len(further)
            replies = run_all(client, self.base, [*calls, *further] if is_first else calls)
            if is_first:
                replies, beside = replies[: len(calls)], list(replies[len(calls) :])
            unfinished = []
            for number, reply in zip(open_ones, replies, strict=True):
                unbuilt = _unbuilt(reply)
                if unbuilt:
                    answers[number] = unbuilt
                    continue
                answers[number].add(reply)
                if not answers[number].is_complete:
                    unfinished.append(number)
            open_ones = unfinished
        return beside

    def facets(
        self, questions: Sequence[tuple[FacetQuery, int, int | None]]
    ) -> list[Facet | Unbuilt]:
        """For each (query, limit, most) the ``limit`` values with most objects: one round trip for
        all, and more for those that touch more than ``BUDGET`` entries. ``most`` limits the objects
        of the filter, or the values of a sorted index, that are walked through."""
        return self.batch((), questions)[1]

    def _finished(
        self, answer: FacetAnswer, query: FacetQuery, most: int | None, reply: Any
    ) -> Facet | Unbuilt:
        """Go on from a first reply to the end."""
        client = redis_client(write=False)
        while reply[0] == b"built":
            answer.add(reply)
            if answer.is_complete:
                return answer.result()
            arguments = query.arguments(answer.limit, most, answer.token)
            reply = _FACET(client, self.base, *arguments)
        return _unbuilt(reply) or self._facet_of_members(answer, query, most)

    def _facet_of_members(
        self, answer: FacetAnswer, query: FacetQuery, most: int | None
    ) -> Facet | Unbuilt:
        """The facet of a filter that may give an object in several runs: first all ids."""
        members = IndexQuery((Leaf(b"ids"),), filter=query.filter, needs=query.needs)
        ids = self.ask_many([(members, "members", 0, None)])[0]
        if isinstance(ids, Unbuilt):
            return ids
        if most is not None and len(ids) > most:
            return Facet((), False)
        client = redis_client(write=False)
        for start in range(0, len(ids), _IDS_PER_FACET):
            some = replace(query, filter=Ids(tuple(ids[start : start + _IDS_PER_FACET])))
            reply = _FACET(client, self.base, *some.arguments(answer.limit, None))
            found = self._finished(answer, some, None, reply)
            if isinstance(found, Unbuilt):
                return found
        return answer.result()


def _unbuilt(reply: Any) -> Unbuilt | None:
    is_unbuilt = reply[0] == b"unbuilt"
    return Unbuilt(tuple(name.decode() for name in reply[1:])) if is_unbuilt else None


class _Direct:
    """An answer that sets have without a test of their objects, by a script for that alone: to read
    ``query.lua`` takes Redis several times as long."""

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
        return _Direct(_PAGE, query.page_arguments(sets, offset, limit))
    if what == "count" and len(sets) == 1 and sets[0].kind == BY_ID and not sets[0].is_part:
        return _Direct(_COUNT, (",".join(query.needs), sets[0].name))
    return None


def _call(answer: Answer | _Direct, question: Question) -> tuple[Script, Sequence[Any]]:
    """The script that gives the answer, or its next part, and the arguments."""
    if isinstance(answer, _Direct):
        return answer.script, answer.arguments
    query, what, offset, limit = question
    return _QUERY, query.arguments(what, offset, limit, answer.token)
