"""What needs no row: ids, numbers, values, and how the index came to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from django.db import NotSupportedError
from django.db.models import Q

from ..exceptions import IndexNotBuilt
from ..index.queries import NOTHING as NO_OBJECTS
from ..index.queries import IndexQuery
from ..index.store import IndexStore, Unbuilt
from ..schema.ids import as_id
from ..sync import built
from ..sync.testcase_rollbacks import undo_rollbacks
from ..transport.client import translated_errors
from . import facets, sources
from .builder import Chaining
from .conditions import EVERYTHING
from .explain import Explanation
from .joins import bind, crosses_references
from .planner import Planner, everything
from .scan import RowSource
from .search import RelevanceSource, settled

if TYPE_CHECKING:
    from typing_extensions import Self


class Asking(Chaining):
    """A queryset as far as one call to Redis goes."""

    def ids(self) -> list[int]:
        """The ids, in order. One Redis call, no SQL."""
        return self._source().ids()

    def count(self) -> int:
        """How many. One Redis call; no row is read."""
        if self._result_cache is not None:
            return len(self._result_cache)
        return self._source().count()

    def counts(self, filters: Iterable[Q]) -> list[int]:
        """How many of them satisfy each of the filters. One Redis call for all."""
        if self._is_sliced:
            raise TypeError("Cannot count by filters once a slice has been taken.")
        settled = self._settled()
        narrowed = [settled.filter(q) for q in filters]
        if settled._universe != "ids" or settled._scanning:
            return [each.count() for each in narrowed]
        return [raised(number) for number in sources.counts(narrowed)]

    def exists(self) -> bool:
        """Whether there is any. One Redis call."""
        if self._result_cache is not None:
            return bool(self._result_cache)
        return self._source().exists()

    def contains(self, obj: Any) -> bool:
        """Whether the object is among them. One Redis call."""
        if self._result_cache is not None:
            return obj in self._result_cache
        if self._is_sliced:
            return as_id(self.model._sonic, obj) in self.ids()
        return self.filter(pk=obj).exists()

    def facet(self, name: str, limit: int = 20) -> list[tuple[Any, int]]:
        """(value, number of objects) of a field's ``limit`` most frequent values. One Redis call.

        The number of a list's elements, and of ids of a reference; None and ``[]`` are values too.
        Among filtered objects the entries of each are read, for some 500 of them in a call.
        """
        return self.facets([name], limit)[name]

    def facets(self, names: Iterable[str], limit: int = 20) -> dict[str, list[tuple[Any, int]]]:
        """``facet`` of several fields, by name. One Redis call for all."""
        if self._scanning:
            raise NotSupportedError("facet() counts in the index; scan() asks none.")
        return facets.facet(self._settled(), list(names), limit)

    def explain(self, what: str = "ids") -> Explanation:
        """How the index answers: the plan, the sets and the work. One Redis call, no SQL.

        ``what`` is "ids" (the page as it is sliced) or "count". Readable when printed.
        """
        if self._scanning:
            raise NotSupportedError("explain() shows what the index does; scan() asks none.")
        settled = self._settled()
        query = settled._plan(None if what == "ids" else ("-id",))
        limit = None if self._high is None else self._high - self._low
        answer = self._ask("explain", query, self._low, limit, what)
        labels = {spec.digest: name for name, spec in self.model._sonic.indexes.items()}
        return Explanation.of(answer, labels)

    # How ----------------------------------------------------------------------------------------

    def _source(self) -> sources.Source:
        """Where the ids come from."""
        if self._scanning:
            return RowSource(self._bound())
        if self._text is not None and not self._order:
            return RelevanceSource(self._bound())
        settled = self._settled()
        if settled._universe == "all":
            return sources.BothSource(settled)
        return sources.IndexSource(settled)

    def _settled(self) -> Self:
        """The same objects, asked of the index of this class alone: those that full text finds
        now, and those that refer to what is found across references now."""
        bound = self._bound()
        return bound if bound._text is None else settled(bound)

    def _bound(self) -> Self:
        """The same objects, with the ids of the targets in place of lookups across references."""
        if self._logic is EVERYTHING or not crosses_references(self._logic):
            return self
        return self._with_logic(bind(self.model._sonic, self._logic, self._db))

    def _plan(self, order: Sequence[str] | None = None) -> IndexQuery:
        """The question for the index; ``order`` where only the set matters, not its order."""
        by_distance = order is None and not self._order and self._cursor is None
        if order is None or self._cursor is not None:
            order = self._effective_order
        if self._logic is EVERYTHING and self._cursor is None:
            return everything(self.model._sonic, self._universe, tuple(order))
        planner = Planner(self.model._sonic, self._universe)
        logic = bind(self.model._sonic, self._logic, self._db)
        if by_distance:
            nearest = planner.nearest(logic, farthest=self._reversed)
            if nearest is not None:
                return nearest
        return planner.plan(logic, order, self._cursor)

    def _is_nothing(self, query: IndexQuery) -> bool:
        return query.filter == NO_OBJECTS or self._high == self._low

    def _ask(self, method: str, *args: Any) -> Any:
        """Ask the store; an index met for the first time over an empty table counts as built."""
        return raised(self._answers(lambda store: [getattr(store, method)(*args)])[0])

    def _ask_many(self, method: str, questions: Sequence[Any]) -> list[Any]:
        """The answer to each question, which may be an IndexNotBuilt; one Redis call."""
        return self._answers(lambda store: getattr(store, method)(questions))

    def _answers(self, ask: Callable[[IndexStore], list[Any]]) -> list[Any]:
        # The index is that of the database written to: a replica of the rows has none of its own.
        using = self._write_db
        undo_rollbacks(using)
        store = self.model._sonic.store(using)
        with translated_errors(f"{self.model._meta.label}.objects"):
            answers = ask(store)
            if _has_unbuilt(answers) and built.adopt_if_empty(self.model._sonic.at(using)):
                answers = ask(store)
        return [self._explained(answer) for answer in answers] if _has_unbuilt(answers) else answers

    def _explained(self, answer: Any) -> Any:
        if isinstance(answer, Unbuilt):
            return built.not_built(self.model._sonic.at(self._write_db), answer.digests)
        return answer


def _has_unbuilt(answers: list[Any]) -> bool:
    return any(isinstance(answer, Unbuilt) for answer in answers)


def raised(answer: Any) -> Any:
    """The answer; if it is an error, that is raised."""
    if isinstance(answer, IndexNotBuilt):
        raise answer
    return answer
