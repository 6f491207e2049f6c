"""Where the ids of a queryset come from: the index of the live objects, of the deleted ones, or of
both."""

from __future__ import annotations

import random
from collections.abc import Sequence
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from ..exceptions import IndexNotBuilt
from ..index.queries import NOTHING as NO_OBJECTS

if TYPE_CHECKING:
    from .execute import Asking


class Source(Protocol):
    """Answers for the queryset that it was made for, as that is sliced."""

    def ids(self) -> list[int]: ...

    def count(self) -> int: ...

    def exists(self) -> bool: ...

    def random_ids(self, number: int) -> list[int]: ...


class IndexSource:
    """One question for one set of objects: one round trip each."""

    def __init__(self, queryset: Asking) -> None:
        self.queryset = queryset

    def ids(self) -> list[int]:
        queryset = self.queryset
        low, high = queryset._low, queryset._high
        if queryset._order == ("?",):
            number = high
            if number is None:
                number = int(queryset._ask("count", queryset._plan(("-id",))))
            return self.random_ids(number)[low:]
        query = queryset._plan()
        if queryset._is_nothing(query):
            return []
        return list(queryset._ask("ids", query, low, None if high is None else high - low))

    def count(self) -> int:
        queryset = self.queryset
        query = queryset._plan(("-id",))
        if queryset._is_nothing(query):
            return 0
        return within_slice(queryset, int(queryset._ask("count", query)))

    def exists(self) -> bool:
        queryset = self.queryset
        query = queryset._plan(("-id",))
        if queryset._is_nothing(query):
            return False
        return bool(queryset._ask("ids", query, queryset._low, 1))

    def random_ids(self, number: int) -> list[int]:
        query = self.queryset._plan(("-id",))
        if query.filter == NO_OBJECTS or number <= 0:
            return []
        return list(self.queryset._ask("random_ids", query, number, random.getrandbits(31)))


class BothSource:
    """Live and deleted objects, merged by id: two questions in one round trip.

    A page is as much work as its end is deep; ``after()`` is not.
    """

    def __init__(self, queryset: Asking) -> None:
        self.queryset = queryset

    def ids(self) -> list[int]:
        queryset = self.queryset
        low, high = queryset._low, queryset._high
        if queryset._order == ("?",):
            return self.random_ids(self._size() if high is None else high)[low:]
        plans = self._plans()
        if any(queryset._is_nothing(plan) for plan in plans):
            return []
        found = self._answers([(plan, "ids", 0, high) for plan in plans])
        lists = [[int(id) for id in ids] for ids in found]
        return list(islice(merge(*lists, reverse=plans[0].descending), low, high))

    def count(self) -> int:
        return within_slice(self.queryset, self._size())

    def exists(self) -> bool:
        return self.count() > 0

    def random_ids(self, number: int) -> list[int]:
        plans = self._plans(("-id",))
        if plans[0].filter == NO_OBJECTS or number <= 0:
            return []
        live, deleted = self._sizes()
        chosen = random.sample(range(live + deleted), min(number, live + deleted))
        shares = [sum(at < live for at in chosen), sum(at >= live for at in chosen)]
        found = self._answers(
            [
                (plan, "random", random.getrandbits(31), share)
                for plan, share in zip(plans, shares, strict=True)
                if share
            ]
        )
        ids = [int(id) for some in found for id in some]
        random.shuffle(ids)
        return ids

    def _plans(self, order: Sequence[str] | None = None) -> list[Any]:
        plans = []
        # What deleted objects cannot be asked is refused first.
        for universe in ("del", "ids"):
            part = self.queryset._clone()
            part._universe = universe
            plans.append(part._plan(order))
        return plans[::-1]

    def _sizes(self) -> list[int]:
        plans = self._plans(("-id",))
        if plans[0].filter == NO_OBJECTS:
            return [0, 0]
        return [int(size) for size in self._answers([(plan, "count", 0, None) for plan in plans])]

    def _size(self) -> int:
        return sum(self._sizes())

    def _answers(self, questions: Sequence[Any]) -> list[Any]:
        answers = self.queryset._ask_many("results_of", questions)
        for answer in answers:
            if isinstance(answer, IndexNotBuilt):
                raise answer
        return answers


def within_slice(queryset: Asking, number: int) -> int:
    """How many of so many are within the queryset's slice."""
    number = max(0, number - queryset._low)
    return number if queryset._high is None else min(number, queryset._high - queryset._low)


def counts(querysets: Sequence[Asking]) -> list[int | IndexNotBuilt]:
    """How many live objects each queryset of one class and one database holds, its slice left out
    of account; or why that is not known. One round trip for all."""
    return answers([(queryset, "count") for queryset in querysets])


def answers(questions: Sequence[tuple[Asking, str]]) -> list[Any]:
    """To each "count" what ``counts`` says, to each "ids" the ids of the queryset as it is sliced,
    in its order; or why that is not known. One round trip for all, of one class and one database.
    """
    found: dict[int, Any] = {}
    asked: dict[int, tuple[Any, str, int, int | None]] = {}
    for at, (queryset, what) in enumerate(questions):
        plan = queryset._plan(("-id",) if what == "count" else None)
        low, high = (queryset._low, queryset._high) if what == "ids" else (0, None)
        if plan.filter == NO_OBJECTS or high == low:
            found[at] = 0 if what == "count" else []
        else:
            asked[at] = plan, what, low, None if high is None else high - low
    if asked:
        queryset = questions[next(iter(asked))][0]
        replies = queryset._ask_many("results_of", list(asked.values()))
        found.update(zip(asked, replies, strict=True))
    return [found[at] for at in range(len(questions))]
