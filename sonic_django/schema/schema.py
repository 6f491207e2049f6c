"""What follows from a class's declarations: its stores, the entries and keys of its objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from inspect import getattr_static
from typing import Any

from django.db.models import DateField, Field, TimeField

from ..conf import sonic_settings
from ..fields.base import VirtualField
from ..fields.references import ReferenceField
from ..fulltext.availability import is_available
from ..index.encoding import key_part
from ..index.specs import Entry
from ..index.store import Document, IndexStore, Schema, State
from ..payload import Codec
from ..table.rows import Row, Table, table
from ..table.uniques import unique_key
from .declarations import Declarations, Problem, UniqueConstraint


class SonicOptions(Declarations):
    """The declaration of one concrete class, and what follows from it. Built at first use, when all
    fields are known."""

    # Stores -------------------------------------------------------------------------------------

    @property
    def schema(self) -> Schema:
        return self._schema_with_text if self.has_text else self._schema

    @cached_property
    def _schema(self) -> Schema:
        specs = {spec.digest: spec for spec in self.indexes.values()}
        return Schema(self.label, tuple(specs.values()))

    @cached_property
    def _schema_with_text(self) -> Schema:
        return replace(self._schema, has_text=True)

    @property
    def has_text(self) -> bool:
        """Whether full text is declared, and can be kept where Haystack is installed."""
        return bool(self.text_fields) and is_available()

    def table(self, using: str) -> Table:
        return table(self.model._meta.db_table, using)

    def store(self, using: str) -> IndexStore:
        return IndexStore(self.schema, using)

    @property
    def codec(self) -> Codec:
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
        """Fields whose attribute has another name than the key in the payload, or another value
        than what is stored; the others are taken over as they are."""
        return [
            field
            for field in self.fields.values()
            if field.key != field.attname
            or type(field).from_primitive is not VirtualField.from_primitive
        ]

    @cached_property
    def writing(self) -> list[tuple[str, str, VirtualField, bool]]:
        """(name, key, field, whether coerced values are set on the object too), in the order of the
        fields: what a save goes through."""
        return [
            (name, field.key, field, field.holds_primitive and not field.many)
            for name, field in self.fields.items()
        ]

    @cached_property
    def plain_names(self) -> frozenset[str]:
        """The fields that can be set on a new object without more ado; none where the class has
        its own way to set attributes."""
        if self.model.__setattr__ is not object.__setattr__:
            return frozenset()
        return frozenset(
            name
            for name, field in self.fields.items()
            if name == field.attname
            and not hasattr(type(getattr_static(self.model, name)), "__set__")
        )

    @cached_property
    def references(self) -> list[ReferenceField]:
        """The fields that refer to one object."""
        return [field for field in self.fields.values() if isinstance(field, ReferenceField)]

    # Objects ------------------------------------------------------------------------------------

    def values_of(self, payload: bytes, id: int) -> dict[str, Any]:
        """Primitives by field name of a stored payload; defaults where a key is missing."""
        return self.by_name(self.decode(payload, id))

    def decode(self, payload: bytes, id: int) -> dict[str, Any]:
        """The dict in a payload; the PayloadError says whose it is."""
        try:
            return sonic_settings().codec.decode(payload)
        except ValueError as error:
            raise type(error)(f"{self.model._meta.label} {id}: {error}") from error

    def entries(self, values: Mapping[str, Any]) -> tuple[Entry, ...]:
        """The entries of an object with these primitives. ValueError names the field."""
        found: list[Entry] = []
        if self.derived:
            values = {**values, **{name: one.of(values) for name, one in self.derived.items()}}
        for spec in self.schema.specs:
            try:
                found.extend(spec.entries(values))
            except (TypeError, ValueError) as error:
                shown = ", ".join(f"{p.name}={values[p.name]!r}" for p in spec.parts)
                order = f" {spec.order.name}={values[spec.order.name]!r}" if spec.order else ""
                raise ValueError(
                    f"{self.model._meta.label} cannot be indexed by {spec.label}, "
                    f"{shown}{order}: {error}."
                ) from error
        return tuple(found)

    def document(self, row: Row, *, text_changed: bool = False) -> Document:
        """What the index shall hold of a stored row."""
        if row.is_deleted:
            return Document(row.id, row.version, "deleted", (), text_changed)
        entries = self.entries(self.values_of(row.payload, row.id))
        return Document(row.id, row.version, "live", entries, text_changed)

    def unique_keys(self, values: Mapping[str, Any]) -> dict[bytes, UniqueConstraint]:
        """The keys an object with these primitives holds; a None in any part exempts it."""
        keys: dict[bytes, UniqueConstraint] = {}
        for constraint in self.uniques:
            parts = [values[name] for name in constraint.fields]
            if None not in parts:
                key = unique_key(self.label, constraint.name, map(key_part, parts))
                keys[key] = constraint
        return keys


__all__ = ["Problem", "SonicOptions", "State", "UniqueConstraint"]
