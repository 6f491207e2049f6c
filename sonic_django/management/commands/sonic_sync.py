"""``sonic_sync``: the sweep, once or as a loop: marked rows and the queue of full text."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, close_old_connections, router
from redis.exceptions import RedisError

from ...models.registry import named_models
from ...sync.sweep import SweepResult, sweep
from .. import console


class Command(BaseCommand):
    help = (
        "Bring the indexes and full text up to date with rows that a crash or a loss of Redis "
        "left behind. Cheap when there is nothing to do."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("labels", nargs="*", metavar="app[.Model]", help="Default: all.")
        parser.add_argument("--database", default=None, help="Default: where the router puts each.")
        parser.add_argument(
            "--loop", type=float, metavar="SECONDS", help="Go on for ever, with pauses this long."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        models = named_models(options["labels"])
        pause: float | None = options["loop"]
        if pause is not None and pause <= 0:
            raise CommandError(f"--loop is {pause}; it must be above 0.")
        while True:
            try:
                results = [self._sweep(model, options["database"]) for model in models]
            except (RedisError, DatabaseError) as error:
                if pause is None:
                    raise CommandError(f"A server does not answer: {error}") from error
                self.stderr.write(f"A server does not answer: {error}; trying again.")
            else:
                if pause is None or any(r.applied or r.texts for _, r in results):
                    self._show(results)
            if pause is None:
                return
            close_old_connections()
            time.sleep(pause)

    def _sweep(self, model: Any, database: str | None) -> tuple[str, SweepResult]:
        return model._meta.label, sweep(model, database or router.db_for_write(model))

    def _show(self, results: list[tuple[str, SweepResult]]) -> None:
        columns = ("class", "marked rows", "applied", "confirmed", "full text")
        rows = [(label, r.checked, r.applied, r.cleared, r.texts) for label, r in results]
        console.table(self.stdout, columns, rows)
