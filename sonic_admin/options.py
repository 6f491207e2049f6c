"""``SonicModelAdmin``: Django's ModelAdmin over the indexes of a SonicObj class."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin, messages
from django.contrib.admin.options import (
    BaseModelAdmin,
    IncorrectLookupParameters,
    csrf_protect_m,
)
from django.contrib.admin.utils import quote, unquote
from django.contrib.admin.views.main import ERROR_FLAG
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import path
from django.utils.translation import gettext as _

from .capabilities import is_sonic
from .checks import SonicModelAdminChecks
from .listing import changelist, search
from .listing.checkboxes import Checkbox
from .listing.columns import automatic_columns
from .listing.field_filters import automatic_filters
from .listing.filters import IndexFilter
from .listing.lookups import is_lookup_allowed
from .objects import deletion, editing, trash
from .objects.forms import ReferenceChoiceField, TextAreaField, is_deleted, versioned
from .pages import page_url, template_names
from .unavailable import AutocompletePaginator, answers_index_problems

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase
    from django.utils.safestring import SafeString

    _ModelAdmin: Any
else:
    # django-stubs give its attributes types that an instance may not set, and need generics.
    _ModelAdmin = admin.ModelAdmin

#: The parameter by which the page of a problem opens an object by its id.
OPEN_VAR = "_open"


class SonicModelAdmin(_ModelAdmin):  # type: ignore[misc]
    """The admin of a SonicObj class. Every attribute and hook of Django's works as in Django.

    ``list_display``, ``list_filter``, ``search_fields`` and ``autocomplete_fields`` are chosen from
    the declaration of the class where they are not set. A page of the list costs three Redis calls
    and one SQL statement, and one more statement for each class that columns or filters refer to;
    a store that is away or an index that is not built is answered by a page (503).

    Beyond Django's there are ``search_limit``, ``deleted_template``,
    ``destroy_confirmation_template``, ``get_found_ids``, ``get_deleted_queryset``,
    ``get_deleted_object``, ``undelete_model``, ``destroy_model``, ``has_undelete_permission`` and
    ``has_destroy_permission``.
    """

    #: How many of the best matches a full-text search keeps, to be filtered and sorted.
    search_limit: int = 1000
    #: The template of the list of deleted objects, if it is not ``deleted.html`` of the app.
    deleted_template: str | None = None
    #: The template of the page that asks before objects are destroyed.
    destroy_confirmation_template: str | None = None

    checks_class = SonicModelAdminChecks

    class Media:
        css = {"all": ["sonic_admin/sonic_admin.css"]}

    def __init__(self, model: Any, admin_site: Any) -> None:
        """Choose the attributes that the admin does not set. No round trip."""
        super().__init__(model, admin_site)
        if not _sets(self, "list_display"):
            self.list_display = automatic_columns(model)
        if not _sets(self, "search_fields"):
            self.search_fields = search.automatic_search_fields(model)
        if not _sets(self, "search_help_text"):
            self.search_help_text = search.search_help(model, self.search_fields)
        if not _sets(self, "list_filter"):
            self.list_filter = automatic_filters(model)
        for page in (
            "change_list",
            "change_form",
            "delete_confirmation",
            "delete_selected_confirmation",
        ):
            if getattr(self, f"{page}_template") is None:
                setattr(self, f"{page}_template", template_names(self.opts, f"{page}.html"))

    def get_urls(self) -> list[Any]:
        """Django's pages, and ``<app>_<model>_deleted`` and ``<app>_<model>_undelete``."""
        wrap = self.admin_site.admin_view
        info = f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            path("deleted/", wrap(self.deleted_view), name=f"{info}_deleted"),
            path("<path:object_id>/undelete/", wrap(self.undelete_view), name=f"{info}_undelete"),
            *super().get_urls(),
        ]

    # Permissions --------------------------------------------------------------------------------

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may view objects, or would have the right to change them."""
        if super().has_view_permission(request, obj):
            return True
        # Not this class's has_change_permission(), which is False for each deleted object.
        return bool(super().has_change_permission(request, obj))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may change objects. Nobody may change a deleted one."""
        return not is_deleted(obj) and bool(super().has_change_permission(request, obj))

    def has_undelete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may undelete objects: the permission to delete them."""
        codename = f"{self.opts.app_label}.delete_{self.opts.model_name}"
        return bool(cast(Any, request.user).has_perm(codename))

    def has_destroy_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may destroy deleted objects: the permission to undelete them."""
        return self.has_undelete_permission(request, obj)

    # The list -----------------------------------------------------------------------------------

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        """The class of the list, to be extended: ``SonicChangeList``."""
        return changelist.SonicChangeList

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list of this request, with its page loaded and its filters filled.

        IncorrectLookupParameters for a filter or a page that does not exist; IndexUnavailable and
        IndexNotBuilt. A filter whose own index is not built is left out, with a message.
        """
        try:
            listed: Any = super().get_changelist_instance(request)
        except IncorrectLookupParameters as error:
            if ERROR_FLAG not in request.GET:
                messages.error(request, changelist.explained(error))
            raise
        for spec in listed.filter_specs:
            if isinstance(spec, IndexFilter) and spec.problem:
                messages.warning(request, spec.problem)
        return listed

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Whether the address of a list may ask this: across references and lists of references
        only what ``list_filter`` names. No round trip."""
        return is_lookup_allowed(self, lookup, value, request)

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        """The form of each row of ``list_editable``, with the check for changes by others."""
        return versioned(super().get_changelist_form(request, **kwargs))

    def get_paginator(
        self, request: HttpRequest, queryset: Any, per_page: int, *args: Any, **kwargs: Any
    ) -> Any:
        """Django's paginator; for autocomplete one that shows a problem of the index as a line."""
        match = request.resolver_match
        if match is not None and match.url_name == "autocomplete":
            return AutocompletePaginator(queryset, per_page, *args, **kwargs)
        return super().get_paginator(request, queryset, per_page, *args, **kwargs)

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        """(the objects of ``queryset`` that the term finds, False: there are no duplicates).

        In the order of relevance, unless the user sorts by a column or another search field finds
        objects too. One read of Xapian a request.
        """
        term, fields = search_term.strip(), search.SearchFields.of(self.get_search_fields(request))
        if not term or fields.is_empty:
            return queryset, False
        found = self.get_found_ids(request, term, list(fields.full_text))
        return search.narrowed(request, queryset, term, fields, found), False

    def get_found_ids(self, request: HttpRequest, term: str, names: list[str]) -> list[int]:
        """The ids of up to ``search_limit`` best matches in these full-text fields, best first.

        One read of Xapian a request, however often it is called. An error of the full text becomes
        a message to the user, and finds nothing.
        """
        return search.found_ids(request, self.model, term, names, self.search_limit)

    def action_checkbox(self, obj: Any) -> SafeString:
        """The checkbox before a row, as Django's templates show it. Rendered once for all rows."""
        return self._checkbox.of(obj)

    @cached_property
    def _checkbox(self) -> Checkbox:
        return Checkbox.rendered()

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Django's actions; the one that deletes names what a soft deletion takes along."""
        return deletion.with_soft_deletion(super().get_actions(request))

    @answers_index_problems
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        """The page of the list; with ``?_open=<id>`` a redirect to the form of that object.

        Of rows edited in the list either all are saved or, if one lost a race, none.
        """
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        wanted = request.GET.get(OPEN_VAR, "").strip()
        if wanted:
            return HttpResponseRedirect(page_url(self, "change", quote(wanted)))
        context = {"sonic_deleted_url": page_url(self, "deleted"), **(extra_context or {})}
        try:
            return cast("HttpResponseBase", super().changelist_view(request, context))
        except editing.LOST_RACES as error:
            messages.error(request, _("Nothing was saved. %(error)s") % {"error": error})
            return HttpResponseRedirect(request.get_full_path())

    # The form -----------------------------------------------------------------------------------

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """The object of an id, also a deleted one, or None. One statement, or two."""
        obj = super().get_object(request, object_id, from_field)
        return self.get_deleted_object(request, object_id) if obj is None else obj

    def get_autocomplete_fields(self, request: HttpRequest) -> list[str]:
        """``autocomplete_fields``, and each other reference to a class that this site can search.

        References with a widget of their own (``raw_id_fields``, ``radio_fields``) are left out.
        """
        return [*self.autocomplete_fields, *editing.searchable_references(self, request)]

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """The form class, with the check for changes by others added to ``form``."""
        kwargs["form"] = versioned(kwargs.get("form", self.form))
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.save_error = editing.lost_race(request)
        return form

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Django's form field; a reference that cannot be searched is entered as an id."""
        if not kwargs.get("widget") and editing.is_entered_as_id(self, db_field, request):
            kwargs["widget"] = editing.id_widget(self, db_field, kwargs.get("using"))
            return self.formfield_for_foreignkey(db_field, request, **kwargs)
        if editing.is_text_area(db_field):
            kwargs.setdefault("form_class", TextAreaField)
        return editing.styled(super().formfield_for_dbfield(db_field, request, **kwargs))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Django's form field; a deleted target of a SonicObj class is shown as deleted."""
        if is_sonic(db_field.remote_field.model):
            kwargs.setdefault("form_class", ReferenceChoiceField)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_field_queryset(self, db: Any, db_field: Any, request: HttpRequest) -> Any:
        """The targets of a reference: of a SonicObj class its rows, so that the form works while
        Redis is away. No round trip."""
        rows = editing.targets_by_id(db, db_field)
        return super().get_field_queryset(db, db_field, request) if rows is None else rows

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """The form page, with the keys that no field declares, and a note if it is deleted."""
        obj = kwargs.get("obj")
        if obj is not None:
            context.update(editing.form_context(self, request, obj))
        return super().render_change_form(request, context, *args, **kwargs)

    @answers_index_problems
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponseBase:
        """The page that adds or changes; a save that lost a race is an error on its form."""
        view = super().changeform_view
        return editing.save_again_as_error(
            request, lambda: view(request, object_id, form_url, extra_context)
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponseBase:
        """The page that changes an object; saving a deleted object leads to its page instead."""
        is_change = request.method == "POST" and "_saveasnew" not in request.POST
        refused = editing.refuse_deleted(self, request, object_id) if is_change else None
        if refused is not None:
            return refused
        return cast(
            "HttpResponseBase", super().change_view(request, object_id, form_url, extra_context)
        )

    # Deletion -----------------------------------------------------------------------------------

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """(objects, number by class, classes the user may not delete, protecting objects).

        Django's answer, and the objects of SonicObj classes that refer to these. Two Redis calls
        and one statement for each of their references.
        """
        return deletion.touched_by_deletion(self.model, objs, request, self.admin_site)

    @answers_index_problems
    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponseBase:
        """The page that asks, then deletes softly; for a deleted object a redirect to its page."""
        refused = editing.refuse_deleted(self, request, object_id)
        if refused is not None:
            return refused
        return cast("HttpResponseBase", super().delete_view(request, object_id, extra_context))

    # Deleted objects ----------------------------------------------------------------------------

    def get_deleted_queryset(self, request: HttpRequest) -> Any:
        """The deleted objects that the user may see, newest first. No round trip.

        Deleted objects are in no index. An admin whose ``get_queryset`` filters shows none of them
        until it overrides this.
        """
        return trash.deleted_queryset(self.get_queryset(request))

    def get_deleted_object(self, request: HttpRequest, object_id: str) -> Any:
        """The deleted object of an id, or None. One statement."""
        try:
            return self.get_deleted_queryset(request).get(pk=object_id)
        except (self.model.DoesNotExist, ValueError):
            return None

    def undelete_model(self, request: HttpRequest, obj: Any) -> None:
        """Undelete one object. UniqueViolation if another one has taken a unique value.

        One statement and one Redis call, and one more statement with uniques.
        """
        obj.undelete()

    def destroy_model(self, request: HttpRequest, obj: Any) -> None:
        """Remove one deleted object for good. Two statements and one Redis call."""
        obj.destroy()

    @csrf_protect_m  # type: ignore[untyped-decorator]  # django-stubs leave it so
    @answers_index_problems
    def deleted_view(self, request: HttpRequest) -> HttpResponseBase:
        """The list of deleted objects; a POST undeletes or destroys the selected ones.

        PermissionDenied without the right to view objects, or to do what is asked for.
        """
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            return trash.act_on_selected(self, request)
        return trash.list_page(self, request)

    @csrf_protect_m  # type: ignore[untyped-decorator]  # django-stubs leave it so
    def undelete_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Undelete one object, by a POST from its page. PermissionDenied without the right to."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        obj = self.get_deleted_object(request, unquote(object_id))
        if not self.has_undelete_permission(request, obj):
            raise PermissionDenied
        if obj is not None:
            trash.undelete(self, request, [obj])
        return HttpResponseRedirect(page_url(self, "change", quote(unquote(object_id))))


def _sets(model_admin: SonicModelAdmin, name: str) -> bool:
    """Whether the admin or a class it derives from sets an attribute, even to nothing."""
    return any(
        name in vars(base)
        for base in type(model_admin).__mro__
        if base not in (admin.ModelAdmin, BaseModelAdmin)
    )
