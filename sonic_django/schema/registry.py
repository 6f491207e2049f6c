"""The SonicObj classes of the project."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.core.management.base import CommandError


def is_sonic_model(model: Any) -> bool:
    """Whether the class is a SonicObj. Its schema is not built."""
    return any("_sonic" in vars(base) for base in model.__mro__)


def sonic_models(*, proxies: bool = False) -> list[Any]:
    """All concrete SonicObj classes of the installed apps, in the order of the apps."""
    return [
        model
        for model in apps.get_models()
        if is_sonic_model(model) and (proxies or not model._meta.proxy)
    ]


def named_models(labels: Iterable[str]) -> list[Any]:
    """The classes named by ``app`` or ``app.Model`` labels; without labels, all classes.

    CommandError if a label names no SonicObj class.
    """
    labels = list(labels)
    if not labels:
        return sonic_models()
    known = sonic_models()
    found: list[Any] = []
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
