"""The app: once all models are known, each one without an admin gets a SonicModelAdmin."""

from __future__ import annotations

from django.apps import AppConfig


class SonicAdminConfig(AppConfig):
    """``"sonic_admin"`` in ``INSTALLED_APPS``, anywhere."""

    name = "sonic_admin"
    verbose_name = "Sonic admin"

    def import_models(self) -> None:
        """Watch the default site for classes that opt out."""
        super().import_models()
        from .autoregister import remember_opt_outs  # noqa: PLC0415 - it needs the app registry

        # Before any ready(), and so before any admin.py is imported.
        remember_opt_outs()

    def ready(self) -> None:
        """Register the classes that have no admin."""
        from .autoregister import autoregister  # noqa: PLC0415 - it needs the app registry

        autoregister()
