"""References to objects of any class: the payload holds the class's label and the id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.apps import apps
from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.db.models.fields import NOT_PROVIDED

from .base import VirtualAttribute, VirtualField, plain
from .form_fields import DynamicFormField
from .lists import AnyList
from .scalars import SonicField


class _Unloaded(tuple[str, Any]):
    """(label, id) of an object that nobody asked for yet."""


class _UnloadedList(tuple[Any, ...]):
    """The primitives of a list whose objects nobody asked for yet."""


class _LoadedList(list[Any]):
    """Loaded values, and the primitives they were loaded for: some may refer to rows that are
    gone."""

    stored: tuple[Any, ...] = ()


class DynamicAttribute(VirtualAttribute):
    """Loads the object, or all objects of a list, on first touch."""

    field: AnyValue

    def __get__(self, instance: Any, cls: type | None = None) -> Any:
        value = super().__get__(instance, cls)
        if type(value) in (_Unloaded, _UnloadedList):
            value = self.field.load(value, instance._state.db)
            instance.__dict__[self.field.attname] = value
        return value

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.field.attname] = value


class AnyValue(VirtualField):
    """What a single value and a list of them share."""

    descriptor_class: Any = DynamicAttribute
    holds_primitive = False

    def load(self, stored: Any, using: str | None) -> Any:
        raise NotImplementedError

    def primitive_of(self, value: Any) -> Any:
        """(label, id) of an object; an int, float or str as it is."""
        if isinstance(value, models.Model):
            return self._reference(value)
        if isinstance(value, (int, float, str)):
            return plain(value)
        if isinstance(value, tuple) and len(value) == 2:
            label, id = value
            return (self._model(label)._meta.label_lower, id)
        return self._refuse(
            f"{value!r} is a {type(value).__name__}; this field takes an object of a model, or an "
            f"int, float or str."
        )

    def _reference(self, value: models.Model) -> tuple[str, Any]:
        concrete = value._meta.concrete_model
        label = value._meta.label_lower if concrete is None else concrete._meta.label_lower
        try:
            known = apps.get_model(label)
        except LookupError:
            known = None
        if known is not concrete:
            self._refuse(f"{value!r} is of {label}, which is no model of the installed apps.")
        if value.pk is None:
            self._refuse(f"{value!r} is not saved yet; save it first.")
        return label, value.pk

    def _model(self, label: Any) -> Any:
        """The class of a stored label."""
        try:
            return apps.get_model(label)
        except (LookupError, ValueError, AttributeError):
            return self._refuse(
                f"{label!r} is no model of the installed apps, so what it refers to cannot be "
                f"loaded."
            )

    def lookup_value(self, value: Any) -> Any:
        return self.primitive_of(value)

    def get_internal_type(self) -> str:
        return "DynamicField"


class DynamicField(AnyValue, SonicField, models.Field):
    """An object of any registered class, or an int, float or str.

    An object is loaded by one statement when it is first touched; its class's DoesNotExist if the
    row is gone.
    """

    def load(self, stored: Any, using: str | None) -> Any:
        label, id = stored
        model = self._model(label)
        try:
            return model._base_manager.using(using).get(pk=id)
        except ObjectDoesNotExist:
            raise model.DoesNotExist(
                f"{self.name} refers to {label} {id!r}, which has no row."
            ) from None

    def from_primitive(self, value: Any) -> Any:
        return _Unloaded(value) if isinstance(value, tuple) else value

    def to_primitive(self, value: Any) -> Any:
        if value is None:
            return super().to_primitive(None)
        return self.primitive_of(value)

    def to_python(self, value: Any) -> Any:
        return value

    def value_from_object(self, obj: Any) -> Any:
        """(label, id) or the value itself: what forms and ``values()`` show."""
        return self.to_primitive(self.value_in(obj))

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": DynamicFormField, "field": self, **kwargs})


class DynamicListField(AnyValue, AnyList, models.Field):
    """A list of objects of any classes, of int, float and str; each is found by itself.

    Its objects are loaded when it is first touched, by one statement for each class; those that
    are gone are left out, but a look does not drop their references.
    """

    many = True

    def __init__(self, default: Any = NOT_PROVIDED, /, **kwargs: Any) -> None:
        if default is not NOT_PROVIDED:
            kwargs["default"] = default
        kwargs.setdefault("null", True)
        kwargs.setdefault("blank", True)
        super().__init__(**kwargs)

    def load(self, stored: Any, using: str | None) -> Any:
        wanted: dict[str, list[Any]] = {}
        for item in stored:
            if isinstance(item, tuple):
                wanted.setdefault(item[0], []).append(item[1])
        found: dict[Any, Any] = {}
        for label, ids in wanted.items():
            objects = self._model(label)._base_manager.using(using).in_bulk(list(set(ids)))
            found.update(((label, id), obj) for id, obj in objects.items())
        loaded = _LoadedList(
            found[item] if isinstance(item, tuple) else item
            for item in stored
            if not isinstance(item, tuple) or item in found
        )
        loaded.stored = tuple(stored)
        return loaded

    def from_primitive(self, value: Any) -> Any:
        return None if value is None else _UnloadedList(value)

    def to_primitive(self, value: Any) -> Any:
        if value is None:
            return super().to_primitive(None)
        if type(value) is _UnloadedList:
            return list(value)
        stored = [self.primitive_of(item) for item in self._as_list(value)]
        is_shorter = isinstance(value, _LoadedList) and len(stored) < len(value.stored)
        if is_shorter and stored == _present(value.stored, stored):
            # Unchanged but for rows that are gone: they are not forgotten by a mere look.
            return list(value.stored)
        return stored

    def to_python(self, value: Any) -> Any:
        return value

    def value_from_object(self, obj: Any) -> Any:
        return self.to_primitive(self.value_in(obj))

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": DynamicFormField, "field": self, **kwargs})


def _present(stored: Sequence[Any], kept: Iterable[Any]) -> list[Any]:
    kept = list(kept)
    return [item for item in stored if item in kept]


dynamic_field = DynamicField
dynamic_list_field = DynamicListField
