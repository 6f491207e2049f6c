"""``scan()``: rows read one after the other and tested in Python, for what no index answers."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..sync.testcase_rollbacks import undo_rollbacks
from .conditions import NOTHING, Condition, Conjunction, Logic, conjoin
from .ordering import Ordering
from .state import QueryState, Scan
from .verify import predicate_of

if TYPE_CHECKING:
    from ..table.rows import Row


class RowSource:
    """Every row of the table, read by id in batches and tested. Memory for one batch; in an order
    by fields also for the sort key of every object found."""

    def __init__(self, state: QueryState) -> None:
        self.state = state

    def ids(self) -> list[int]:
        """The ids of the slice, in order. A statement for each batch of rows, no Redis call."""
        state = self.state
        if state.order == ("?",):
            number = len(self._all()) if state.high is None else state.high
            return self.random_ids(number)[state.low :]
        if state.low == state.high:
            return []
        if state.orders_by_id:
            return [row.id for row, _ in self.rows()]
        return self._sorted()[state.low : state.high]

    def count(self) -> int:
        """The number of objects in the slice. Every row is read."""
        number = sum(1 for _ in self._matching(descending=False))
        return self.state.within_slice(number)

    def exists(self) -> bool:
        """Whether the slice has an object. Rows are read until one is found."""
        found = self._matching(descending=False)
        return next(islice(found, self.state.low, None), None) is not None and (
            self.state.low != self.state.high
        )

    def random_ids(self, number: int) -> list[int]:
        """Up to ``number`` ids, each as likely as any other. Every row is read."""
        found = self._all()
        return random.sample(found, min(number, len(found)))

    def rows(self) -> Iterator[tuple[Row, Mapping[str, Any]]]:
        """The rows found and their payload dicts, ordered by id and sliced; the walk ends with the
        slice."""
        state = self.state
        descending = state.effective_order[0].startswith("-")
        return islice(self._matching(descending=descending), state.low, state.high)

    def _all(self) -> list[int]:
        return [row.id for row, _ in self._matching(descending=False)]

    def _sorted(self) -> list[int]:
        state = self.state
        if state.cursor is not None:
            raise TypeError(
                "after() and before() go with scan() in the order of the ids only; filter by a "
                "range of values instead."
            )
        ordering = Ordering(state.schema, state.effective_order)
        found = self._matching(descending=False)
        return ordering.sort([(ordering.sort_key(stored, row.id), row.id) for row, stored in found])

    def _matching(self, *, descending: bool) -> Iterator[tuple[Row, Mapping[str, Any]]]:
        state = self.state
        schema, logic, deleted = state.schema, state.conditions, state.deleted
        if state.cursor is not None and state.cursor.field == "id":
            logic = conjoin(logic, state.cursor.condition())
        if logic == NOTHING:
            return
        matches = predicate_of(schema, logic)
        for batch in self._batches(logic, descending=descending):
            for row in batch:
                if deleted not in (None, row.is_deleted):
                    continue
                stored = schema.decode(row.payload, row.id)
                if matches(stored, row.id):
                    yield row, stored

    def _batches(self, logic: Logic, *, descending: bool) -> Iterator[Sequence[Row]]:
        state = self.state
        scan, using = state.scan or Scan(), state.db
        undo_rollbacks(using)
        table = state.schema.table(using)
        ids = _ids_asked_for(logic)
        total, done = 0, 0
        if ids is not None:
            wanted = sorted((id for id in ids if 0 < id < 2**63), reverse=descending)
            total = len(wanted)
            batches: Iterator[Sequence[Row]] = (
                _in_order(table.fetch(some), some)
                for some in (
                    wanted[start : start + scan.batch_size]
                    for start in range(0, total, scan.batch_size)
                )
            )
        else:
            total = table.count() if scan.progress else 0
            batches = table.walk(batch=scan.batch_size, descending=descending)
        for batch in batches:
            yield batch
            done += len(batch)
            if scan.progress:
                scan.progress(done, total)


def _ids_asked_for(logic: Logic) -> frozenset[int] | None:
    """The ids that a filter allows, where it names them; None if it does not."""
    conditions = logic.children if isinstance(logic, Conjunction) else (logic,)
    named = [
        frozenset(one.value)
        for one in conditions
        if isinstance(one, Condition) and one.field == "id" and one.lookup == "in"
    ]
    return frozenset.intersection(*named) if named else None


def _in_order(rows: Mapping[int, Row], ids: Sequence[int]) -> list[Row]:
    return [rows[id] for id in ids if id in rows]
