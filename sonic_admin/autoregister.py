"""Every concrete SonicObj class on the default admin site, except those that opted out."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from django.contrib import admin
from django.contrib.admin.exceptions import NotRegistered
from django.core.checks import CheckMessage, Tags, Warning, register
from django.db.models import Model

from sonic_django.schema.registry import sonic_models

from .capabilities import is_sonic
from .listing.field_filters import register_filters
from .options import SonicModelAdmin

_opted_out: set[type[Model]] = set()


def remember_opt_outs() -> None:
    """Let an ``admin.py`` unregister a class before ``autoregister`` has registered it.

    Django calls that NotRegistered. Until ``autoregister`` has run, the default site remembers the
    class instead and leaves it out.
    """
    # Django's site is lazy: its attributes are those of the site behind it.
    site: Any = admin.site
    unregister_at_once = site.unregister

    def unregister(given: type[Model] | Iterable[type[Model]]) -> None:
        for model in [given] if isinstance(given, type) else given:
            try:
                unregister_at_once(model)
            except NotRegistered:
                if not is_sonic(model):
                    raise
            if is_sonic(model):
                _opted_out.add(model)

    site.unregister = unregister


def autoregister() -> None:
    """Import every ``admin.py``, then register the classes they left out. May run repeatedly."""
    register_filters()
    # Imports happen once, so the project's own admins come first in any order of the apps.
    admin.autodiscover()
    with suppress(AttributeError):  # a second run: the site has its own method again
        del admin.site.unregister
    for model in sonic_models():
        if not admin.site.is_registered(model) and model not in _opted_out:
            admin.site.register(model, SonicModelAdmin)


@register(Tags.admin)
def check_plain_admins(**kwargs: Any) -> list[CheckMessage]:
    """sonic_admin.W001: a SonicObj class under a plain ModelAdmin."""
    return [
        Warning(
            f"{model._meta.label} is registered with {type(model_admin).__name__}, which is no "
            f"SonicModelAdmin: sorting by a column or searching a field without index would fail.",
            hint="Derive it from sonic_admin.SonicModelAdmin, or limit sortable_by.",
            obj=type(model_admin),
            id="sonic_admin.W001",
        )
        for model in sonic_models(proxies=True)
        if admin.site.is_registered(model)
        and not isinstance(model_admin := admin.site.get_model_admin(model), SonicModelAdmin)
    ]
