"""``sonic_status``: the numbers of each store, side by side.

They are the answer, so they are printed at every verbosity, as by Django's showmigrations.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.db import router

from ...schema.registry import named_models
from ...sync.status import ModelStatus, model_status
from ...transport.server_info import Problem, server_facts
from .. import console
from ..failures import explained

#: Rows of a class that are left out of the index, as they are printed.
SHOWN = 20


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
            with explained(model._meta.label, using):
                found.append(model_status(model._sonic.at(using)))
        with explained("sonic_status", ""):
            facts = server_facts()
        problems = [*facts.problems(), *facts.losses()]
        if options["json"]:
            self._print_json(found, problems)
        else:
            self._print(found, problems)

    def _print_json(self, found: list[ModelStatus], problems: list[Problem]) -> None:
        of_the_server = [asdict(problem) for problem in problems]
        shown = [{**status.as_dict(), "problems": of_the_server} for status in found]
        self.stdout.write(json.dumps(shown, indent=2))

    def _print(self, found: list[ModelStatus], problems: list[Problem]) -> None:
        columns = ("class", "rows", "indexed", "deleted", "dirty", "text queue", "redis", "built")
        console.table(self.stdout, columns, [self._row(status) for status in found])
        for status in found:
            if status.unbuilt:
                self.stdout.write(
                    f"{status.label}: not built: {', '.join(status.unbuilt)}. "
                    f"Run: python manage.py sonic_reindex {status.label}"
                )
            if status.unclaimed:
                self.stdout.write(
                    f"{status.label}: uniques that are not known to be claimed for every row: "
                    f"{', '.join(status.unclaimed)}. "
                    f"Run: python manage.py sonic_reindex {status.label}"
                )
        for status in found:
            self._print_left_out(status)
        for problem in problems:
            style = self.style.ERROR if problem.is_error else self.style.WARNING
            self.stdout.write(style(f"{problem.id}: {problem.message} {problem.hint}"))

    def _print_left_out(self, status: ModelStatus) -> None:
        for reason in list(status.left_out.values())[:SHOWN]:
            self.stdout.write(self.style.WARNING(f"{status.label}: left out: {reason}"))
        if len(status.left_out) > SHOWN:
            self.stdout.write(
                f"{status.label}: left out: and {len(status.left_out) - SHOWN:,} more."
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
