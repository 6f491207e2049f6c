"""Lists: of primitives, and of references that are loaded together."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.fields import NOT_PROVIDED

from . import scalars as single
from .base import VirtualAttribute, VirtualField
from .form_fields import ListFormField, ReferenceListFormField

_ELEMENT_FIELDS: dict[type, type[single.SonicField]] = {
    str: single.StrField,
    int: single.IntField,
    float: single.FloatField,
    bool: single.BoolField,
    bytes: single.BytesField,
    Decimal: single.DecimalField,
    datetime: single.DateField,
    date: single.DayField,
    time: single.TimeField,
    timedelta: single.DurationField,
    UUID: single.UUIDField,
}


#: Iterables that no list is made of: a save refuses them by name.
_NO_LISTS = (str, bytes, bytearray, memoryview, Mapping)
#: Values that stay as they are when they are assigned.
_KEPT = (list, tuple, set, frozenset, *_NO_LISTS)


def materialised(value: Any) -> Any:
    """A list of an iterable that gives its elements once, or other ones at another time (iterators,
    views of dicts, querysets); any other value as it is.

    A list of a queryset costs its query. A save reads a value more than once, and so may the user.
    """
    kind = type(value)
    if kind is list or value is None or isinstance(value, _KEPT):
        return value
    return list(value) if isinstance(value, Iterable) else value


class ListAttribute(VirtualAttribute):
    """Makes a list of an iterable that can be read only once, when it is assigned."""

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.field.attname] = materialised(value)


class AnyList(VirtualField):
    """The base of all lists. Their default is a new empty list."""

    descriptor_class: Any = ListAttribute
    many = True
    empty_values = [None, [], ()]

    def finish_init(self) -> None:
        """Make a list of a default that can be read only once: it is read for each object."""
        super().finish_init()
        self.default = materialised(self.default)

    def get_default(self) -> Any:
        """A new list for each object, or None if that is the default."""
        if not self.has_default():
            return []
        default = super().get_default()
        return default if default is None else copy.copy(list(default))

    def get_internal_type(self) -> str:
        """The name of the kind, since there is no Django field class to name."""
        return "ListField"

    @property
    def order_kind(self) -> str | None:
        """None: lists have no order."""
        return None

    def _as_list(self, value: Any) -> list[Any]:
        if isinstance(value, _NO_LISTS) or not isinstance(value, Iterable):
            self._refuse(
                f"{value!r} is a {type(value).__name__}; this field takes a list. "
                f"For one element write [{value!r}]."
            )
        return list(value)


class ListField(AnyList, models.Field):
    """``list_field(str)``: a list of values of one type. Default: a new empty list.

    ``element`` is str (the default), int, float, bool, bytes, Decimal, datetime, date, time,
    timedelta or UUID; a field, as in ``list_field(str_field(max_length=20))``; or a model class or
    its name (``"app.Model"``, ``"self"``), which makes a list of references. ``save()`` sees
    changes in place.

    With ``index=True``: each element is found by itself. ``tags="a"`` and ``tags__contains``: has
    the element; ``tags__all``: has all of them; ``tags__in``: has one of them; ``tags=[]``: is
    empty; ``tags__isnull``. ValidationError names the position of an element that does not fit;
    None is no element. TypeError in the class body for an element type not listed here.
    """

    def __new__(cls, element: Any = str, *args: Any, **kwargs: Any) -> Any:
        """A ReferenceListField where the element is a model or its name."""
        if cls is ListField and _is_model(element):
            return super().__new__(ReferenceListField)
        return super().__new__(cls)

    def __init__(self, element: Any = str, default: Any = NOT_PROVIDED, /, **kwargs: Any) -> None:
        if default is not NOT_PROVIDED:
            kwargs["default"] = default
        kwargs.setdefault("null", True)
        kwargs.setdefault("blank", True)
        self.element = _element_field(element)
        super().__init__(**kwargs)

    def set_attributes_from_name(self, name: str) -> None:
        """Name the field, and the element, whose errors name it."""
        super().set_attributes_from_name(name)
        self.element.set_attributes_from_name(name)

    def to_python(self, value: Any) -> Any:
        """A new list of the elements as primitives, or None."""
        if value is None:
            return None
        return [self._element(position, item) for position, item in enumerate(self._as_list(value))]

    def _element(self, position: int, item: Any) -> Any:
        if item is None:
            raise ValidationError(f"element {position} is None; leave it out instead.")
        try:
            return self.element.to_primitive(item)
        except ValidationError as error:
            raise ValidationError(f"element {position}: {' '.join(error.messages)}") from error

    def to_primitive(self, value: Any) -> Any:
        """The same list, if no element needs coercion, or a new one."""
        native = self.element.native_type
        if type(value) is list and native and all(type(item) is native for item in value):
            return value
        return super().to_primitive(value)

    def lookup_value(self, value: Any) -> Any:
        """The primitive of one element: a list is looked up by its elements."""
        return self.element.lookup_value(value)

    def formfield(self, **kwargs: Any) -> Any:
        """A text area, one element a line."""
        defaults = {"form_class": ListFormField, "element": self.element.formfield()}
        return super().formfield(**{**defaults, **kwargs})


class ReferenceListAttribute(ListAttribute):
    """Gives the objects of a reference list. The first read loads all of them with one query."""

    field: ReferenceListField

    def __get__(self, instance: Any, cls: type | None = None) -> Any:
        value = super().__get__(instance, cls)
        if type(value) is _UnloadedIds:
            value = self.field.load(value, instance._state.db)
            instance.__dict__[self.field.attname] = value
        return value


class _UnloadedIds(tuple[int, ...]):
    """The ids of a reference list whose objects are not loaded yet."""


class _LoadedList(list[Any]):
    """Loaded objects, and the ids they were loaded for: some of the rows may not exist any more."""

    ids: tuple[int, ...] = ()


class ReferenceListField(ListField):
    """``list_field(Model)``: a list of objects of one model. Default: a new empty list.

    The payload holds their ids. The first read of the attribute loads all objects with one
    statement, in the order of the list; objects whose row was destroyed are left out, but reading
    the list does not drop their ids.

    With ``index=True``: each object or id is found by itself, with the lookups of other lists, and
    by conditions on the target's own indexed fields, ``authors__name=...``. ValidationError for
    an object that is not saved or of another class.
    """

    descriptor_class: Any = ReferenceListAttribute

    def __init__(self, target: Any, default: Any = NOT_PROVIDED, /, **kwargs: Any) -> None:
        if default is not NOT_PROVIDED:
            kwargs["default"] = default
        kwargs.setdefault("null", True)
        kwargs.setdefault("blank", True)
        self.target = target
        super(ListField, self).__init__(**kwargs)

    def set_attributes_from_name(self, name: str) -> None:
        """Name the field; there is no element field."""
        super(ListField, self).set_attributes_from_name(name)

    def deconstruct(self) -> Any:
        """Django's, with the target as first argument."""
        name, path, args, kwargs = super().deconstruct()
        return name, path, [self.target, *args], kwargs

    @property
    def target_model(self) -> Any:
        """The target's class. LookupError if there is no such model."""
        if not isinstance(self.target, str):
            return self.target
        if self.target == "self":
            return self.model
        label = self.target if "." in self.target else f"{self.model._meta.app_label}.{self.target}"
        return apps.get_model(label)

    def load(self, ids: tuple[int, ...], using: str | None) -> list[Any]:
        """The objects in the order of the ids, those of missing rows left out. One statement."""
        manager = self.target_model._base_manager.using(using)
        found = manager.in_bulk(list(set(ids)))
        objects = _LoadedList(found[id] for id in ids if id in found)
        objects.ids = tuple(ids)
        return objects

    def from_primitive(self, value: Any) -> Any:
        """The ids, whose objects are loaded when the attribute is read."""
        return None if value is None else _UnloadedIds(value)

    def to_primitive(self, value: Any) -> Any:
        """The ids of the objects. An unchanged list keeps the ids of rows that do not exist."""
        if value is None:
            return super(ListField, self).to_primitive(None)
        if type(value) is _UnloadedIds:
            return list(value)
        ids = [self._id_of(item) for item in self._as_list(value)]
        if isinstance(value, _LoadedList) and len(ids) < len(value.ids):
            # Unchanged but for rows that do not exist: a mere read does not drop their ids.
            present = set(ids)
            if ids == [id for id in value.ids if id in present]:
                return list(value.ids)
        return ids

    def to_python(self, value: Any) -> Any:
        """The value as it is; ``to_primitive`` checks it."""
        return value

    def lookup_value(self, value: Any) -> Any:
        """The id of one object of the list."""
        return None if value is None else self._id_of(value)

    def _id_of(self, item: Any) -> int:
        if isinstance(item, models.Model):
            if not isinstance(item, self.target_model._meta.concrete_model):
                self._refuse(
                    f"{item!r} is a {type(item).__name__}; this list refers to "
                    f"{self.target_model.__name__}."
                )
            if item.pk is None:
                self._refuse(f"{item!r} is not saved yet; save it first.")
            item = item.pk
        try:
            return int(item)
        except (TypeError, ValueError, OverflowError):
            return int(self._refuse(f"{item!r} is neither an object nor an id."))

    def value_from_object(self, obj: Any) -> Any:
        """The ids, which forms, serializers and ``values()`` show. Loads nothing."""
        return self.to_primitive(self.value_in(obj))

    def formfield(self, **kwargs: Any) -> Any:
        """A text area, one id a line."""
        defaults = {"form_class": ReferenceListFormField, "target": self.target_model}
        return super(ListField, self).formfield(**{**defaults, **kwargs})


def _is_model(element: Any) -> bool:
    return isinstance(element, str) or (
        isinstance(element, type) and issubclass(element, models.Model)
    )


def _element_field(element: Any) -> Any:
    if isinstance(element, VirtualField):
        is_single = element.order_kind or element.is_element_without_order
        if element.many or not is_single:
            raise TypeError(f"list_field({element!r}): a list holds single values.")
        return element
    if element in _ELEMENT_FIELDS:
        return _ELEMENT_FIELDS[element]()
    known = ", ".join(kind.__name__ for kind in _ELEMENT_FIELDS)
    raise TypeError(f"list_field({element!r}): the element is one of {known}, a field or a model.")


list_field = ListField
