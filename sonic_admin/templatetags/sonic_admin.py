"""The tags of sonic_admin's own templates."""

from __future__ import annotations

from typing import Any

from django import template
from django.contrib.admin.templatetags.admin_list import date_hierarchy
from django.contrib.admin.templatetags.base import InclusionAdminNode

register = template.Library()


class _Asked:
    """A change list for Django's tag, whose questions have been answered already."""

    def __init__(self, changelist: Any) -> None:
        self._changelist = changelist
        self.queryset = getattr(changelist, "dates_bar", None) or changelist.queryset

    def __getattr__(self, name: str) -> Any:
        return getattr(self._changelist, name)


def dates_bar(cl: Any) -> Any:
    """What Django's ``date_hierarchy`` shows."""
    asked: Any = _Asked(cl)
    return date_hierarchy(asked)


@register.tag(name="sonic_date_hierarchy")
def date_hierarchy_tag(parser: Any, token: Any) -> Any:
    """Django's ``{% date_hierarchy cl %}`` and its templates, without round trips of its own."""
    node: Any = InclusionAdminNode  # the stubs know older arguments
    return node(parser, token, dates_bar, "date_hierarchy.html", takes_context=False)
