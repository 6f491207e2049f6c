"""The values of an object: compared with its payload, and encoded to be written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from django.core.exceptions import ValidationError

from ..fields.passwords import holds_hash
from ..schema.schema import StoredObject


def extra(obj: StoredObject) -> dict[str, Any]:
    """The payload's keys that no field declares, without hashes of passwords: the object's own
    dict. The payload is decoded, so that nothing that was not read yet is lost when it is replaced.
    """
    values = obj.__dict__
    if "_sonic_extra" not in values:
        if obj.sonic_payload:
            obj._sonic.decode_into(obj)
        else:
            values["_sonic_extra"] = {}
    return cast("dict[str, Any]", values["_sonic_extra"])


def set_extra(obj: StoredObject, key: str, stored: Mapping[str, Any]) -> None:
    """Make a key that no field declares what a payload has under it."""
    values = obj.__dict__
    extra(obj).pop(key, None)
    values.get("_sonic_hidden", {}).pop(key, None)
    if key in stored:
        kept = extra(obj)
        if holds_hash(stored[key]):
            kept = values.setdefault("_sonic_hidden", {})
        kept[key] = stored[key]


def decoded(obj: StoredObject) -> dict[str, Any]:
    """The payload dict of an object of which no value was touched yet; kept for then."""
    values = obj.__dict__
    if "_sonic_decoded" not in values:
        values["_sonic_decoded"] = obj._sonic.stored_values(obj)
    return cast("dict[str, Any]", values["_sonic_decoded"])


def encode(obj: StoredObject) -> tuple[dict[str, Any], dict[str, Any]]:
    """(primitives by field name, payload dict). Coerced values are set on the object too.

    ValidationError if a value does not fit its field.
    """
    by_name: dict[str, Any] = {}
    stored: dict[str, Any] = dict(extra(obj))
    values = obj.__dict__
    if "_sonic_hidden" in values:
        stored = {**values["_sonic_hidden"], **stored}
    for name, key, field, sets_coerced in obj._sonic.writing:
        value = values[field.attname] if field.attname in values else field.value_in(obj)
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
            setattr(obj, field.attname, field.from_primitive(primitive))
        by_name[name] = stored[key] = primitive
    return by_name, stored


def encoded_payload(obj: StoredObject) -> bytes:
    """The payload that a save would write."""
    payload: bytes = obj._sonic.codec.encode(encode(obj)[1])
    return payload


def revert(obj: StoredObject) -> None:
    """Forget unsaved changes."""
    values = obj.__dict__
    schema = obj._sonic
    for field in schema.fields.values():
        values.pop(field.attname, None)
    for field in schema.references:
        if field.is_cached(obj):
            field.delete_cached_value(obj)
    for name in ("_sonic_extra", "_sonic_hidden", "_sonic_filled_in", "_sonic_decoded"):
        values.pop(name, None)
