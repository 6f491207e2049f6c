"""``SonicObj``: a Django model with five columns, whose declared fields live in the payload."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models, router
from django.db.models.base import ModelState
from django.db.models.signals import post_init, pre_init

from ..async_methods import with_async_methods
from ..fields.lists import materialised
from ..persistence import changes, identity, refresh, remove, save, unique_claims, values
from ..query.manager import SonicManager
from ..query.queryset import SonicQuerySet
from ..schema.checks import check_model
from ..schema.ids import as_id
from ..schema.schema import Schema, StoredObject
from .legacy_api import PySonicAPI
from .metaclass import SonicBase
from .payload_column import PayloadField
from .rows_manager import GuardedManager

if TYPE_CHECKING:
    from django.core.checks import CheckMessage

    from ..table.rows import Row


class _SchemaOfClass:
    """The class's ``Schema``: built at first use, and shared by its proxies."""

    def __get__(self, instance: Any, cls: type[SonicObj]) -> Schema:
        concrete: Any = cls._meta.concrete_model
        schema = Schema(concrete)
        # From now on Python finds the schema itself, also from proxies.
        concrete._sonic = schema
        return schema


class _LoadedState:
    """``_state`` of a loaded object: made when it is first read, as most objects never need it."""

    def __get__(self, obj: Any, owner: Any = None) -> Any:
        if obj is None:
            return self
        if "_sonic_loaded" not in obj.__dict__:
            raise AttributeError("the object was neither made by its class nor loaded")
        state = ModelState()
        state.db = obj.__dict__["_sonic_loaded"][0]
        state.adding = False
        obj.__dict__["_state"] = state
        return state


