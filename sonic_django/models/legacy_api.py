"""The PySonic-compatible API: the class methods of PySonic, on top of ``objects``.

A cursor is the id of the last object seen, and exclusive everywhere; a cursor whose object has been
destroyed still continues behind that id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models, router, transaction

from ..conf import is_available
from ..fulltext import searching
from ..query import arguments
from ..schema.ids import as_id
from ..sync import rebuild
from ..table import ddl

if TYPE_CHECKING:
    from ..query.queryset import SonicQuerySet
    from ..schema.schema import Schema

Progress = Callable[[int, int], None]


#: No search goes further; Xapian numbers its documents with 32 bits.
_LAST_POSITION = 2**30


def _position(name: str, value: Any) -> int:
    return min(arguments.whole(f"search(): {name}", value), _LAST_POSITION)


def _terms(given: Any) -> dict[str, Any] | None:
    return None if given is None else arguments.mapping("search(): terms", given)


def _ids(method: str, given: Any) -> list[Any]:
    return arguments.several(method, "exact", given)


class PySonicAPI(models.Model):
    """The PySonic-compatible API of ``SonicObj``: an abstract model, so that migrations do not name
    it."""

    class Meta:
        abstract = True

    if TYPE_CHECKING:
        objects: Any
        _sonic: ClassVar[Schema]

    # Getting ------------------------------------------------------------------------------------

    @classmethod
    def get(cls, id: Any, read_deleted: bool = False) -> Any:
        """The object of an id, or None; of a list of ids, a list in their order with None for
        what is missing. One statement."""
        model: Any = cls
        id = arguments.plain(id)
        many = isinstance(id, Iterable) and not isinstance(id, (str, bytes))
        ids = [as_id(model._sonic, arguments.plain(one)) for one in (id if many else [id])]
        using = router.db_for_read(model)
        rows = model._sonic.table(using).fetch(list(dict.fromkeys(ids)))
        found = [
            model._sonic.from_row(using, rows[one], model)
            if one in rows and (read_deleted or not rows[one].is_deleted)
            else None
            for one in ids
        ]
        return found if many else found[0]

    @classmethod
    def find_one(cls, **kwargs: Any) -> Any:
        """The first object, oldest first, or None."""
        return cls._found(kwargs).order_by("id").first()

    @classmethod
    def find_one_obj(cls, **kwargs: Any) -> Any:
        """The first object, oldest first, or None: another name of ``find_one``."""
        return cls.find_one(**kwargs)

    @classmethod
    def find_one_id(cls, **kwargs: Any) -> int | None:
        """The first object's id, or None. One Redis call."""
        return next(iter(cls._found(kwargs).order_by("id")[:1].ids()), None)

    @classmethod
    def find_one_or_new(cls, **kwargs: Any) -> Any:
        """The first object, or a new one with these values, not saved yet."""
        return cls.find_one(**kwargs) or cls(**kwargs)

    # Listing ------------------------------------------------------------------------------------

    @classmethod
    def find(cls, count: int, cursor: int = -1, desc: bool = True, **kwargs: Any) -> list[int]:
        """Up to ``count`` ids behind the cursor (-1: from the start), by the order of the index.

        An index named ``..._order_by_<field>`` on just these fields gives its order, else by id.
        """
        return cls._page(cls._found(kwargs, ordered=True), count, cursor, desc)

    @classmethod
    def find_objs(cls, count: int, cursor: int = -1, desc: bool = True, **kwargs: Any) -> list[Any]:
        """The objects of ``find``. One Redis call and one statement."""
        return cls._objects(cls.find(count, cursor, desc, **kwargs))

    @classmethod
    def find_all(cls, desc: bool = True, **kwargs: Any) -> list[int]:
        """All ids, newest first unless ``desc`` is false."""
        found = cls._found(kwargs, ordered=True)
        return (found if desc else found.reverse()).ids()

    @classmethod
    def find_all_ids(cls, desc: bool = True, **kwargs: Any) -> list[int]:
        """All ids, newest first unless ``desc`` is false: another name of ``find_all``."""
        return cls.find_all(desc, **kwargs)

    @classmethod
    def find_all_objs(cls, desc: bool = True, **kwargs: Any) -> list[Any]:
        """All objects, newest first unless ``desc`` is false."""
        found = cls._found(kwargs, ordered=True)
        return list(found if desc else found.reverse())

    @classmethod
    def count(cls, **kwargs: Any) -> int:
        """The number of objects. One Redis call."""
        return cls._found(kwargs).count()

    @classmethod
    def get_ids(cls, count: int, cursor: int = -1, forwarding: bool = True) -> list[int]:
        """Up to ``count`` ids behind the cursor, ascending if ``forwarding``."""
        return cls._page(cls.objects.all(), count, cursor, not forwarding)

    @classmethod
    def get_objs(cls, count: int, cursor: int = -1, forwarding: bool = True) -> list[Any]:
        """The objects of ``get_ids``. One Redis call and one statement."""
        return cls._objects(cls.get_ids(count, cursor, forwarding))

    @classmethod
    def get_random_id(cls) -> int | None:
        """Any id, or None if there is no object. One Redis call."""
        return next(iter(cls.objects.order_by("?")[:1].ids()), None)

    @classmethod
    def get_random_obj(cls) -> Any:
        """Any object, or None."""
        return next(iter(cls.objects.random(1)), None)

    @classmethod
    def walk_all_objs(cls, count: int = 100) -> Iterator[Any]:
        """All objects in the order of their ids, loaded ``count`` at a time, by statements on the
        rows alone; what is written meanwhile neither repeats nor hides an object."""
        model: Any = cls
        using = router.db_for_read(model)
        size = arguments.batch_size("walk_all_objs()", count)
        for rows in model._sonic.table(using).walk(batch=size):
            for row in rows:
                if not row.is_deleted:
                    yield model._sonic.from_row(using, row, model)

    # Deleting -----------------------------------------------------------------------------------

    @classmethod
    def delete_id(cls, id: int) -> bool:
        """Delete softly by id; whether there was such an object."""
        return cls.delete_ids([id]) == 1

    @classmethod
    def delete_ids(cls, ids: Sequence[int]) -> int:
        """Delete softly by ids; how many there were. Missing ones are passed over."""
        return cls.delete_objs([obj for obj in cls.get(_ids("delete_ids", ids)) if obj is not None])

    @classmethod
    def delete_obj(cls, obj: Any) -> bool:
        """Delete softly."""
        return cls.delete_objs([obj]) == 1

    @classmethod
    def delete_objs(cls, objs: Iterable[Any]) -> int:
        """Delete softly; how many were not deleted yet."""
        label = cls._meta.label
        objs = arguments.instances("delete_objs()", objs, cls, f"objects of {label}")
        return sum(bool(obj.delete()[1].get(label)) for obj in objs)

    @classmethod
    def destroy_ids(cls, ids: Sequence[int]) -> int:
        """Remove rows for good, deleted ones too; how many there were."""
        found = [
            obj for obj in cls.get(_ids("destroy_ids", ids), read_deleted=True) if obj is not None
        ]
        for obj in found:
            obj.destroy()
        return len(found)

    # Full text ----------------------------------------------------------------------------------

    @classmethod
    def search(
        cls, key: str, pos: int = 0, count: int = 10, terms: dict[str, Any] | None = None
    ) -> list[Any]:
        """Objects ``pos`` to ``pos + count`` by relevance to the words of ``key``.

        ``terms`` restricts them to values of fields declared in the ``"groups"`` of
        ``fulltext_indexes``.
        """
        return cls._objects(cls.search_ids(key, pos, count, terms))

    @classmethod
    def search_ids(
        cls, key: str, pos: int = 0, count: int = 10, terms: dict[str, Any] | None = None
    ) -> list[int]:
        """The ids of ``search``. One read of Xapian."""
        page = _position("pos", pos), _position("count", count)
        return searching.search_ids(cls._sonic, key, *page, _terms(terms))

    @classmethod
    def search_by_field(
        cls,
        fields: Sequence[Any],
        key: str,
        pos: int = 0,
        count: int = 10,
        terms: dict[str, Any] | None = None,
    ) -> list[Any]:
        """Objects by relevance to words in the named fields only; otherwise as ``search``."""
        model: Any = cls
        page = _position("pos", pos), _position("count", count)
        fields = list(arguments.several("search_by_field()", "exact", fields))
        for field in fields:
            if not isinstance(field, (str, models.Field)):
                raise TypeError(f"search_by_field() takes fields or their names; got {field!r}.")
        found = searching.search_ids(model._sonic, key, *page, _terms(terms), fields=fields)
        return cls._objects(found)

    @classmethod
    def replace_all(cls, objs: Iterable[Any]) -> list[Any]:
        """Put these new objects in place of all there are: in one transaction, so SQL has the old
        ones or the new ones, and nothing is lost if one cannot be saved. The old ones are
        destroyed, with cascades; the index follows at the commit."""
        model: Any = cls
        using = router.db_for_write(model)
        with transaction.atomic(using=using):
            model.objects.using(using).all().destroy()
            model.objects.using(using).deleted().destroy()
            created: list[Any] = model.objects.using(using).bulk_create(list(objs))
        return created

    # Tables and indexes ---------------------------------------------------------------------------

    @classmethod
    def build_table(cls) -> bool:
        """Make the table (and those that all classes share) if missing; whether it was."""
        model: Any = cls
        using = router.db_for_write(model)
        ddl.create_shared_tables(using)
        return ddl.create_table(model, using)

    @classmethod
    def get_create_table_sql(cls) -> str:
        """The statements that make the table."""
        model: Any = cls
        return ddl.create_table_sql(model, router.db_for_write(model))

    @classmethod
    def rebuild_all(cls, progress: Progress | None = None) -> int:
        """Rebuild every index and full text from the rows; the number of rows."""
        rows = cls.rebuild_indexes(progress)
        if is_available():
            cls.rebuild_fulltext_indexes()
        return rows

    @classmethod
    def rebuild_ids(cls, progress: Progress | None = None) -> int:
        """Rebuild the set of all ids: one pass over the rows repairs every index."""
        return cls.rebuild_indexes(progress)

    @classmethod
    def rebuild_indexes(cls, progress: Progress | None = None) -> int:
        """Rebuild every index from the rows; the number of rows."""
        model: Any = cls
        return rebuild.rebuild(model._sonic.at(router.db_for_write(model)), progress=progress)

    @classmethod
    def rebuild_index(cls, name: str, progress: Progress | None = None) -> int:
        """Rebuild one index: FieldError for a name that is not declared."""
        model: Any = cls
        rebuild.check_name(model._sonic, name)
        return cls.rebuild_indexes(progress)

    @classmethod
    def rebuild_fulltext_indexes(cls, progress: Progress | None = None) -> int:
        """Rebuild full text from the rows; the number of objects."""
        model: Any = cls
        stores = model._sonic.at(router.db_for_write(model))
        return rebuild.rebuild_fulltext(stores, progress=progress)

    # Parts --------------------------------------------------------------------------------------

    @classmethod
    def _found(cls, kwargs: dict[str, Any], *, ordered: bool = False) -> SonicQuerySet:
        found: SonicQuerySet = cls.objects.filter(**kwargs)
        if not ordered:
            return found.order_by("-id")
        order = cls._order_for(kwargs)
        return found.order_by(f"-{order}" if order else "-id")

    @classmethod
    def _order_for(cls, kwargs: dict[str, Any]) -> str | None:
        """The field that orders the index on just these fields, as PySonic had it."""
        schema = cls._sonic
        names = {name.partition("__")[0] for name in kwargs}
        equal = {name for name in kwargs if "__" not in name}
        for name, spec in schema.indexes.items():
            if "order_by_" not in name or spec.order is None:
                continue
            parts = {part.name for part in spec.parts}
            if parts and parts <= equal and names <= parts | {spec.order.name}:
                return spec.order.name
        return None

    @classmethod
    def _page(cls, found: SonicQuerySet, count: int, cursor: int, desc: bool) -> list[int]:
        found = found if desc else found.reverse()
        if cursor != -1:
            found = found.after(cursor)
        ids: list[int] = found[:count].ids()
        return ids

    @classmethod
    def _objects(cls, ids: list[int]) -> list[Any]:
        return [obj for obj in cls.get(ids) if obj is not None]
