"""The lookups that the address of a list may ask: those that tell nothing of objects of other
classes.

Django refuses a lookup across a reference unless ``list_filter`` has it: by many questions of
beginnings, a user who may see a list could read each field of the objects that it refers to, the
hash of a password too. Django knows only relations of columns. This knows those of payloads: lists
of references, and computed values of their targets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.contrib.admin import SimpleListFilter, widgets
from django.core.exceptions import FieldDoesNotExist
from django.db.models.constants import LOOKUP_SEP

from sonic_django.fields.names import LOOKUPS
from sonic_django.query.joins import target_of

if TYPE_CHECKING:
    from django.http import HttpRequest

#: The lookups of our filters that querysets do not have.
_OF_FILTERS = frozenset(["isempty"])


def is_lookup_allowed(model_admin: Any, lookup: str, value: Any, request: HttpRequest) -> bool:
    """Whether a list may be filtered by this parameter of its address. No round trip."""
    if _is_limit_of_choices(model_admin.model, lookup, value):
        return True
    names, rest, is_reference = _path(model_admin.model, lookup)
    named = set(_named_by(model_admin, request))
    if LOOKUP_SEP.join([*names, *rest[:1]]) in named:
        return True
    if is_reference and not _is_plain(rest):
        return False
    return len(names) < 2 or LOOKUP_SEP.join(names) in named


def _path(model: Any, lookup: str) -> tuple[list[str], list[str], bool]:
    """The fields on the way of a lookup, the parts behind them, and whether the last field is a
    reference. The id of a target, which the reference itself holds, is no field on the way."""
    names: list[str] = []
    parts = lookup.split(LOOKUP_SEP)
    target = model
    for position, part in enumerate(parts):
        if target is None:
            return names, parts[position:], False
        if len(names) == 1 and part in LOOKUPS:
            # Lookups are tried before fields of the target: one may be named "exact".
            return names, parts[position:], True
        own_key = target._meta.pk
        if names and part in ("pk", own_key.name) and not own_key.is_relation:
            return names, parts[position + 1 :], True
        try:
            field = target._meta.get_field(own_key.name if part == "pk" else part)
        except FieldDoesNotExist:
            return names, parts[position:], bool(names)
        names.append(field.name)
        target = target_of(field) or field.related_model
    return names, [], target is not None


def _is_plain(rest: list[str]) -> bool:
    """Whether these parts behind a reference are about the reference alone."""
    return not rest or (len(rest) == 1 and rest[0] in LOOKUPS | _OF_FILTERS)


def _named_by(model_admin: Any, request: HttpRequest) -> Iterator[Any]:
    """The lookups that the admin itself offers."""
    yield model_admin.date_hierarchy
    for item in model_admin.get_list_filter(request):
        if isinstance(item, type) and issubclass(item, SimpleListFilter):
            yield item.parameter_name
        else:
            yield item[0] if isinstance(item, (list, tuple)) else item


def _is_limit_of_choices(model: Any, lookup: str, value: Any) -> bool:
    """Whether a popup of a form asks: it passes on the ``limit_choices_to`` of a reference."""
    for limit in model._meta.related_fkey_lookups:
        given = limit() if callable(limit) else limit
        if (lookup, value) in widgets.url_params_from_lookup_dict(given).items():
            return True
    return False
