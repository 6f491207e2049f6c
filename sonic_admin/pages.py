"""What the pages of one admin share: their addresses, their templates, their context."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.template.response import TemplateResponse
from django.urls import reverse

if TYPE_CHECKING:
    from django.http import HttpRequest


def page_url(model_admin: Any, name: str, *args: Any) -> str:
    """The address of a page of the admin: ``changelist``, ``change``, ``deleted``, ..."""
    opts, site = model_admin.opts, model_admin.admin_site
    view = f"admin:{opts.app_label}_{opts.model_name}_{name}"
    return reverse(view, args=args, current_app=site.name)


def template_names(opts: Any, name: str) -> list[str]:
    """The templates of a page, best first: a project's own for the class or the app, then ours."""
    app, model = opts.app_label, opts.model_name
    return [f"admin/{app}/{model}/{name}", f"admin/{app}/{name}", f"sonic_admin/{name}"]


def render(
    model_admin: Any, request: HttpRequest, template: Any, *, status: int = 200, **context: Any
) -> TemplateResponse:
    """A page within the frame of the admin site."""
    site = model_admin.admin_site
    request.current_app = site.name
    shared = {
        **site.each_context(request),
        "opts": model_admin.opts,
        "media": model_admin.media,
        "subtitle": None,
    }
    return TemplateResponse(request, template, {**shared, **context}, status=status)
