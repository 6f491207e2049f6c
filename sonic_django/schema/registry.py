"""Which SonicObj classes there are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.apps import apps
from django.core.management.base import CommandError

if TYPE_CHECKING:
    from ..models.base import SonicObj


def sonic_models(*, proxies: bool = False) -> list[type[SonicObj]]:
    """All concrete SonicObj classes of the installed apps, in the order of the apps."""
    from ..models.base import SonicObj

    return [
        model
        for model in apps.get_models()
        if issubclass(model, SonicObj) and (proxies or not model._meta.proxy)
    ]


def named_models(labels: Iterable[str]) -> list[type[SonicObj]]:
    """The classes that ``app`` or ``app.Model`` labels name; all for none. CommandError if a
    label names no SonicObj class."""
    labels = list(labels)
    if not labels:
        return sonic_models()
    known = sonic_models()
    found: list[type[SonicObj]] = []
    for label in labels:
        wanted = label.lower()
        matching = [
            model for model in known if wanted in (model._meta.label_lower, model._meta.app_label)
        ]
        if not matching:
            choices = ", ".join(model._meta.label for model in known) or "none"
            raise CommandError(f"{label!r} names no SonicObj class. There are: {choices}.")
        found.extend(model for model in matching if model not in found)
    return found
