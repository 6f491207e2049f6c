"""The app: signals that keep the index beside the tables, and the system checks."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class SonicConfig(AppConfig):
    """The app."""

    name = "sonic_django"
    verbose_name = "Sonic"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks, the jobs of the sweep, and the signals."""
        from . import checks  # noqa: F401 - registers itself
        from .fulltext.queue import drain_in_sweep
        from .persistence.expiry import expire
        from .persistence.on_delete import watch_targets
        from .sync import jobs

        watch_targets()
        jobs.register("expiry", expire)
        # Last: an object that is destroyed leaves full text as well.
        jobs.register("full text", drain_in_sweep)
        post_migrate.connect(_start_empty_indexes, dispatch_uid="sonic_start_empty_indexes")


def _start_empty_indexes(sender: AppConfig, using: str, **kwargs: Any) -> None:
    """After ``migrate`` or ``flush``: an empty table has an empty index, and it is built."""
    from .schema.registry import sonic_models
    from .sync.built import start_empty_index
    from .sync.claimed import drop_unknown

    if sender.label == "sonic_django":
        drop_unknown(using)
    for model in sonic_models():
        if model._meta.app_label == sender.label:
            start_empty_index(model._sonic.at(using))
