"""``scan()``: rows read one after the other and judged in Python, for what no index answers."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.core.exceptions import FieldError, ValidationError
from django.db.models.constants import LOOKUP_SEP

from ..fields.names import UNKNOWN
from ..index.specs import BY_TEXT
from ..sync.testcase_rollbacks import undo_rollbacks
from .conditions import NOTHING, Condition, Conjunction, Disjunction, Logic, Negation, conjoin
from .lookups import resolve_pair
from .ordering import Ordering
from .sources import within_slice
from .verify import Verdict, combined, judge

if TYPE_CHECKING:
    from ..schema.schema import Schema
    from ..table.rows import Row
    from .execute import Asking


@dataclass(frozen=True)
class Scan:
    """How rows are read: called after each batch with (rows read, rows in all), and its size."""

    progress: Callable[[int, int], None] | None = None
    batch_size: int = 1000


@dataclass(frozen=True)
class TextCondition(Condition):
    """A condition on a text that no index answers; the value is a str, or a compiled pattern."""


_Test = Callable[[str, Any], bool]
_PATTERNS = ("regex", "iregex")

#: Lookups that only a scan can answer, beside those of the index.
_TESTS: dict[str, _Test] = {
    "contains": lambda text, wanted: wanted in text,
    "icontains": lambda text, wanted: wanted.casefold() in text.casefold(),
    "endswith": lambda text, wanted: text.endswith(wanted),
    "iendswith": lambda text, wanted: text.casefold().endswith(wanted.casefold()),
    "regex": lambda text, wanted: wanted.search(text) is not None,
    "iregex": lambda text, wanted: wanted.search(text) is not None,
}


def resolve_any(schema: Schema, child: Any) -> Logic:
    """``resolve_pair``, with the lookups that need a scan."""
    if not (isinstance(child, tuple) and len(child) == 2):
        return resolve_pair(schema, child)
    name, value = child
    path, _, lookup = name.rpartition(LOOKUP_SEP)
    if lookup not in _TESTS or path in ("", "pk", "id"):
        return resolve_pair(schema, child)
    indexed = schema.indexed(path)
    if lookup == "contains" and indexed.many:
        return resolve_pair(schema, child)
    element: Any = getattr(indexed, "element", indexed)
    if not (indexed.mixed or element.order_kind == BY_TEXT):
        raise FieldError(
            f"{schema.model._meta.label}.{path} is not a text field, so it has no {lookup}."
        )
    if not isinstance(value, (re.Pattern, str) if lookup in _PATTERNS else str):
        raise ValidationError({path: [f"{name} takes a text; got {value!r}."]})
    if lookup in _PATTERNS:
        value = _compiled(name, value, re.IGNORECASE if lookup == "iregex" else re.RegexFlag(0))
    return TextCondition(indexed.name, lookup, value)


def _compiled(name: str, pattern: Any, flags: int) -> re.Pattern[str]:
    try:
        compiled: re.Pattern[str] = re.compile(pattern, flags)
    except re.error as error:
        raise ValidationError(
            {name: [f"{pattern!r} is no regular expression: {error}."]}
        ) from error
    return compiled


def judge_of(schema: Schema, logic: Logic) -> Verdict:
    """What judges any row by any filter; None where it cannot be judged, as in ``verify``."""
    if isinstance(logic, TextCondition):
        return _on_text(schema, logic)
    if isinstance(logic, Negation):
        child = judge_of(schema, logic.child)

        def negated(stored: Mapping[str, Any], id: int) -> bool | None:
            found = child(stored, id)
            return None if found is None else not found

        return negated
    if isinstance(logic, (Conjunction, Disjunction)):
        return combined(
            [judge_of(schema, child) for child in logic.children],
            decisive=isinstance(logic, Disjunction),
        )
    return judge(schema, logic)


def _on_text(schema: Schema, condition: TextCondition) -> Verdict:
    indexed = schema.indexed(condition.field)
    part, test, wanted = indexed.part, _TESTS[condition.lookup], condition.value

    def judge_text(stored: Mapping[str, Any], id: int) -> bool | None:
        value = indexed.of_stored(stored)
        if value is UNKNOWN:
            return None
        return any(isinstance(item, str) and test(item, wanted) for item in part.elements(value))

    return judge_text


class RowSource:
    """Every row of the table, read by id in batches and judged. Memory for one batch; in an order
    by fields also for the key of every object found."""

    def __init__(self, queryset: Asking) -> None:
        self.queryset = queryset

    def ids(self) -> list[int]:
        queryset = self.queryset
        if queryset._order == ("?",):
            number = len(self._all()) if queryset._high is None else queryset._high
            return self.random_ids(number)[queryset._low :]
        if queryset._low == queryset._high:
            return []
        if orders_by_id(queryset):
            return [row.id for row, _ in self.rows()]
        return self._sorted()[queryset._low : queryset._high]

    def count(self) -> int:
        number = sum(1 for _ in self._matching(descending=False))
        return within_slice(self.queryset, number)

    def exists(self) -> bool:
        found = self._matching(descending=False)
        return next(islice(found, self.queryset._low, None), None) is not None and (
            self.queryset._low != self.queryset._high
        )

    def random_ids(self, number: int) -> list[int]:
        found = self._all()
        return random.sample(found, min(number, len(found)))

    def rows(self) -> Iterator[tuple[Row, Mapping[str, Any]]]:
        """The rows found and what is in them, ordered by id and sliced; the walk ends with the
        slice."""
        queryset = self.queryset
        descending = queryset._effective_order[0].startswith("-")
        return islice(self._matching(descending=descending), queryset._low, queryset._high)

    def _all(self) -> list[int]:
        return [row.id for row, _ in self._matching(descending=False)]

    def _sorted(self) -> list[int]:
        queryset = self.queryset
        schema = queryset.model._sonic
        if queryset._cursor is not None:
            raise TypeError(
                "after() and before() go with scan() in the order of the ids only; filter by a "
                "range of values instead."
            )
        ordering = Ordering(schema, queryset._effective_order)
        found = self._matching(descending=False)
        return ordering.sort([(ordering.place(stored, row.id), row.id) for row, stored in found])

    def _matching(self, *, descending: bool) -> Iterator[tuple[Row, Mapping[str, Any]]]:
        queryset = self.queryset
        schema, logic = queryset.model._sonic, queryset._logic
        if queryset._cursor is not None and queryset._cursor.field == "id":
            logic = conjoin(logic, queryset._cursor.condition())
        if logic == NOTHING:
            return
        judging = judge_of(schema, logic)
        for batch in self._batches(logic, descending=descending):
            for row in batch:
                if queryset._deleted not in (None, row.is_deleted):
                    continue
                stored = schema.decode(row.payload, row.id)
                if judging(stored, row.id):
                    yield row, stored

    def _batches(self, logic: Logic, *, descending: bool) -> Iterator[Sequence[Row]]:
        queryset = self.queryset
        scan = queryset._scanning or Scan()
        undo_rollbacks(queryset.db)
        table = queryset.model._sonic.table(queryset.db)
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
    parts = logic.children if isinstance(logic, Conjunction) else (logic,)
    named = [
        frozenset(part.value)
        for part in parts
        if isinstance(part, Condition) and part.field == "id" and part.lookup == "in"
    ]
    return frozenset.intersection(*named) if named else None


def _in_order(rows: Mapping[int, Row], ids: Sequence[int]) -> list[Row]:
    return [rows[id] for id in ids if id in rows]


def orders_by_id(queryset: Asking) -> bool:
    """Whether the rows come in the order asked for as they are read."""
    return queryset._effective_order[0].lstrip("-") in ("id", "pk")
