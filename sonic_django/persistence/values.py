"""The values of an object: read from its payload when first touched, compared, and written back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.core.exceptions import ValidationError
from django.db import models

from ..fields.references import ReferenceField
from .changes import changed_keys, names_of
from .transaction_state import undo_rolled_back

if TYPE_CHECKING:
    from ..models.base import SonicObj


class HeldValues(models.Model):
    """An abstract base of ``SonicObj``: a model, so that migrations do not name it."""

    class Meta:
        abstract = True

    if TYPE_CHECKING:
        # What SonicObj declares.
        id: Any
        sonic_payload: Any
        _sonic: Any

    def _decode_payload(self) -> None:
        """Fill in the declared fields that were neither set nor read since the load."""
        values = self.__dict__
        options = self._sonic
        stored = values.pop("_sonic_decoded", None)
        if stored is None:
            stored = self._stored_values()
        if stored.keys() == options.by_key.keys() and options.attnames.keys().isdisjoint(values):
            # Nearly all loads: each field has a key, each key a field, and none was touched yet.
            for field in options.unlike_payload:
                values[field.attname] = field.from_primitive(stored.pop(field.key))
            values.update(stored)
            values.setdefault("_sonic_extra", {})
            return
        for field in options.fields.values():
            key, attname = field.key, field.attname
            if key in stored:
                primitive = stored.pop(key)
                if attname not in values:
                    values[attname] = field.from_primitive(primitive)
            elif attname not in values:
                values[attname] = default = field.get_default()
                if field.has_unsteady_default:
                    values.setdefault("_sonic_filled_in", {})[attname] = default
        values.setdefault("_sonic_extra", stored)

    def _decoded(self) -> dict[str, Any]:
        """The payload dict of an object of which no value was touched yet; kept for then."""
        values = self.__dict__
        if "_sonic_decoded" not in values:
            values["_sonic_decoded"] = self._stored_values()
        return cast("dict[str, Any]", values["_sonic_decoded"])

    @property
    def extra(self) -> dict[str, Any]:
        """The payload's keys that no field declares: a dict to read and change; saved with the
        object."""
        values = self.__dict__
        if "_sonic_extra" not in values:
            if self.sonic_payload:
                self._decode_payload()
            else:
                values["_sonic_extra"] = {}
        return values["_sonic_extra"]  # type: ignore[no-any-return]

    # What changed -------------------------------------------------------------------------------

    def _encode_values(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """(primitives by field name, payload dict). Coerced values are set on the object too.

        ValidationError if a value does not fit its field.
        """
        by_name: dict[str, Any] = {}
        stored: dict[str, Any] = dict(self.extra)
        values = self.__dict__
        for name, key, field, sets_coerced in self._sonic.writing:
            value = values[field.attname] if field.attname in values else field.held_by(self)
            if key in stored:
                raise ValidationError(
                    {name: [f"The extra key {key!r} is this field's own; set the field."]}
                )
            primitive = field.to_primitive(value)
            if (
                primitive is not value
                and sets_coerced
                and (type(primitive) is not type(value) or field.coerces_within)
            ):
                setattr(self, field.attname, field.from_primitive(primitive))
            by_name[name] = stored[key] = primitive
        return by_name, stored

    def _stored_payload(self) -> bytes:
        payload: bytes = self._sonic.codec.encode(self._encode_values()[1])
        return payload

    def _stored_values(self) -> dict[str, Any]:
        """The payload dict as last loaded or saved."""
        payload = self.sonic_payload
        return self._sonic.decode(payload, self.id) if payload else {}

    @property
    def dirty_fields(self) -> list[str]:
        """The names of the fields (and extra keys) that a save would write; in-place changes of
        lists and dicts are seen. All fields of an object that is not saved yet."""
        obj = cast("SonicObj", self)
        undo_rolled_back(obj)
        if self._state.adding:
            return list(self._sonic.fields)
        stored = self._encode_values()[1]
        return names_of(obj, changed_keys(obj, stored, self._stored_values()))

    def revert(self) -> None:
        """Forget unsaved changes. No round trip."""
        values = self.__dict__
        for field in self._sonic.fields.values():
            values.pop(field.attname, None)
            if isinstance(field, ReferenceField) and field.is_cached(self):
                field.delete_cached_value(self)
        for name in ("_sonic_extra", "_sonic_filled_in", "_sonic_decoded"):
            values.pop(name, None)

    def to_dict(self) -> dict[str, Any]:
        """id, fields (references as ids, no passwords) and extra keys, by name."""
        shown = {
            name: field.value_from_object(self)
            for name, field in self._sonic.fields.items()
            if not field.is_secret
        }
        return {"id": self.id, **shown, **self.extra}
