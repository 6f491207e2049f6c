"""The form page: references without a list of all rows, lost races, deleted objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.admin import widgets
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.admin.utils import quote, unquote
from django.db import models
from django.http import HttpResponseRedirect
from django.utils.translation import gettext as _

from sonic_django.exceptions import StaleObjectError, UniqueViolation
from sonic_django.fields.form_fields import ListFormField

from ..capabilities import is_sonic
from ..pages import page_url
from .forms import is_deleted

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase

#: The errors of a save that another writer preceded: it took a unique value or changed the row.
LOST_RACES = (UniqueViolation, StaleObjectError)

# References -------------------------------------------------------------------------------------


def searchable_references(model_admin: Any, request: HttpRequest) -> list[str]:
    """The references without a widget of their own whose targets this site can search."""
    chosen = [
        *model_admin.raw_id_fields,
        *model_admin.radio_fields,
        *model_admin.autocomplete_fields,
    ]
    return [
        field.name
        for field in model_admin.opts.fields
        if isinstance(field, models.ForeignKey)
        and field.name not in chosen
        and _can_search(model_admin.admin_site, field.remote_field.model, request)
    ]


def _can_search(site: Any, model: Any, request: HttpRequest) -> bool:
    try:
        return bool(site.get_model_admin(model).get_search_fields(request))
    except NotRegistered:
        return False


def is_entered_as_id(model_admin: Any, db_field: Any, request: HttpRequest) -> bool:
    """Whether a field is a reference whose targets cannot be searched: a select would read all."""
    if not isinstance(db_field, models.ForeignKey):
        return False
    if db_field.name in (*model_admin.raw_id_fields, *model_admin.radio_fields):
        return False
    return db_field.name not in model_admin.get_autocomplete_fields(request)


def id_widget(model_admin: Any, db_field: Any, using: str | None) -> Any:
    """An input for the id of the target, with a link to a list of them."""
    return widgets.ForeignKeyRawIdWidget(db_field.remote_field, model_admin.admin_site, using=using)


def is_text_area(db_field: Any) -> bool:
    """Whether a field is a text of several lines."""
    return isinstance(db_field, models.TextField) and not db_field.choices


def styled(form_field: Any) -> Any:
    """The form field; a list of values gets the style of a text area as high as it is long."""
    if isinstance(form_field, ListFormField):
        form_field.widget.attrs.setdefault("class", "sonic-lines")
    return form_field


def targets_by_id(db: str | None, db_field: Any) -> Any:
    """The rows of the targets, which are found by id also while Redis is away; None where Django's
    own queryset is needed."""
    target = db_field.remote_field.model
    if is_sonic(target) and not db_field.get_limit_choices_to():
        return target.sql.using(db)
    return None


# Lost races -------------------------------------------------------------------------------------


def save_again_as_error(
    request: HttpRequest, view: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    """Django's form page; a save that lost a race is shown as an error on the form.

    The transaction of the lost save is rolled back. The view then runs once more, and its form
    does not validate.
    """
    try:
        return view()
    except LOST_RACES as error:
        vars(request)["sonic_save_error"] = str(error)
        return view()


def lost_race(request: HttpRequest) -> str | None:
    """The error of the save that this request has tried before."""
    return getattr(request, "sonic_save_error", None)


# Deleted objects --------------------------------------------------------------------------------


def form_context(model_admin: Any, request: HttpRequest, obj: Any) -> dict[str, Any]:
    """The context of the form page beyond Django's."""
    context: dict[str, Any] = {
        "sonic_other_keys": sorted(obj.extra.items(), key=lambda item: str(item[0]))
    }
    if is_deleted(obj):
        context |= {"show_delete": False, "sonic_deleted": True}
        if model_admin.has_undelete_permission(request, obj):
            context["sonic_undelete_url"] = page_url(model_admin, "undelete", quote(obj.pk))
    return context


def refuse_deleted(
    model_admin: Any, request: HttpRequest, object_id: str
) -> HttpResponseBase | None:
    """A redirect from a change of a deleted object to its page, which says so; None for others."""
    obj = model_admin.get_deleted_object(request, unquote(object_id))
    if obj is None:
        return None
    text = _("“%(object)s” was deleted meanwhile. Nothing was changed.") % {"object": obj}
    messages.error(request, text)
    return HttpResponseRedirect(page_url(model_admin, "change", quote(obj.pk)))
