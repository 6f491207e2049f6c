"""`manage.py load_packages`: the machine's package lists, or files given, into the catalog."""

from __future__ import annotations

import time
from argparse import ArgumentTypeError
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError, connections, router
from rich.console import Console
from rich.table import Table

from example_project.catalog.generated import ARCHIVE, generated_lines
from example_project.catalog.lists import (
    APT_LISTS,
    ListError,
    archive_name,
    list_lines,
    machine_lists,
)
from example_project.catalog.loading import Loader
from example_project.catalog.models import Package
from example_project.catalog.progress import progress
from example_project.catalog.reading import Skipped, Source, all_stanzas, spread, usable_packages
from example_project.catalog.stanzas import count_stanzas
from sonic_django.exceptions import SonicError

DEFAULT_LIMIT = 5_000
# One transaction and a handful of round trips each; more gains nothing measurable and makes the
# progress bar jump.
DEFAULT_BATCH_SIZE = 500


class Command(BaseCommand):
    help = (
        "Load Debian packages into the catalog, from this machine's own package lists or from "
        "the files given. Loading a list again updates what changed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "files",
            nargs="*",
            type=Path,
            metavar="FILE",
            help="a Packages list, plain or .lz4 .gz .xz .zst .bz2 "
            f"(default: {APT_LISTS}/*_Packages*)",
        )
        amount = parser.add_mutually_exclusive_group()
        amount.add_argument(
            "--limit",
            type=_at_least_one,
            default=DEFAULT_LIMIT,
            metavar="N",
            help="load N stanzas, spread evenly over the lists (default: %(default)s)",
        )
        amount.add_argument("--all", action="store_true", help="load every stanza")
        parser.add_argument(
            "--batch-size",
            type=_at_least_one,
            default=DEFAULT_BATCH_SIZE,
            metavar="N",
            help="packages in one transaction (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # Rich writes lines in several writes; Django's wrapper would end each with a newline.
        self.stdout.ending = ""
        console = Console(
            file=self.stdout,  # type: ignore[arg-type]  # it has all that a Console uses
            no_color=options["no_color"] or None,
            force_terminal=options["force_color"] or None,
            highlight=False,
        )
        self._check_table()
        started = time.monotonic()
        sources = self._sources(options["files"])
        loader, skipped = Loader(), Skipped()
        try:
            total = sum(count_stanzas(source.lines()) for source in sources)
            wanted = total if options["all"] else min(options["limit"], total)
            stanzas = spread(all_stanzas(sources), wanted, total)
            packages = usable_packages(stanzas, skipped)
            with progress(console, "Loading packages", wanted) as advance:
                reported = 0
                while batch := list(islice(packages, options["batch_size"])):
                    loader.store(batch)
                    done = loader.tally.packages + skipped.count
                    advance(done - reported)
                    reported = done
        except IntegrityError as error:
            raise CommandError(
                f"{error} The row is there but the index does not list it: another load is "
                "running, or one was cut off between the two. If none is: manage.py sonic_reindex"
            ) from error
        except (ListError, SonicError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError(
                f"Stopped. {loader.tally.packages:,} packages are in and stay; the same command "
                "goes on from there.",
                returncode=130,
            ) from None
        self._report_skipped(skipped)
        if not loader.tally.packages:
            names = ", ".join(source.name for source in sources)
            raise CommandError(f"No package in {names}. Is it a Packages list?")
        console.print(_summary(loader, skipped, time.monotonic() - started))

    def _check_table(self) -> None:
        connection = connections[router.db_for_write(Package)]
        if Package._meta.db_table not in connection.introspection.table_names():
            raise CommandError("The catalog has no table yet. Make it: manage.py migrate")

    def _sources(self, files: list[Path]) -> list[Source]:
        if paths := files or machine_lists():
            return [Source(str(p), archive_name(p), partial(list_lines, p)) for p in paths]
        self.stderr.write(
            self.style.WARNING(
                f"There are no package lists in {APT_LISTS} (apt-get update makes them). "
                "Loading a small GENERATED set instead: none of these packages exists."
            )
        )
        return [Source("the generated set", ARCHIVE, generated_lines)]

    def _report_skipped(self, skipped: Skipped) -> None:
        for error in skipped.shown:
            self.stderr.write(self.style.WARNING(f"Skipped {error}"))
        if more := skipped.count - len(skipped.shown):
            self.stderr.write(self.style.WARNING(f"... and {more:,} more"))


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or (number := int(text)) < 1:
        raise ArgumentTypeError(f"{text} is not a whole number from 1 up")
    return number


def _summary(loader: Loader, skipped: Skipped, seconds: float) -> Table:
    tally = loader.tally
    read = tally.packages + skipped.count
    table = Table(title="Packages loaded", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for label, number in (
        ("stanzas read", read),
        ("skipped", skipped.count),
        ("packages new", tally.new),
        ("packages changed", tally.changed),
        ("packages unchanged", tally.unchanged),
        ("maintainers new", tally.new_maintainers),
    ):
        table.add_row(label, f"{number:,}")
    table.add_row("seconds", f"{seconds:.1f}")
    table.add_row("stanzas per second", f"{read / max(seconds, 0.001):,.0f}")
    return table
