"""Virtual fields: Django fields whose values live in the payload instead of a column.

A field with ``column = None`` that is added as a private field is in ``_meta.fields`` (forms,
validation, admin, ``get_field``) and not in ``_meta.concrete_fields`` (SQL, migrations).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timezone
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import models

from ..index.specs import BY_SCORE, BY_TEXT, Part
from ..interruptions import is_interruption
from ..payload.primitives import MAX_DEPTH, SCALARS
from .names import UNKNOWN
from .origins import code_of, described, digest_of, hooks_of
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
    """Reads a field's value from the instance. The first read decodes the payload.

    It has no ``__set__``: once the value is in the instance's dict, Python no longer calls this.
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

    A new kind of field overrides some of these hooks:

    - ``to_primitive`` and ``from_primitive``: between the attribute and the payload;
    - ``lookup_value`` and ``range_value``: the primitives that a condition looks up;
    - ``of`` and ``of_stored``: the primitive that an object's index entry has;
    - ``order_kind``, ``many``, ``mixed``: the shape of its indexes, joined in ``part``;
    - ``at_path``: indexes by a path into the value, ``field__key``;
    - ``is_element_without_order``: when lists may hold the kind, and its values have no order;
    - ``ordered_as`` and ``no_index``: when an index needs something derived from the field;
    - ``holds_primitive``, ``coerces_within``, ``is_secret``: how saves and listings treat it;
    - ``descriptor_class``: the attribute, if reading or setting it does more;
    - ``finish_init``: values derived once, after Django's own ``__init__``.

    No hook costs a round trip.
    """

    descriptor_class: Any = VirtualAttribute
    #: Whether the value is a list whose elements are indexed one by one.
    many = False
    #: Whether values may be of any type. An index then holds those that are no containers.
    mixed = False
    #: The exact type that ``to_primitive`` returns as it is; None if it always coerces.
    native_type: type | None = None
    #: Whether ``to_primitive`` returns a datetime in UTC as it is.
    holds_moments = False
    #: Whether saving None is refused, since the declaration says ``null=False``.
    refuses_null = False
    #: Whether the declaration says ``index=True``.
    sonic_index = False
    #: Whether the attribute's value is the payload's primitive, and no object made from it.
    holds_primitive = True
    #: Whether a value of the right type may contain elements that need coercion.
    coerces_within = False
    #: The reason why the field itself cannot be in an index, and the remedy; "" if it can.
    no_index = ""
    #: Whether a list may hold values of this kind, although they have no order.
    is_element_without_order = False
    #: The derived value by which an index ordered by this field is ordered; None: the value.
    ordered_as: Any = None
    #: Whether the value is kept from listings: ``to_dict``, ``values`` and the admin.
    is_secret = False

    if not TYPE_CHECKING:

        def __init__(self, *args: Any, index: bool = False, **kwargs: Any) -> None:
            self.sonic_index = index
            self.refuses_null = kwargs.get("null") is False
            super().__init__(*args, **kwargs)
            self.finish_init()

    def finish_init(self) -> None:
        """Derive once, at the end of ``__init__``, the attributes that every save reads."""
        for django_class, native_type in _NATIVE_TYPES:
            if isinstance(self, django_class):
                self.native_type = native_type
        self.holds_moments = isinstance(self, models.DateTimeField)

    def deconstruct(self) -> Any:
        """Django's, with ``index=True`` where it was given."""
        name, path, args, kwargs = super().deconstruct()
        if self.sonic_index:
            kwargs["index"] = True
        return name, path, args, kwargs

    # Being virtual ------------------------------------------------------------------------------

    def get_attname_column(self) -> tuple[str, Any]:
        """The attribute's name, and no column."""
        return self.get_attname(), None

    def contribute_to_class(
        self, cls: Any, name: str, private_only: bool = True, **kwargs: Any
    ) -> None:
        """Join the class as a private field, with the descriptor that reads the payload."""
        super().contribute_to_class(cls, name, private_only=True, **kwargs)
        # Django sets the descriptor only where there is a column.
        setattr(cls, self.attname, self.descriptor_class(self))

    def db_type(self, connection: Any) -> str | None:
        """None: there is no column."""
        return None

    def db_parameters(self, connection: Any) -> Any:
        """No type and no check: there is no column."""
        return {"type": None, "check": None}

    def get_col(self, alias: str, output_field: Any = None) -> Any:
        """The field in an SQL statement, where only a condition may use it."""
        return VirtualCol(alias, self, output_field)

    def get_lookup(self, lookup_name: str) -> Any:
        """The class of a condition in SQL that the index answers; None if it has no such lookup."""
        return index_lookup(lookup_name)

    def save_form_data(self, instance: Any, data: Any) -> None:
        """Set the attribute from a form's cleaned data, once for each save of the form."""
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
        """The attribute's value on this object, without a round trip.

        It decodes the payload if that has not happened yet. Unlike reading the attribute, it does
        not load objects that the value refers to: a list of references not yet read gives its
        ids, a dynamic field a (label, id) pair. PayloadError for a damaged payload.
        """
        values = obj.__dict__
        if self.attname not in values:
            obj._sonic.decode_into(obj)
        return values[self.attname]

    # Payload ------------------------------------------------------------------------------------

    @property
    def has_nondeterministic_default(self) -> bool:
        """Whether the default may differ at each call, as ``Now`` and ``uuid.uuid4`` do."""
        if not callable(self.default) or self.default in (list, dict, set, tuple):
            return False
        return self.has_default()  # Django's mark for none is a class, and so callable

    @property
    def key(self) -> str:
        """The field's key in the payload: ``db_column``, or else its name."""
        return self.db_column or self.name

    def to_primitive(self, value: Any) -> Any:
        """The payload's primitive for this attribute value.

        ValidationError, which names field and value, for a value that the field cannot hold.
        """
        if value is None:
            if self.refuses_null:
                self._refuse(
                    "This field was declared with null=False and cannot be None. Give it a value, "
                    "or declare a default or null=True."
                )
            return None
        kind = type(value)
        if kind is self.native_type:
            return value
        if kind is datetime and value.tzinfo is timezone.utc and self.holds_moments:
            return value
        try:
            return exact_primitive(self.get_prep_value(self.to_python(value)))
        except ValidationError as error:
            self._refuse(" ".join(error.messages))
        except (TypeError, ValueError, OverflowError, ArithmeticError) as error:
            self._refuse(f"{value!r} is not a value for this field: {error}")

    def from_primitive(self, value: Any) -> Any:
        """The attribute's value for a primitive of the payload. Loads nothing."""
        return value

    def lookup_value(self, value: Any) -> Any:
        """The primitive by which an index finds objects with this value.

        ValidationError for a value that no object can have.
        """
        return self.to_primitive(value)

    def range_value(self, value: Any) -> Any:
        """The primitive of a range's bound, for gt, gte, lt, lte and range.

        ValidationError for a value that cannot be compared with the field's.
        """
        return self.lookup_value(value)

    def _refuse(self, message: str) -> Any:
        raise ValidationError({self.name: [message]})

    def absent_primitive(self) -> Any:
        """The primitive of an object whose payload lacks the field's key: that of the default.

        None without a default, also where the declaration refuses None: the row was written
        before the field was required. ValidationError for a default that the field cannot hold.
        """
        try:
            default = self.get_default()
        except Exception as error:
            if is_interruption(error):
                raise
            return self._refuse(f"Its default failed: {type(error).__name__}: {error}")
        return None if default is None else self.to_primitive(default)

    @property
    def is_required(self) -> bool:
        """Whether an object needs a value of its own: None is refused, and there is no default."""
        if not self.refuses_null or (self.has_default() and self.default is not None):
            return False
        return self.get_default() is None

    # Index --------------------------------------------------------------------------------------

    def of(self, values: Mapping[str, Any]) -> Any:
        """The field's primitive in ``values``, the primitives of an object by field name."""
        return values[self.name]

    def of_stored(self, stored: Mapping[str, Any]) -> Any:
        """The field's primitive in ``stored``, a payload's dict.

        If it is missing there: the default, or UNKNOWN if the default is non-deterministic.
        """
        key = self.key
        if key in stored:
            return stored[key]
        return UNKNOWN if self.has_nondeterministic_default else self.absent_primitive()

    def at_path(self, keys: Sequence[str]) -> Any:
        """The derived value at a path into this field; None if there is no such path."""
        return None

    @property
    def order_kind(self) -> str | None:
        """The order of this field's values in an index; None if they have none."""
        if isinstance(self, _ORDERED_BY_TEXT):
            return BY_TEXT
        if isinstance(self, _ORDERED_BY_SCORE):
            return BY_SCORE
        return None

    @property
    def part(self) -> Part:
        """The field as a part of an index."""
        return Part(self.name, self.many, self.order_kind, self.mixed, self.origin)

    @cached_property
    def origin(self) -> str:
        """What the field's index entries depend on beside the payload: its key there, its default,
        and its conversion (its class, and the precision of decimals)."""
        conversion: Any = [hooks_of(type(self))]
        conversion += [getattr(self, name, None) for name in ("max_digits", "decimal_places")]
        element = getattr(self, "element", None)
        if isinstance(element, VirtualField):
            conversion.append(element.origin)
        return digest_of(self.key, self._described_default(), described(conversion))

    def _described_default(self) -> str:
        if self.is_required:
            return "required"
        if self.has_nondeterministic_default:
            return code_of(self.default)
        try:
            return described(self.absent_primitive())
        except Exception as error:
            if is_interruption(error):
                raise
            return f"refused: {error}"  # so are the rows that need it


