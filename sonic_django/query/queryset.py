"""``Blog.objects``: lazy, chainable, answered by the index; spelled as Django spells it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.exceptions import FieldError
from django.db import router
from django.db.models import F, Q, prefetch_related_objects
from django.db.models.expressions import OrderBy

from ..index.client import translated_errors
from ..index.nodes import NOTHING as NO_OBJECTS
from ..index.nodes import IndexQuery
from ..index.store import Unbuilt
from ..sync import repair, state
from ..sync.journal import undo_rollbacks
from . import facets, writing
from .explanation import Explanation
from .loading import ValueShape, attach_references, load, verified
from .logic import EVERYTHING, NOTHING, Logic, conjoin, disjoin
from .plan import Planner
from .ranges import Cursor
from .resolve import as_id, listed, resolve
from .verify import verdict

if TYPE_CHECKING:
    from ..models.base import SonicObj

Self = TypeVar("Self", bound="SonicQuerySet")

#: Rows loaded by one step of a large iteration.
_CHUNK = 2000
_REPR_SIZE = 20


class _QueryFacade:
    """The two attributes of Django's Query that the admin looks at, and one that views do."""

    def __init__(self, queryset: SonicQuerySet) -> None:
        self.order_by = queryset._order or ()
        self.select_related: Any = dict.fromkeys(queryset._related) or False
        self.model = queryset.model


