"""Form fields for values that Django has no form field for."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError


class LinesWidget(forms.Textarea):
    """A text area with one element a line."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"rows": 4, "cols": 40, **(attrs or {})})

    def format_value(self, value: Any) -> str | None:
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
        try:
            return list(initial or []) != self.to_python(data)
        except ValidationError:
            return True


class ReferenceListFormField(ListFormField):
    """Ids one a line; every one must be that of an object."""

    def __init__(self, *, target: Any, **kwargs: Any) -> None:
        self.target = target
        kwargs["help_text"] = kwargs.get("help_text") or (
            f"Ids of {target._meta.verbose_name_plural}, one a line."
        )
        super().__init__(element=forms.IntegerField(min_value=1), **kwargs)

    def clean(self, value: Any) -> Any:
        ids = super().clean(value)
        found = self.target._default_manager.in_bulk(ids)
        missing = [str(id) for id in ids if id not in found]
        if missing:
            raise ValidationError(
                f"There is no {self.target._meta.verbose_name} with the id {', '.join(missing)}."
            )
        return [found[id] for id in ids]
