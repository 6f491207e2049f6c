"""From ids to objects: pages that are verified by their rows, iteration, single objects."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from asgiref.sync import sync_to_async
from django.db.models import prefetch_related_objects

from ..schema.ids import as_id
from ..sync import read_repair
from .execute import Asking
from .iterate import iterate
from .loading import attach_references, load_all, load_one, verified
from .lookups import listed
from .scan import RowSource, judge_of, orders_by_id
from .verify import Verdict, verdict

#: Rows loaded by one step of a large iteration.
_CHUNK = 2000
_REPR_SIZE = 20
_NUMBERS = frozenset([int])


class Retrieving(Asking):
    """A queryset whose objects are loaded when it is first looked at."""

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

    def _load_page(self, ids: list[int] | None = None) -> list[Any]:
        """The objects as sliced: what the rows do not confirm is made up for from behind.

        ``ids``: what ``ids()`` has answered, where it was asked together with other questions.
        """
        bound = self._bound()
        if bound is not self:
            return bound._load_page(ids)
        if self._scanning and self._streams_rows:
            return self._completed(list(self._scanned()))
        ids = self.ids() if ids is None else ids
        if self._shape is not None and self._shape.only_ids:
            return list(self._shape.shape(ids))
        objects, stale = self._verified(ids)
        if stale and not self._scanning:
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
        return verified(self.model, self.db, ids, self._verdict(), deleted=self._deleted)

    def _verdict(self) -> Verdict | None:
        """What judges the rows; None if the ids alone decide."""
        logic = self._bound()._logic
        if self._scanning:
            return judge_of(self.model._sonic, logic)
        return verdict(self.model._sonic, logic)

    def _report(self, stale: Sequence[int]) -> None:
        """Have the entries mended that led to rows which do not agree."""
        if stale and not self._scanning:
            query = self._plan(("-id",) if self._order == ("?",) else None)
            stores = self.model._sonic.at(self._write_db)
            read_repair.report(stores, stale, query.plain_sets())

    def _scanned(self) -> Iterator[Any]:
        """The objects of rows as they are read."""
        for row, stored in RowSource(self).rows():
            obj = self.model._sonic.from_row(self.db, row, self.model)
            obj.__dict__["_sonic_decoded"] = dict(stored)
            yield obj

    @property
    def _streams_rows(self) -> bool:
        """Whether the rows of a scan come in the order asked for as they are read."""
        is_asked = self._shape is None or not self._shape.only_ids
        return is_asked and self._order != ("?",) and orders_by_id(self)

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

    def _sliced(self, key: slice) -> Any:
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
        """The objects one after the other with memory for one chunk of them.

        Each chunk starts behind the one before, so an object that exists throughout comes once,
        whatever is written meanwhile; only one whose place in the order is changed may come twice
        or not at all, which an order by id rules out. One Redis call and one statement a chunk.
        Slices, cursors, ``search()``, an order by several fields and the order of a ``scan()``
        take all ids first.
        """
        chunk_size = _CHUNK if chunk_size is None else chunk_size
        if chunk_size <= 0:
            raise ValueError("Chunk size must be strictly positive.")
        return iterate(self._bound(), chunk_size)

    async def aiterator(self, chunk_size: int | None = None) -> AsyncIterator[Any]:
        """``iterator``, awaited chunk by chunk."""
        objects = self.iterator(chunk_size)

        def following() -> list[Any]:
            return list(islice(objects, chunk_size or _CHUNK))

        while chunk := await sync_to_async(following)():
            for obj in chunk:
                yield obj

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
        objects = load_one(self.model, self.db, id, deleted=self._deleted)
        if self._shape is not None and self._shape.only_ids:
            return list(self._shape.shape([obj.id for obj in objects]))
        return self._completed(objects)

    def first(self) -> Any:
        return next(iter(self[:1]), None)

    def last(self) -> Any:
        return next(iter(self.reverse()[:1]), None)

    def random(self, number: int = 1) -> list[Any]:
        """Up to ``number`` different objects, each as likely as any other."""
        if self._is_sliced:
            raise TypeError("Cannot choose at random once a slice has been taken.")
        return self._load(self._source().random_ids(number))

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
        ids = list(listed("pk", "in", id_list))
        if not _NUMBERS.issuperset(map(type, ids)):
            ids = [as_id(self.model._sonic, id) for id in ids]
        if self._is_everything:
            found = load_all(self.model, self.db, ids, deleted=self._deleted)
            return {obj.id: obj for obj in self._completed(found)}
        return {obj.id: obj for obj in self.filter(pk__in=ids)}
