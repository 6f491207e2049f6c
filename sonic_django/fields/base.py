"""Virtual fields: Django fields whose values live in the payload instead of a column.

A field with ``column = None`` that is added as a private field is in ``_meta.fields`` (forms,
validation, admin, ``get_field``) and not in ``_meta.concrete_fields`` (SQL, migrations).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import models

from ..fields.names import UNKNOWN
from ..index.specs import BY_SCORE, BY_TEXT, Part
from ..payload.primitives import SCALARS
from .sql_lookups import VirtualCol, index_lookup

if TYPE_CHECKING:
    _FieldBase = models.Field[Any, Any]
else:
    _FieldBase = object

#: Django field classes (by the type that get_internal_type names) that have an order.
_ORDERED_BY_TEXT = (models.CharField, models.TextField)
_ORDERED_BY_SCORE = (
    models.IntegerField,
    models.FloatField,
    models.DecimalField,
    models.DateField,
    models.TimeField,
    models.DurationField,
)
#: The exact type that needs no coercion, by Django field class; others go through ``to_python``.
_NATIVE_TYPES: tuple[tuple[type[models.Field[Any, Any]], type], ...] = (
    (models.CharField, str),
    (models.TextField, str),
    (models.BooleanField, bool),
    (models.IntegerField, int),
    (models.FloatField, float),
)

_NOT_GIVEN = object()


class VirtualAttribute:
    """Reads a field's value from the instance, decoding the payload on first touch.

    It has no ``__set__``: once the value is in the instance's dict, Python does not come here.
    """

    def __init__(self, field: VirtualField) -> None:
        self.field = field

    def __get__(self, instance: Any, cls: type | None = None) -> Any:
        if instance is None:
            return self
        values = instance.__dict__
        if self.field.attname not in values:
            instance._sonic.decode_into(instance)
        return values[self.field.attname]


class VirtualField(_FieldBase):
    """Mixed into any Django field class, it keeps the value in the payload.

    ``index=True`` makes a one-field index, ``db_column`` names the key in the payload. Unless
    ``null=False`` is given, None may be saved (there is no column to forbid it); forms still ask
    for a value unless ``blank=True``.
    """

    descriptor_class: Any = VirtualAttribute
    #: Whether the value is a list whose elements are indexed one by one.
    many = False
    #: Whether values may be of any type, of which an index holds the single ones.
    mixed = False
    #: The exact type that needs no coercion.
    native_type: type | None = None
    #: Whether a moment in UTC needs none.
    holds_moments = False
    refuses_null = False
    sonic_index = False
    #: Whether the attribute gives what the payload holds, and not something made of it.
    holds_primitive = True
    #: Whether a value of the right type may hold parts of another.
    coerces_within = False
    #: Why the field by itself cannot be in an index, and what can; "" if it can.
    no_index = ""
    #: What an index ordered by this field is ordered by, if that is something else.
    ordered_as: Any = None
    #: Whether the value is kept from listings: ``to_dict``, ``values`` and the admin.
    is_secret = False

    if not TYPE_CHECKING:

        def __init__(self, *args: Any, index: bool = False, **kwargs: Any) -> None:
            self.sonic_index = index
            self.refuses_null = kwargs.get("null") is False
            super().__init__(*args, **kwargs)
            self._settle()

    def _settle(self) -> None:
        """Work out once what the hot path asks."""
        for django_class, native_type in _NATIVE_TYPES:
            if isinstance(self, django_class):
                self.native_type = native_type
        self.holds_moments = isinstance(self, models.DateTimeField)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        if self.sonic_index:
            kwargs["index"] = True
        return name, path, args, kwargs

    # Being virtual ------------------------------------------------------------------------------

    def get_attname_column(self) -> tuple[str, Any]:
        return self.get_attname(), None

    def contribute_to_class(
        self, cls: Any, name: str, private_only: bool = True, **kwargs: Any
    ) -> None:
        super().contribute_to_class(cls, name, private_only=True, **kwargs)
        # Django sets the descriptor only where there is a column.
        setattr(cls, self.attname, self.descriptor_class(self))

    def db_type(self, connection: Any) -> str | None:
        return None

    def db_parameters(self, connection: Any) -> Any:
        return {"type": None, "check": None}

    def get_col(self, alias: str, output_field: Any = None) -> Any:
        return VirtualCol(alias, self, output_field)

    def get_lookup(self, lookup_name: str) -> Any:
        return index_lookup(lookup_name)

    def save_form_data(self, instance: Any, data: Any) -> None:
        # ModelForm sets every private field once before the object is saved and, by _save_m2m, once
        # more after it. The second time would revert what save() or save_model() changed since:
        # it is the same data object again, and the object has been saved in between.
        given = instance.__dict__.setdefault("_sonic_form_data", {})
        if given.pop(self.name, _NOT_GIVEN) is data and "_sonic_form_saved" in instance.__dict__:
            return
        instance.__dict__.pop("_sonic_form_saved", None)
        given[self.name] = data
        super().save_form_data(instance, data)

    def value_in(self, obj: Any) -> Any:
        """The value that the object holds for the field, without loading what it refers to."""
        values = obj.__dict__
        if self.attname not in values:
            obj._sonic.decode_into(obj)
        return values[self.attname]

    # Payload ------------------------------------------------------------------------------------

    @property
    def has_unsteady_default(self) -> bool:
        """Whether the default may differ each time, like the present moment or a new UUID."""
        return callable(self.default) and self.default not in (list, dict, set, tuple)

    @property
    def key(self) -> str:
        """The key in the payload."""
        return self.db_column or self.name

    def to_primitive(self, value: Any) -> Any:
        """What the payload holds for this value. ValidationError names field and value."""
        if value is None:
            if self.refuses_null:
                self._refuse("This field was declared with null=False and cannot be None.")
            return None
        kind = type(value)
        if kind is self.native_type:
            return value
        if kind is datetime and value.tzinfo is timezone.utc and self.holds_moments:
            return value
        try:
            return plain(self.get_prep_value(self.to_python(value)))
        except ValidationError as error:
            self._refuse(" ".join(error.messages))
        except (TypeError, ValueError, OverflowError, ArithmeticError) as error:
            self._refuse(f"{value!r} is not a value for this field: {error}")

    def from_primitive(self, value: Any) -> Any:
        """The attribute's value for what the payload holds."""
        return value

    def lookup_value(self, value: Any) -> Any:
        """The primitive by which objects with this value are found in an index."""
        return self.to_primitive(value)

    def range_value(self, value: Any) -> Any:
        """The primitive that bounds a range of this field's values."""
        return self.lookup_value(value)

    def _refuse(self, message: str) -> Any:
        raise ValidationError({self.name: [message]})

    # Index --------------------------------------------------------------------------------------

    def of(self, values: Mapping[str, Any]) -> Any:
        """The primitive in an object with these primitives, by field name."""
        return values[self.name]

    def of_stored(self, stored: Mapping[str, Any]) -> Any:
        """The primitive in a payload dict; UNKNOWN if it is missing and the default unsteady."""
        key = self.key
        if key in stored:
            return stored[key]
        return UNKNOWN if self.has_unsteady_default else self.to_primitive(self.get_default())

    def at_path(self, keys: Sequence[str]) -> Any:
        """What an index by a path into this field is of; None if the field has no paths."""
        return None

    @property
    def order_kind(self) -> str | None:
        """How values of this field are ordered in an index, or None if they are not."""
        if isinstance(self, _ORDERED_BY_TEXT):
            return BY_TEXT
        if isinstance(self, _ORDERED_BY_SCORE):
            return BY_SCORE
        return None

    @property
    def part(self) -> Part:
        """This field as a part of an index."""
        return Part(self.name, self.many, self.order_kind, self.mixed)


