"""The app: when all models are known, those that nobody registered get an admin of their own."""

from __future__ import annotations

from django.apps import AppConfig


class SonicAdminConfig(AppConfig):
    name = "sonic_admin"
    verbose_name = "Sonic admin"

    def import_models(self) -> None:
        super().import_models()
        from .autoregister import remember_opt_outs

        # Before any ready(), and so before any admin.py is imported.
        remember_opt_outs()

    def ready(self) -> None:
        from .autoregister import autoregister

        autoregister()
