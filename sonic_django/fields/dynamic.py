"""References to objects of any class: the payload holds the class's label and the id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.apps import apps
from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.db.models.fields import NOT_PROVIDED

from .base import VirtualAttribute, VirtualField, exact_primitive
from .form_fields import DynamicFormField
from .lists import AnyList, materialised
from .scalars import SonicField


class _Unloaded(tuple[str, Any]):
    """(label, id) of an object that is not loaded yet."""


class _UnloadedList(tuple[Any, ...]):
    """The primitives of a list whose objects are not loaded yet."""


class _LoadedList(list[Any]):
    """Loaded values, and the primitives they were loaded for: some rows may not exist any more."""

    stored: tuple[Any, ...] = ()


class DynamicAttribute(VirtualAttribute):
    """Loads the object, or all objects of a list, when the attribute is first read."""

    field: AnyValue

    def __get__(self, instance: Any, cls: type | None = None) -> Any:
        value = super().__get__(instance, cls)
        if type(value) in (_Unloaded, _UnloadedList):
            value = self.field.load(value, instance._state.db)
            instance.__dict__[self.field.attname] = value
        return value

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.field.attname] = materialised(value) if self.field.many else value


class AnyValue(VirtualField):
    """The base of the dynamic fields: one value, or a list of values."""

    descriptor_class: Any = DynamicAttribute
    holds_primitive = False

    def load(self, stored: Any, using: str | None) -> Any:
        """The attribute's value for stored references, from the database ``using``."""
        raise NotImplementedError

    def primitive_of(self, value: Any) -> Any:
        """(label, id) of an object or of such a pair; an int, float or str as it is.

        ValidationError for any other value, an object that is not saved, and an unknown label.
        """
        if isinstance(value, models.Model):
            return self._reference(value)
        if isinstance(value, (int, float, str)):
            return exact_primitive(value)
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
        """The class of a stored label. ValidationError if there is none."""
        try:
            return apps.get_model(label)
        except (LookupError, ValueError, AttributeError):
            return self._refuse(
                f"{label!r} is no model of the installed apps, so the reference cannot be loaded."
            )

    def lookup_value(self, value: Any) -> Any:
        """(label, id) of an object; an int, float or str as it is."""
        return self.primitive_of(value)

    def get_internal_type(self) -> str:
        """The name of the kind, since there is no Django field class to name."""
        return "DynamicField"


class DynamicField(AnyValue, SonicField, models.Field):
    """``dynamic_field()``: an object of any model, or an int, float or str. Default: None.

    The payload holds the model's label and the id. The first read of the attribute loads the
    object with one statement; DoesNotExist of its class if it has no row any more.

    With ``index=True``: exact, in, isnull, by an object, a (label, id) pair, or the value.
    ValidationError for an object that is not saved and for values of other types.
    """

    def load(self, stored: Any, using: str | None) -> Any:
        """The object of a (label, id) pair. One statement."""
        label, id = stored
        model = self._model(label)
        try:
            return model._base_manager.using(using).get(pk=id)
        except ObjectDoesNotExist:
            raise model.DoesNotExist(
                f"{self.name} refers to {label} {id!r}, which has no row."
            ) from None

    def from_primitive(self, value: Any) -> Any:
        """The value, or a reference that is loaded when the attribute is read."""
        return _Unloaded(value) if isinstance(value, tuple) else value

    def to_primitive(self, value: Any) -> Any:
        """(label, id) of an object, the value itself, or None."""
        if value is None:
            return super().to_primitive(None)
        return self.primitive_of(value)

    def to_python(self, value: Any) -> Any:
        """The value as it is; ``to_primitive`` checks it."""
        return value

    def value_from_object(self, obj: Any) -> Any:
        """(label, id) or the value itself, which forms and ``values()`` show. Loads nothing."""
        return self.to_primitive(self.value_in(obj))

    def formfield(self, **kwargs: Any) -> Any:
        """JSON, with references as ``{"model": ..., "id": ...}``."""
        return super().formfield(**{"form_class": DynamicFormField, "field": self, **kwargs})


class DynamicListField(AnyValue, AnyList, models.Field):
    """``dynamic_list_field()``: objects of any models, int, float and str. Default: a new list.

    The first read of the attribute loads the objects, with one statement for each class. Objects
    without a row are left out, but reading the list does not drop their references.

    With ``index=True``: each element is found by itself, with the lookups of ``list_field``.
    ValidationError for an object that is not saved and for elements of other types.
    """

    many = True

    def __init__(self, default: Any = NOT_PROVIDED, /, **kwargs: Any) -> None:
        if default is not NOT_PROVIDED:
            kwargs["default"] = default
        kwargs.setdefault("null", True)
        kwargs.setdefault("blank", True)
        super().__init__(**kwargs)

    def load(self, stored: Any, using: str | None) -> Any:
        """The values in their order, without those of missing rows. One statement for a class."""
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
        """The primitives, whose objects are loaded when the attribute is read."""
        return None if value is None else _UnloadedList(value)

    def to_primitive(self, value: Any) -> Any:
        """The primitives. An unchanged list keeps the references to missing rows."""
        if value is None:
            return super().to_primitive(None)
        if type(value) is _UnloadedList:
            return list(value)
        stored = [self.primitive_of(item) for item in self._as_list(value)]
        is_shorter = isinstance(value, _LoadedList) and len(stored) < len(value.stored)
        if is_shorter and stored == _present(value.stored, stored):
            # Unchanged but for rows that do not exist: a mere read does not drop them.
            return list(value.stored)
        return stored

    def to_python(self, value: Any) -> Any:
        """The value as it is; ``to_primitive`` checks it."""
        return value

    def value_from_object(self, obj: Any) -> Any:
        """The primitives, which forms and ``values()`` show. Loads nothing."""
        return self.to_primitive(self.value_in(obj))

    def formfield(self, **kwargs: Any) -> Any:
        """A JSON list, with references as ``{"model": ..., "id": ...}``."""
        return super().formfield(**{"form_class": DynamicFormField, "field": self, **kwargs})


def _present(stored: Sequence[Any], kept: Iterable[Any]) -> list[Any]:
    kept = list(kept)
    return [item for item in stored if item in kept]


dynamic_field = DynamicField
dynamic_list_field = DynamicListField
