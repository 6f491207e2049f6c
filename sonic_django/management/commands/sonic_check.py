"""``sonic_check``: compare the stores; with ``--repair`` correct what differs.

The report is the answer, so it is printed at every verbosity, as by Django's showmigrations. At
``--verbosity 0`` there is no progress.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import FieldError
from django.core.management.base import BaseCommand, CommandError
from django.db import router

from ...schema.registry import named_models
from ...sync.check.quick import CheckResult, check
from .. import console
from ..failures import explained

#: Drifts of a class that are printed.
SHOWN = 20
#: Cures for the kinds of drift that ``--repair`` cannot correct.
CURES = {
    "not built": "Build what is not built with sonic_reindex.",
    "full text unreadable": "Rebuild full text with sonic_reindex --fulltext.",
    "duplicate": "Of duplicates, change or delete all but one and run --repair again.",
    "payload": (
        "Restore from a backup the payloads that cannot be read, or delete their rows; give rows "
        "that cannot be indexed the values that their fields need."
    ),
}


class Command(BaseCommand):
    help = (
        "Compare the indexes in Redis with the rows in SQL, by digests that the database works "
        "out; with --deep every entry, full text and the uniques as well. Writers may go on. "
        "Exits with 1 if something differs that was not repaired."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("labels", nargs="*", metavar="app[.Model]", help="Default: all.")
        parser.add_argument("--deep", action="store_true", help="Compare every entry.")
        parser.add_argument("--repair", action="store_true", help="Correct what differs.")
        parser.add_argument("--database", default=None, help="Default: where the router puts each.")
        parser.add_argument("--json", action="store_true", help="Print JSON for machines.")

    def handle(self, *args: Any, **options: Any) -> None:
        self._with_claims: set[str] = set()
        results = [self._check(model, options) for model in named_models(options["labels"])]
        if options["json"]:
            self.stdout.write(json.dumps([result.as_dict() for result in results], indent=2))
        else:
            self._print(results, options["deep"])
        remaining = sum(result.remaining for result in results)
        if remaining:
            raise CommandError(f"{remaining:,} difference(s) remain. {_cures(results, options)}")

    def _check(self, model: Any, options: dict[str, Any]) -> CheckResult:
        using = options["database"] or router.db_for_write(model)
        label = model._meta.label
        is_shown = bool(options["verbosity"]) and not options["json"]
        shown = console.progress(self.stdout, label, is_shown=is_shown)
        # All classes of a database share the claims: they are looked at once.
        claims = bool(model._sonic.uniques) and using not in self._with_claims
        if claims:
            self._with_claims.add(using)
        try:
            with explained(label, using), shown as report:
                return check(
                    model._sonic.at(using),
                    deep=options["deep"],
                    repair=options["repair"],
                    progress=report,
                    claims=claims,
                )
        except FieldError as error:
            raise CommandError(str(error)) from error

    def _print(self, results: list[CheckResult], deep: bool) -> None:
        columns = ["class", "rows", "ranges", "differing"]
        columns += ["entries", "documents", "uniques"] if deep else []
        columns += ["differences", "repaired"]
        rows = []
        for result in results:
            row: list[Any] = [result.label, result.rows, result.ranges, result.differing]
            row += [result.entries, result.documents, result.uniques] if deep else []
            kinds = ", ".join(f"{number:,} {kind}" for kind, number in sorted(result.found.items()))
            rows.append([*row, kinds or "none", result.repairs])
        console.table(self.stdout, columns, rows)
        for result in results:
            for note in result.notes:
                self.stdout.write(f"{result.label}: {note}")
            for drift in result.drifts[:SHOWN]:
                self.stdout.write(f"{result.label}: {drift}")
            more = result.found.total() - min(SHOWN, len(result.drifts))
            if more:
                self.stdout.write(f"{result.label}: and {more:,} more.")


def _cures(results: list[CheckResult], options: dict[str, Any]) -> str:
    left = {kind for result in results for kind, number in (result.found - result.repaired).items()}
    cures = [cure for kind, cure in CURES.items() if kind in left]
    if left - CURES.keys():
        again = "Run it again; the log may say more." if options["repair"] else "Run with --repair."
        cures.insert(0, again)
    return " ".join(cures)
