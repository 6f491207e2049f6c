"""Documents, which an index takes, and the results that it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from .specs import Entry

#: The version of a destroyed object: later than any that a row can have.
DESTROYED_VERSION = 2**53 - 1

State = Literal["live", "deleted", "destroyed"]
Mode = Literal["", "rebuild", "reset"]


@dataclass(frozen=True)
class Document:
    """The entries of one object at one version."""

    id: int
    version: int
    state: State = "live"
    entries: tuple[Entry, ...] = ()
    text_changed: bool = False

    def arguments(self, has_text: bool = False) -> list[Any]:
        """The document in the ARGV of ``apply.lua`` and ``compare.lua``."""
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


def tombstone(id: int, version: int = DESTROYED_VERSION, *, text_changed: bool = False) -> Document:
    """The document of a destroyed object: the index forgets its entries and keeps its version."""
    return Document(id, version, "destroyed", (), text_changed)


class Applied(NamedTuple):
    """The outcome of an apply."""

    #: Documents that were newer than what the index had.
    written: int
    #: Whether every index of the declaration is built.
    complete: bool
    #: Whether the full text of some of them must be updated.
    texts: bool


class ServerState(NamedTuple):
    """The Redis server, and what a class's index knows of its own history."""

    #: The data set of the server, see ``transport.data_sets``; "" if it does not tell.
    data_set: str
    #: The data set when a sweep last ended, or "".
    swept: str
    #: The time by the server's clock, in seconds.
    now: float
    #: If snapshots alone are kept on disk: the server's time when the last one was begun. None if
    #: each write is kept on disk, if nothing is, or if the server does not tell.
    snapshot_of: float | None
    #: The checkpoints that the index has, with the server's times when it got them.
    tokens: dict[str, float]


@dataclass(frozen=True)
class Unbuilt:
    """The result of a query that needs indexes which are not built."""

    digests: tuple[str, ...]


@dataclass(frozen=True)
class Facet:
    """Values of an index as ``decoding`` reads them: (value, number of objects, original)."""

    values: tuple[tuple[bytes, int, bytes], ...]
    #: Whether the values are complete: no limit left out a value or an object.
    complete: bool
