"""What goes into an index and comes out of it: documents, answers, and the declaration's schema."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

from .specs import Entry, IndexSpec

#: The version of what is destroyed: later than any that a row can have.
DESTROYED_VERSION = 2**53 - 1
#: The digest under which the set of all ids is known to be built or not.
IDS_DIGEST = "ids"

State = Literal["live", "deleted", "gone"]
Mode = Literal["", "rebuild", "reset"]


@dataclass(frozen=True)
class Document:
    """What the index shall know of one object at one version."""

    id: int
    version: int
    state: State = "live"
    entries: tuple[Entry, ...] = ()
    text_changed: bool = False

    def arguments(self, has_text: bool = False) -> list[Any]:
        text = "1" if self.text_changed else "0" if has_text else ""
        flat: list[Any] = [self.id, self.version, self.state, text]
        flat.append(len(self.entries))
        for name, score, prefix, _ in self.entries:
            flat.extend((name, score, prefix))
        hashed = [entry for entry in self.entries if entry.original]
        flat.append(len(hashed))
        for entry in hashed:
            flat.extend((entry.name, entry.original))
        return flat


class Applied(NamedTuple):
    """What an apply came to."""

    #: Documents that were newer than what the index had.
    written: int
    #: Whether every index of the declaration is built.
    complete: bool
    #: Whether the full text of some is to be brought up to date.
    texts: bool


@dataclass(frozen=True)
class Unbuilt:
    """The answer to a query that needs indexes which are not built."""

    digests: tuple[str, ...]


@dataclass(frozen=True)
class Facet:
    """Values of an index as ``decoding`` reads them: (value, number of objects, original)."""

    values: tuple[tuple[bytes, int, bytes], ...]
    #: Whether there are no others, counted by ``apply.lua``; else, whether all were walked through.
    complete: bool


@dataclass(frozen=True)
class Schema:
    """A model's indexes: what the store needs to know of a declaration."""

    label: str
    specs: tuple[IndexSpec, ...]
    #: Whether there is full text to be kept up to date.
    has_text: bool = False

    @cached_property
    def digests(self) -> tuple[str, ...]:
        return (IDS_DIGEST, *(spec.digest for spec in self.specs))

    @cached_property
    def fingerprint(self) -> str:
        """Stands for all of the declaration at once."""
        return "-".join(sorted(self.digests))

    @cached_property
    def counted(self) -> str:
        """The digests of the indexes whose values are counted, as ``apply.lua`` reads them."""
        return ",".join(spec.digest for spec in self.specs if spec.counts_values)
