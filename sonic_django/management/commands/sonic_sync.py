"""``sonic_sync``: the sweep, once or as a loop: marked rows and the queue of full text."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import close_old_connections, router
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from ...schema.registry import named_models
from ...sync.sweep import SweepResult, sweep
from .. import console
from ..failures import explained


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
        if pause is None:
            results, failures = self._sweep(models, options["database"])
            self._show(results)
            if failures:
                raise CommandError("\n".join(failures))
            return
        if pause <= 0:
            raise CommandError(f"--loop is {pause}; it must be above 0.")
        while True:
            results, failures = self._sweep(models, options["database"])
            if any(result.applied or result.texts for _, result in results):
                self._show(results)
            for failure in failures:
                self.stderr.write(f"{failure} Trying again.")
            close_old_connections()
            time.sleep(pause)

    def _sweep(
        self, models: list[Any], database: str | None
    ) -> tuple[list[tuple[str, SweepResult]], list[str]]:
        """The results, and what failed. A class that cannot be swept holds up no other; a Redis
        that does not answer is asked once."""
        results, failures = [], []
        for model in models:
            using = database or router.db_for_write(model)
            try:
                with explained(model._meta.label, using):
                    results.append((model._meta.label, sweep(model._sonic.at(using))))
            except CommandError as error:
                failures.append(str(error))
                if isinstance(error.__cause__, (RedisConnectionError, RedisTimeoutError)):
                    break
        return results, failures

    def _show(self, results: list[tuple[str, SweepResult]]) -> None:
        columns = ("class", "marked rows", "applied", "confirmed", "full text", "expired")
        rows = [
            (label, r.checked, r.applied, r.cleared, r.texts, r.expired) for label, r in results
        ]
        console.table(self.stdout, columns, rows)
