"""Deletion: what it takes along, named before it is confirmed; and the action for many objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib import admin
from django.contrib.admin.actions import delete_selected as django_delete_selected
from django.contrib.admin.utils import get_deleted_objects, quote
from django.db import models
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_lazy

from sonic_django.fields.references import referring_fields

if TYPE_CHECKING:
    from django.http import HttpRequest

#: Referring objects named on the page that asks for confirmation; of the others, the number.
MOST_NAMED = 50


class Touched(NamedTuple):
    """The objects that a deletion touches, in the order of Django's ``get_deleted_objects``."""

    to_delete: list[Any]
    #: The number of objects by the plural name of their class.
    model_count: dict[str, int]
    #: The names of the classes that the user may not delete.
    perms_needed: set[str]
    #: The objects that forbid the deletion.
    protected: list[Any]


def touched_by_deletion(
    model: type[models.Model], objs: Any, request: HttpRequest, site: Any
) -> Touched:
    """Django's answer, and the SonicObj objects that refer to these by ``obj_field``.

    Two Redis calls and one statement for each reference that has a policy.
    """
    to_delete, counts, needed, protected = get_deleted_objects(objs, request, site)
    touched = Touched(list(to_delete), dict(counts), set(needed), list(protected))
    for referring in _referring(model, objs):
        described = [describe(obj, site) for obj in referring.some]
        if referring.number > len(described):
            described.append(gettext("and %d more") % (referring.number - len(described)))
        if referring.policy is not models.CASCADE:
            touched.protected.extend(described)
            continue
        opts = referring.model._meta
        name = str(opts.verbose_name_plural)
        touched.to_delete.append(described)
        touched.model_count[name] = touched.model_count.get(name, 0) + referring.number
        if not _may_delete(referring.model, site, request):
            touched.perms_needed.add(str(opts.verbose_name))
    return touched


class Referring(NamedTuple):
    """The objects that refer to those deleted by one field."""

    model: type[models.Model]
    #: CASCADE, PROTECT or RESTRICT.
    policy: Any
    some: list[Any]
    number: int


def _referring(model: type[models.Model], objs: Iterable[Any]) -> Iterator[Referring]:
    """The referring objects of each reference whose policy matters here, where there are any."""
    fields = [
        field
        for field in referring_fields(model)
        if field.policy in (models.CASCADE, models.PROTECT, models.RESTRICT)
    ]
    if not fields:
        return
    keys = [obj.pk for obj in objs]
    for field in fields:
        referring = field.model.objects.filter(**{f"{field.name}__in": keys})
        number = referring.count()
        if number:
            yield Referring(field.model, field.policy, list(referring[:MOST_NAMED]), number)


def describe(obj: Any, site: Any) -> Any:
    """The kind of an object and its name, as a link where it has a page."""
    opts = obj._meta
    try:
        name = f"{site.name}:{opts.app_label}_{opts.model_name}_change"
        address = reverse(name, args=(quote(obj.pk),))
    except NoReverseMatch:
        return f"{capfirst(opts.verbose_name)}: {obj}"
    return format_html('{}: <a href="{}">{}</a>', capfirst(opts.verbose_name), address, obj)


def _may_delete(model: type[models.Model], site: Any, request: HttpRequest) -> bool:
    if not site.is_registered(model):
        return True
    return bool(site.get_model_admin(model).has_delete_permission(request))


def with_soft_deletion(actions: dict[str, Any]) -> dict[str, Any]:
    """The actions of a list; Django's action to delete becomes the one of this module."""
    function, name, description = actions.get("delete_selected", (None, "", ""))
    if function is django_delete_selected:
        actions["delete_selected"] = (delete_selected, name, description)
    return actions


@admin.action(
    permissions=["delete"], description=gettext_lazy("Delete selected %(verbose_name_plural)s")
)
def delete_selected(modeladmin: Any, request: HttpRequest, queryset: Any) -> Any:
    """Django's action; its second page does not post the ids where all of a list are selected."""
    response: Any = django_delete_selected(modeladmin, request, queryset)
    if response is not None:
        response.context_data["select_across"] = request.POST.get("select_across") == "1"
    return response
