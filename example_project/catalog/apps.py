"""The catalog app's name and label."""

from __future__ import annotations

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "example_project.catalog"
    label = "catalog"
    verbose_name = "Debian packages"
