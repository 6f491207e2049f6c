"""The state of a queryset: the question as far as it has been put."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import FieldError
from django.db import router
from django.db.models import F
from django.db.models.expressions import OrderBy

from .bounds import Cursor
from .conditions import EVERYTHING, Logic
from .loading import ValueShape

if TYPE_CHECKING:
    from typing_extensions import Self

    from .scan import Scan


class _QueryFacade:
    """The two attributes of Django's Query that the admin looks at, and one that views do."""

    def __init__(self, question: Question) -> None:
        self.order_by = question._order or ()
        self.select_related: Any = dict.fromkeys(question._related) or False
        self.model = question.model


class Question:
    """Which objects of a class, in which order, how many of them, and loaded how."""

    def __init__(
        self,
        model: Any,
        query: Any = None,
        using: str | None = None,
        hints: Any = None,
    ) -> None:
        self.model = model
        self._db = using
        self._hints = hints or {}
        self._logic: Logic = EVERYTHING
        self._order: tuple[str, ...] = ()
        self._reversed = False
        self._cursor: Cursor | None = None
        self._low = 0
        self._high: int | None = None
        #: "ids": live objects, "del": deleted ones, "all": both.
        self._universe = "ids"
        #: Words that full text found the objects by.
        self._text: str | None = None
        #: How rows are read, where scan() was asked for.
        self._scanning: Scan | None = None
        #: The order of the ids where ``in_order_of`` gave one.
        self._ranking: tuple[int, ...] | None = None
        #: The ids of the result, where ``with_ids`` gave them.
        self._given: tuple[int, ...] | None = None
        self._related: tuple[str, ...] = ()
        self._prefetch_related_lookups: tuple[Any, ...] = ()
        self._shape: ValueShape | None = None
        self._result_cache: list[Any] | None = None

    def _clone(self) -> Self:
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        new._result_cache = None
        return new

    # What is asked ------------------------------------------------------------------------------

    @property
    def db(self) -> str:
        return self._db or router.db_for_read(self.model, **self._hints)

    @property
    def _write_db(self) -> str:
        return self._db or router.db_for_write(self.model, **self._hints)

    @property
    def ordered(self) -> bool:
        return True

    totally_ordered = ordered

    @property
    def verbose_name(self) -> Any:
        # The admin's model_ngettext takes what is no QuerySet for a model's schema.
        return self.model._meta.verbose_name

    @property
    def verbose_name_plural(self) -> Any:
        return self.model._meta.verbose_name_plural

    @property
    def query(self) -> _QueryFacade:
        return _QueryFacade(self)

    @property
    def order(self) -> tuple[str, ...]:
        """The names given to ``order_by``; empty if the order is the default one."""
        return self._order

    @property
    def is_sliced(self) -> bool:
        """Whether a slice or ``with_ids`` has been taken."""
        return self._is_sliced

    @property
    def is_unfiltered(self) -> bool:
        """Whether there is no filter, cursor or search: all objects of the scope."""
        return self._is_everything

    @property
    def slice_bounds(self) -> tuple[int, int | None]:
        """(first position, position behind the last or None) of the slice."""
        return self._low, self._high

    @property
    def _is_everything(self) -> bool:
        return self._is_unfiltered and self._text is None

    @property
    def _is_unfiltered(self) -> bool:
        return self._logic == EVERYTHING and self._cursor is None

    @property
    def _is_sliced(self) -> bool:
        return self._low != 0 or self._high is not None or self._given is not None

    @property
    def _deleted(self) -> bool | None:
        """Whether the objects are deleted ones; None if they may be."""
        return None if self._universe == "all" else self._universe == "del"

    @property
    def _effective_order(self) -> tuple[str, ...]:
        default = self.model._meta.ordering or ()
        order = self._order or tuple(map(order_name, default)) or ("-id",)
        if not self._reversed:
            return order
        return tuple(name[1:] if name.startswith("-") else f"-{name}" for name in order)


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
