"""Forms that notice when somebody else changed the object since the page was opened."""

from __future__ import annotations

from datetime import datetime, time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib.admin.models import LogEntry
from django.contrib.admin.options import get_content_type_for_model
from django.core.exceptions import ValidationError
from django.utils.html import format_html, format_html_join
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    _FormBase = forms.ModelForm[Any]
else:
    _FormBase = object

VERSION_FIELD = "sonic_seen_version"
#: Characters of a stored value shown in the message about a conflict.
_SHOWN = 120


class SeenVersionField(forms.IntegerField):
    """The version that the page shows. Never a change by itself."""

    widget = forms.HiddenInput

    def has_changed(self, initial: Any, data: Any) -> bool:
        return False


class ReferenceChoiceField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """A reference; a softly deleted target is shown as such instead of as nothing."""

    def label_from_instance(self, obj: Any) -> str:
        label = super().label_from_instance(obj)
        return _("%(object)s (deleted)") % {"object": label} if is_deleted(obj) else label


class TextAreaField(forms.CharField):
    """Browsers send line breaks as CR LF; a text that was not touched is not changed by that."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return text.replace("\r\n", "\n") if isinstance(text, str) else text


class VersionedForm(_FormBase):
    """Mixed into a ModelForm of a SonicObj class.

    It carries the version of the object as it was when the page was made. If the row has another
    one by now, the form does not validate; it says who changed what, shows what is stored, keeps
    what was typed, and a second Save puts that in place.
    """

    #: An error that saving met after the form had been found valid.
    save_error: str | None = None

    if not TYPE_CHECKING:

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            field = SeenVersionField(required=False)
            if self.instance.pk is not None and not self.instance._state.adding:
                field.initial = self.instance.sonic_version
            self.fields[VERSION_FIELD] = field

    def _post_clean(self) -> None:
        before = dict(vars(self.instance)) if not self.instance._state.adding else {}
        super()._post_clean()  # type: ignore[misc]
        for name, value in self.cleaned_data.items():
            if isinstance(value, (datetime, time)) and _shows_as(before.get(name), value):
                # Inputs show whole seconds; a moment that was not touched keeps its fraction.
                setattr(self.instance, name, before[name])
        seen = self.cleaned_data.get(VERSION_FIELD)
        current = self.fields[VERSION_FIELD].initial
        if seen is not None and current is not None and seen != current and self.changed_data:
            self.add_error(None, ValidationError(self._conflict(), code="conflict"))
            # What is typed is saved by the next Save, against the version it was compared with.
            data = cast(Any, self.data).copy()
            data[self.add_prefix(VERSION_FIELD)] = str(current)
            self.data = data
        if self.save_error and not self.errors:
            self.add_error(None, ValidationError(self.save_error, code="save"))

    def _conflict(self) -> Any:
        """Who changed the object, what is stored now, and what to do."""
        stored = format_html_join(
            "", "<li>{}: {}</li>", ((self._label(n), self._stored(n)) for n in self.changed_data)
        )
        return format_html(
            "<strong>{}</strong> {} <ul>{}</ul> {}",
            last_change(self.instance),
            _("Nothing was saved. These fields differ from what you entered; stored are now:"),
            stored,
            _(
                "Your entries are kept below. Press Save again to put them in place of the stored "
                "ones, or open this page anew to start from those."
            ),
        )

    def _label(self, name: str) -> Any:
        return self.fields[name].label or name

    def _stored(self, name: str) -> str:
        """The value in the row, as a person would read it."""
        value: Any = self.get_initial_for_field(self.fields[name], name)
        field = self.fields[name]
        if isinstance(field, forms.ModelChoiceField) and value is not None:
            found = cast(Any, field.queryset).filter(pk=value).first()
            value = field.label_from_instance(found) if found is not None else value
        elif isinstance(field, forms.ChoiceField):
            value = dict(field.choices).get(value, value)  # type: ignore[arg-type]
        if isinstance(value, (list, tuple)):
            value = ", ".join(map(str, value))
        text = "—" if value in (None, "") else str(value)
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


@lru_cache(maxsize=256)
def versioned(form: type[Any]) -> type[Any]:
    """The form class with the version check, whatever form a user's admin names."""
    if issubclass(form, VersionedForm):
        return form
    return type(form.__name__, (VersionedForm, form), {"__module__": form.__module__})


def _shows_as(stored: Any, cleaned: Any) -> bool:
    return type(stored) is type(cleaned) and stored.replace(microsecond=0) == cleaned


def is_deleted(value: Any) -> bool:
    return bool(getattr(value, "is_deleted", False))


def last_change(obj: Any) -> str:
    """Who changed the object last, when and what, as far as the history of the admin knows."""
    entry = (
        LogEntry.objects.filter(content_type=get_content_type_for_model(obj), object_id=str(obj.pk))
        .select_related("user")
        .order_by("-action_time", "-pk")
        .first()
    )
    name = obj._meta.verbose_name
    if entry is None:
        return _("This %(name)s was changed elsewhere since you opened the page.") % {"name": name}
    return _(
        "This %(name)s was changed since you opened the page; last in this admin by %(user)s, "
        "%(when)s ago (%(what)s)."
    ) % {
        "name": name,
        "user": entry.user.get_username(),
        "when": timesince(entry.action_time),
        "what": entry.get_change_message(),
    }
