"""``on_delete``: the referring objects when an object is deleted or destroyed.

Ordinary Django models refer by a real foreign key: Django's own collector handles them. SonicObj
classes refer by an id in their payload: the policy given to ``obj_field`` is enforced here, the
referring objects are found by the field's index.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import models, transaction
from django.db.models.deletion import Collector, ProtectedError, RestrictedError
from django.db.models.signals import class_prepared, pre_delete

from ..fields.references import ReferenceField, referring_fields
from ..schema.registry import is_sonic_model
from ..sync.testcase_rollbacks import undo_rollbacks

if TYPE_CHECKING:
    from ..schema.schema import StoredObject

_CHUNK = 500


def has_dependents(model: type[models.Model]) -> bool:
    """Whether other objects may refer to an object of the model."""
    return bool(_referring_relations(model)) or bool(referring_fields(model))


def handle_dependents(obj: StoredObject, using: str, *, destroys: bool) -> dict[str, int]:
    """Apply the policy of every reference to ``obj``; the numbers of objects deleted, by label.

    Raises ProtectedError or RestrictedError before anything is changed by that relation.
    """
    counts: dict[str, int] = {}
    for field in referring_fields(type(obj)):
        _apply_policy(field, obj.pk, using, destroys=destroys, counts=counts)
    if _referring_relations(type(obj)):
        collector: Any = Collector(using=using, origin=obj)
        collector.collect([obj])
        # The caller deletes the object itself.
        collector.data.pop(type(obj), None)
        collector.fast_deletes = [
            queryset for queryset in collector.fast_deletes if queryset.model is not type(obj)
        ]
        for label, number in collector.delete()[1].items():
            counts[label] = counts.get(label, 0) + number
    return counts


def _referring_relations(model: type[models.Model]) -> list[Any]:
    return [
        relation
        for relation in model._meta.get_fields(include_hidden=True)
        if isinstance(relation, models.ForeignObjectRel)
        and relation.auto_created
        and not isinstance(relation.field, ReferenceField)
        and getattr(relation, "on_delete", None) is not None
    ]


def _apply_policy(
    field: Any, target_id: Any, using: str, *, destroys: bool, counts: dict[str, int]
) -> None:
    referring = field.model
    schema = referring._sonic
    ids = schema.objects(using).filter(**{field.name: target_id}).ids()
    undo_rollbacks(using)
    for start in range(0, len(ids), _CHUNK):
        # As they are now, and until the end of the transaction: an object that another writer has
        # given another target, or removed, is left alone.
        rows = schema.table(using).fetch(ids[start : start + _CHUNK], locks=True)
        live = [row for row in rows.values() if not row.is_deleted]
        objects = [
            obj
            for obj in schema.from_rows(using, live, referring)
            if getattr(obj, field.attname) == target_id
        ]
        if not objects:
            continue
        if field.policy is models.CASCADE:
            for obj in objects:
                removed = obj.destroy(using=using) if destroys else obj.delete(using=using)
                for label, number in removed[1].items():
                    counts[label] = counts.get(label, 0) + number
            continue
        if field.policy in (models.PROTECT, models.RESTRICT):
            error = ProtectedError if field.policy is models.PROTECT else RestrictedError
            raise error(
                f"Cannot delete: {len(ids)} object(s) of {referring._meta.label} refer to it by "
                f"{field.name}.",
                set(objects),
            )
        value = _replacement(field, objects, using)
        for obj in objects:
            setattr(obj, field.attname, value)
            obj.save(using=using)


def _replacement(field: Any, objects: list[Any], using: str) -> Any:
    """The value that SET_NULL, SET_DEFAULT or SET(...) puts in place of the reference."""
    value: Any = None

    class Recorder:
        """Stands in for the collector that Django's policies talk to."""

        def add_field_update(self, field: Any, given: Any, objects: Any) -> None:
            nonlocal value
            value = given

    field.policy(Recorder(), field, objects, using)
    return value.pk if isinstance(value, models.Model) else value


def _target_deleted(sender: Any, instance: Any, using: str, **kwargs: Any) -> None:
    """Apply the policies of the references to an ordinary Django object that is being deleted."""
    if is_sonic_model(type(instance)):
        return  # persistence.remove handles it: it knows whether the object is destroyed
    with transaction.atomic(using=using, savepoint=False):
        for field in referring_fields(type(instance)):
            _apply_policy(field, instance.pk, using, destroys=False, counts={})


def watch_targets() -> None:
    """Listen for deletions of the ordinary models that references with a policy point to."""
    for model in apps.get_models():
        if not is_sonic_model(model) and referring_fields(model):
            pre_delete.connect(_target_deleted, sender=model, dispatch_uid="sonic_policies")


def _watch_late_class(sender: Any, **kwargs: Any) -> None:
    if apps.models_ready:
        watch_targets()


class_prepared.connect(_watch_late_class, dispatch_uid="sonic_late_classes")
