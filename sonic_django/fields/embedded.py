"""Objects within objects: ``EmbeddedObj`` declares fields as a SonicObj does.

It has no table and no id; the payload of the object around it holds it as a dict.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models

from .base import VirtualField, make_virtual
from .lists import materialised

_RESERVED = frozenset(["extra", "to_dict", "clean", "from_primitive", "to_primitive"])


class EmbeddedListAttribute:
    """A list of an embedded object: an iterable that can be read only once becomes one when it is
    assigned."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, cls: type | None = None) -> Any:
        if instance is None:
            return self
        try:
            return instance.__dict__[self.name]
        except KeyError:
            raise AttributeError(
                f"{type(instance).__name__} has no value of {self.name}."
            ) from None

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.name] = materialised(value)


class EmbeddedBase(type):
    """The class of embedded classes: it collects the fields of the class body and its bases."""

    _fields: Mapping[str, VirtualField]

    def __new__(
        mcs, name: str, bases: tuple[type, ...], attrs: dict[str, Any], **kwargs: Any
    ) -> Any:
        """The class. TypeError for a field that an embedded class cannot have."""
        fields: dict[str, VirtualField] = {}
        for base in reversed(bases):
            fields.update(getattr(base, "_fields", {}))
        for key, field in list(attrs.items()):
            if not isinstance(field, models.Field):
                continue
            _refuse_unfit(f"{name}.{key}", key, field)
            if not isinstance(field, VirtualField):
                make_virtual(field, VirtualField)
            field.set_attributes_from_name(key)
            fields[key] = attrs.pop(key)
        cls: Any = super().__new__(mcs, name, bases, attrs, **kwargs)
        cls._fields = fields
        cls._by_key = {field.key: field for field in fields.values()}
        for field in fields.values():
            if not hasattr(field, "model"):
                field.model = cls
            if field.many:
                setattr(cls, field.attname, EmbeddedListAttribute(field.attname))
        return cls

    @property
    def embedded_fields(cls) -> Mapping[str, VirtualField]:
        """The fields by name. On the class only, so that a field may have this name."""
        return cls._fields


def _refuse_unfit(where: str, key: str, field: Any) -> None:
    if field.is_relation or hasattr(field, "target_model") or not _holds_itself(field):
        raise TypeError(
            f"{where} is a {type(field).__name__}, which only an object with a row can have. Keep "
            f"an id in an int_field, or put the field beside the embedded object."
        )
    if key in _RESERVED or key.startswith("_"):
        raise TypeError(f"{where} has a name that EmbeddedObj uses itself. Rename the field.")
    if getattr(field, "sonic_index", False) or field.unique:
        raise TypeError(
            f"{where}: an index or unique belongs to the class of the object that it is part of, "
            f'as in indexes = {{"{key}": Index(["<field>__{key}"])}}.'
        )


def _holds_itself(field: Any) -> bool:
    return bool(getattr(field, "holds_primitive", True)) or isinstance(field, Embedding)


class EmbeddedObj(metaclass=EmbeddedBase):
    """The base of embedded objects. Two are equal if their class and their values are equal.

    ``Address(city="Oslo")`` sets fields by name; TypeError for an unknown name. Keys of the payload
    that no field declares are kept in ``extra``, a dict.
    """

    _fields: ClassVar[dict[str, VirtualField]] = {}
    _by_key: ClassVar[dict[str, VirtualField]] = {}
    __hash__ = None  # type: ignore[assignment] # it can be changed

    def __init__(self, **values: Any) -> None:
        self.extra: dict[str, Any] = dict(values.pop("extra", {}))
        for name, field in self._fields.items():
            value = values.pop(name) if name in values else field.get_default()
            setattr(self, name, field.to_python(value) if isinstance(field, Embedding) else value)
        if values:
            known = ", ".join(self._fields) or "none"
            raise TypeError(
                f"{type(self).__name__} has no field {', '.join(values)}. Its fields are {known}."
            )

    @classmethod
    def from_primitive(cls, stored: Mapping[str, Any]) -> Any:
        """The object of a payload's dict; a missing key gives the field's default."""
        new = cls.__new__(cls)
        new.extra = {key: value for key, value in stored.items() if key not in cls._by_key}
        for name, field in cls._fields.items():
            if field.key in stored:
                setattr(new, name, field.from_primitive(stored[field.key]))
            else:
                setattr(new, name, field.get_default())
        return new

    def to_primitive(self) -> dict[str, Any]:
        """The dict for the payload. ValidationError names the fields whose value does not fit."""
        stored = dict(self.extra)
        errors: list[str] = []
        for name, field in self._fields.items():
            value = getattr(self, name)
            try:
                primitive = field.to_primitive(value)
            except ValidationError as error:
                errors += [f"{name}: {message}" for message in error.messages]
                continue
            if type(primitive) is not type(value) and field.holds_primitive and not field.many:
                setattr(self, name, field.from_primitive(primitive))
            stored[field.key] = primitive
        if errors:
            raise ValidationError(errors)
        return stored

    def clean(self) -> None:
        """Check choices, lengths and validators of the fields.

        Forms and ``full_clean()`` of the object around it call this. ValidationError names the
        fields; a subclass may extend it.
        """
        errors: list[str] = []
        for name, field in self._fields.items():
            value = getattr(self, name)
            if field.blank and value in field.empty_values:
                continue
            try:
                setattr(self, name, field.clean(value, None))
            except ValidationError as error:
                errors += [f"{name}: {message}" for message in error.messages]
        if errors:
            raise ValidationError(errors)

    def to_dict(self) -> dict[str, Any]:
        """Values by field name, nested embedded objects as dicts too; ``extra`` if it is not empty.

        The class makes an equal object from it: ``Address(**address.to_dict())``.
        """
        shown = {name: _as_dict(getattr(self, name)) for name in self._fields}
        return {**shown, "extra": self.extra} if self.extra else shown

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(self) == vars(other)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._fields)
        return f"{type(self).__name__}({shown})"


def _as_dict(value: Any) -> Any:
    if isinstance(value, EmbeddedObj):
        return value.to_dict()
    return [_as_dict(item) for item in value] if isinstance(value, list) else value


class Embedding:
    """The mark of the fields whose values are embedded objects."""

    embedded: type[EmbeddedObj]


__all__ = ["EmbeddedBase", "EmbeddedObj", "Embedding"]
