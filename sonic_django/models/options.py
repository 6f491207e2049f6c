"""What follows from a class's declarations: its stores, the entries and keys of its objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from django.db.models import DateField, Field, TimeField

from ..conf import sonic_settings
from ..fulltext.availability import is_available
from ..index.encoding import key_part
from ..index.specs import Entry
from ..index.store import Document, IndexStore, Schema, State
from ..payload import Codec
from ..table.rows import Row, Table, table
from ..table.uniques import unique_key
from .declarations import Declarations, Problem, UniqueConstraint
from .virtual import VirtualField


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
        settings = sonic_settings()
        return _codec(settings.MAX_PAYLOAD_SIZE, settings.COMPRESS_OVER)

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

    # Objects ------------------------------------------------------------------------------------

    def values_of(self, payload: bytes, id: int) -> dict[str, Any]:
        """Primitives by field name of a stored payload; defaults where a key is missing."""
        return self.by_name(self.decode(payload, id))

    def decode(self, payload: bytes, id: int) -> dict[str, Any]:
        """The dict in a payload; the PayloadError says whose it is."""
        try:
            return self.codec.decode(bytes(payload))
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


_CODECS: dict[tuple[int, int | None], Codec] = {}


def _codec(max_size: int, compress_over: int | None) -> Codec:
    key = (max_size, compress_over)
    if key not in _CODECS:
        _CODECS[key] = Codec(max_size, compress_over)
    return _CODECS[key]


__all__ = ["Problem", "SonicOptions", "State", "UniqueConstraint"]
