"""Debian's packages, as this machine's package lists have them: Sonic beside Django's ORM."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from random import Random
from typing import Any

from example_project.catalog.lists import archive_name, list_lines, machine_lists
from example_project.catalog.stanzas import StanzaError, read_stanzas
from sonic_django.management import console

from . import blog, tables
from .catalog_contenders import CatalogOrm, CatalogSonic, PackageRow
from .interleave import measure
from .operations import Operation
from .options import Options
from .results import Result

_BATCH = 2000
_REMEMBERED = 20_000


class NoListsError(Exception):
    """This machine has no package lists."""


class Drawing:
    """Draws parameters from the packages loaded, of which it remembers some."""

    def __init__(self) -> None:
        self.rows = 0
        self._packages: list[PackageRow] = []
        self._random = Random(5)

    def add(self, package: PackageRow) -> None:
        """Keep each package with the same probability."""
        self.rows += 1
        kept = package._replace(description="")
        if len(self._packages) < _REMEMBERED:
            self._packages.append(kept)
        elif (position := self._random.randrange(self.rows)) < _REMEMBERED:
            self._packages[position] = kept

    def package(self) -> PackageRow:
        return self._random.choice(self._packages)

    def tagged(self) -> PackageRow:
        while len((package := self.package()).tags) < 2:
            continue
        return package

    def name(self) -> str:
        return self.package().name

    def prefix(self) -> str:
        return self.package().name[:3]

    def section(self) -> str:
        return self.package().section

    def maintainer(self) -> str:
        return self.package().maintainer

    def tag(self) -> str:
        return self._random.choice(self.tagged().tags)

    def two_tags(self) -> tuple[str, str]:
        first, second = self._random.sample(self.tagged().tags, 2)
        return first, second

    def section_tag(self) -> tuple[str, str]:
        package = self.tagged()
        return package.section, self._random.choice(package.tags)

    def size(self) -> int:
        return self.package().installed_size

    def depth(self) -> int:
        return self._random.randrange(max(1, self.rows - 20))

    def nothing(self) -> None:
        return None


def _operation(name: str, label: str, draw: Callable[[Drawing], Any]) -> Operation:
    return Operation(name, label, draw)


OPERATIONS = (
    _operation("by_name", "packages of a name", Drawing.name),
    _operation("prefix", "first 20 names of a prefix", Drawing.prefix),
    _operation("section_page", "20 of a section by name", Drawing.section),
    _operation("maintainer_page", "newest 20 of a maintainer", Drawing.maintainer),
    _operation("depth_page", "20 by name at a random depth", Drawing.depth),
    _operation("size_range", "first 20 from a size", Drawing.size),
    _operation("section_count", "count of a section", Drawing.section),
    _operation("tag_count", "count of a tag", Drawing.tag),
    _operation("two_tags_count", "count of tag and tag", Drawing.two_tags),
    _operation("section_tag_count", "count of section and tag", Drawing.section_tag),
    _operation("sections_facet", "facet of sections, first 20", Drawing.nothing),
    _operation("tags_facet", "facet of tags, first 20", Drawing.nothing),
    _operation("section_tags_facet", "facet of a section's tags", Drawing.section),
)


def run(options: Options, report: Callable[[str], None]) -> list[Result]:
    try:
        packages = _packages()
        first = next(packages)
    except (NoListsError, StopIteration):
        report("WITHOUT debian: this machine has no package lists (apt-get update fetches them)")
        return []
    blog.make_tables()
    contenders: list[Any] = [CatalogSonic(), CatalogOrm()]
    drawing = Drawing()
    with console.progress(sys.stderr, "loading packages") as bar:
        batch = [first, *islice(packages, min(_BATCH, options.rows) - 1)]
        while batch:
            for contender in contenders:
                contender.load(batch)
            for package in batch:
                drawing.add(package)
            bar(drawing.rows, options.rows)
            batch = list(islice(packages, min(_BATCH, options.rows - drawing.rows)))
    measured = []
    for operation in OPERATIONS:
        report(f"{operation.label}, {drawing.rows:,} packages")
        measured.append(measure(operation, contenders, drawing, options.seconds))
    result = tables.comparison(drawing.rows, measured, contenders)
    result.name, result.section = f"Debian, {drawing.rows:,} packages", "debian"
    return [result]


def _packages() -> Iterator[PackageRow]:
    paths = machine_lists()
    if not paths:
        raise NoListsError
    # the largest list first: its packages are the distribution, the others are updates of it
    for path in sorted(paths, key=lambda path: -path.stat().st_size):
        for stanza in read_stanzas(list_lines(path), archive_name(path)):
            if not isinstance(stanza, StanzaError):
                yield _row(stanza.fields)


def _row(fields: Mapping[str, str]) -> PackageRow:
    known = {key.lower(): value for key, value in fields.items()}
    tags = dict.fromkeys(tag for part in known.get("tag", "").split(",") if (tag := part.strip()))
    return PackageRow(
        name=known["package"],
        section=known.get("section", ""),
        maintainer=known.get("maintainer", "")[:200],
        tags=list(tags),
        installed_size=int(known.get("installed-size", 0)),
        description=known.get("description", ""),
    )
