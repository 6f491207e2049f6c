"""The checkbox before each row of a list: Django's, whose templates are rendered once for all rows.

Rendering three templates for each of a hundred rows is a fifth of what a list takes.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django import forms
from django.contrib.admin import helpers
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from ..mixins import Part

_VALUE, _LABEL = "sonic-checkbox-value", "sonic-checkbox-label"


class CheckboxOptions(Part):  # type: ignore[misc]  # see parts.py
    """The part of SonicModelAdmin that makes the column of checkboxes."""

    def action_checkbox(self, obj: Any) -> SafeString:
        label = format_html(_("Select this object for an action - {}"), str(obj))
        before, between, behind, is_value_first = self._checkbox_parts
        texts = (escape(obj.pk), label) if is_value_first else (label, escape(obj.pk))
        return mark_safe(f"{before}{texts[0]}{between}{texts[1]}{behind}")

    @cached_property
    def _checkbox_parts(self) -> tuple[str, str, str, bool]:
        """The checkbox as the project's templates show it, around the row's key and label."""
        attributes = {"class": "action-select", "aria-label": _LABEL}
        checkbox = forms.CheckboxInput(attributes, lambda value: False)
        html = checkbox.render(helpers.ACTION_CHECKBOX_NAME, _VALUE)
        is_value_first = html.index(_VALUE) < html.index(_LABEL)
        first, second = (_VALUE, _LABEL) if is_value_first else (_LABEL, _VALUE)
        before, _first, rest = html.partition(first)
        between, _second, behind = rest.partition(second)
        return before, between, behind, is_value_first
