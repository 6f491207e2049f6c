"""``Blog.objects``: lazy, chainable, answered by the index; with Django's names and meanings."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, tzinfo
from itertools import islice
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.db import connections
from django.db.models import Q
from django.utils.connection import ConnectionDoesNotExist

from ..async_methods import with_async_methods
from ..index.queries import Scope
from ..persistence import bulk
from ..persistence.batches import Progress
from ..schema.ids import as_id
from . import (
    aggregates,
    builder,
    dates,
    execute,
    facets,
    get_or_create,
    iterate,
    loading,
    mass_writes,
)
from .arguments import batch_size as sized
from .arguments import instances, mapping, plain, reporter, text, texts, whole
from .batch import CountOf, FacetOf, IdsOf
from .conditions import NOTHING
from .state import QueryState

if TYPE_CHECKING:
    from typing_extensions import Self

    from .explain import Explanation

_REPR_SIZE = 20
#: A number of objects that no class has, and that Redis takes as a whole number.
_MOST_AT_RANDOM = 2**50


@with_async_methods(
    *("get", "first", "last", "latest", "earliest", "in_bulk", "random"),
    *("ids", "count", "counts", "exists", "contains", "explain", "batch"),
    *("aggregate", "facet", "facets", "dates", "datetimes"),
    *("create", "get_or_create", "update_or_create", "bulk_create", "bulk_update"),
    *("update", "delete", "destroy"),
)
class SonicQuerySet:
    """A set of objects, asked of the index when it is first looked at.

    A page costs one Redis call and one SQL statement; ``count`` and ``exists`` one Redis call.
    Raises FieldError where no index answers, IndexNotBuilt, and IndexUnavailable when Redis is
    away. Each method that asks a store has an async variant: ``aget``, ``acount``, ``async for``.

    Units: an id is an int, a Redis call one round trip (more for a query that touches more than
    3,000 entries), a statement one SQL statement.
    """

    if TYPE_CHECKING:
        aget: Callable[..., Awaitable[Any]]
        acreate: Callable[..., Awaitable[Any]]
        abulk_create: Callable[..., Awaitable[Any]]
        abulk_update: Callable[..., Awaitable[Any]]
        aget_or_create: Callable[..., Awaitable[Any]]
        aupdate_or_create: Callable[..., Awaitable[Any]]
        aupdate: Callable[..., Awaitable[Any]]
        adelete: Callable[..., Awaitable[Any]]
        adestroy: Callable[..., Awaitable[Any]]
        acount: Callable[..., Awaitable[Any]]
        acounts: Callable[..., Awaitable[Any]]
        aexists: Callable[..., Awaitable[Any]]
        acontains: Callable[..., Awaitable[Any]]
        afirst: Callable[..., Awaitable[Any]]
        alast: Callable[..., Awaitable[Any]]
        alatest: Callable[..., Awaitable[Any]]
        aearliest: Callable[..., Awaitable[Any]]
        ain_bulk: Callable[..., Awaitable[Any]]
        aids: Callable[..., Awaitable[Any]]
        arandom: Callable[..., Awaitable[Any]]
        abatch: Callable[..., Awaitable[Any]]
        aaggregate: Callable[..., Awaitable[Any]]
        afacet: Callable[..., Awaitable[Any]]
        afacets: Callable[..., Awaitable[Any]]
        adates: Callable[..., Awaitable[Any]]
        adatetimes: Callable[..., Awaitable[Any]]
        aexplain: Callable[..., Awaitable[Any]]

    def __init__(
        self, model: Any, query: Any = None, using: str | None = None, hints: Any = None
    ) -> None:
        self.model = model
        #: What the queryset is asked for: a frozen value.
        self.state = QueryState.of(model, using, hints)
        self._result_cache: list[Any] | None = None

    def _with(self, state: QueryState, results: list[Any] | None = None) -> Self:
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__, state=state, _result_cache=results)
        return new

    # Chaining -----------------------------------------------------------------------------------

    def all(self) -> Self:
        """A copy, which asks again when it is looked at. No round trip."""
        return self._with(self.state)

    def none(self) -> Self:
        """A queryset without objects, which asks no store."""
        return self._with(self.state.changed(conditions=NOTHING))

    def using(self, alias: str | None) -> Self:
        """The same objects of another database and its index. No round trip."""
        if alias is not None and text("using()", alias) not in connections:
            raise ConnectionDoesNotExist(f"The connection {alias!r} doesn't exist.")
        return self._with(self.state.changed(alias=alias))

    def filter(self, *args: Any, **kwargs: Any) -> Self:
        """The objects that satisfy all of the lookups and Q objects. No round trip.

        FieldError for an unknown field or lookup, and for one that no declared index can answer;
        ValidationError for a value that the field cannot have; TypeError after a slice.
        """
        return self._with(builder.filtered(self.state, builder.q_of(args, kwargs)))

    def exclude(self, *args: Any, **kwargs: Any) -> Self:
        """The objects that do not satisfy all of the lookups and Q objects; otherwise as
        ``filter``. No round trip."""
        return self._with(builder.filtered(self.state, ~builder.q_of(args, kwargs)))

    def complex_filter(self, given: Any) -> Self:
        """``filter`` by a Q object or a dict of lookups. No round trip."""
        is_q = isinstance(given, Q)
        q = given if is_q else builder.q_of((), mapping("complex_filter()", given))
        return self._with(builder.filtered(self.state, q))

    def __and__(self, other: Self) -> Self:
        return self._with(builder.intersection(self.state, other.state))

    def __or__(self, other: Self) -> Self:
        return self._with(builder.union(self.state, other.state))

    def order_by(self, *names: Any) -> Self:
        """Fields with an ordered index, each for objects that are equal in the ones before; ``pk``
        decides last, in the direction of the last field unless it is given. Or ``"?"``. No round
        trip; FieldError for a name that is no field, TypeError after a slice or a cursor.

        Objects without a value stand last in both directions. By one field a page costs the same
        anywhere; by several, the groups of equal first values that it touches are read as a whole.
        """
        return self._with(builder.ordered(self.state, names))

    def in_order_of(self, ids: Sequence[int]) -> Self:
        """The same objects in the order of these ids; objects that are not among them come last.
        No round trip. ``order_by`` replaces the order.

        Each page reads all ids of the queryset from the index, in one Redis call.
        """
        return self._with(builder.ranked(self.state, ids))

    def reverse(self) -> Self:
        """The same objects in the opposite order. No round trip."""
        return self._with(builder.turned_round(self.state))

    def after(self, cursor: Any) -> Self:
        """The objects behind an object (or the object of an id) in the order, by its sort key in
        the index: as cheap on the last page as on the first, and steady while others write.

        One statement for an id in an order by a field; ``DoesNotExist`` if it has no row. TypeError
        after a slice, another cursor or in an order by several fields.
        """
        return self._with(builder.beside(self.state, cursor, behind=True))

    def before(self, cursor: Any) -> Self:
        """The objects ahead of an object in the order, the nearest first with ``reverse()``;
        otherwise as ``after``."""
        return self._with(builder.beside(self.state, cursor, behind=False))

    def select_related(self, *names: Any) -> Self:
        """Load references along with the objects: one more statement for each reference. Without
        names all references, with None none of them."""
        return self._with(builder.with_related(self.state, names))

    def prefetch_related(self, *lookups: Any) -> Self:
        """Django's prefetch: one more query for each lookup when the objects are loaded; with None
        no lookup."""
        return self._with(builder.with_prefetch(self.state, lookups))

    def only(self, *names: str) -> Self:
        """A payload is loaded whole and decoded when touched, so this only checks the names.
        FieldError for one that is no field."""
        builder.check_names(self.state, names)
        return self.all()

    def defer(self, *names: Any) -> Self:
        """As ``only``: nothing is left out, the names are checked."""
        return self.all() if names == (None,) else self.only(*names)

    def distinct(self, *names: str) -> Self:
        """Each object once, as without; of ``values()`` and ``values_list()`` each row once.

        ``count()`` of one field counts in the index that lists its values (see ``facet``), where
        there is one. Otherwise the ids of all objects are read, and rows until the slice is full.
        NotSupportedError, when it is evaluated, in an order by other fields than those named.
        FieldError for names, TypeError after a slice.
        """
        return self._with(builder.distinct(self.state, names))

    def deleted(self) -> Self:
        """The softly deleted objects, newest first; filtered and ordered by pk only, or with
        ``scan()`` by anything. No round trip."""
        return self._with(builder.scoped(self.state, Scope.DELETED))

    def with_deleted(self) -> Self:
        """Live and softly deleted objects, newest first; filtered and ordered by pk only, or with
        ``scan()`` by anything.

        Two queries in one Redis call. A page deep in the list costs as much as all before it;
        ``after()`` does not.
        """
        return self._with(builder.scoped(self.state, Scope.ALL))

    def search(self, text: str) -> Self:
        """The objects that full text finds by these words, the best first, unless ordered
        otherwise.

        One read of Xapian more than without; with a filter or an order the ids of up to 5,000
        hits are tested by the index, and an answer that hits beyond those could change is a
        NotSupportedError: a page of the best is always given, however many there are.
        """
        return self._with(builder.searching(self.state, text))

    def scan(
        self, progress: Callable[[int, int], None] | None = None, batch_size: int = 1000
    ) -> Self:
        """Permission to read every row, for what no index answers: filters on any field, also by
        ``contains``, ``icontains``, ``iexact``, ``istartswith``, ``endswith``, ``iendswith``,
        ``regex`` and ``iregex`` of a text, and any order.

        Rows are read by id in batches, one statement each, until the slice is full; no Redis
        call. ``progress`` is called after each batch with (rows read, rows in all).
        """
        return self._with(builder.scanning(self.state, progress, batch_size))

    def values(self, *names: str) -> Self:
        """Dicts of the named fields, or of all that are no password, in place of objects. No
        statement for ``values("pk")``, whose ids are the index's own."""
        return self._with(builder.shaped(self.state, names, "dict"))

    def values_list(self, *names: str, flat: bool = False, named: bool = False) -> Self:
        """Tuples of the named fields in place of objects; with ``flat`` the values of one field,
        with ``named`` named tuples. No statement for ``values_list("pk")``."""
        return self._with(builder.shaped(self.state, names, "tuple", flat=flat, named=named))

    def with_ids(self, ids: Sequence[int]) -> Self:
        """The queryset whose result is just these ids in the order given; its rows are loaded and
        verified by its filter as those of any page. One statement, no Redis call.

        Comes last: TypeError for a filter or an order behind it. Of a slice the ids are those of
        the slice; where a row does not confirm its id, an object from behind the slice takes the
        place, for one Redis call and one statement.
        """
        return self._with(builder.given(self.state, ids))

    # What it is asked for -----------------------------------------------------------------------

    @property
    def db(self) -> str:
        """The alias of the database that rows are read from."""
        return self.state.db

    @property
    def order(self) -> tuple[str, ...]:
        """The names given to ``order_by``; empty if the order is the default one."""
        return self.state.order

    @property
    def ordered(self) -> bool:
        """True: by id where nothing else is said."""
        return True

    totally_ordered = ordered

    @property
    def is_sliced(self) -> bool:
        """Whether a slice, or ``with_ids``, has been taken."""
        return self.state.is_sliced

    @property
    def slice_bounds(self) -> tuple[int, int | None]:
        """(first position, position behind the last one or None) of the slice."""
        return self.state.low, self.state.high

    @property
    def is_unfiltered(self) -> bool:
        """Whether there is no filter, cursor or search."""
        return self.state.is_unfiltered

    @property
    def is_batchable(self) -> bool:
        """Whether ``batch`` takes its ids from the index together with other answers: not those of
        a search, of a scan, of live and deleted objects together, of a random or given order; nor
        where they are loaded already, or a subclass has its own ``ids`` or ``count``."""
        return self.state.is_of_index and not self.is_loaded and not _overrides_answers(type(self))

    @property
    def is_loaded(self) -> bool:
        """Whether the objects have been loaded: they are kept, and no store is asked again."""
        return self._result_cache is not None

    def can_plan(self, order: str | Sequence[str] = ()) -> bool:
        """Whether the index answers this queryset in that order (a name or several; without any,
        as it is ordered) without ``scan()``; False also for a name that is no field. No round trip,
        unless a filter crosses references."""
        names = [order] if isinstance(order, str) else texts("can_plan()", order)
        return execute.can_plan(self.state, names)

    def has_values_index(self, name: str) -> bool:
        """Whether ``facet(name)`` has an answer: an index lists the values of the field. No round
        trip."""
        return facets.has_values(self.state.schema, text("has_values_index()", name))

    @property
    def query(self) -> _Query:
        """The few attributes of Django's ``Query`` that the admin and generic views read."""
        return _Query(self.state)

    @property
    def verbose_name(self) -> Any:
        """The name of one object of the class, for Django's admin."""
        # The admin's model_ngettext takes what is no QuerySet for a model's options.
        return self.model._meta.verbose_name

    @property
    def verbose_name_plural(self) -> Any:
        """The name of several objects of the class, for Django's admin."""
        return self.model._meta.verbose_name_plural

    def _clone(self) -> Self:
        # Django's own ChangeList calls it, where a class has a plain ModelAdmin.
        return self.all()

    @property
    def _prefetch_related_lookups(self) -> tuple[Any, ...]:
        # ModelChoiceField asks for it.
        return self.state.prefetch

    # Objects ------------------------------------------------------------------------------------

    def _fetch_all(self) -> list[Any]:
        if self._result_cache is None:
            self._result_cache = loading.page(self.state)
        return self._result_cache

    def __iter__(self) -> Iterator[Any]:
        return iter(self._fetch_all())

    def __aiter__(self) -> AsyncIterator[Any]:
        async def objects() -> AsyncIterator[Any]:
            for obj in await sync_to_async(self._fetch_all)():
                yield obj

        return objects()

    def __len__(self) -> int:
        return len(self._fetch_all())

    def __bool__(self) -> bool:
        return bool(self._fetch_all())

    def __repr__(self) -> str:
        shown = list(self) if self.state.is_sliced else list(self[: _REPR_SIZE + 1])
        tail: list[Any] = ["...(remaining elements truncated)..."]
        return f"<{type(self).__name__} {shown[:_REPR_SIZE] + tail * (len(shown) > _REPR_SIZE)!r}>"

    def __getitem__(self, key: int | slice) -> Any:
        if isinstance(key, slice):
            return self._sliced(key)
        if not isinstance(key, int):
            raise TypeError(
                f"QuerySet indices must be integers or slices, not {type(key).__name__}."
            )
        if key < 0:
            raise ValueError("Negative indexing is not supported.")
        if self._result_cache is not None:
            return self._result_cache[key]
        found = list(self._sliced(slice(key, key + 1)))
        if not found:
            raise IndexError(f"the queryset has no element {key}")
        return found[0]

    def _sliced(self, key: slice) -> Any:
        state = builder.sliced(self.state, key.start, key.stop)
        if self._result_cache is not None:
            found = self._result_cache[key]
            return self._with(state, found) if key.step is None else found
        new = self._with(state)
        return list(new)[:: key.step] if key.step else new

    def iterator(self, chunk_size: int | None = None) -> Iterator[Any]:
        """The objects one after the other with memory for one chunk of them (2,000, unless
        ``chunk_size`` says otherwise).

        Each chunk starts behind the one before, so an object that exists throughout comes once,
        whatever is written meanwhile; only one whose position in the order changes may come twice
        or not at all, which an order by id rules out. One Redis call and one statement a chunk.
        Slices, cursors, ``search()``, an order by several fields and the order of a ``scan()``
        take all ids first.
        """
        chunk_size = iterate.CHUNK if chunk_size is None else whole("chunk_size", chunk_size)
        if chunk_size <= 0:
            raise ValueError("Chunk size must be strictly positive.")
        return iterate.iterate(self.state, min(chunk_size, sys.maxsize))

    async def aiterator(self, chunk_size: int | None = None) -> AsyncIterator[Any]:
        """``iterator``, awaited chunk by chunk."""
        objects = self.iterator(chunk_size)

        def following() -> list[Any]:
            return list(islice(objects, min(chunk_size or iterate.CHUNK, sys.maxsize)))

        while chunk := await sync_to_async(following)():
            for obj in chunk:
                yield obj

    def get(self, *args: Any, **kwargs: Any) -> Any:
        """The one object that satisfies the lookups. By pk alone one statement, else one Redis call
        and one statement. DoesNotExist, MultipleObjectsReturned."""
        if self._result_cache is not None and not args and not kwargs:
            return loading.single(self.state, self._result_cache, args, kwargs)
        return loading.get(self.state, args, kwargs)

    def first(self) -> Any:
        """The first object in the order; None if there is none. One Redis call, one statement."""
        return next(iter(self[:1]), None)

    def last(self) -> Any:
        """The last object in the order; None if there is none. One Redis call, one statement."""
        return self.reverse().first()

    def random(self, number: int = 1) -> list[Any]:
        """Up to ``number`` different objects, each as likely as any other. One Redis call and one
        statement; of a filter by several indexes all ids are read."""
        if self.state.is_sliced:
            raise TypeError("Cannot choose at random once a slice has been taken.")
        number = min(whole("random()", number), _MOST_AT_RANDOM)
        return loading.load(self.state, execute.random_ids(self.state, number))

    def latest(self, *fields: str) -> Any:
        """The last object in the order of the fields, or of ``Meta.get_latest_by``; DoesNotExist if
        there is none. One Redis call, one statement."""
        return loading.edge(self.state, "latest", fields, is_last=True)

    def earliest(self, *fields: str) -> Any:
        """The first object in the order of the fields; otherwise as ``latest``."""
        return loading.edge(self.state, "earliest", fields, is_last=False)

    def in_bulk(self, id_list: Iterable[Any] | None = None, *, field_name: str = "pk") -> Any:
        """id -> object, or value of a unique field -> object. With ids alone one statement for 900,
        no Redis call. TypeError after a slice or ``values()``."""
        return loading.in_bulk(self.state, id_list, text("in_bulk(): field_name", field_name))

    # Ids, numbers, values -----------------------------------------------------------------------

    def ids(self) -> list[int]:
        """The ids, in order. One Redis call, no SQL."""
        return execute.ids(self.state)

    def count(self) -> int:
        """The number of objects. One Redis call; no row is read."""
        if self._result_cache is not None:
            return len(self._result_cache)
        if self.state.merges_rows:
            return loading.count_different(self.state)
        return execute.count(self.state)

    def counts(self, filters: Iterable[Q]) -> list[int]:
        """The number of objects that satisfy each of the Q objects. One Redis call for all.
        TypeError after a slice."""
        if self.state.is_sliced:
            raise TypeError("Cannot count by filters once a slice has been taken.")
        return execute.counts(self.state, instances("counts()", filters, Q, "Q objects"))

    def exists(self) -> bool:
        """Whether there is any object. One Redis call."""
        if self._result_cache is not None:
            return bool(self._result_cache)
        if self.state.merges_rows:
            return loading.count_different(self.state) > 0
        return execute.exists(self.state)

    def contains(self, obj: Any) -> bool:
        """Whether the object is among them. One Redis call."""
        if self._result_cache is not None:
            return obj in self._result_cache
        if self.state.shape is not None:
            raise TypeError("Cannot call QuerySet.contains() after .values() or .values_list().")
        id = as_id(self.state.schema, plain(obj))
        if self.state.is_sliced:
            return id in self.ids()
        return self.filter(pk=id).exists()

    def facet(self, name: str, limit: int = 20) -> list[tuple[Any, int]]:
        """(value, number of objects) of a field's ``limit`` most frequent values. One Redis call.

        The number of a list's elements, and of ids of a reference; None and ``[]`` are values too.
        Among filtered objects the entries of each are read, for some 500 of them in a call.
        FieldError for a field whose values no index lists.
        """
        name = text("facet()", name)
        return self.facets([name], limit)[name]

    def facets(self, names: Iterable[str], limit: int = 20) -> dict[str, list[tuple[Any, int]]]:
        """``facet`` of several fields, by name. One Redis call for all."""
        limit = min(whole("facets(): limit", limit), sys.maxsize)
        return execute.facets(self.state, texts("facets()", names), limit)

    def batch(
        self, items: Iterable[CountOf | IdsOf | FacetOf], return_exceptions: bool = False
    ) -> list[Any]:
        """Several answers about querysets of this class and database, in the order of the items:
        ``CountOf`` (an int), ``IdsOf`` (a list of ints) and ``FacetOf`` (``FieldValues``) of
        ``sonic_django.query.batch``.

        One Redis call for all that the index answers by itself; a queryset that is not
        ``is_batchable`` costs what its own method costs. IndexNotBuilt where an index has not been
        built; with ``return_exceptions`` it stands in the place of its answer, and the others are
        given.
        """
        found: dict[int, Any] = {}
        asked: dict[int, Any] = {}
        kinds = (CountOf, IdsOf, FacetOf)
        named = "CountOf, IdsOf and FacetOf"
        for at, item in enumerate(instances("batch()", items, kinds, named)):
            queryset = item.queryset
            if isinstance(item, FacetOf):
                (asked[at],) = execute.facet_plans(
                    queryset.state, [item.name], item.limit, item.most
                )
            elif (
                queryset.is_loaded
                or queryset.state.merges_rows
                or _overrides_answers(type(queryset))
            ):
                is_count = isinstance(item, CountOf)
                found[at] = execute.unless_unbuilt(queryset.count if is_count else queryset.ids)
            else:
                asked[at] = queryset.state, "count" if isinstance(item, CountOf) else "ids"
        found.update(zip(asked, execute.batch(self.state, list(asked.values())), strict=True))
        answers = [found[at] for at in range(len(found))]
        return answers if return_exceptions else list(map(execute.raised, answers))

    def explain(self, what: str = "ids") -> Explanation:
        """How the index answers: the plan, the sets and the work. One Redis call, no SQL.

        ``what`` is "ids" (the page as it is sliced) or "count". Readable when printed.
        """
        if what not in ("ids", "count"):
            raise ValueError(f"explain() takes 'ids' or 'count'; got {what!r}.")
        return execute.explain(self.state, what)

    def aggregate(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """``Count``, ``Min``, ``Max``, each with ``filter=Q(...)``; others are NotSupportedError.

        ``Count("*")`` and ``Count("field")`` (of objects that have a value) cost one Redis call
        together; ``Count("field", distinct=True)`` one each, of up to 100,000 different values;
        ``Min`` and ``Max`` one and a statement each, and need an index that orders by the field.
        """
        return aggregates.aggregate(self.state, args, kwargs)

    def dates(self, field_name: str, kind: str, order: str = "ASC") -> list[date]:
        """The years, months, weeks or days (their first day) in which a ``day_field`` has a value.

        One Redis call and one statement for each of them, and needs an index that orders by the
        field. A list, where Django gives a queryset.
        """
        return dates.dates(self.state, text("dates()", field_name), kind, order)

    def datetimes(
        self, field_name: str, kind: str, order: str = "ASC", tzinfo: tzinfo | None = None
    ) -> list[datetime]:
        """The periods, years to seconds, in which a ``date_field`` has a value; their starts, in
        the zone given or the current one.

        One Redis call and one statement for each of them, and needs an index that orders by the
        field. A list, where Django gives a queryset.
        """
        return dates.datetimes(self.state, text("datetimes()", field_name), kind, order, tzinfo)

    # Writing ------------------------------------------------------------------------------------

    def create(self, **kwargs: Any) -> Any:
        """A new object with these values, saved: one statement and one Redis call. IntegrityError
        for a unique value of another object, ValidationError for a value that does not fit."""
        obj = self.model(**kwargs)
        obj.save(force_insert=True, using=self.state.write_db)
        return obj

    create.alters_data = True  # type: ignore[attr-defined]

    def get_or_create(self, defaults: Any = None, **kwargs: Any) -> tuple[Any, bool]:
        """(the object, whether it was made): a ``get`` and, if it finds nothing, a ``create``. Of
        several writers at once, where a field is unique, one creates and the others get."""
        create = self.using(self.state.write_db).create
        given = mapping("get_or_create(): defaults", defaults or {})
        return get_or_create.get_or_create(self.state, create, given, kwargs)

    get_or_create.alters_data = True  # type: ignore[attr-defined]

    def update_or_create(
        self, defaults: Any = None, create_defaults: Any = None, **kwargs: Any
    ) -> tuple[Any, bool]:
        """(the object, whether it was made); ``defaults`` are set and saved. Of several who set
        the same fields at once the last wins, and none gets an error."""
        create = self.using(self.state.write_db).create
        given = mapping("update_or_create(): defaults", defaults or {})
        if create_defaults is not None:
            create_defaults = mapping("update_or_create(): create_defaults", create_defaults)
        return get_or_create.update_or_create(self.state, create, given, create_defaults, kwargs)

    update_or_create.alters_data = True  # type: ignore[attr-defined]

    def bulk_create(
        self,
        objs: Iterable[Any],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        update_conflicts: bool = False,
        update_fields: Sequence[str] | None = None,
        unique_fields: Sequence[str] | None = None,
        *,
        progress: Progress | None = None,
    ) -> list[Any]:
        """Insert objects, all or none, in batches with their uniques; no signals, as in Django.

        A batch of 1,000 costs about seven statements and one Redis call; ``progress`` is called
        after each with (objects done, objects in all). With ``ignore_conflicts`` an object of
        which another one holds a unique value is left out and gets no id. With
        ``update_conflicts`` the ``update_fields`` of the one that holds the values of
        ``unique_fields`` are set, and the object given stands for that one.
        """
        conflicts = bulk.Conflicts.of(
            ignore_conflicts, update_conflicts, update_fields, unique_fields
        )
        stores = self.state.schema.at(self.state.write_db)
        given, size = self._instances("bulk_create()", objs), sized("bulk_create()", batch_size)
        reported = reporter("bulk_create()", progress)
        return bulk.bulk_create(stores, given, size, conflicts, reported)

    bulk_create.alters_data = True  # type: ignore[attr-defined]

    def bulk_update(
        self,
        objs: Iterable[Any],
        fields: Sequence[str],
        batch_size: int | None = None,
        *,
        progress: Progress | None = None,
    ) -> int:
        """Write the named fields of objects; the number of objects. No signals, as in Django.

        One statement for up to 150 and one Redis call a batch; each batch is one transaction, in
        which objects may take unique values from each other.
        """
        stores = self.state.schema.at(self.state.write_db)
        given, size = self._instances("bulk_update()", objs), sized("bulk_update()", batch_size)
        names = texts("bulk_update(): fields", fields)
        reported = reporter("bulk_update()", progress)
        return bulk.bulk_update(stores, given, names, size, reported)

    bulk_update.alters_data = True  # type: ignore[attr-defined]

    def _instances(self, method: str, objs: Any) -> list[Any]:
        label = self.model._meta.label
        return instances(method, objs, self.model._meta.concrete_model, f"objects of {label}")

    def update(self, **values: Any) -> int:
        """Set fields of all objects; the number of objects. No signals, as in Django.

        Values may be computed from the object's own, as in ``update(hits=F("hits") + 1)``: no
        count is lost, however many write at once. Loads and writes in batches of 1,000, each of
        them one transaction: one statement for up to 150 and one Redis call. ``progress``, unless
        it is a field, is called after each batch with (objects done, objects in all).
        """
        if self.state.is_sliced:
            raise TypeError("Cannot update a query once a slice has been taken.")
        progress = None
        if "progress" not in self.state.schema.fields:
            progress = reporter("update()", values.pop("progress", None))
        changed = mass_writes.update(self.state, values, progress)
        self._result_cache = None
        return changed

    update.alters_data = True  # type: ignore[attr-defined]

    def delete(self, *, progress: Progress | None = None) -> tuple[int, dict[str, int]]:
        """Delete softly, object by object, with Django's signals and cascades. Returns Django's
        (number of objects, number by label).

        In batches of 1,000, each of them one transaction; ``progress`` is called after each with
        (objects done, objects in all).
        """
        return self._remove("delete", progress)

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    def destroy(self, *, progress: Progress | None = None) -> tuple[int, dict[str, int]]:
        """Remove the rows for good; otherwise as ``delete``."""
        return self._remove("destroy", progress)

    destroy.alters_data = True  # type: ignore[attr-defined]
    destroy.queryset_only = True  # type: ignore[attr-defined]

    def _remove(self, method: str, progress: Progress | None) -> tuple[int, dict[str, int]]:
        if self.state.is_sliced:
            raise TypeError("Cannot use 'limit' or 'offset' with delete().")
        if self.state.shape is not None:
            raise TypeError("Cannot call delete() after .values() or .values_list()")
        reported = reporter(f"{method}()", progress)
        removed = mass_writes.remove(self.state, method, reported)
        self._result_cache = None
        return removed


def _overrides_answers(kind: Any) -> bool:
    """Whether a subclass has ids or numbers of its own."""
    return (kind.ids, kind.count) != (SonicQuerySet.ids, SonicQuerySet.count)


class _Query:
    """The two attributes of Django's Query that the admin looks at, and one that views do."""

    def __init__(self, state: QueryState) -> None:
        self.order_by = state.order or ()
        self.select_related: Any = dict.fromkeys(state.related) or False
        self.model = state.model


__all__ = ["SonicQuerySet"]
