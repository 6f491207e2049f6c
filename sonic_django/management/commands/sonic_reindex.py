"""``sonic_reindex``: build or rebuild indexes from the rows, while readers and writers go on."""

from __future__ import annotations

from argparse import ArgumentParser
from functools import partial
from typing import Any

from django.core.exceptions import FieldError
from django.core.management.base import BaseCommand, CommandError
from django.db import router

from ...exceptions import RebuildUndone
from ...schema.registry import named_models
from ...sync import rebuild
from ...sync.check.report import Drift
from ...sync.rebuild import BATCH
from .. import console
from ..failures import explained

#: Duplicates of a class that are printed.
SHOWN = 20


class Command(BaseCommand):
    help = (
        "Build the indexes in Redis from the rows in SQL. A healthy index answers throughout; a "
        "run that was stopped within the last hour goes on where it was."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("labels", nargs="*", metavar="app[.Model]", help="Default: all.")
        parser.add_argument("--index", metavar="NAME", help="Only classes with this index.")
        parser.add_argument(
            "--fulltext", action="store_true", help="Rebuild full text instead of the indexes."
        )
        parser.add_argument("--database", default=None, help="Default: where the router puts each.")
        parser.add_argument(
            "--batch-size", type=int, default=BATCH, help=f"Rows read at a time ({BATCH})."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["batch_size"] < 1:
            raise CommandError(f"--batch-size is {options['batch_size']}; it must be 1 or more.")
        models = named_models(options["labels"])
        if options["index"]:
            models = self._with_index(models, options["index"])
        if options["fulltext"]:
            models = [model for model in models if model._sonic.text_fields]
            if not models:
                self._say(options, "None of these classes declares fulltext_indexes.")
        unreadable: list[str] = []
        for model in models:
            using = options["database"] or router.db_for_write(model)
            duplicates: list[Drift] = []
            work: Any = rebuild.rebuild_fulltext
            if not options["fulltext"]:
                work = partial(
                    rebuild.rebuild,
                    on_duplicate=duplicates.append,
                    on_unreadable=lambda id, message: unreadable.append(message),
                )
            try:
                with (
                    explained(model._meta.label, using),
                    console.progress(
                        self.stdout, model._meta.label, is_shown=bool(options["verbosity"])
                    ) as report,
                ):
                    rows = work(
                        model._sonic.at(using), batch_size=options["batch_size"], progress=report
                    )
            except (FieldError, RebuildUndone) as error:
                raise CommandError(str(error)) from error
            what = "full text" if options["fulltext"] else "indexes"
            self._say(options, f"{model._meta.label}: {what} of {rows:,} row(s) built.")
            if options["verbosity"]:
                self._show(model._meta.label, duplicates)
        if unreadable:
            raise CommandError(
                f"{len(unreadable)} row(s) cannot be read and are not indexed; all others are. "
                f"Restore them from a backup, give them the values that they lack, or remove "
                f"them: {'; '.join(unreadable[:SHOWN])}"
            )

    def _say(self, options: dict[str, Any], line: str) -> None:
        if options["verbosity"]:
            self.stdout.write(line)

    def _show(self, label: str, duplicates: list[Drift]) -> None:
        for drift in duplicates[:SHOWN]:
            self.stdout.write(self.style.WARNING(f"{label}: {drift}"))
        if len(duplicates) > SHOWN:
            self.stdout.write(f"{label}: and {len(duplicates) - SHOWN:,} duplicates more.")

    def _with_index(self, models: list[Any], name: str) -> list[Any]:
        having = [model for model in models if name in model._sonic.indexes or name == "ids"]
        if not having:
            known = "; ".join(
                f"{model._meta.label}: {', '.join(model._sonic.indexes) or 'none'}"
                for model in models
            )
            raise CommandError(f"No class here has an index {name!r}. There are: {known}.")
        return having