def exact_primitive(value: Any) -> Any:
    """The value as an exact primitive type.

    Instances of subclasses (enums, safe strings) are cast to the base type, and moments in a named
    time zone to UTC. A value that is no primitive is returned as it is.
    """
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
    if isinstance(value, dict) or kind in _EXACT_CONTAINERS:
        return _exact_container(value, 1, {})
    return value


_EXACT_CONTAINERS = (list, tuple, set, frozenset)


def _exact_container(value: Any, depth: int, made: dict[int, Any]) -> Any:
    """A copy with exact elements. A container that is met again, or within itself, is copied once.

    What lies deeper than a payload may be nested is left as it is: the payload refuses it by name.
    """
    if depth > MAX_DEPTH:
        return value
    if id(value) in made:
        return made[id(value)]
    made[id(value)] = value

    def exact(item: Any) -> Any:
        if isinstance(item, dict) or type(item) in _EXACT_CONTAINERS:
            return _exact_container(item, depth + 1, made)
        return exact_primitive(item)

    if isinstance(value, dict):
        copied: Any = {exact(key): exact(item) for key, item in value.items()}
    else:
        copied = type(value)(map(exact, value))
    made[id(value)] = copied
    return copied


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
    # A field that sets itself has a value with each save, and none in rows from before it.
    sets_itself = getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
    field.refuses_null = not field.null and not sets_itself
    field.finish_init()


_VIRTUAL_CLASSES: dict[tuple[type, type], type] = {}