@with_async_methods("save", "delete", "undelete", "destroy", "reload", "refresh_from_db")
class SonicObj(PySonicAPI, StoredObject, metaclass=SonicBase):
    """The base of every schemaless model.

    Declared fields live in the payload, indexes in Redis, full text in Xapian. Adding a field or an
    index alters no table. ``indexes``, ``uniques`` and ``fulltext_indexes`` are read once, when the
    class is first used; ``docs/models.md`` has all of it.
    """

    if not TYPE_CHECKING:
        _sonic = _SchemaOfClass()
        _state = _LoadedState()

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True, editable=False)
    sonic_payload = PayloadField(db_column="data", editable=False, default=b"")
    is_deleted: models.BooleanField[bool, bool] = models.BooleanField(default=False, editable=False)
    sonic_version: models.BigIntegerField[int, int] = models.BigIntegerField(
        db_column="version", default=0, editable=False
    )
    sonic_dirty_at: models.DateTimeField[Any, Any] = models.DateTimeField(
        db_column="dirty_at", null=True, default=None, editable=False, db_index=True
    )

    objects = SonicManager()
    #: A plain Django manager over the rows. It reads; writes that would bypass the index raise.
    sql = GuardedManager()

    indexes: ClassVar[Any] = {}
    uniques: ClassVar[Any] = {}
    fulltext_indexes: ClassVar[Any] = {}
    #: How long an object lives after its last save (a timedelta). The sweep then destroys it.
    expire_after: ClassVar[Any] = None

    class Meta:
        abstract = True
        base_manager_name = "sql"

    def __getstate__(self) -> dict[str, Any]:
        self._state  # noqa: B018 - Django takes it out of __dict__
        # Notes about this thread's transaction mean nothing in a copy.
        state: dict[str, Any] = super().__getstate__()
        state.pop("_sonic_uncommitted", None)
        return state

    # Making and loading -------------------------------------------------------------------------

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        schema = self._sonic
        if not args and type(self) is schema.model and schema.plain_names.issuperset(kwargs):
            self._set_plain(kwargs)
            return
        if "sonic_payload" not in kwargs and not args:
            attributes = self.__dict__
            for name, field in schema.fields.items():
                if name not in kwargs and field.attname not in kwargs:
                    attributes[field.attname] = field.get_default()
        super().__init__(*args, **kwargs)

    def _set_plain(self, given: dict[str, Any]) -> None:
        """Set the fields of a new object as Django's ``__init__`` does, at a third of the cost.

        For classes whose fields are plain attributes.
        """
        cls = type(self)
        if pre_init.has_listeners(cls):
            pre_init.send(sender=cls, args=(), kwargs=given)
        attributes = self.__dict__
        attributes["_state"] = ModelState()
        attributes.update(_NEW_COLUMNS)
        for name, field in self._sonic.fields.items():
            attributes[field.attname] = given[name] if name in given else field.get_default()
        for name in self._sonic.plain_lists:
            if name in given:
                attributes[name] = materialised(given[name])
        if post_init.has_listeners(cls):
            post_init.send(sender=cls, instance=self)

    @classmethod
    def from_db(  # type: ignore[override] # the stubs are of a newer Django
        cls, db: str | None, field_names: Iterable[str], values: Sequence[Any]
    ) -> Any:
        """Make the object of a row; its payload is decoded when a field is first read."""
        new = cls.__new__(cls)
        state = ModelState()
        state.db = db
        state.adding = False
        attributes = new.__dict__
        attributes["_state"] = state
        attributes.update(zip(field_names, values, strict=False))
        attributes["_sonic_loaded"] = (db, attributes.get("id"))
        if post_init.receivers and post_init.has_listeners(cls):
            post_init.send(sender=cls, instance=new)
        return new

    #: A class that overrides this has no mark, so ``Schema.from_rows`` calls its own method.
    from_db.__func__.is_default = True  # type: ignore[attr-defined] # a method

    # Writing ------------------------------------------------------------------------------------

    def save(  # type: ignore[override]
        self,
        *,
        force_insert: bool = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> bool:
        """Write the object; return whether anything was written.

        One SQL statement and one Redis round trip (outside a transaction, without uniques). If
        another writer has written the row since it was loaded, the changed fields are merged into
        the newer row, for two more statements each time. Raises ValidationError for a value that
        does not fit its field, IntegrityError for a broken unique, and StaleObjectError if another
        writer changed one of the same fields or deleted the object.
        """
        using = using or router.db_for_write(type(self), instance=self)
        return save.save(
            self,
            using,
            force_insert=force_insert,
            force_update=force_update,
            update_fields=None if update_fields is None else frozenset(update_fields),
        )

    save.alters_data = True  # type: ignore[attr-defined]

    def _save_table(self, raw: bool = False, cls: Any = None, *args: Any, **kwargs: Any) -> bool:
        """Write the row as a fixture has it, then index it: ``loaddata`` calls this."""
        using = kwargs.get("using") or args[2]
        return save.save_raw(self, using)

    def delete(
        self, using: str | None = None, keep_parents: bool = False
    ) -> tuple[int, dict[str, int]]:
        """Delete softly: the row stays, the index and full text drop the object, its unique values
        become free.

        Returns (number of objects, number by label) as Django does, cascades included. One
        statement and one round trip, without uniques and references to the object.
        """
        using = using or router.db_for_write(type(self), instance=self)
        return remove.delete(self, using)

    delete.alters_data = True  # type: ignore[attr-defined]

    def undelete(self, using: str | None = None) -> None:
        """Restore a softly deleted object; nothing happens if it is live.

        IntegrityError if another object has taken one of its unique values. One statement and one
        round trip, one more statement with uniques.
        """
        using = using or router.db_for_write(type(self), instance=self)
        remove.undelete(self, using)

    undelete.alters_data = True  # type: ignore[attr-defined]

    def destroy(self, using: str | None = None) -> tuple[int, dict[str, int]]:
        """Remove the row for good; the object loses its id.

        Returns (number of objects, number by label), cascades included. Two statements (the row
        and its tombstone) in a transaction, and one round trip.
        """
        using = using or router.db_for_write(type(self), instance=self)
        return remove.destroy(self, using)

    destroy.alters_data = True  # type: ignore[attr-defined]

    # Loading again ------------------------------------------------------------------------------

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: Any = None,
    ) -> None:
        """Load the row again, or only the values of the named fields. One statement.

        Unsaved changes are lost, of the named fields only where fields are named. The columns
        ``sonic_payload`` and ``sonic_version`` stand for the whole object. ``DoesNotExist`` if the
        row was destroyed; a softly deleted row is loaded.
        """
        names = None if fields is None else list(fields)
        if names is not None and all(name == "sonic_dirty_at" for name in names):
            super().refresh_from_db(using, names, from_queryset)
            return
        using = using or self._state.db or router.db_for_read(type(self), instance=self)
        schema = self._sonic
        id: int | None = None if self.id is None else as_id(schema, self.id)
        if names is not None and not refresh.needs_all(self, names):
            if refresh.is_deferred(self, names):
                id = identity.row_id(self)
            refresh.take(self, self._fetched(using, id), names)
            return
        attributes = self.__dict__
        row = self._fetched(using, id)
        self.revert()
        attributes.pop("_sonic_uncommitted", None)
        attributes.update(schema.from_row(using, row, type(self)).__dict__)
        attributes.pop("sonic_dirty_at", None)
        self._state.db = using
        self._state.adding = False

    def _fetched(self, using: str, id: int | None) -> Row:
        row = self._sonic.table(using).fetch_one(id) if id is not None else None
        if row is None:
            raise type(self).DoesNotExist(f"{self._meta.label} {id} has no row in {using!r}.")
        return row

    def revert(self) -> None:
        """Forget unsaved changes. No round trip."""
        values.revert(self)

    def reload(self) -> None:
        """Load the row again: ``refresh_from_db()`` under PySonic's name. One statement."""
        self.refresh_from_db()

    # Values -------------------------------------------------------------------------------------

    @property
    def extra(self) -> dict[str, Any]:
        """The payload's keys that no field declares, as a dict. Changes of it are saved with the
        object. No round trip.

        Values with the hash of a password are left out: a ``password_field`` was renamed or
        removed. They are kept in the payload.
        """
        return values.extra(self)

    @property
    def dirty_fields(self) -> list[str]:
        """The sorted names of the fields and extra keys that a save would write.

        In-place changes of lists and dicts are found. A new object gives all its fields. No round
        trip.
        """
        return changes.dirty_fields(self)

    def to_dict(self) -> dict[str, Any]:
        """The id, fields and extra keys by name; references as ids, passwords left out."""
        shown = {
            name: field.value_from_object(self)
            for name, field in self._sonic.fields.items()
            if not field.is_secret
        }
        return {"id": self.id, **shown, **self.extra}

    # Validation ---------------------------------------------------------------------------------

    def validate_unique(self, exclude: Any = None) -> None:
        """Raise ValidationError for each unique value that another object holds.

        One statement if the class has uniques, else none.
        """
        super().validate_unique(exclude)
        using = self._state.db or router.db_for_write(type(self), instance=self)
        errors = unique_claims.errors(self, set(exclude or ()), using)
        if errors:
            raise ValidationError(errors)

    @classmethod
    def check(cls, **kwargs: Any) -> list[CheckMessage]:
        """Django's system checks, and those of the declaration (``sonic.E001`` to ``E009``)."""
        return [*super().check(**kwargs), *check_model(cls._sonic)]


Schema.queryset_class = SonicQuerySet
#: The column values of an object that has no row yet.
_NEW_COLUMNS: dict[str, Any] = {
    "id": None,
    "sonic_payload": b"",
    "is_deleted": False,
    "sonic_version": 0,
    "sonic_dirty_at": None,
}

__all__ = ["SonicObj"]
