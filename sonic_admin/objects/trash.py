"""The deleted objects of a class: listed newest first, brought back, or destroyed for good."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.contrib.admin import helpers
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.admin.options import csrf_protect_m, get_content_type_for_model
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import router, transaction
from django.http import HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from sonic_django.exceptions import SonicError, UniqueViolation

from ..mixins import Part
from ..unavailable import answering_problems

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase

#: Clashes of uniques told one by one; of the others, the number.
MOST_CLASHES = 5


class DeletedOptions(Part):  # type: ignore[misc]  # see parts.py
    """The part of SonicModelAdmin that shows, brings back and destroys what was deleted."""

    deleted_template: str | None = None
    destroy_confirmation_template: str | None = None

    # Hooks --------------------------------------------------------------------------------------

    def has_undelete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may delete may take it back."""
        codename = f"{self.opts.app_label}.delete_{self.opts.model_name}"
        return bool(cast(Any, request.user).has_perm(codename))

    def has_destroy_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_undelete_permission(request, obj)

    def get_deleted_queryset(self, request: HttpRequest) -> Any:
        """The deleted objects this user may see, newest first.

        An admin whose ``get_queryset`` filters has to say here which deleted objects are meant,
        since they are in no index; until then it shows none.
        """
        queryset = self.get_queryset(request)
        deleted = queryset.deleted().order_by("-pk")
        return deleted if deleted.can_plan() else queryset.none()

    def get_deleted_object(self, request: HttpRequest, object_id: str) -> Any:
        """A deleted object by its id, or None. One statement."""
        try:
            return self.get_deleted_queryset(request).get(pk=object_id)
        except (self.model.DoesNotExist, ValueError):
            return None

    def undelete_model(self, request: HttpRequest, obj: Any) -> None:
        """Bring one object back. UniqueViolation if another one took a unique value."""
        obj.undelete()

    def destroy_model(self, request: HttpRequest, obj: Any) -> None:
        """Remove one object for good."""
        obj.destroy()

    # Addresses ----------------------------------------------------------------------------------

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        info = f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            path("deleted/", wrap(self.deleted_view), name=f"{info}_deleted"),
            path("<path:object_id>/undelete/", wrap(self.undelete_view), name=f"{info}_undelete"),
            *super().get_urls(),
        ]

    def _url(self, name: str, *args: Any) -> str:
        info = f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}"
        return reverse(info, args=args, current_app=self.admin_site.name)

    # Views --------------------------------------------------------------------------------------

    @csrf_protect_m  # type: ignore[untyped-decorator]  # django-stubs leave it so
    def deleted_view(self, request: HttpRequest) -> HttpResponseBase:
        """The list of the deleted ones; a POST undeletes or destroys those chosen."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        with answering_problems(self, request) as answer:
            if request.method != "POST":
                return self._deleted_list(request)
            chosen = request.POST.getlist(helpers.ACTION_CHECKBOX_NAME)
            keys = [int(key) for key in chosen if key.isdecimal()]
            objects = list(self.get_deleted_queryset(request).filter(pk__in=keys)) if keys else []
            if not objects:
                messages.warning(request, _("Items must be selected first. Nothing was changed."))
                return HttpResponseRedirect(request.get_full_path())
            if request.POST.get("action") == "destroy":
                return self._destroy(request, objects)
            return self._undelete(request, objects)
        return answer.response

    @csrf_protect_m  # type: ignore[untyped-decorator]  # django-stubs leave it so
    def undelete_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Bring one object back, from the button on its page."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        obj = self.get_deleted_object(request, unquote(object_id))
        if not self.has_undelete_permission(request, obj):
            raise PermissionDenied
        if obj is not None:
            self._undelete(request, [obj])
        return HttpResponseRedirect(self._url("change", quote(unquote(object_id))))

    def _deleted_list(self, request: HttpRequest) -> HttpResponseBase:
        paginator = Paginator(self.get_deleted_queryset(request), self.list_per_page)
        page = paginator.get_page(request.GET.get("p"))
        objects = list(page.object_list)
        by_whom = self._deletions([obj.pk for obj in objects])
        return self._render(
            request,
            self.deleted_template or self._templates("deleted.html"),
            title=_("Deleted %(name)s") % {"name": self.opts.verbose_name_plural},
            page=page,
            page_range=paginator.get_elided_page_range(page.number),
            rows=[(obj, by_whom.get(str(obj.pk))) for obj in objects],
            can_undelete=self.has_undelete_permission(request),
            can_destroy=self.has_destroy_permission(request),
        )

    def _undelete(self, request: HttpRequest, objects: Sequence[Any]) -> HttpResponseBase:
        if not all(self.has_undelete_permission(request, obj) for obj in objects):
            raise PermissionDenied
        using = router.db_for_write(self.model)
        done, clashes = [], []
        for obj in objects:
            try:
                # Each by itself: one clash shall not keep the others deleted.
                with transaction.atomic(using=using):
                    self.undelete_model(request, obj)
                    self.log_change(request, obj, _("Undeleted."))
            except SonicError as reason:
                clashes.append((obj, reason))
            else:
                done.append(obj)
        if done:
            text = ngettext(
                "%(name)s was undeleted.",
                "%(count)d %(names)s were undeleted.",
                len(done),
            )
            messages.success(request, text % self._counted(done))
        for obj, error in clashes[:MOST_CLASHES]:
            text = _("“%(object)s” cannot be undeleted: %(error)s") % {
                "object": obj,
                "error": error,
            }
            hint = _("Change or delete the other one first.")
            is_clash = isinstance(error, UniqueViolation)
            messages.error(request, f"{text} {hint}" if is_clash else text)
        if len(clashes) > MOST_CLASHES:
            more = len(clashes) - MOST_CLASHES
            messages.error(request, _("So with %d more.") % more)
        return HttpResponseRedirect(request.get_full_path())

    def _destroy(self, request: HttpRequest, objects: Sequence[Any]) -> HttpResponseBase:
        """Ask first, then remove for good."""
        if not all(self.has_destroy_permission(request, obj) for obj in objects):
            raise PermissionDenied
        # Ordinary models that refer to these lose their objects by the database's cascade.
        touched, counts, lacking, protected = self.get_deleted_objects(objects, request)
        if not request.POST.get("post") or lacking or protected:
            return self._render(
                request,
                self.destroy_confirmation_template or self._templates("destroy_confirmation.html"),
                title=_("Destroy for good"),
                objects=objects,
                deleted_objects=touched,
                model_count=counts.items(),
                perms_lacking=lacking,
                protected=protected,
                action_checkbox_name=helpers.ACTION_CHECKBOX_NAME,
            )
        text = ngettext(
            "%(name)s was destroyed for good.",
            "%(count)d %(names)s were destroyed for good.",
            len(objects),
        ) % self._counted(objects)
        with transaction.atomic(using=router.db_for_write(self.model)):
            LogEntry.objects.log_actions(
                user_id=cast(Any, request.user).pk,
                queryset=objects,
                action_flag=DELETION,
                change_message=_("Destroyed for good."),
            )
            for obj in objects:
                self.destroy_model(request, obj)
        messages.success(request, text)
        return HttpResponseRedirect(self._url("deleted"))

    # Parts --------------------------------------------------------------------------------------

    def _deletions(self, keys: Sequence[Any]) -> dict[str, LogEntry]:
        """The last deletion of each object that the history knows, by its id. One statement."""
        entries = (
            LogEntry.objects.filter(
                content_type=get_content_type_for_model(self.model),
                object_id__in=[str(key) for key in keys],
                action_flag=DELETION,
            )
            .select_related("user")
            .order_by("action_time", "pk")
        )
        return {str(entry.object_id): entry for entry in entries}

    def _counted(self, objects: Sequence[Any]) -> dict[str, Any]:
        first = format_html("“{}”", objects[0])
        return {"name": first, "count": len(objects), "names": self.opts.verbose_name_plural}

    def _templates(self, name: str) -> list[str]:
        """A user's template for the class or the app comes before ours."""
        app, model = self.opts.app_label, self.opts.model_name
        return [f"admin/{app}/{model}/{name}", f"admin/{app}/{name}", f"sonic_admin/{name}"]

    def _render(self, request: HttpRequest, template: Any, **context: Any) -> TemplateResponse:
        request.current_app = self.admin_site.name
        shared = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "subtitle": None,
        }
        return TemplateResponse(request, template, {**shared, **context})
