"""The payload column, and its JSON in fixtures."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models

from ..exceptions import PayloadError
from ..payload import decode, encode
from ..payload.stored import Payload
from ..persistence.values import encoded_payload


class PayloadField(models.BinaryField):
    """The payload column. Serializers write and read it as JSON, so fixtures contain no pickle and
    can be read, edited and compared."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Payload | None:
        """The column as ``Payload``, or ``None``."""
        return None if value is None else Payload(value)

    def to_python(self, value: Any) -> Any:
        """The payload as bytes."""
        if isinstance(value, str):
            try:
                return Payload(encode(_from_json(json.loads(value))))
            except (ValueError, TypeError, KeyError, AttributeError, PayloadError) as error:
                raise ValidationError(
                    f"the payload of a fixture is not the JSON that dumpdata writes: {error}"
                ) from error
        return value

    def value_to_string(self, obj: Any) -> str:
        """The payload as JSON, for fixtures."""
        value = self.value_from_object(obj)
        if not value:
            value = encoded_payload(obj)
        return json.dumps(_to_json(decode(bytes(value))), ensure_ascii=False, sort_keys=True)

    def deconstruct(self) -> Any:
        """The arguments that make an equal field, for migrations."""
        # To migrations it is the plain column that it is.
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.BinaryField", args, kwargs


#: JSON for what JSON has no type for: {"$decimal": "1.50"}. A dict that is not str-keyed, or that
#: has a key with a dollar, is written as pairs.
def _to_json(value: Any) -> Any:
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind is list:
        return [_to_json(item) for item in value]
    if kind is dict:
        if all(type(key) is str and not key.startswith("$") for key in value):
            return {key: _to_json(item) for key, item in value.items()}
        return {"$dict": [[_to_json(key), _to_json(item)] for key, item in value.items()]}
    if kind in (tuple, set, frozenset):
        return {f"${kind.__name__}": [_to_json(item) for item in value]}
    if kind is bytes:
        return {"$bytes": b64encode(value).decode()}
    if kind is timedelta:
        return {"$timedelta": [value.days, value.seconds, value.microseconds]}
    if kind in (datetime, date, time):
        return {f"${kind.__name__}": value.isoformat()}
    return {f"${kind.__name__.lower()}": str(value)}


_READERS: dict[str, Any] = {
    "$tuple": lambda items: tuple(map(_from_json, items)),
    "$set": lambda items: set(map(_from_json, items)),
    "$frozenset": lambda items: frozenset(map(_from_json, items)),
    "$dict": lambda pairs: {_from_json(key): _from_json(item) for key, item in pairs},
    "$bytes": b64decode,
    "$timedelta": lambda parts: timedelta(*parts),
    "$datetime": datetime.fromisoformat,
    "$date": date.fromisoformat,
    "$time": time.fromisoformat,
    "$decimal": Decimal,
    "$uuid": UUID,
}


def _from_json(value: Any) -> Any:
    if isinstance(value, list):
        return [_from_json(item) for item in value]
    if isinstance(value, dict):
        if len(value) == 1:
            ((key, content),) = value.items()
            if key in _READERS:
                return _READERS[key](content)
        return {key: _from_json(item) for key, item in value.items()}
    return value
