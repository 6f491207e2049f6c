"""References to one object: the payload holds the id, the attribute gives the object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.fields import NOT_PROVIDED

from .base import VirtualAttribute, VirtualField
from .sql_lookups import NoColumn


class ReferenceAttribute(VirtualAttribute):
    """``author_id``: read from the payload. Setting another id drops the cached object."""

    field: ReferenceField

    def __set__(self, instance: Any, value: Any) -> None:
        differs = instance.__dict__.get(self.field.attname) != value
        if differs and self.field.is_cached(instance):
            self.field.delete_cached_value(instance)
        instance.__dict__[self.field.attname] = value


if TYPE_CHECKING:
    _ForeignKey = models.ForeignKey[Any, Any]
else:
    _ForeignKey = object


class ReferenceField(VirtualField, _ForeignKey):
    """Mixed into ForeignKey or OneToOneField.

    For Django's collector the relation is DO_NOTHING and hidden. It would otherwise join through
    a column that does not exist, and delete rows without an update of the index. The policy that
    the user gave is in ``policy``, and Sonic's own deletion enforces it.
    """

    descriptor_class: Any = ReferenceAttribute
    policy: Any = models.DO_NOTHING

    def finish_init(self) -> None:
        """Take the deletion policy from Django, and give the field its index if it has one."""
        self.policy = self.remote_field.on_delete
        self.remote_field.on_delete = models.DO_NOTHING
        if self.policy is not models.DO_NOTHING:
            # The policy finds the referring objects by the index.
            self.sonic_index = True
        self.db_constraint = False
        self._db_index = False
        self.db_index = False

    def contribute_to_class(
        self, cls: Any, name: str, private_only: bool = True, **kwargs: Any
    ) -> None:
        """Join the class with a reverse name of its own, which is hidden."""
        if not (self.remote_field.related_name or "").endswith("+"):
            # Hidden, and different for each field, so that formset prefixes differ too.
            self.remote_field.related_name = f"sonic_{cls.__name__.lower()}_{name}+"
        super().contribute_to_class(cls, name, private_only, **kwargs)

    def get_joining_fields(self, reverse_join: bool = False) -> Any:
        """Django's, with an object that refuses to be quoted in place of the column."""
        pairs: Any = super().get_joining_fields(reverse_join)
        if reverse_join:
            return tuple((mine, NoColumn(self)) for mine, _ in pairs)
        return tuple((NoColumn(self), theirs) for _, theirs in pairs)

    def to_primitive(self, value: Any) -> Any:
        """The id of an object, or the id itself."""
        if isinstance(value, models.Model):
            value = self._id_of(value)
        return super().to_primitive(value)

    def lookup_value(self, value: Any) -> Any:
        """The id; ValidationError for an object that is not saved."""
        if isinstance(value, models.Model) and value.pk is None:
            self._refuse(f"{value!r} is not saved yet, so nothing refers to it.")
        return self.to_primitive(value)

    def _id_of(self, value: models.Model) -> Any:
        target: Any = self.remote_field.model
        if not isinstance(target, str) and not isinstance(value, target._meta.concrete_model):
            self._refuse(
                f"{value!r} is a {type(value).__name__}; this field refers to {target.__name__}."
            )
        return value.pk

    @property
    def order_kind(self) -> str | None:
        """None: references have no order."""
        return None

    def check_saved(self, instance: models.Model) -> None:
        """Refuse to save a reference to an object that has no id yet, as Django does."""
        if not self.is_cached(instance):
            return
        target = self.get_cached_value(instance)
        if target is None:
            return
        if target.pk is None:
            raise ValueError(
                f"save() prohibited to prevent data loss due to unsaved related object "
                f"'{self.name}'. Save {target!r} first."
            )
        if instance.__dict__.get(self.attname) is None:
            # The target was saved after it was assigned.
            setattr(instance, self.attname, target.pk)


class ObjField(ReferenceField, models.ForeignKey):
    """``obj_field(Model, on_delete=...)``: a reference to an object of one model.

    ``Model`` is a class, ``"app.Model"`` or ``"self"``. The attribute gives the object, which its
    first read loads with one statement; ``<name>_id`` gives the id without loading. Default: none,
    and None may be saved.

    Without ``on_delete`` nothing happens to the referring objects when the target is deleted.
    Other policies (CASCADE, PROTECT, RESTRICT, SET_NULL, SET_DEFAULT, SET()) give the field an
    index, by which they find those objects.

    With ``index=True``: exact, in, isnull, by an object or an id; and conditions on the target's
    own indexed fields, ``author__name=...``. ValueError on saving a reference to an unsaved
    object, ValidationError for an object of another class.
    """

    def __init__(
        self,
        to: Any,
        default: Any = NOT_PROVIDED,
        /,
        *,
        on_delete: Any = models.DO_NOTHING,
        **kwargs: Any,
    ) -> None:
        if default is not NOT_PROVIDED:
            kwargs["default"] = default
        kwargs.setdefault("null", True)
        super().__init__(to, on_delete=on_delete, **kwargs)

    def validate(self, value: Any, model_instance: Any) -> None:
        """Refuse an id without a row, or of a deleted object, unless it is stored already."""
        if self.remote_field.parent_link or value is None:
            models.Field.validate(self, value, model_instance)
            return
        super().validate(value, model_instance)
        stored = (
            {}
            if model_instance._state.adding
            else model_instance._sonic.stored_values(model_instance)
        )
        if stored.get(self.key) == value:
            return  # an object does not become invalid because its target was deleted
        target: Any = self.remote_field.model._base_manager.filter(pk=value).first()
        if getattr(target, "is_deleted", False):
            raise ValidationError(
                "%(model)s %(value)s is deleted; choose another or undelete it.",
                code="deleted",
                params={"model": target._meta.verbose_name, "value": value},
            )


obj_field = ObjField


def referring_fields(target: type[models.Model]) -> list[Any]:
    """The reference fields of SonicObj classes to the model that have a policy."""
    concrete = target._meta.concrete_model
    return [
        relation.field
        for relation in target._meta.get_fields(include_hidden=True)
        if isinstance(relation, models.ForeignObjectRel)
        and isinstance(relation.field, ReferenceField)
        and relation.field.policy is not models.DO_NOTHING
        and relation.model._meta.concrete_model is concrete
    ]
