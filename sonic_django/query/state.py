"""The state of a queryset: which objects, in which order, how many of them, and loaded how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.core.exceptions import FieldError
from django.db import router
from django.db.models import F
from django.db.models.expressions import OrderBy

from ..index.queries import Scope
from .bounds import Cursor
from .conditions import EVERYTHING, Logic

if TYPE_CHECKING:
    from ..schema.schema import Schema
    from .shapes import ValueShape


@dataclass(frozen=True)
class Scan:
    """How rows are read: called after each batch with (rows read, rows in all), and its size."""

    progress: Callable[[int, int], None] | None = None
    batch_size: int = 1000


@dataclass(frozen=True, eq=False)
class QueryState:
    """A query as far as it has been built. Holds no connection and no result.

    Made by ``of`` and ``changed``; what they do not set is read from the defaults of the class.
    """

    model: Any
    #: The database that ``using()`` names; None: the router's choice.
    alias: str | None = None
    hints: Mapping[str, Any] = field(default_factory=dict)
    conditions: Logic = EVERYTHING
    #: The names given to ``order_by``; ("?",) is a random order.
    order: tuple[str, ...] = ()
    is_reversed: bool = False
    cursor: Cursor | None = None
    #: The slice: its first position, and the one behind its last.
    low: int = 0
    high: int | None = None
    scope: Scope = Scope.LIVE
    #: The words given to ``search``.
    text: str | None = None
    #: How rows are read, where ``scan`` was called.
    scan: Scan | None = None
    #: The ids whose order the result has, where ``in_order_of`` gave them.
    ranking: tuple[int, ...] | None = None
    #: The ids of the result, where ``with_ids`` gave them.
    given: tuple[int, ...] | None = None
    #: The references that ``select_related`` loads.
    related: tuple[str, ...] = ()
    prefetch: tuple[Any, ...] = ()
    shape: ValueShape | None = None
    #: Whether ``distinct`` was called: each row of values is given once.
    distinct: bool = False

    @classmethod
    def of(cls, model: Any, alias: str | None = None, hints: Any = None) -> QueryState:
        """All live objects of a class."""
        state = object.__new__(cls)
        state.__dict__.update(model=model, alias=alias, hints=hints or {})
        return state

    def changed(self, **changes: Any) -> QueryState:
        """A copy with other values of these attributes."""
        # dataclasses.replace() costs ten times as much, and each method of a queryset comes here.
        new = object.__new__(QueryState)
        new.__dict__.update(self.__dict__, **changes)
        return new

    @property
    def schema(self) -> Schema:
        """The declaration of the class."""
        schema: Schema = self.model._sonic
        return schema

    @property
    def db(self) -> str:
        """The database that rows are read from."""
        return self.alias or router.db_for_read(self.model, **self.hints)

    @property
    def write_db(self) -> str:
        """The database that is written to. The index is that of this one: a replica of the rows
        has none of its own."""
        return self.alias or router.db_for_write(self.model, **self.hints)

    @property
    def is_unfiltered(self) -> bool:
        """Whether all objects of the scope are meant: no filter, cursor or search."""
        return self.conditions == EVERYTHING and self.cursor is None and self.text is None

    @property
    def is_sliced(self) -> bool:
        """Whether a slice, or the ids of the result, have been taken."""
        return self.low != 0 or self.high is not None or self.given is not None

    @property
    def merges_rows(self) -> bool:
        """Whether objects may share a row of values, which ``distinct`` gives once. Not of a slice
        that ends with the first one."""
        return (
            self.distinct
            and self.shape is not None
            and not self.shape.has_id
            and not (self.low == 0 and self.high is not None and self.high <= 1)
        )

    @property
    def is_plain(self) -> bool:
        """Whether the index answers all that the state asks by its filter alone: live objects, and
        no cursor, search, scan or given ids."""
        return (
            self.scope is Scope.LIVE
            and self.cursor is None
            and self.text is None
            and self.scan is None
            and self.given is None
        )

    @property
    def is_of_index(self) -> bool:
        """Whether one query to the index gives the ids: not of a search, of rows, of several
        scopes, nor in a random or given order."""
        return self.is_counted_by_index and (
            self.order != ("?",) and self.ranking is None and self.given is None
        )

    @property
    def is_counted_by_index(self) -> bool:
        """Whether one query to the index gives the number of objects."""
        return (
            self.scope is not Scope.ALL
            and self.text is None
            and self.scan is None
            and self.given is None
            and not self.merges_rows
        )

    @property
    def deleted(self) -> bool | None:
        """Whether the objects are deleted ones; None if they may be."""
        return None if self.scope is Scope.ALL else self.scope is Scope.DELETED

    @property
    def effective_order(self) -> tuple[str, ...]:
        """The names of the order in force, ``Meta.ordering`` and ``reverse()`` considered."""
        default = self.model._meta.ordering or ()
        order = self.order or tuple(map(order_name, default)) or ("-id",)
        if not self.is_reversed:
            return order
        return tuple(name[1:] if name.startswith("-") else f"-{name}" for name in order)

    @property
    def orders_by_id(self) -> bool:
        """Whether the id alone decides the order."""
        return self.effective_order[0].lstrip("-") in ("id", "pk")

    def within_slice(self, number: int) -> int:
        """How many of so many objects are within the slice."""
        number = max(0, number - self.low)
        return number if self.high is None else min(number, self.high - self.low)


def order_name(name: Any) -> str:
    """The name that a str, F or OrderBy orders by."""
    descending = False
    if isinstance(name, OrderBy):
        name, descending = name.expression, name.descending
    if isinstance(name, F):
        name = str(vars(name)["name"])  # an attribute that the stubs do not know
    if not isinstance(name, str) or not name.lstrip("-"):
        raise FieldError(f"order_by({name!r}): the index orders by fields, given by name.")
    return f"-{name}" if descending else name
