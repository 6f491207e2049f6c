"""``select_related()``: the objects that references point to, one statement for each reference."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.core.exceptions import FieldError
from django.db.models.constants import LOOKUP_SEP


def attach_references(objects: Sequence[Any], paths: Iterable[str], using: str) -> None:
    """Load the objects that references point to: one statement for each reference on a path."""
    grouped: dict[str, list[str]] = {}
    for path in paths:
        name, _, rest = path.partition(LOOKUP_SEP)
        grouped.setdefault(name, [])
        if rest:
            grouped[name].append(rest)
    for name, rests in grouped.items():
        if not objects:
            return
        field = type(objects[0])._meta.get_field(name)
        if not field.is_relation or field.many_to_many or field.one_to_many:
            raise FieldError(
                f"select_related({name!r}): {field.model._meta.label}.{name} is no reference."
            )
        target = field.remote_field.model
        wanted = {getattr(obj, field.attname) for obj in objects} - {None}
        found = target._base_manager.using(using).in_bulk(list(wanted)) if wanted else {}
        for obj in objects:
            key = getattr(obj, field.attname)
            if key is None:
                field.set_cached_value(obj, None)
            elif key in found:
                field.set_cached_value(obj, found[key])
        if rests:
            attach_references(list(found.values()), rests, using)
