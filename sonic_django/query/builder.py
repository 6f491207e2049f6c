"""What a queryset is asked: filter, order, cursor, slice, and what is loaded along."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import FieldError
from django.db.models import Q

from ..schema.ids import as_id
from .bounds import Cursor
from .conditions import EVERYTHING, NOTHING, Logic, conjoin, disjoin
from .loading import ValueShape
from .lookups import resolve
from .ordering import Ordering
from .planner import Planner
from .scan import Scan, resolve_any
from .state import Question, order_name

if TYPE_CHECKING:
    from typing_extensions import Self


class Chaining(Question):
    """The methods that give another question. They touch neither Redis nor SQL, but for the row of
    a cursor."""

    def all(self) -> Self:
        return self._clone()

    def none(self) -> Self:
        return self._with_logic(NOTHING)

    def using(self, alias: str | None) -> Self:
        new = self._clone()
        new._db = alias
        return new

    def filter(self, *args: Any, **kwargs: Any) -> Self:
        return self._filtered(Q(*args, **kwargs))

    def exclude(self, *args: Any, **kwargs: Any) -> Self:
        return self._filtered(~Q(*args, **kwargs))

    def complex_filter(self, given: Any) -> Self:
        return self._filtered(given if isinstance(given, Q) else Q(**given))

    def _filtered(self, q: Q) -> Self:
        if self._is_sliced:
            raise TypeError("Cannot filter a query once a slice has been taken.")
        schema = self.model._sonic
        if schema.problems:
            schema.raise_problems()
        logic = resolve(schema, q, resolve_any if self._scanning else None)
        if self._universe == "ids" and not self._scanning:
            Planner(schema).check(logic)
        return self._with_logic(logic if self._logic is EVERYTHING else conjoin(self._logic, logic))

    def _with_logic(self, logic: Logic) -> Self:
        new = self._clone()
        new._logic = logic
        return new

    def __and__(self, other: Self) -> Self:
        self._check_combination(other)
        return self._with_logic(conjoin(self._logic, other._logic))

    def __or__(self, other: Self) -> Self:
        self._check_combination(other)
        return self._with_logic(disjoin(self._logic, other._logic))

    def _check_combination(self, other: Question) -> None:
        if self.model is not other.model or self._universe != other._universe:
            raise TypeError("Cannot combine queries on two different base models.")
        if self._is_sliced or other._is_sliced:
            raise TypeError("Cannot combine queries once a slice has been taken.")
        if self._text is not None or other._text is not None:
            raise TypeError("Cannot combine queries with search(); take it of the combination.")
        if self._scanning != other._scanning:
            raise TypeError("Cannot combine a query with scan() and one without.")

    def order_by(self, *names: Any) -> Self:
        """Fields with an ordered index, each for those that are equal in the ones before; ``pk``
        decides last, in the direction of the last field unless it is given. Or ``"?"``.

        Objects without a value stand last in both directions. By one field a page costs the same
        anywhere; by several, the groups of equal first values that it touches are read as a whole.
        """
        if self._is_sliced:
            raise TypeError("Cannot reorder a query once a slice has been taken.")
        order = tuple(order_name(name) for name in names)
        if self._scanning and order != ("?",):
            Ordering(self.model._sonic, order or ("pk",))
        elif order and order[0] != "?":
            Planner(self.model._sonic).keys(order)
        if self._cursor is not None:
            raise TypeError("Cannot reorder a query once after() or before() has been taken.")
        new = self._clone()
        new._order, new._reversed, new._ranking = order, False, None
        return new

    def in_order_of(self, ids: Sequence[int]) -> Self:
        """The same objects in the order of these ids; those that are not among the ids come last.

        All ids of the queryset are read for each page. ``order_by`` replaces the order.
        """
        if self._is_sliced:
            raise TypeError("Cannot reorder a query once a slice has been taken.")
        if self._cursor is not None:
            raise TypeError("Cannot reorder a query once after() or before() has been taken.")
        new = self._clone()
        new._order, new._reversed, new._ranking = (), False, tuple(ids)
        return new

    def with_ids(self, ids: Sequence[int]) -> Self:
        """The queryset whose result is just these ids in the order given: its rows are loaded and
        verified by its filter as those of any page, without a Redis call.

        Comes last. Of a slice, the ids are those of the slice; where a row does not confirm its
        id, the objects behind the slice fill the gap, for one Redis call.
        """
        new = self._clone()
        new._given = tuple(ids)
        return new

    def reverse(self) -> Self:
        if self._is_sliced:
            raise TypeError("Cannot reverse a query once a slice has been taken.")
        new = self._clone()
        new._reversed = not self._reversed
        return new

    def select_related(self, *names: Any) -> Self:
        """Load references along with the objects: one more statement for each reference."""
        new = self._clone()
        if names == (None,):
            new._related = ()
            return new
        if not names:
            fields = self.model._sonic.fields.values()
            names = tuple(f.name for f in fields if f.is_relation and not f.many)
        new._related = tuple(dict.fromkeys((*self._related, *names)))
        return new

    def prefetch_related(self, *lookups: Any) -> Self:
        new = self._clone()
        cleared = lookups == (None,)
        new._prefetch_related_lookups = (
            () if cleared else (*self._prefetch_related_lookups, *lookups)
        )
        return new

    def only(self, *names: str) -> Self:
        """A payload is loaded whole and decoded when touched, so this only checks the names."""
        for name in names:
            if name not in ("pk", "id"):
                self.model._sonic.field(name)
        return self._clone()

    def defer(self, *names: Any) -> Self:
        return self._clone() if names == (None,) else self.only(*names)

    def distinct(self, *names: str) -> Self:
        """Objects come once anyway."""
        if names:
            raise FieldError("distinct() takes no fields: the index gives each object once.")
        return self._clone()

    def after(self, cursor: Any) -> Self:
        """Those behind an object (or the object of an id) in the order, by its place in the index:
        as cheap on the last page as on the first, and steady while others write.

        One statement for an id in an order by a field; ``DoesNotExist`` if it has no row.
        """
        return self._beside(cursor, behind=True)

    def before(self, cursor: Any) -> Self:
        """Those ahead of an object in the order; the nearest first with ``reverse()``."""
        return self._beside(cursor, behind=False)

    def _beside(self, cursor: Any, *, behind: bool) -> Self:
        if self._is_sliced:
            raise TypeError("Cannot take after() or before() once a slice has been taken.")
        if self._cursor is not None:
            raise TypeError("after() and before() cannot be combined; filter by pk or a range.")
        if self._ranking is not None:
            raise TypeError("after() and before() need an order by fields, not in_order_of().")
        if self._text is not None and not self._order:
            raise TypeError("after() and before() need an order; search() gives none. Slice it.")
        schema = self.model._sonic
        id = as_id(schema, cursor)
        values: Mapping[str, Any] = {}
        if self._effective_order[0].lstrip("-") not in ("id", "pk"):
            row = schema.table(self.db).fetch_one(id)
            if row is None:
                raise self.model.DoesNotExist(f"The cursor {cursor!r} has no row.")
            values = schema.values_of(row.payload, id)
        return self._with_cursor(id, values, behind=behind)

    def _with_cursor(self, id: int, values: Mapping[str, Any], *, behind: bool) -> Self:
        """On one side of an object with these primitives, which an order by id needs not."""
        schema = self.model._sonic
        field, descending, ties_descending = Planner(schema).direction(self._effective_order)
        value = None if field == "id" else schema.indexed(field).of(values)
        new = self._clone()
        new._cursor = Cursor(id, value, field, descending, ties_descending, behind)
        return new

    def deleted(self) -> Self:
        """The softly deleted objects, newest first; filtered and ordered by pk only, or with
        ``scan()`` by anything."""
        return self._of("del", "deleted objects")

    def with_deleted(self) -> Self:
        """Live and softly deleted objects, newest first; filtered and ordered by pk only, or with
        ``scan()`` by anything.

        Two questions in one Redis call. A page deep in the list costs as much as all before it;
        ``after()`` does not.
        """
        return self._of("all", "deleted objects")

    def _of(self, universe: str, what: str) -> Self:
        if self._is_sliced:
            raise TypeError(f"Cannot ask for {what} once a slice has been taken.")
        if self._text is not None:
            raise TypeError("search() finds live objects only; full text forgets deleted ones.")
        new = self._clone()
        new._universe = universe
        return new

    def search(self, text: str) -> Self:
        """Those that full text finds by these words, the best first, unless ordered otherwise.

        One read of Xapian more than without; with a filter or an order the ids of up to 5,000
        hits are tested by the index, and an answer that hits beyond those could change is a
        NotSupportedError: a page of the best is always given, however many there are.
        """
        if self._is_sliced:
            raise TypeError("Cannot search once a slice has been taken.")
        if self._universe != "ids":
            raise TypeError("search() finds live objects only; full text forgets deleted ones.")
        if self._text is not None:
            raise TypeError("search() was taken already; give all words to one search().")
        if self._scanning or self._cursor is not None:
            raise TypeError("search() cannot be combined with scan(), after() and before().")
        new = self._clone()
        new._text = text
        return new

    def scan(
        self,
        progress: Callable[[int, int], None] | None = None,
        batch_size: int = 1000,
    ) -> Self:
        """Permission to read every row, for what no index answers: filters on any field, also by
        ``contains``, ``icontains``, ``iexact``, ``istartswith``, ``endswith``, ``iendswith``,
        ``regex`` and ``iregex`` of a text, and any order.

        Rows are read by id in batches, one statement each, until the slice is full; no Redis
        call. ``progress`` is called after each batch with (rows read, rows in all).
        """
        if self._is_sliced:
            raise TypeError("Cannot scan once a slice has been taken.")
        if self._text is not None:
            raise TypeError("search() cannot be combined with scan(), after() and before().")
        if batch_size <= 0:
            raise ValueError("batch_size must be strictly positive.")
        new = self._clone()
        new._scanning = Scan(progress, batch_size)
        return new

    def values(self, *names: str) -> Self:
        return self._shaped(names, "dict")

    def values_list(self, *names: str, flat: bool = False, named: bool = False) -> Self:
        return self._shaped(names, "tuple", flat=flat, named=named)

    def _shaped(
        self, names: Sequence[str], kind: str, *, flat: bool = False, named: bool = False
    ) -> Self:
        new = self._clone()
        new._shape = ValueShape(self.model, names, kind, flat=flat, named=named)
        return new
