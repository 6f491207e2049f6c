"""Forms that notice a change of the object by another user since the page was opened."""

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
        """False: another version is no entry of the user."""
        return False


class ReferenceChoiceField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """A reference; a softly deleted target is shown with a note instead of being left out."""

    def label_from_instance(self, obj: Any) -> str:
        """The text of a target."""
        label = super().label_from_instance(obj)
        return _("%(object)s (deleted)") % {"object": label} if is_deleted(obj) else label


class TextAreaField(forms.CharField):
    """A text of several lines. The CR LF that browsers send is no change of a line break."""

    def to_python(self, value: Any) -> Any:
        """The text with line feeds alone."""
        text = super().to_python(value)
        return text.replace("\r\n", "\n") if isinstance(text, str) else text


class VersionedForm(_FormBase):
    """Mixed into a ModelForm of a SonicObj class.

    It carries the version of the object that the page shows. If the row has another version by
    now, the form does not validate: its error names the last change and shows the stored values.
    The entries are kept, and a second Save writes them.
    """

    #: The error of a save that failed although the form was valid.
    save_error: str | None = None

    if not TYPE_CHECKING:

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            field = SeenVersionField(required=False)
            if self.instance.pk is not None and not self.instance._state.adding:
                field.initial = self.instance.sonic_version
            self.fields[VERSION_FIELD] = field

    def full_clean(self) -> None:
        """Validate as Django does, then compare the versions."""
        before = dict(vars(self.instance)) if not self.instance._state.adding else {}
        super().full_clean()
        if not self.is_bound:
            return
        self._keep_fractions(before)
        self._compare_versions()
        if self.save_error and not self.errors:
            self.add_error(None, ValidationError(self.save_error, code="save"))

    def _keep_fractions(self, before: dict[str, Any]) -> None:
        """Inputs show whole seconds: a time that was not touched keeps its fraction."""
        for name, value in self.cleaned_data.items():
            if isinstance(value, (datetime, time)) and _shows_as(before.get(name), value):
                setattr(self.instance, name, before[name])

    def _compare_versions(self) -> None:
        """Add an error if the row has another version than the page."""
        seen = self.cleaned_data.get(VERSION_FIELD)
        current = self.fields[VERSION_FIELD].initial
        if seen is not None and current is not None and seen != current and self.changed_data:
            self.add_error(None, ValidationError(self._conflict(), code="conflict"))
            # The next Save is compared with the version that the error shows.
            data = cast(Any, self.data).copy()
            data[self.add_prefix(VERSION_FIELD)] = str(current)
            self.data = data

    def _conflict(self) -> Any:
        """The user who changed the object, the stored values, and the ways to go on."""
        stored = format_html_join(
            "", "<li>{}: {}</li>", ((self._label(n), self._stored(n)) for n in self.changed_data)
        )
        return format_html(
            "<strong>{}</strong> {} <ul>{}</ul> {}",
            last_change(self.instance),
            _("Nothing was saved. These fields differ from your entries; the stored values are:"),
            stored,
            _(
                "Your entries are kept below. Press Save again to put them in place of the stored "
                "values, or reload this page to start from the stored values."
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
    """The form class of an admin with the version check added to it."""
    if issubclass(form, VersionedForm):
        return form
    return type(form.__name__, (VersionedForm, form), {"__module__": form.__module__})


def _shows_as(stored: Any, cleaned: Any) -> bool:
    return type(stored) is type(cleaned) and stored.replace(microsecond=0) == cleaned


def is_deleted(value: Any) -> bool:
    """Whether a value is a softly deleted object."""
    return bool(getattr(value, "is_deleted", False))


def last_change(obj: Any) -> str:
    """The last change of the object that the history of the admin knows. One statement."""
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
