"""The admin plug-in: every SonicObj class appears on the default admin site."""

from __future__ import annotations

from django.apps import AppConfig


class SonicAdminConfig(AppConfig):
    name = "sonic_admin"
    verbose_name = "Sonic admin"
