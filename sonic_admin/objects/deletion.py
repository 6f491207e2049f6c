"""Deleting in the admin: what a deletion touches, said before it is confirmed; and many at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.admin.actions import delete_selected as django_delete_selected
from django.contrib.admin.utils import get_deleted_objects, quote
from django.db import models
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_lazy

from sonic_django.persistence.on_delete import referring_fields

from ..mixins import Part

if TYPE_CHECKING:
    from django.http import HttpRequest

#: Referring objects named on the page that asks for confirmation; of the others, the number.
MOST_NAMED = 50


class DeletionOptions(Part):  # type: ignore[misc]  # see parts.py
    """The part of SonicModelAdmin that deletes."""

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Django's answer, and the SonicObj objects that refer to these by ``obj_field``."""
        to_delete, counts, lacking, protected = get_deleted_objects(objs, request, self.admin_site)
        counts, lacking = dict(counts), set(lacking)
        for field, found, number in _referring(self.model, objs):
            opts = field.model._meta
            described = [describe(obj, self.admin_site) for obj in found]
            if number > len(found):
                described.append(gettext("and %d more") % (number - len(found)))
            if field.policy in (models.PROTECT, models.RESTRICT):
                protected = [*protected, *described]
            elif field.policy is models.CASCADE:
                to_delete = [*to_delete, cast(Any, described)]
                counts[opts.verbose_name_plural] = counts.get(opts.verbose_name_plural, 0) + number
                if not _may_delete(field.model, self.admin_site, request):
                    lacking.add(str(opts.verbose_name))
        return to_delete, counts, lacking, protected

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Django's action to delete, with words that fit a soft deletion."""
        actions: dict[str, Any] = super().get_actions(request)
        if "delete_selected" in actions and actions["delete_selected"][0] is django_delete_selected:
            _, name, description = actions["delete_selected"]
            actions["delete_selected"] = (delete_selected, name, description)
        return actions


@admin.action(
    permissions=["delete"], description=gettext_lazy("Delete selected %(verbose_name_plural)s")
)
def delete_selected(modeladmin: Any, request: HttpRequest, queryset: Any) -> Any:
    """Django's action; when all of a list are chosen, its second page posts no list of ids."""
    response: Any = django_delete_selected(modeladmin, request, queryset)
    if response is not None:
        response.context_data["select_across"] = request.POST.get("select_across") == "1"
    return response


def describe(obj: Any, site: Any) -> Any:
    """The kind of an object and its name, as a link where it has a page."""
    opts = obj._meta
    try:
        name = f"{site.name}:{opts.app_label}_{opts.model_name}_change"
        address = reverse(name, args=(quote(obj.pk),))
    except NoReverseMatch:
        return f"{capfirst(opts.verbose_name)}: {obj}"
    return format_html('{}: <a href="{}">{}</a>', capfirst(opts.verbose_name), address, obj)


def _referring(
    model: type[models.Model], objs: Iterable[Any]
) -> Iterator[tuple[Any, list[Any], int]]:
    """(field, some of the objects, number of all) for each reference with a policy that matters."""
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
            yield field, list(referring[:MOST_NAMED]), number


def _may_delete(model: type[models.Model], site: Any, request: HttpRequest) -> bool:
    if not site.is_registered(model):
        return True
    return bool(site.get_model_admin(model).has_delete_permission(request))
