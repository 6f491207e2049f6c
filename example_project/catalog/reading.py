"""From lists to packages: which stanzas are taken, and which of them cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from example_project.catalog.stanza_values import PackageKey, PackageValues, package_values
from example_project.catalog.stanzas import Stanza, StanzaError, read_stanzas

SHOWN_ERRORS = 20

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Source:
    """One list: its name for messages, its name in the catalog, and a function for its lines."""

    name: str
    archive: str
    lines: Callable[[], Iterable[bytes]]


@dataclass(slots=True)
class Skipped:
    """The stanzas that could not be used: their number, and the first errors to show."""

    count: int = 0
    shown: list[str] = field(default_factory=list)

    def add(self, error: StanzaError) -> None:
        self.count += 1
        if len(self.shown) < SHOWN_ERRORS:
            self.shown.append(str(error))


def all_stanzas(sources: Iterable[Source]) -> Iterator[tuple[str, Stanza | StanzaError]]:
    """Each stanza of each source in order, with the archive it is from."""
    for source in sources:
        for stanza in read_stanzas(source.lines(), source.name):
            yield source.archive, stanza


def usable_packages(
    stanzas: Iterable[tuple[str, Stanza | StanzaError]], skipped: Skipped
) -> Iterator[PackageValues]:
    """The packages of the stanzas, each key once; unusable stanzas go to `skipped`."""
    places: dict[PackageKey, tuple[str, int]] = {}
    for archive, stanza in stanzas:
        try:
            if isinstance(stanza, StanzaError):
                raise stanza
            values = package_values(stanza, archive)
            # Were the later one to win, each further load would write both again.
            if values.key in places:
                source, line = places[values.key]
                raise stanza.error(
                    f"{values.key.name} {values.key.version} was already read from "
                    f"{source}:{line}; the first one counts"
                )
        except StanzaError as error:
            skipped.add(error)
        else:
            places[values.key] = stanza.source, stanza.line
            yield values


def spread(items: Iterable[_Item], wanted: int, total: int) -> Iterator[_Item]:
    """`wanted` of the `total` items, evenly spaced and the same ones each time.

    Lists are sorted by name, not by kind: any even spacing brings something of each section.
    """
    taken = 0
    for position, item in enumerate(items, start=1):
        if position * wanted // total > taken:
            taken += 1
            yield item