def plain(value: Any) -> Any:
    """The value as an exact primitive type: subclasses (enums, safe strings) are cast down."""
    kind = type(value)
    if kind is datetime or kind is time:
        return _fixed_zone(value)
    if kind in SCALARS:
        return value
    for base in (bool, int, float, str, Decimal):
        if isinstance(value, base):
            # str(enum) would give its name; the unbound method gives the string itself.
            return str.__str__(value) if base is str else base(value)
    if isinstance(value, datetime):
        return _fixed_zone(value)
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return kind(map(plain, value)) if kind in (list, tuple, set, frozenset) else value
    return value


def _fixed_zone(value: Any) -> Any:
    zone = value.tzinfo
    if zone is None or zone is timezone.utc:
        return value
    return value.astimezone(timezone.utc) if isinstance(value, datetime) else value


def make_virtual(field: models.Field[Any, Any], mixin: type[VirtualField]) -> None:
    """Turn an instance of a plain Django field class into a virtual field, in place.

    The class keeps its name, by which Haystack and others recognise fields.
    """
    plain_class = type(field)
    key = (mixin, plain_class)
    if key not in _VIRTUAL_CLASSES:
        namespace = {"__module__": plain_class.__module__}
        _VIRTUAL_CLASSES[key] = type(plain_class.__name__, (mixin, plain_class), namespace)
    field.__class__ = _VIRTUAL_CLASSES[key]
    assert isinstance(field, VirtualField)
    # A plain Django field refuses None unless null=True, as its column would.
    field.refuses_null = not field.null
    field._settle()


_VIRTUAL_CLASSES: dict[tuple[type, type], type] = {}
