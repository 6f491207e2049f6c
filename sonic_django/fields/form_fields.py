"""Form fields for values that Django has no form field for."""

from __future__ import annotations

from typing import Any

from django import forms
from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder


class LinesWidget(forms.Textarea):
    """A text area with one element a line."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"rows": 4, "cols": 40, **(attrs or {})})

    def format_value(self, value: Any) -> str | None:
        """The elements of a list, one a line."""
        if isinstance(value, (list, tuple)):
            return "\n".join(str(item) for item in value)
        formatted: str | None = super().format_value(value)
        return formatted


class ListFormField(forms.Field):
    """Elements one a line; each is cleaned by the element's own form field."""

    widget = LinesWidget

    def __init__(self, *, element: forms.Field, **kwargs: Any) -> None:
        self.element = element
        kwargs.setdefault("help_text", "")
        kwargs["help_text"] = kwargs["help_text"] or "One a line."
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> list[Any]:
        """The elements of the lines. ValidationError names the line that does not fit."""
        lines = value.splitlines() if isinstance(value, str) else value or []
        cleaned = []
        for number, line in enumerate(lines, start=1):
            text = line.strip() if isinstance(line, str) else line
            if text == "":
                continue
            try:
                cleaned.append(self.element.clean(text))
            except ValidationError as error:
                raise ValidationError(
                    [f"Line {number}, “{text}”: {message}" for message in error.messages]
                ) from error
        return cleaned

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the lines differ from the initial list."""
        try:
            return list(initial or []) != self.to_python(data)
        except ValidationError:
            return True


class ReferenceListFormField(ListFormField):
    """Ids one a line; each must be the id of an object."""

    def __init__(self, *, target: Any, **kwargs: Any) -> None:
        self.target = target
        kwargs["help_text"] = kwargs.get("help_text") or (
            f"Ids of {target._meta.verbose_name_plural}, one a line."
        )
        super().__init__(element=forms.IntegerField(min_value=1), **kwargs)

    def clean(self, value: Any) -> Any:
        """The objects of the ids, loaded with one query. ValidationError lists missing ids."""
        ids = super().clean(value)
        found = self.target._default_manager.in_bulk(ids)
        missing = [str(id) for id in ids if id not in found]
        if missing:
            raise ValidationError(
                f"There is no {self.target._meta.verbose_name} with the id {', '.join(missing)}."
            )
        return [found[id] for id in ids]


class PayloadFormField(forms.JSONField):
    """JSON of a payload's value; the model field decides which values are valid."""

    def __init__(self, *, field: Any, **kwargs: Any) -> None:
        self.field = field
        kwargs.setdefault("encoder", DjangoJSONEncoder)
        super().__init__(**kwargs)

    def value_of(self, parsed: Any) -> Any:
        """The attribute's value for parsed JSON."""
        return self.field.to_python(parsed)

    def clean(self, value: Any) -> Any:
        """The attribute's value. ValidationError if the field cannot hold it."""
        parsed = super().clean(value)
        if parsed in self.empty_values:
            return [] if self.field.many else None
        found = self.value_of(parsed)
        try:
            self.field.to_primitive(found)
        except ValidationError as error:
            raise ValidationError(error.messages) from error
        return found

    def shown(self, value: Any) -> Any:
        """The object whose JSON the form shows for a value."""
        return None if value == [] else value

    def prepare_value(self, value: Any) -> Any:
        """The JSON of a value; nothing for an empty one."""
        shown = self.shown(value)
        return "" if shown is None else super().prepare_value(shown)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the JSON differs from that of the initial value."""
        return bool(super().has_changed(self.shown(initial), data))


class DynamicFormField(PayloadFormField):
    """References are written ``{"model": "blog.blog", "id": 5}``."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs["help_text"] = kwargs.get("help_text") or (
            'JSON: a number, a text in quotes, or {"model": "app.model", "id": 1}.'
        )
        super().__init__(**kwargs)

    def value_of(self, parsed: Any) -> Any:
        """Objects for references, loaded with one query each; other values as they are."""
        if isinstance(parsed, list):
            return [self.value_of(item) for item in parsed]
        if isinstance(parsed, dict) and set(parsed) == {"model", "id"}:
            label, id = self.field.primitive_of((parsed["model"], parsed["id"]))
            model = apps.get_model(label)
            found = model._base_manager.filter(pk=id).first()
            if found is None:
                raise ValidationError(f"There is no {model._meta.verbose_name} with the id {id}.")
            return found
        return parsed

    def shown(self, value: Any) -> Any:
        """References as ``{"model": ..., "id": ...}``."""
        if isinstance(value, tuple):
            return {"model": value[0], "id": value[1]}
        if isinstance(value, list) and value:
            return [self.shown(item) for item in value]
        return super().shown(value)


class EmbeddedFormField(PayloadFormField):
    """The fields of an embedded object as a JSON object, or a list of those."""

    def clean(self, value: Any) -> Any:
        """The embedded objects, whose own ``clean()`` is called."""
        found = super().clean(value)
        for one in found if isinstance(found, list) else [found]:
            if one is not None:
                one.clean()
        return found


class GeoFormField(forms.CharField):
    """A place as ``longitude, latitude``."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs["help_text"] = kwargs.get("help_text") or "Longitude, latitude: 10.75, 59.91"
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        """The tuple as ``longitude, latitude``."""
        return ", ".join(map(str, value)) if isinstance(value, (tuple, list)) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the text differs from that of the initial tuple."""
        return super().has_changed(self.prepare_value(initial), data)


class PasswordFormField(forms.CharField):
    """A new password; left empty, the old one stays. It is never written into the page."""

    widget = forms.PasswordInput

    def __init__(self, **kwargs: Any) -> None:
        kwargs["help_text"] = kwargs.get("help_text") or "Leave it empty to keep the password."
        super().__init__(**{**kwargs, "strip": False})

    def prepare_value(self, value: Any) -> None:
        """None: a password is never written into the page."""
        return

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether a new password was typed."""
        return bool(data)
