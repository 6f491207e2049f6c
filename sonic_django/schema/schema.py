"""The compiled declaration of a class: its stores, and the entries and keys of its objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from inspect import getattr_static
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import DateField, Field, TimeField
from django.db.models.constants import LOOKUP_SEP
from django.db.models.signals import post_init

from ..conf import is_available, sonic_settings
from ..exceptions import UnindexableRow
from ..fields.base import VirtualField
from ..fields.lists import ListAttribute
from ..fields.passwords import holds_hash
from ..fields.references import ReferenceField
from ..index.documents import DESTROYED_VERSION, Document, tombstone
from ..index.encoding import key_part
from ..index.layout import Layout
from ..index.specs import Entry
from ..index.store import IndexStore
from ..interruptions import is_interruption
from ..payload import Codec
from ..payload.stored import Payload
from ..table.rows import Row, Table, table
from ..table.uniques import mark_key, unique_key
from .declarations import Declarations, Problem, UniqueConstraint


class StoredObject(models.Model):
    """An object as the stations below its class know it: the base of ``SonicObj``."""

    class Meta:
        abstract = True

    if TYPE_CHECKING:
        # What SonicObj declares.
        id: Any
        sonic_payload: Any
        sonic_version: Any
        is_deleted: Any
        _sonic: ClassVar[Schema]


class Schema(Declarations):
    """The compiled declaration of one concrete class, which every station below it is given.

    Built at first use, when all fields are known.
    """

    # Stores -------------------------------------------------------------------------------------

    @property
    def layout(self) -> Layout:
        """The indexes, as the index station knows them."""
        return self._layout_with_text if self.has_text else self._layout

    @cached_property
    def _layout(self) -> Layout:
        specs = {spec.digest: spec for spec in self.indexes.values()}
        return Layout(self.label_lower, tuple(specs.values()))

    @cached_property
    def _layout_with_text(self) -> Layout:
        return replace(self._layout, has_text=True)

    @property
    def has_text(self) -> bool:
        """Whether full text is declared, and can be kept where Haystack is installed."""
        return bool(self.text_fields) and is_available()

    def at(self, using: str) -> Stores:
        """The stores of the class in one database. No round trip."""
        stores = self._stores.get(using)
        if stores is None:
            stores = self._stores[using] = Stores(self, using)
        return stores

    @cached_property
    def _stores(self) -> dict[str, Stores]:
        return {}

    def table(self, using: str) -> Table:
        """The rows of the class in one database."""
        return table(self.model._meta.db_table, using)

    def store(self, using: str) -> IndexStore:
        """The index of the class for one database."""
        return IndexStore(self.layout, using)

    #: Makes ``SonicQuerySet(model, using=...)``; set by the models station, which knows it.
    queryset_class: ClassVar[Any] = None

    def objects(self, using: str) -> Any:
        """The plain queryset of all objects, whatever managers the project gives the class."""
        return self.queryset_class(self.model, using=using)

    @property
    def codec(self) -> Codec:
        """The codec of payloads, with the limits of the settings."""
        return sonic_settings().codec

    @cached_property
    def fields_with_pre_save(self) -> list[VirtualField]:
        """Fields that set themselves before a save: auto_now, files, and the user's own."""
        hooked = []
        for field in self.fields.values():
            overridden = type(field).pre_save is not Field.pre_save
            automatic = getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
            if overridden and (automatic or not isinstance(field, (DateField, TimeField))):
                hooked.append(field)
        return hooked

    @cached_property
    def unlike_payload(self) -> list[VirtualField]:
        """Fields whose attribute differs from the payload, in its name or in its value. The others
        are copied as they are."""
        return [
            field
            for field in self.fields.values()
            if field.key != field.attname
            or type(field).from_primitive is not VirtualField.from_primitive
        ]

    @cached_property
    def writing(self) -> list[tuple[str, str, VirtualField, bool]]:
        """For each field in order (name, key, field, whether a coerced value is set on the object
        too): the loop of a save."""
        return [
            (name, field.key, field, field.holds_primitive and not field.many)
            for name, field in self.fields.items()
        ]

    @cached_property
    def plain_names(self) -> frozenset[str]:
        """The fields that may be set in ``__dict__`` of a new object. None if the class overrides
        ``__setattr__``."""
        if self.model.__setattr__ is not object.__setattr__:
            return frozenset()
        return frozenset(
            name
            for name, field in self.fields.items()
            if name == field.attname
            and (
                not hasattr(kind := type(getattr_static(self.model, name)), "__set__")
                or kind is ListAttribute  # see plain_lists
            )
        )

    @cached_property
    def plain_lists(self) -> tuple[str, ...]:
        """The lists among ``plain_names``: a new object takes ``materialised`` values for them."""
        return tuple(name for name in self.plain_names if self.fields[name].many)

    @cached_property
    def references(self) -> list[ReferenceField]:
        """The fields that refer to one object."""
        return [field for field in self.fields.values() if isinstance(field, ReferenceField)]

    # Objects ------------------------------------------------------------------------------------

    def from_row(self, using: str, row: Row, model: Any = None) -> Any:
        """The object of a row, of this class or of a proxy of it. No round trip."""
        return self.from_rows(using, (row,), model)[0]

    def from_rows(
        self, using: str, rows: Iterable[tuple[int, bytes, bool | int, int]], model: Any = None
    ) -> list[Any]:
        """The object of each row; its payload is decoded when a value is first touched."""
        cls = model or self.model
        overrides = not getattr(cls.from_db, "is_default", False)
        if overrides or (post_init.receivers and post_init.has_listeners(cls)):
            return [
                cls.from_db(using, ROW_ATTRIBUTES, (id, Payload(payload), bool(deleted), version))
                for id, payload, deleted, version in rows
            ]
        # What from_db() does, in half the time.
        make, made = cls.__new__, []
        for id, payload, deleted, version in rows:
            new = make(cls)
            attributes = new.__dict__
            attributes["_sonic_loaded"] = (using, id)
            attributes["id"] = id
            attributes["is_deleted"] = deleted == 1
            attributes["sonic_version"] = version
            attributes["sonic_payload"] = Payload(payload)
            made.append(new)
        return made

    def decode_into(self, obj: StoredObject) -> None:
        """Fill in the declared fields that were neither set nor read since the load."""
        values = obj.__dict__
        stored = values.pop("_sonic_decoded", None)
        if stored is None:
            stored = self.stored_values(obj)
        if stored.keys() == self.by_key.keys() and self.attnames.keys().isdisjoint(values):
            # Nearly all loads: each field has a key, each key a field, and none was touched yet.
            for field in self.unlike_payload:
                values[field.attname] = field.from_primitive(stored.pop(field.key))
            values.update(stored)
            values.setdefault("_sonic_extra", {})
            return
        for field in self.fields.values():
            key, attname = field.key, field.attname
            if key in stored:
                primitive = stored.pop(key)
                if attname not in values:
                    values[attname] = field.from_primitive(primitive)
            elif attname not in values:
                values[attname] = default = field.get_default()
                if field.has_nondeterministic_default:
                    values.setdefault("_sonic_filled_in", {})[attname] = default
        if "_sonic_extra" not in values:
            # A field that hid its values was renamed or removed: they stay hidden, and are kept.
            hidden = {key: value for key, value in stored.items() if holds_hash(value)}
            if hidden:
                values["_sonic_hidden"] = hidden
                stored = {key: value for key, value in stored.items() if key not in hidden}
            values["_sonic_extra"] = stored

    def stored_values(self, obj: StoredObject) -> dict[str, Any]:
        """The payload dict of an object as last loaded or saved; a new one at each call."""
        payload = obj.sonic_payload
        return self.decode(payload, obj.id) if payload else {}

    def values_of(self, payload: bytes, id: int) -> dict[str, Any]:
        """Primitives by field name of a stored payload; defaults where a key is missing.

        PayloadError for bytes that are no payload, UnindexableRow for a default that fails."""
        stored = self.decode(payload, id)
        with self._telling_row(id):
            return self.by_name(stored)

    def read(self, row: Row) -> tuple[dict[str, Any], tuple[Entry, ...]]:
        """(primitives by field name, entries) of a row; a deleted one has no entries.

        PayloadError, or UnindexableRow whatever a field or an expression of the project raises.
        """
        stored = self.decode(row.payload, row.id)
        with self._telling_row(row.id):
            values = self.by_name(stored)
            if row.is_deleted:
                return values, ()
            for field in self.required_in_indexes:
                if field.key not in stored:
                    raise ValidationError({field.name: [ABSENT]})
            return values, self.entries(values)

    @contextmanager
    def _telling_row(self, id: int) -> Iterator[None]:
        """Turn any error of a conversion into an UnindexableRow, which tells row and field."""
        try:
            yield
        except Exception as error:
            if is_interruption(error):
                raise
            if isinstance(error, UnindexableRow):
                field, told = error.field, str(error)
            else:
                field, told = ", ".join(getattr(error, "error_dict", ())), _told(error)
            raise UnindexableRow(
                f"{self.label} {id} cannot be indexed: {told}", id, field
            ) from error

    @cached_property
    def required_in_indexes(self) -> list[VirtualField]:
        """The fields that have no default, refuse None, and are part of an index."""
        parts = {
            part.name
            for spec in self.layout.specs
            for part in (*spec.parts, *([spec.order] if spec.order else []))
        }
        roots = {name.split(LOOKUP_SEP)[0] for name in parts} | {
            self.indexed(name).name for name in parts
        }
        return [
            field for field in self.fields.values() if field.name in roots and field.is_required
        ]

    def decode(self, payload: bytes, id: int) -> dict[str, Any]:
        """The dict in a payload. PayloadError names the object."""
        try:
            return sonic_settings().codec.decode(payload)
        except ValueError as error:
            raise type(error)(f"{self.label} {id}: {error}") from error

    def entries(self, values: Mapping[str, Any]) -> tuple[Entry, ...]:
        """The entries of an object with these primitives. UnindexableRow, a ValueError, names
        the fields of the index."""
        found: list[Entry] = []
        if self.derived:
            values = {**values, **{name: one.of(values) for name, one in self.derived.items()}}
        for spec in self.layout.specs:
            try:
                found.extend(spec.entries(values))
            except (TypeError, ValueError) as error:
                shown = ", ".join(f"{p.name}={values[p.name]!r}" for p in spec.parts)
                order = f" {spec.order.name}={values[spec.order.name]!r}" if spec.order else ""
                raise UnindexableRow(
                    f"{self.label} cannot be indexed by {spec.label}, {shown}{order}: {error}.",
                    field=spec.label,
                ) from error
        return tuple(found)

    def document(
        self, row: Row, entries: tuple[Entry, ...] | None = None, *, text_changed: bool = False
    ) -> Document:
        """The document of a row. Pass the ``entries`` where they are known: without them the
        payload of a live row is decoded. PayloadError or UnindexableRow, see ``read``."""
        if row.is_deleted:
            return Document(row.id, row.version, "deleted", (), text_changed)
        if entries is None:
            entries = self.read(row)[1]
        return Document(row.id, row.version, "live", entries, text_changed)

    def tombstone(self, id: int, version: int = DESTROYED_VERSION) -> Document:
        """The document of a destroyed object. The default version is later than any row's."""
        return tombstone(id, version, text_changed=self.has_text)

    def unique_keys(self, values: Mapping[str, Any]) -> dict[bytes, UniqueConstraint]:
        """The unique keys of an object with these primitives. A None in any part exempts it."""
        keys: dict[bytes, UniqueConstraint] = {}
        for constraint in self.uniques:
            parts = [values[name] for name in constraint.fields]
            if None not in parts:
                key = unique_key(self.label_lower, constraint.name, map(key_part, parts))
                keys[key] = constraint
        return keys

    @cached_property
    def claim_marks(self) -> dict[str, bytes]:
        """For each unique, by its name, the key in sonic_unique that says that every row written
        before its declaration holds its values. Another declaration has another key."""
        marks = {}
        for constraint in self.uniques:
            parts = [constraint.name.encode()]
            for name in constraint.fields:
                field = self.fields[name]
                # What a row holds whose payload lacks the key.
                default = "" if field.has_nondeterministic_default else repr(field.get_default())
                parts += map(str.encode, (name, field.key, type(field).__name__, default))
            marks[constraint.name] = mark_key(unique_key(self.label_lower, "\0claimed", parts))
        return marks


@dataclass(frozen=True)
class Stores:
    """One class in one database: its schema, its rows and its index. Holds no connection."""

    schema: Schema
    using: str

    @property
    def table(self) -> Table:
        """The rows."""
        return self.schema.table(self.using)

    @property
    def index(self) -> IndexStore:
        """The index in Redis."""
        return self.schema.store(self.using)


#: What is wrong with a row that was written before a field was required, and the remedies.
ABSENT = (
    "The row was written before this field, which is declared with null=False and without a "
    "default. Save the object with a value, or declare a default or null=True."
)


def _told(error: Exception) -> str:
    """An error with the field that it names, or else with its class."""
    if isinstance(error, ValidationError):
        named = getattr(error, "error_dict", {"": error.messages})
        return " ".join(
            f"{name}: {' '.join(ValidationError(found).messages)}" if name else " ".join(found)
            for name, found in named.items()
        )
    return f"{type(error).__name__}: {error}"


#: The attributes of an object that a row gives, in the order of ``table.rows.Row``.
ROW_ATTRIBUTES = ("id", "sonic_payload", "is_deleted", "sonic_version")

__all__ = ["ROW_ATTRIBUTES", "Problem", "Schema", "StoredObject", "Stores", "UniqueConstraint"]
