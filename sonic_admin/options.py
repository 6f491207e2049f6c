"""``SonicModelAdmin``: what is not set on it is chosen from the declaration of the class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin, messages
from django.contrib.admin.options import BaseModelAdmin, IncorrectLookupParameters
from django.contrib.admin.utils import quote
from django.contrib.admin.views.main import ERROR_FLAG
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponseRedirect
from django.utils.translation import gettext as _

from .checks import SonicModelAdminChecks
from .listing.changelist import SonicChangeList
from .listing.checkboxes import CheckboxOptions
from .listing.columns import automatic_columns
from .listing.field_filters import automatic_filters
from .listing.filters import IndexFilter
from .listing.search import SearchOptions, automatic_search_fields, search_help
from .objects.deletion import DeletionOptions
from .objects.editing import LOST_RACES, EditingOptions
from .objects.trash import DeletedOptions
from .unavailable import AutocompletePaginator, answering_problems

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase

    _ModelAdmin: Any
else:
    # django-stubs give its attributes types that an instance may not set, and need generics.
    _ModelAdmin = admin.ModelAdmin

#: The parameter by which the page of a problem opens an object by its id.
OPEN_VAR = "_open"


class SonicModelAdmin(
    CheckboxOptions,
    SearchOptions,
    DeletionOptions,
    DeletedOptions,
    EditingOptions,
    _ModelAdmin,  # type: ignore[misc]
):
    """The admin of a SonicObj class; every attribute and hook is Django's.

    Chosen where not set: ``list_display``, ``list_filter``, ``search_fields``. Beyond Django's:
    ``search_limit``, ``deleted_template``, ``destroy_confirmation_template``, ``undelete_model``,
    ``destroy_model``, ``get_deleted_queryset``, ``has_undelete_permission``,
    ``has_destroy_permission``.
    """

    checks_class = SonicModelAdminChecks

    class Media:
        css = {"all": ["sonic_admin/sonic_admin.css"]}

    def __init__(self, model: Any, admin_site: Any) -> None:
        super().__init__(model, admin_site)
        if not self._sets("list_display"):
            self.list_display = automatic_columns(model)
        if not self._sets("search_fields"):
            self.search_fields = automatic_search_fields(model)
        if not self._sets("search_help_text"):
            self.search_help_text = search_help(model, self.search_fields)
        if not self._sets("list_filter"):
            self.list_filter = automatic_filters(model)
        for page in ("change_list", "change_form", "delete_confirmation"):
            self._use_template(f"{page}_template", f"{page}.html")
        self._use_template(
            "delete_selected_confirmation_template", "delete_selected_confirmation.html"
        )

    def _sets(self, name: str) -> bool:
        """Whether the admin or a class it derives from sets an attribute, be it to nothing."""
        return any(
            name in vars(base)
            for base in type(self).__mro__
            if base not in (admin.ModelAdmin, BaseModelAdmin)
        )

    def _use_template(self, attribute: str, name: str) -> None:
        if getattr(self, attribute) is None:
            setattr(self, attribute, self._templates(name))

    # The list -----------------------------------------------------------------------------------

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return SonicChangeList

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        try:
            changelist: Any = super().get_changelist_instance(request)
        except IncorrectLookupParameters as error:
            if ERROR_FLAG not in request.GET:
                messages.error(request, _explained(error))
            raise
        for spec in changelist.filter_specs:
            if isinstance(spec, IndexFilter) and spec.problem:
                messages.warning(request, spec.problem)
        return changelist

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        if request.GET.get(OPEN_VAR, "").strip():
            return HttpResponseRedirect(self._url("change", quote(request.GET[OPEN_VAR].strip())))
        context = {"sonic_deleted_url": self._url("deleted"), **(extra_context or {})}
        with answering_problems(self, request) as answer:
            try:
                return cast("HttpResponseBase", super().changelist_view(request, context))
            except LOST_RACES as error:
                # Rows edited in the list, of which one lost a race: all of them are as before.
                messages.error(request, _("Nothing was saved. %(error)s") % {"error": error})
                return HttpResponseRedirect(request.get_full_path())
        return answer.response

    def get_paginator(
        self, request: HttpRequest, queryset: Any, per_page: int, *args: Any, **kwargs: Any
    ) -> Any:
        match = request.resolver_match
        if match is not None and match.url_name == "autocomplete":
            return AutocompletePaginator(queryset, per_page, *args, **kwargs)
        return super().get_paginator(request, queryset, per_page, *args, **kwargs)

    # The rest, where it needs the index -----------------------------------------------------------

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponseBase:
        with answering_problems(self, request) as answer:
            return super().delete_view(request, object_id, extra_context)
        return answer.response

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponseBase:
        with answering_problems(self, request) as answer:
            return super().changeform_view(request, object_id, form_url, extra_context)
        return answer.response


def _explained(error: IncorrectLookupParameters) -> str:
    """What was wrong with the parameters of a list, in words."""
    cause = error.args[0] if error.args else None
    if isinstance(cause, ValidationError):
        return " ".join(cause.messages)
    if cause is None:
        return _("There is no such page of this list.")
    return _("The list cannot be filtered so: %(error)s") % {"error": cause}
