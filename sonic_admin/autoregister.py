"""Every concrete SonicObj class on the default admin site, except those that opted out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.admin.exceptions import NotRegistered
from django.db.models import Model

from sonic_django.models.base import SonicObj
from sonic_django.schema.registry import sonic_models

_opted_out: set[type[Model]] = set()


def remember_opt_outs() -> None:
    """Let an ``admin.py`` unregister a class that is registered only after it, by ``autoregister``.

    Django calls that NotRegistered. Until ``autoregister`` has run, the default site takes it for
    what it means: the class shall not appear.
    """
    site = _default_site()

    def unregister(given: type[Model] | Iterable[type[Model]]) -> None:
        for model in [given] if isinstance(given, type) else given:
            try:
                type(site).unregister(site, model)
            except NotRegistered:
                if not issubclass(model, SonicObj):
                    raise
            if issubclass(model, SonicObj):
                _opted_out.add(model)

    site.unregister = unregister


def autoregister() -> None:
    """Import every ``admin.py``, then register what they left out. May run more than once."""
    from .listing.field_filters import register_filters
    from .options import SonicModelAdmin

    register_filters()

    site = _default_site()
    # Imports happen once: in whatever order the apps stand, the users' own come first.
    admin.autodiscover()
    vars(site).pop("unregister", None)
    for model in sonic_models():
        if not site.is_registered(model) and model not in _opted_out:
            site.register(model, SonicModelAdmin)


def _default_site() -> Any:
    """The site behind Django's lazy ``admin.site``."""
    site: Any = admin.site
    site.name  # noqa: B018 - a lazy object is set up at the first look
    return site._wrapped
