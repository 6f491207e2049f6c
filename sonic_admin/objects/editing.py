"""The form page: references without reading all targets, other keys, conflicts, deleted objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

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
from ..mixins import Part
from .forms import ReferenceChoiceField, TextAreaField, versioned

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase

#: Where a request notes that the error of a save goes on the form this time.
_SAVE_ERROR = "_sonic_save_error"
#: A save failed since another one came first: a unique was taken, the row has a newer version.
LOST_RACES = (UniqueViolation, StaleObjectError)


class EditingOptions(Part):  # type: ignore[misc]  # see parts.py
    """The part of SonicModelAdmin that adds and changes."""

    # References ---------------------------------------------------------------------------------

    def get_autocomplete_fields(self, request: HttpRequest) -> list[str]:
        """Those named, and every other reference to a class that this site can search."""
        chosen = [*self.raw_id_fields, *self.radio_fields, *self.autocomplete_fields]
        found = [
            field.name
            for field in self.opts.fields
            if isinstance(field, models.ForeignKey)
            and field.name not in chosen
            and self._can_search(field.remote_field.model, request)
        ]
        return [*self.autocomplete_fields, *found]

    def _can_search(self, model: Any, request: HttpRequest) -> bool:
        try:
            return bool(self.admin_site.get_model_admin(model).get_search_fields(request))
        except NotRegistered:
            return False

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A reference that cannot be searched is typed in as an id: a select would read all."""
        if isinstance(db_field, models.ForeignKey) and not kwargs.get("widget"):
            name = db_field.name
            other = [*self.raw_id_fields, *self.radio_fields]
            if name not in other and name not in self.get_autocomplete_fields(request):
                site, using = self.admin_site, kwargs.get("using")
                rel: Any = db_field.remote_field
                kwargs["widget"] = widgets.ForeignKeyRawIdWidget(rel, site, using=using)
                return self.formfield_for_foreignkey(db_field, request, **kwargs)
        if isinstance(db_field, models.TextField) and not db_field.choices:
            kwargs.setdefault("form_class", TextAreaField)
        form_field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(form_field, ListFormField):
            form_field.widget.attrs.setdefault("class", "sonic-lines")
        return form_field

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if is_sonic(db_field.remote_field.model):
            kwargs.setdefault("form_class", ReferenceChoiceField)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_field_queryset(self, db: Any, db_field: Any, request: HttpRequest) -> Any:
        """Targets are looked up by id, which the rows answer also while Redis is away."""
        target = db_field.remote_field.model
        if is_sonic(target) and not db_field.get_limit_choices_to():
            return target.sql.using(db)
        return super().get_field_queryset(db, db_field, request)

    # Forms --------------------------------------------------------------------------------------

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        form = versioned(kwargs.pop("form", self.form))
        made: Any = super().get_form(request, obj, form=form, **kwargs)
        made.save_error = getattr(request, _SAVE_ERROR, None)
        return made

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        return versioned(super().get_changelist_form(request, **kwargs))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponseBase:
        """Django's view; a save that lost a race is shown on the form, and nothing was saved."""
        given = (request, object_id, form_url, extra_context)
        try:
            return cast("HttpResponseBase", super().changeform_view(*given))
        except LOST_RACES as error:
            setattr(request, _SAVE_ERROR, str(error))
            return cast("HttpResponseBase", super().changeform_view(*given))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        obj = kwargs.get("obj")
        if obj is not None:
            context["sonic_other_keys"] = sorted(obj.extra.items(), key=lambda item: str(item[0]))
            if obj.is_deleted:
                context["show_delete"] = False
                context["sonic_deleted"] = True
                if self.has_undelete_permission(request, obj):
                    context["sonic_undelete_url"] = self._url("undelete", quote(obj.pk))
        return super().render_change_form(request, context, *args, **kwargs)

    # Deleted objects ----------------------------------------------------------------------------

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """Also a deleted object, whose page can be looked at and undeleted."""
        obj = super().get_object(request, object_id, from_field)
        return self.get_deleted_object(request, object_id) if obj is None else obj

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is not None and getattr(obj, "is_deleted", False):
            return False
        return bool(super().has_change_permission(request, obj))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may change a deleted object once it is back may see it."""
        if super().has_view_permission(request, obj):
            return True
        return bool(super().has_change_permission(request, obj))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponseBase:
        if request.method == "POST" and "_saveasnew" not in request.POST:
            response = self._refuse_deleted(request, object_id)
            if response is not None:
                return response
        return cast(
            "HttpResponseBase", super().change_view(request, object_id, form_url, extra_context)
        )

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponseBase:
        response = self._refuse_deleted(request, object_id)
        if response is not None:
            return response
        return cast("HttpResponseBase", super().delete_view(request, object_id, extra_context))

    def _refuse_deleted(self, request: HttpRequest, object_id: str) -> HttpResponseBase | None:
        """A change of what was deleted meanwhile leads to its page, which says so."""
        obj = self.get_deleted_object(request, unquote(object_id))
        if obj is None:
            return None
        text = _("“%(object)s” was deleted meanwhile. Nothing was changed.") % {"object": obj}
        messages.error(request, text)
        return HttpResponseRedirect(self._url("change", quote(obj.pk)))
