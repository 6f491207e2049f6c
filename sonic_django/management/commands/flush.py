"""Django's ``flush``, which also empties the index, even where its signal is suppressed."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import flush

from ...schema.registry import sonic_models
from ...sync.tables import start_empty_index


class Command(flush.Command):
    def handle(self, **options: Any) -> None:
        super().handle(**options)
        if options.get("inhibit_post_migrate"):
            for model in sonic_models():
                start_empty_index(model._sonic.at(options["database"]))