class SonicQuerySet:
    """A set of objects, asked of the index when it is first looked at.

    A page costs one Redis call and one SQL statement; ``count`` and ``exists`` one Redis call.
    Raises FieldError where no index answers, IndexNotBuilt, and IndexUnavailable when Redis is
    away.
    """

    def __init__(
        self, model: type[SonicObj], query: Any = None, using: str | None = None, hints: Any = None
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
        self._universe = "ids"
        self._related: tuple[str, ...] = ()
        self._prefetch_related_lookups: tuple[Any, ...] = ()
        self._shape: ValueShape | None = None
        self._result_cache: list[Any] | None = None

    # Chaining -----------------------------------------------------------------------------------

    def _clone(self: Self) -> Self:
        new = type(self)(self.model, using=self._db, hints=self._hints)
        for name, value in self.__dict__.items():
            if name != "_result_cache":
                new.__dict__[name] = value
        return new

    def all(self: Self) -> Self:
        return self._clone()

    def none(self: Self) -> Self:
        return self._with_logic(NOTHING)

    def using(self: Self, alias: str | None) -> Self:
        new = self._clone()
        new._db = alias
        return new

    def filter(self: Self, *args: Any, **kwargs: Any) -> Self:
        return self._filtered(Q(*args, **kwargs))

    def exclude(self: Self, *args: Any, **kwargs: Any) -> Self:
        return self._filtered(~Q(*args, **kwargs))

    def complex_filter(self: Self, given: Any) -> Self:
        return self._filtered(given if isinstance(given, Q) else Q(**given))

    def _filtered(self: Self, q: Q) -> Self:
        if self._is_sliced:
            raise TypeError("Cannot filter a query once a slice has been taken.")
        options = self.model._sonic
        if options.problems:
            options.raise_problems()
        logic = resolve(options, q)
        if self._universe == "ids":
            Planner(options).check(logic)
        return self._with_logic(conjoin(self._logic, logic))

    def _with_logic(self: Self, logic: Logic) -> Self:
        new = self._clone()
        new._logic = logic
        return new

    def __and__(self: Self, other: Self) -> Self:
        self._check_combination(other)
        return self._with_logic(conjoin(self._logic, other._logic))

    def __or__(self: Self, other: Self) -> Self:
        self._check_combination(other)
        return self._with_logic(disjoin(self._logic, other._logic))

    def _check_combination(self, other: SonicQuerySet) -> None:
        if self.model is not other.model or self._universe != other._universe:
            raise TypeError("Cannot combine queries on two different base models.")
        if self._is_sliced or other._is_sliced:
            raise TypeError("Cannot combine queries once a slice has been taken.")

    def order_by(self: Self, *names: Any) -> Self:
        """One field with an ordered index, and at most ``pk`` after it; or ``"?"``."""
        if self._is_sliced:
            raise TypeError("Cannot reorder a query once a slice has been taken.")
        order = tuple(_order_name(name) for name in names)
        if order and order[0] != "?":
            Planner(self.model._sonic).direction(order)
        if self._cursor is not None:
            raise TypeError("Cannot reorder a query once after() or before() has been taken.")
        new = self._clone()
        new._order, new._reversed = order, False
        return new

    def reverse(self: Self) -> Self:
        if self._is_sliced:
            raise TypeError("Cannot reverse a query once a slice has been taken.")
        new = self._clone()
        new._reversed = not self._reversed
        return new

    def select_related(self: Self, *names: Any) -> Self:
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

    def prefetch_related(self: Self, *lookups: Any) -> Self:
        new = self._clone()
        cleared = lookups == (None,)
        new._prefetch_related_lookups = (
            () if cleared else (*self._prefetch_related_lookups, *lookups)
        )
        return new

    def only(self: Self, *names: str) -> Self:
        """A payload is loaded whole and decoded when touched, so this only checks the names."""
        for name in names:
            if name not in ("pk", "id"):
                self.model._sonic.field(name)
        return self._clone()

    def defer(self: Self, *names: Any) -> Self:
        return self._clone() if names == (None,) else self.only(*names)

    def distinct(self: Self, *names: str) -> Self:
        """Objects come once anyway."""
        if names:
            raise FieldError("distinct() takes no fields: the index gives each object once.")
        return self._clone()

    def after(self: Self, cursor: Any) -> Self:
        """Those behind an object (or the object of an id) in the order, by its place in the index:
        as cheap on the last page as on the first, and steady while others write.

        One statement for an id in an order by a field; ``DoesNotExist`` if it has no row.
        """
        return self._beside(cursor, behind=True)

    def before(self: Self, cursor: Any) -> Self:
        """Those ahead of an object in the order; the nearest first with ``reverse()``."""
        return self._beside(cursor, behind=False)

    def _beside(self: Self, cursor: Any, *, behind: bool) -> Self:
        if self._is_sliced:
            raise TypeError("Cannot take after() or before() once a slice has been taken.")
        if self._cursor is not None:
            raise TypeError("after() and before() cannot be combined; filter by pk or a range.")
        options = self.model._sonic
        id = as_id(options, cursor)
        field, descending, ties_descending = Planner(options).direction(self._effective_order)
        value = None
        if field != "id":
            row = options.table(self.db).fetch([id]).get(id)
            if row is None:
                raise self.model.DoesNotExist(f"The cursor {cursor!r} has no row.")
            value = options.values_of(row.payload, id)[field]
        new = self._clone()
        new._cursor = Cursor(id, value, field, descending, ties_descending, behind)
        return new

    def deleted(self: Self) -> Self:
        """The softly deleted objects, newest first; filtered and ordered by pk only."""
        if self._is_sliced:
            raise TypeError("Cannot ask for deleted objects once a slice has been taken.")
        new = self._clone()
        new._universe = "del"
        return new

    def values(self: Self, *names: str) -> Self:
        return self._shaped(names, "dict")

    def values_list(self: Self, *names: str, flat: bool = False, named: bool = False) -> Self:
        return self._shaped(names, "tuple", flat=flat, named=named)

    def _shaped(
        self: Self, names: Sequence[str], kind: str, *, flat: bool = False, named: bool = False
    ) -> Self:
        new = self._clone()
        new._shape = ValueShape(self.model, names, kind, flat=flat, named=named)
        return new

    # Asking the index ---------------------------------------------------------------------------

    @property
    def db(self) -> str:
        return self._db or router.db_for_read(self.model, **self._hints)

    @property
    def ordered(self) -> bool:
        return True

    totally_ordered = ordered

    @property
    def verbose_name(self) -> Any:
        # The admin's model_ngettext takes what is no QuerySet for a model's options.
        return self.model._meta.verbose_name

    @property
    def verbose_name_plural(self) -> Any:
        return self.model._meta.verbose_name_plural

    @property
    def query(self) -> _QueryFacade:
        return _QueryFacade(self)

    @property
    def _is_everything(self) -> bool:
        return self._logic == EVERYTHING and self._cursor is None

    @property
    def _is_sliced(self) -> bool:
        return self._low != 0 or self._high is not None

    @property
    def _effective_order(self) -> tuple[str, ...]:
        default = self.model._meta.ordering or ()
        order = self._order or tuple(map(_order_name, default)) or ("-id",)
        if not self._reversed:
            return order
        return tuple(name[1:] if name.startswith("-") else f"-{name}" for name in order)

    def _plan(self, order: Sequence[str] | None = None) -> IndexQuery:
        """The question for the index; ``order`` where only the set matters, not its order."""
        if order is None or self._cursor is not None:
            order = self._effective_order
        planner = Planner(self.model._sonic, self._universe)
        return planner.plan(self._logic, order, self._cursor)

    def _ask(self, method: str, *args: Any) -> Any:
        """Ask the store; an index met for the first time over an empty table counts as built."""
        # The index is that of the database written to: a replica of the rows has none of its own.
        using = self._write_db
        undo_rollbacks(using)
        store = self.model._sonic.store(using)
        with translated_errors(f"{self.model._meta.label}.objects"):
            answer = getattr(store, method)(*args)
            if isinstance(answer, Unbuilt):
                if not state.adopt_if_empty(self.model, using):
                    raise state.not_built(self.model, using, answer.digests)
                answer = getattr(store, method)(*args)
        return answer

    def _is_nothing(self, query: IndexQuery) -> bool:
        return query.filter == NO_OBJECTS or self._high == self._low

    def ids(self) -> list[int]:
        """The ids, in order. One Redis call, no SQL."""
        if self._order == ("?",):
            number = self._high
            if number is None:
                number = int(self._ask("count", self._plan(("-id",))))
            return self._random_ids(number)[self._low :]
        query = self._plan()
        if self._is_nothing(query):
            return []
        limit = None if self._high is None else self._high - self._low
        return list(self._ask("ids", query, self._low, limit))

    def _random_ids(self, number: int) -> list[int]:
        query = self._plan(("-id",))
        if query.filter == NO_OBJECTS or number <= 0:
            return []
        return list(self._ask("random_ids", query, number, random.getrandbits(31)))

    def count(self) -> int:
        """How many. One Redis call; no row is read."""
        if self._result_cache is not None:
            return len(self._result_cache)
        query = self._plan(("-id",))
        if self._is_nothing(query):
            return 0
        number = int(self._ask("count", query))
        number = max(0, number - self._low)
        return number if self._high is None else min(number, self._high - self._low)

    def exists(self) -> bool:
        """Whether there is any. One Redis call."""
        if self._result_cache is not None:
            return bool(self._result_cache)
        query = self._plan(("-id",))
        if self._is_nothing(query):
            return False
        return bool(self._ask("ids", query, self._low, 1))

    def contains(self, obj: Any) -> bool:
        """Whether the object is among them. One Redis call."""
        if self._result_cache is not None:
            return obj in self._result_cache
        if self._is_sliced:
            return as_id(self.model._sonic, obj) in self.ids()
        return self.filter(pk=obj).exists()

    def random(self, number: int = 1) -> list[Any]:
        """Up to ``number`` different objects, each as likely as any other."""
        if self._is_sliced:
            raise TypeError("Cannot choose at random once a slice has been taken.")
        return self._load(self._random_ids(number))

    def facet(self, name: str, limit: int = 20) -> list[tuple[Any, int]]:
        """(value, number of objects) of a field's ``limit`` most frequent values. One Redis call.

        The number of a list's elements, and of ids of a reference; None and ``[]`` are values too.
        Among filtered objects up to 5,000 of them are counted; beyond, and for a field with only a
        sorted index and more than 5,000 different values, NotSupportedError says so.
        """
        return facets.facet(self, name, limit)

    def explain(self, what: str = "ids") -> Explanation:
        """How the index answers: the plan, the sets and the work. One Redis call, no SQL.

        ``what`` is "ids" (the page as it is sliced) or "count". Readable when printed.
        """
        query = self._plan(None if what == "ids" else ("-id",))
        limit = None if self._high is None else self._high - self._low
        answer = self._ask("explain", query, self._low, limit, what)
        labels = {spec.digest: name for name, spec in self.model._sonic.indexes.items()}
        return Explanation.of(answer, labels)

    # Objects ------------------------------------------------------------------------------------

    def _load(self, ids: Sequence[int]) -> list[Any]:
        """The objects of these ids, or the values asked for, where the rows satisfy the filter."""
        if self._shape is not None and self._shape.only_ids:
            return list(self._shape.shape(ids))
        return self._completed(self._confirmed(ids))

    def _confirmed(self, ids: Sequence[int]) -> list[Any]:
        """The objects of these ids whose rows satisfy the filter. One statement."""
        objects, stale = self._verified(ids)
        self._report(stale)
        return objects

    def _load_page(self) -> list[Any]:
        """The objects as sliced: what the rows do not confirm is made up for from behind."""
        ids = self.ids()
        if self._shape is not None and self._shape.only_ids:
            return list(self._shape.shape(ids))
        objects, stale = self._verified(ids)
        if stale:
            met, end, lacking = list(stale), self._high, len(stale)
            while lacking and end is not None and self._order != ("?",):
                following = self._clone()
                following._low, following._high = end, end + lacking
                ids = following.ids()
                more, stale = self._verified(ids)
                objects += more
                met += stale
                # Fewer than asked for: the index has no more.
                lacking, end = (len(stale), end + len(ids)) if len(ids) == lacking else (0, end)
            self._report(met)
        return self._completed(objects)

    def _verified(self, ids: Sequence[int]) -> tuple[list[Any], list[int]]:
        judge = verdict(self.model._sonic, self._logic)
        return verified(self.model, self.db, ids, judge, deleted=self._universe != "ids")

    def _report(self, stale: Sequence[int]) -> None:
        """Have the entries mended that led to rows which do not agree."""
        if stale:
            query = self._plan(("-id",) if self._order == ("?",) else None)
            repair.report(self.model, self._write_db, stale, query.plain_sets())

    def _completed(self, objects: list[Any]) -> list[Any]:
        if self._related:
            attach_references(objects, self._related, self.db)
        if self._prefetch_related_lookups:
            prefetch_related_objects(objects, *self._prefetch_related_lookups)
        return list(self._shape.shape(objects)) if self._shape else objects

    def _fetch_all(self) -> list[Any]:
        if self._result_cache is None:
            self._result_cache = self._load_page()
        return self._result_cache

    def __iter__(self) -> Iterator[Any]:
        return iter(self._fetch_all())

    def __len__(self) -> int:
        return len(self._fetch_all())

    def __bool__(self) -> bool:
        return bool(self._fetch_all())

    def __repr__(self) -> str:
        shown = list(self[: _REPR_SIZE + 1]) if not self._is_sliced else list(self)
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

    def _sliced(self: Self, key: slice) -> Any:
        if (key.start or 0) < 0 or (key.stop or 0) < 0:
            raise ValueError("Negative indexing is not supported.")
        if self._result_cache is not None and key.step is not None:
            return self._result_cache[key]
        new = self._clone()
        new._low = self._low + (key.start or 0)
        stops = [] if key.stop is None else [self._low + key.stop]
        stops += [] if self._high is None else [self._high]
        new._high = max(new._low, min(stops)) if stops else None
        if self._result_cache is not None:
            new._result_cache = self._result_cache[key]
        return list(new)[:: key.step] if key.step else new

    def iterator(self, chunk_size: int | None = None) -> Iterator[Any]:
        """The objects one after the other with memory for one chunk.

        Ordered by id, each chunk starts behind the last id seen, so writes meanwhile neither
        repeat nor hide an object. One Redis call and one statement a chunk.
        """
        chunk_size = _CHUNK if chunk_size is None else chunk_size
        if chunk_size <= 0:
            raise ValueError("Chunk size must be strictly positive.")
        order = self._effective_order
        if order[0].lstrip("-") in ("id", "pk") and not self._is_sliced:
            yield from self._iterate_by_id(order[0].startswith("-"), chunk_size)
            return
        ids = self.ids()
        for start in range(0, len(ids), chunk_size):
            yield from self._load(ids[start : start + chunk_size])

    def _iterate_by_id(self, descending: bool, chunk_size: int) -> Iterator[Any]:
        rest: SonicQuerySet = self
        while True:
            ids = rest[:chunk_size].ids()
            yield from self._load(ids)
            if len(ids) < chunk_size:
                return
            bound = {"pk__lt" if descending else "pk__gt": ids[-1]}
            rest = self.filter(**bound)

    def get(self, *args: Any, **kwargs: Any) -> Any:
        """The one object. DoesNotExist, MultipleObjectsReturned. By pk alone: one statement."""
        id = self._plain_id(args, kwargs)
        if id is not None:
            found = self._load_by_id(id)
        else:
            chosen = self.filter(*args, **kwargs) if args or kwargs else self
            found = list(chosen if chosen._is_sliced else chosen[:2])
        if len(found) == 1:
            return found[0]
        shown = ", ".join([*map(str, args), *(f"{k}={v!r}" for k, v in kwargs.items())])
        if not found:
            raise self.model.DoesNotExist(
                f"{self.model._meta.object_name} matching query does not exist: {shown}"
            )
        raise self.model.MultipleObjectsReturned(
            f"get() returned more than one {self.model._meta.object_name}: {shown}"
        )

    def _plain_id(self, args: Any, kwargs: dict[str, Any]) -> int | None:
        if args or len(kwargs) != 1 or not self._is_everything or self._is_sliced:
            return None
        name, value = next(iter(kwargs.items()))
        if name not in ("pk", "id", "pk__exact", "id__exact") or value is None:
            return None
        return as_id(self.model._sonic, value)

    def _load_by_id(self, id: int) -> list[Any]:
        """By id the row itself answers; the index is not asked."""
        objects = load(self.model, self.db, [id], deleted=self._universe != "ids")
        if self._shape is not None and self._shape.only_ids:
            return list(self._shape.shape([obj.id for obj in objects]))
        return self._completed(objects)

    def first(self) -> Any:
        return next(iter(self[:1]), None)

    def last(self) -> Any:
        return next(iter(self.reverse()[:1]), None)

    def latest(self, *fields: str) -> Any:
        return self._edge("latest", fields, reverse=True)

    def earliest(self, *fields: str) -> Any:
        return self._edge("earliest", fields, reverse=False)

    def _edge(self, method: str, fields: Sequence[str], *, reverse: bool) -> Any:
        given = self.model._meta.get_latest_by
        names = fields or ([given] if isinstance(given, str) else given)
        if not names:
            raise ValueError(
                f"{method}() takes the field to order by, or Meta.get_latest_by names it."
            )
        ordered = self.order_by(*names)
        found = (ordered.reverse() if reverse else ordered).first()
        if found is None:
            raise self.model.DoesNotExist(
                f"{self.model._meta.object_name} matching query does not exist."
            )
        return found

    def in_bulk(self, id_list: Iterable[Any] | None = None, *, field_name: str = "pk") -> Any:
        """id -> object. With ids alone: one statement for 900, no Redis call."""
        if self._is_sliced:
            raise TypeError("Cannot use 'limit' or 'offset' with in_bulk().")
        if self._shape is not None:
            raise TypeError("in_bulk() cannot be used with values() or values_list().")
        if field_name not in ("pk", "id"):
            if field_name not in {
                c.fields[0] for c in self.model._sonic.uniques if not c.fields[1:]
            }:
                raise ValueError(
                    f"in_bulk()'s field_name must be a unique field but {field_name!r} isn't."
                )
            chosen = self if id_list is None else self.filter(**{f"{field_name}__in": id_list})
            return {getattr(obj, field_name): obj for obj in chosen}
        if id_list is None:
            return {obj.id: obj for obj in self}
        ids = [as_id(self.model._sonic, id) for id in listed("pk", "in", id_list)]
        if self._is_everything:
            found = load(
                self.model, self.db, list(dict.fromkeys(ids)), deleted=self._universe != "ids"
            )
            return {obj.id: obj for obj in self._completed(found)}
        return {obj.id: obj for obj in self.filter(pk__in=ids)}

    # Writing ------------------------------------------------------------------------------------

    @property
    def _write_db(self) -> str:
        return self._db or router.db_for_write(self.model, **self._hints)

    def create(self, **kwargs: Any) -> Any:
        obj = self.model(**kwargs)
        obj.save(force_insert=True, using=self._write_db)
        return obj

    create.alters_data = True  # type: ignore[attr-defined]

    def bulk_create(
        self,
        objs: Iterable[Any],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        **kwargs: Any,
    ) -> list[Any]:
        """Insert objects in batches, each in one transaction with its uniques.

        A batch of 1,000 costs about seven statements and one Redis call. No signals, as in Django.
        """
        if ignore_conflicts or kwargs:
            raise TypeError(
                "bulk_create() takes batch_size; conflicts are an IntegrityError. Look the "
                "existing objects up first, or use update_or_create()."
            )
        return writing.bulk_create(self.model, self._write_db, list(objs), batch_size or 1000)

    bulk_create.alters_data = True  # type: ignore[attr-defined]

    def bulk_update(
        self, objs: Iterable[Any], fields: Sequence[str], batch_size: int | None = None
    ) -> int:
        """Write the named fields of objects; how many there are. No signals, as in Django.

        One statement each and one Redis call a batch; each batch is one transaction, in which
        objects may take unique values from each other.
        """
        return writing.bulk_update(
            self.model, self._write_db, list(objs), list(fields), batch_size or 1000
        )

    bulk_update.alters_data = True  # type: ignore[attr-defined]

    def update(self, **values: Any) -> int:
        """Set fields of all of them; how many. No signals, as in Django.

        Values may be computed from the object's own, as in ``update(hits=F("hits") + 1)``: no
        count is lost, whoever else writes. Loads and writes in batches of 1,000, each of them one
        transaction: one statement an object and one Redis call.
        """
        if self._is_sliced:
            raise TypeError("Cannot update a query once a slice has been taken.")
        changed = writing.update(self.using(self._write_db), values)
        self._result_cache = None
        return changed

    update.alters_data = True  # type: ignore[attr-defined]

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete softly, object by object, with Django's signals and cascades."""
        return self._remove("delete")

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    def destroy(self) -> tuple[int, dict[str, int]]:
        """Remove the rows for good."""
        return self._remove("destroy")

    destroy.alters_data = True  # type: ignore[attr-defined]
    destroy.queryset_only = True  # type: ignore[attr-defined]

    def _remove(self, method: str) -> tuple[int, dict[str, int]]:
        if self._is_sliced:
            raise TypeError("Cannot use 'limit' or 'offset' with delete().")
        if self._shape is not None:
            raise TypeError("Cannot call delete() after .values() or .values_list()")
        removed = writing.remove(self.using(self._write_db), method)
        self._result_cache = None
        return removed

    def get_or_create(self, defaults: Any = None, **kwargs: Any) -> tuple[Any, bool]:
        return writing.get_or_create(self, defaults or {}, kwargs)

    get_or_create.alters_data = True  # type: ignore[attr-defined]

    def update_or_create(
        self, defaults: Any = None, create_defaults: Any = None, **kwargs: Any
    ) -> tuple[Any, bool]:
        return writing.update_or_create(self, defaults or {}, create_defaults, kwargs)

    update_or_create.alters_data = True  # type: ignore[attr-defined]


def _order_name(name: Any) -> str:
    """The name that a str, F or OrderBy orders by."""
    descending = False
    if isinstance(name, OrderBy):
        name, descending = name.expression, name.descending
    if isinstance(name, F):
        name = str(vars(name)["name"])  # an attribute that the stubs do not know
    if not isinstance(name, str) or not name.lstrip("-"):
        raise FieldError(f"order_by({name!r}): the index orders by fields, given by name.")
    return f"-{name}" if descending else name


__all__ = ["SonicQuerySet"]
