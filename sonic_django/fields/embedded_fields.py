"""The fields whose values are embedded objects: one of them, or a list."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.constants import LOOKUP_SEP
from django.db.models.fields import NOT_PROVIDED

from .base import VirtualAttribute, VirtualField
from .derived import Derived, reach
from .embedded import EmbeddedObj, Embedding
from .form_fields import EmbeddedFormField
from .lists import AnyList, materialised
from .names import UNKNOWN
from .origins import digest_of
from .scalars import SonicField


class EmbeddedAttribute(VirtualAttribute):
    """Turns a dict that is set into an embedded object. ``save()`` refuses one that is invalid."""

    def __set__(self, instance: Any, value: Any) -> None:
        if self.field.many:
            # Before it is looked at: of a generator an invalid element would leave the rest only.
            value = materialised(value)
        with suppress(ValidationError):
            value = self.field.to_python(value)
        instance.__dict__[self.field.attname] = value


class EmbeddedValue(Embedding, VirtualField):
    """The base of the fields for embedded objects: one, or a list."""

    descriptor_class: Any = EmbeddedAttribute
    holds_primitive = False

    def __init__(self, embedded: Any, default: Any = NOT_PROVIDED, /, **kwargs: Any) -> None:
        if not (isinstance(embedded, type) and issubclass(embedded, EmbeddedObj)):
            raise TypeError(f"{embedded!r} is no subclass of EmbeddedObj.")
        if default is not NOT_PROVIDED:
            kwargs["default"] = default
        kwargs.setdefault("null", True)
        self.embedded = embedded
        super().__init__(**kwargs)

    def deconstruct(self) -> Any:
        """Django's, with the embedded class as first argument."""
        name, path, args, kwargs = super().deconstruct()
        return name, path, [self.embedded, *args], kwargs

    @property
    def has_nondeterministic_default(self) -> bool:
        """False where the embedded class itself is the default."""
        return super().has_nondeterministic_default and self.default is not self.embedded

    def get_default(self) -> Any:
        """A copy of the default, so that each object has embedded objects of its own."""
        return copy.deepcopy(super().get_default())

    @property
    def no_index(self) -> str:  # type: ignore[override]
        """A path can be in an index, the embedded object itself cannot."""
        key = next(iter(self.embedded.embedded_fields), "key")
        return f'Index a path into it, as in Index(["{self.name}__{key}"]).'

    def object_of(self, value: Any) -> EmbeddedObj:
        """The value if it is an embedded object, or one made from a dict of its fields.

        ValidationError for any other value and for unknown fields.
        """
        if isinstance(value, self.embedded):
            return value
        if isinstance(value, Mapping):
            try:
                made: EmbeddedObj = self.embedded(**value)
                return made
            except TypeError as error:
                raise ValidationError(str(error)) from error
        raise ValidationError(
            f"{value!r} is a {type(value).__name__}; this field takes {self.embedded.__name__} "
            f"objects."
        )

    def at_path(self, keys: Sequence[str]) -> EmbeddedPath | None:
        """The embedded object's field at this path of names; None if there is none."""
        found = _trace(self.embedded, keys)
        return found and EmbeddedPath(self, keys, *found)

    def get_prep_value(self, value: Any) -> Any:
        """The value as it is: there is no column."""
        return value

    def get_internal_type(self) -> str:
        """The name of the kind, since there is no Django field class to name."""
        return "EmbeddedField"

    def formfield(self, **kwargs: Any) -> Any:
        """JSON of the fields."""
        return super().formfield(**{"form_class": EmbeddedFormField, "field": self, **kwargs})


class EmobjField(EmbeddedValue, SonicField, models.Field):
    """``emobj_field(Address)``: one embedded object, or a dict of its fields. Default: None.

    It is found by paths, which an index of the class around it names:
    ``Index(["address__city"])`` gives ``address__city`` the lookups of that field. ValidationError
    names the embedded fields whose value does not fit.
    """

    def to_python(self, value: Any) -> Any:
        """The embedded object, also for a dict of its fields."""
        return None if value is None else self.object_of(value)

    def to_primitive(self, value: Any) -> Any:
        """The dict of the embedded object."""
        if value is None:
            return super().to_primitive(None)
        try:
            return self.object_of(value).to_primitive()
        except ValidationError as error:
            return self._refuse(" ".join(error.messages))

    def from_primitive(self, value: Any) -> Any:
        """The embedded object of a dict."""
        return self.embedded.from_primitive(value) if isinstance(value, dict) else value

    def clean(self, value: Any, model_instance: Any) -> Any:
        """Django's, and the embedded object's own ``clean()``."""
        value = super().clean(value, model_instance)
        if value is not None:
            value.clean()
        return value

    def value_from_object(self, obj: Any) -> Any:
        """Its fields as a dict, which forms and ``values()`` show."""
        value = self.value_in(obj)
        return None if value is None else self.object_of(value).to_dict()


