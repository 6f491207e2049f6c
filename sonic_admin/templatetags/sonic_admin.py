"""The tags of sonic_admin's own templates."""

from __future__ import annotations

from typing import Any

from django import template
from django.contrib.admin.templatetags.admin_list import date_hierarchy
from django.contrib.admin.templatetags.base import InclusionAdminNode

register = template.Library()


class _ListOfDates:
    """A change list for Django's tag, whose queryset has the dates already."""

    def __init__(self, changelist: Any) -> None:
        self.changelist = changelist
        self.queryset = getattr(changelist, "hierarchy", None) or changelist.queryset

    def __getattr__(self, name: str) -> Any:
        return getattr(self.changelist, name)


def prefetched_date_hierarchy(cl: Any) -> Any:
    """The context of Django's ``date_hierarchy``."""
    dates: Any = _ListOfDates(cl)
    return date_hierarchy(dates)


@register.tag(name="sonic_date_hierarchy")
def date_hierarchy_tag(parser: Any, token: Any) -> Any:
    """Django's ``{% date_hierarchy cl %}`` and its templates, without round trips of its own."""
    node: Any = InclusionAdminNode  # the stubs know older arguments
    return node(
        parser, token, prefetched_date_hierarchy, "date_hierarchy.html", takes_context=False
    )
