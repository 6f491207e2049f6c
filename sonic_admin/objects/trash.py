"""The deleted objects of a class: listed newest first, undeleted, or destroyed for good."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.contrib.admin import helpers
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.admin.options import get_content_type_for_model
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import router, transaction
from django.http import HttpResponseRedirect
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from sonic_django.exceptions import SonicError, UniqueViolation

from ..pages import page_url, render, template_names

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase

#: Clashes of unique values named one by one; of the others, the number.
MOST_CLASHES = 5


def deleted_queryset(queryset: Any) -> Any:
    """The deleted objects of a queryset, newest first; none where its filter needs an index."""
    deleted = queryset.deleted().order_by("-pk")
    return deleted if deleted.can_plan() else queryset.none()


def list_page(model_admin: Any, request: HttpRequest) -> HttpResponseBase:
    """The list of the deleted objects, with the user who deleted each.

    A statement and a Redis call for the page, and one statement for the history.
    """
    paginator = Paginator(model_admin.get_deleted_queryset(request), model_admin.list_per_page)
    page = paginator.get_page(request.GET.get("p"))
    objects = list(page.object_list)
    deletions = _deletions(model_admin.model, [obj.pk for obj in objects])
    opts = model_admin.opts
    return render(
        model_admin,
        request,
        model_admin.deleted_template or template_names(opts, "deleted.html"),
        title=_("Deleted %(name)s") % {"name": opts.verbose_name_plural},
        page=page,
        page_range=paginator.get_elided_page_range(page.number),
        rows=[(obj, deletions.get(str(obj.pk))) for obj in objects],
        can_undelete=model_admin.has_undelete_permission(request),
        can_destroy=model_admin.has_destroy_permission(request),
    )


def _deletions(model: Any, keys: Sequence[Any]) -> dict[str, LogEntry]:
    """The last deletion of each object that the history knows, by its id. One statement."""
    entries = (
        LogEntry.objects.filter(
            content_type=get_content_type_for_model(model),
            object_id__in=[str(key) for key in keys],
            action_flag=DELETION,
        )
        .select_related("user")
        .order_by("action_time", "pk")
    )
    return {str(entry.object_id): entry for entry in entries}


def selected(model_admin: Any, request: HttpRequest) -> list[Any]:
    """The deleted objects whose boxes are checked in a POST. One statement."""
    chosen = request.POST.getlist(helpers.ACTION_CHECKBOX_NAME)
    keys = [int(key) for key in chosen if key.isdecimal()]
    return list(model_admin.get_deleted_queryset(request).filter(pk__in=keys)) if keys else []


def act_on_selected(model_admin: Any, request: HttpRequest) -> HttpResponseBase:
    """Undelete or destroy the selected objects, as the button says."""
    objects = selected(model_admin, request)
    if not objects:
        messages.warning(request, _("Items must be selected first. Nothing was changed."))
        return HttpResponseRedirect(request.get_full_path())
    if request.POST.get("action") == "destroy":
        return destroy(model_admin, request, objects)
    undelete(model_admin, request, objects)
    return HttpResponseRedirect(request.get_full_path())


def undelete(model_admin: Any, request: HttpRequest, objects: Sequence[Any]) -> None:
    """Undelete objects, each in a transaction of its own, and tell the user the outcome."""
    if not all(model_admin.has_undelete_permission(request, obj) for obj in objects):
        raise PermissionDenied
    using = router.db_for_write(model_admin.model)
    done, clashes = [], []
    for obj in objects:
        try:
            # One clash does not keep the other objects deleted.
            with transaction.atomic(using=using):
                model_admin.undelete_model(request, obj)
                model_admin.log_change(request, obj, _("Undeleted."))
        except SonicError as error:
            clashes.append((obj, error))
        else:
            done.append(obj)
    if done:
        text = ngettext(
            "%(name)s was undeleted.",
            "%(count)d %(names)s were undeleted.",
            len(done),
        )
        messages.success(request, text % _counted(model_admin, done))
    for obj, reason in clashes[:MOST_CLASHES]:
        messages.error(request, _clash(obj, reason))
    if len(clashes) > MOST_CLASHES:
        more = len(clashes) - MOST_CLASHES
        text = ngettext(
            "%d more object cannot be undeleted.", "%d more objects cannot be undeleted.", more
        )
        messages.error(request, text % more)


def _clash(obj: Any, error: SonicError) -> str:
    text = _("“%(object)s” cannot be undeleted: %(error)s") % {"object": obj, "error": error}
    hint = _("Change or delete the other one first.")
    return f"{text} {hint}" if isinstance(error, UniqueViolation) else text


def destroy(model_admin: Any, request: HttpRequest, objects: Sequence[Any]) -> HttpResponseBase:
    """Ask for confirmation; once it is given, remove all objects in one transaction."""
    if not all(model_admin.has_destroy_permission(request, obj) for obj in objects):
        raise PermissionDenied
    # Ordinary models that refer to these lose their objects by the database's cascade.
    touched, counts, lacking, protected = model_admin.get_deleted_objects(objects, request)
    if not request.POST.get("post") or lacking or protected:
        return render(
            model_admin,
            request,
            model_admin.destroy_confirmation_template
            or template_names(model_admin.opts, "destroy_confirmation.html"),
            title=_("Destroy for good"),
            objects=objects,
            deleted_objects=touched,
            model_count=counts.items(),
            perms_lacking=lacking,
            protected=protected,
            action_checkbox_name=helpers.ACTION_CHECKBOX_NAME,
        )
    # Destroyed objects have no id and may have no name, so the message is made before.
    text = ngettext(
        "%(name)s was destroyed for good.",
        "%(count)d %(names)s were destroyed for good.",
        len(objects),
    ) % _counted(model_admin, objects)
    with transaction.atomic(using=router.db_for_write(model_admin.model)):
        LogEntry.objects.log_actions(
            user_id=cast(Any, request.user).pk,
            queryset=objects,
            action_flag=DELETION,
            change_message=_("Destroyed for good."),
        )
        for obj in objects:
            model_admin.destroy_model(request, obj)
    messages.success(request, text)
    return HttpResponseRedirect(page_url(model_admin, "deleted"))


def _counted(model_admin: Any, objects: Sequence[Any]) -> dict[str, Any]:
    """The values of a message about one object by name or about several by number."""
    first = format_html("“{}”", objects[0])
    return {"name": first, "count": len(objects), "names": model_admin.opts.verbose_name_plural}
