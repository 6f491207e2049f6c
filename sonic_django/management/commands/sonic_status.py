"""``sonic_status``: what is in each store, side by side."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, router
from redis.exceptions import RedisError

from ...models.registry import named_models
from ...sync.status import ModelStatus, model_status
from .. import console


class Command(BaseCommand):
    help = "Show for each class: rows, indexed, dirty, full-text queue, Redis memory, indexes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("labels", nargs="*", metavar="app[.Model]", help="Default: all.")
        parser.add_argument("--database", default=None, help="Default: where the router puts each.")
        parser.add_argument("--json", action="store_true", help="Print JSON for machines.")

    def handle(self, *args: Any, **options: Any) -> None:
        found = []
        for model in named_models(options["labels"]):
            using = options["database"] or router.db_for_write(model)
            try:
                found.append(model_status(model, using))
            except RedisError as error:
                raise CommandError(f"Redis does not answer: {error}") from error
            except DatabaseError as error:
                raise CommandError(
                    f"{model._meta.label}: {error}. Is the table made? "
                    f"Run migrate or sonic_build_tables."
                ) from error
        if options["json"]:
            self.stdout.write(json.dumps([status.as_dict() for status in found], indent=2))
            return
        columns = ("class", "rows", "indexed", "deleted", "dirty", "text queue", "redis", "built")
        console.table(self.stdout, columns, [self._row(status) for status in found])
        for status in found:
            if status.unbuilt:
                self.stdout.write(
                    f"{status.label}: not built: {', '.join(status.unbuilt)}. "
                    f"Run: python manage.py sonic_reindex {status.label}"
                )

    def _row(self, status: ModelStatus) -> tuple[Any, ...]:
        built = len(status.indexes) - len(status.unbuilt)
        return (
            status.label,
            status.rows,
            status.indexed,
            status.deleted,
            status.dirty,
            status.text_queue,
            console.size(status.redis_bytes),
            f"{built} of {len(status.indexes)}",
        )