class EmobjListField(EmbeddedValue, AnyList, models.Field):
    """``emobj_list_field(Line)``: a list of embedded objects or dicts. Default: a new empty list.

    It is found by paths, which an index of the class around it names: ``Index(["lines__sku"])``
    gives ``lines__sku="a"``, true if any element has the value. ValidationError names the
    position and the field of a value that does not fit.
    """

    def __init__(self, embedded: Any, default: Any = NOT_PROVIDED, /, **kwargs: Any) -> None:
        kwargs.setdefault("blank", True)
        super().__init__(embedded, default, **kwargs)

    def to_python(self, value: Any) -> Any:
        """A new list of embedded objects, also for dicts of their fields."""
        return None if value is None else [self.object_of(item) for item in self._as_list(value)]

    def to_primitive(self, value: Any) -> Any:
        """The dicts of the embedded objects."""
        if value is None:
            return super().to_primitive(None)
        stored = []
        for position, item in enumerate(self._as_list(value)):
            try:
                stored.append(self.object_of(item).to_primitive())
            except ValidationError as error:
                self._refuse(f"element {position}: {' '.join(error.messages)}")
        return stored

    def from_primitive(self, value: Any) -> Any:
        """The embedded objects of a list of dicts."""
        if not isinstance(value, list):
            return value
        return [self.embedded.from_primitive(item) for item in value]

    def clean(self, value: Any, model_instance: Any) -> Any:
        """Django's, and the embedded objects' own ``clean()``."""
        value = super().clean(value, model_instance)
        for item in value or ():
            item.clean()
        return value

    def value_from_object(self, obj: Any) -> Any:
        """Their fields as dicts, which forms and ``values()`` show."""
        value = self.value_in(obj)
        return None if value is None else [self.object_of(item).to_dict() for item in value]


_ABSENT = object()


class EmbeddedPath(Derived):
    """A field of an embedded object, ``address__city``; of a list of them, the values of all."""

    def __init__(
        self,
        root: Any,
        names: Sequence[str],
        keys: Sequence[str],
        leaf: Any,
        is_open: bool,
        in_list: bool,
    ) -> None:
        super().__init__(LOOKUP_SEP.join([root.name, *names]))
        self.root, self.keys, self.leaf = root, tuple(keys), leaf
        self.many = in_list or root.many or leaf.many or is_open
        self.mixed = is_open
        self.native_type = leaf.native_type
        self.no_index = leaf.no_index
        self.element = getattr(leaf, "element", leaf)
        self.origin = digest_of(root.origin, *self.keys, leaf.origin)
        self.order_kind = None if self.many else leaf.order_kind

    def of(self, values: Mapping[str, Any]) -> Any:
        """The primitive at the path, in an object's primitives by field name."""
        value = values[self.root.name]
        if self.leaf.is_required and not self.mixed:
            self._refuse_absent(reach(value, self.keys, _ABSENT))
        return self._reached(value)

    def of_stored(self, stored: Mapping[str, Any]) -> Any:
        """The primitive at the path, in a payload's dict; UNKNOWN as the field around it is."""
        value = self.root.of_stored(stored)
        return value if value is UNKNOWN else self._reached(value)

    def _reached(self, value: Any) -> Any:
        if self.mixed:
            return reach(value, self.keys)
        # Objects stored before the field was declared have its default, as everywhere.
        leaf = self.leaf
        absent = None if leaf.has_nondeterministic_default else leaf.absent_primitive()
        return reach(value, self.keys, absent)

    def _refuse_absent(self, found: Any) -> None:
        if found is _ABSENT or (type(found) is list and _ABSENT in found):
            raise ValidationError(
                {
                    self.name: [
                        "The object was written before this field, which is declared with "
                        "null=False and without a default. Save it with a value, or declare a "
                        "default or null=True."
                    ]
                }
            )

    def lookup_value(self, value: Any) -> Any:
        """The primitive as the field at the end of the path looks it up."""
        return self.leaf.lookup_value(value)

    def range_value(self, value: Any) -> Any:
        """The bound as the field at the end of the path takes it."""
        return self.leaf.range_value(value)


def _trace(
    embedded: type[EmbeddedObj], names: Sequence[str]
) -> tuple[list[str], Any, bool, bool] | None:
    """(payload keys, the field at the end, whether the path goes on within it, whether a list of
    embedded objects is on the way); None if there is no such path."""
    field: Any = embedded.embedded_fields.get(names[0])
    if field is None:
        return None
    if len(names) == 1:
        return None if isinstance(field, EmbeddedValue) else ([field.key], field, False, False)
    if isinstance(field, EmbeddedValue):
        found = _trace(field.embedded, names[1:])
        if found is None:
            return None
        keys, leaf, is_open, in_list = found
        return [field.key, *keys], leaf, is_open, in_list or field.many
    if field.at_path(names[1:]) is None:
        return None
    return [field.key, *names[1:]], field, True, False


emobj_field = EmobjField
emobj_list_field = EmobjListField
