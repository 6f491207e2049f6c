"""Inspection of an index, to compare it with the rows: for ``sonic_check``.

A round trip checks some thousands of objects or entries at most, so that Redis is busy for some
tens of milliseconds. A script sees the index between two writes, so an error that one script finds
is real.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from ..table.digests import range_bounds
from ..transport.client import redis_client
from ..transport.scripts import Script
from . import lua
from .specs import BY_ID, NULLS, IndexSpec
from .store import OBJECTS_PER_SCRIPT, Document, IndexStore

#: Objects or entries that one script checks; up to a thousand where it takes whole ranges of ids.
_PER_SCRIPT = 500
#: Scripts in one round trip. Redis serves no other client between the commands of a pipeline.
_SCRIPTS_PER_CALL = 20


class RecordedVersion(NamedTuple):
    """The version in the record of an object, and whether the object is live."""

    version: int
    live: bool


class Difference(NamedTuple):
    """An object whose entries differ from those of its row.

    ``version`` is that of its record, or None without a record. ``problems`` has a (kind, set name)
    pair for each wrong entry, if the version is the expected one.
    """

    id: int
    version: int | None
    problems: tuple[tuple[str, str], ...]


class CheckedEntries(NamedTuple):
    """Some entries of a set, checked: their number, the ids whose records do not name the set, and
    whether the count of its objects is missing or wrong."""

    name: bytes
    entries: int
    stale: tuple[str, ...]
    is_uncounted: bool


class Inspection:
    """Checks of the index of one class. They write only with ``repair``."""

    def __init__(self, store: IndexStore, built: Iterable[str]) -> None:
        self.store = store
        self.base = store.base
        built = set(built)
        #: The indexes that can be compared: those of the declaration that are built.
        self.specs = {
            spec.digest.encode(): spec for spec in store.layout.specs if spec.digest in built
        }

    @property
    def _client(self) -> Any:
        # redis-py's types provide for replies as str, which this connection never gives.
        return redis_client()

    # Digests ------------------------------------------------------------------------------------

    def stored_digests(self, ranges: Sequence[int]) -> list[int]:
        """The stored digests of these ranges of ids: one round trip for 1,000."""
        stored: list[int] = []
        for start in range(0, len(ranges), 1000):
            values = self._client.hmget(f"{self.base}:sum", ranges[start : start + 1000])
            stored.extend(_number(value) for value in values)
        return stored

    def ranges(self) -> Iterator[int]:
        """The ranges that have a digest, in no order; some may come twice. One round trip for
        some hundreds."""
        for field, _ in self._client.hscan_iter(f"{self.base}:sum", count=_PER_SCRIPT):
            if field.isdigit():
                yield int(field)

    def compute_digests(self, ranges: Sequence[int], *, repair: bool) -> list[tuple[int, int]]:
        """(stored digest, digest computed from the records) of each range. ``repair`` stores the
        computed one. One round trip for 20 ranges."""
        calls = [(one, *range_bounds(one), "1" if repair else "") for one in ranges]
        pairs = _in_calls(lua.DIGEST, self._client, self.base, calls)
        return [(_number(stored), int(computed)) for stored, computed in pairs]

    # Objects ------------------------------------------------------------------------------------

    def versions(self, ids: Sequence[int]) -> dict[int, RecordedVersion]:
        """id -> recorded version, without destroyed and unknown objects: one round trip for
        10,000."""
        calls = [ids[start : start + _PER_SCRIPT] for start in range(0, len(ids), _PER_SCRIPT)]
        replies = _in_calls(lua.VERSIONS, self._client, self.base, calls)
        flat = [number for reply in replies for number in reply]
        return {
            id: RecordedVersion(version, bool(live))
            for id, version, live in zip(ids, flat[::2], flat[1::2], strict=True)
            if version >= 0
        }

    def compare(self, documents: Sequence[Document]) -> list[Difference]:
        """The objects whose entries differ from these documents: one round trip for 2,000."""
        digests = b",".join(self.specs)
        calls = []
        for start in range(0, len(documents), OBJECTS_PER_SCRIPT):
            call: list[Any] = [digests]
            for document in documents[start : start + OBJECTS_PER_SCRIPT]:
                call.extend(document.arguments())
            calls.append(call)
        return [
            Difference(
                int(id),
                None if version < 0 else version,
                tuple(zip(map(_text, rest[::2]), map(_text, rest[1::2]), strict=True)),
            )
            for reply in _in_calls(lua.COMPARE, self._client, self.base, calls)
            for id, version, *rest in reply
        ]

    def census(self) -> Iterator[list[int]]:
        """The ids of all objects that have a record, without destroyed ones: one round trip for
        some hundreds."""
        cursor = b"0"
        while True:
            cursor, *ids = lua.CENSUS(self._client, self.base, cursor, _PER_SCRIPT)
            if ids:
                yield [int(id) for id in ids if id.isdigit()]
            if cursor == b"0":
                return

    # Sets ---------------------------------------------------------------------------------------

    def walk(self, *, repair: bool) -> Iterator[CheckedEntries]:
        """Check that every entry of every set of the declaration is named by its object's record.

        ``repair`` removes the entries that are not. A SCAN over the whole server, and a round trip
        for 20 sets or 10,000 entries.
        """
        unfinished: list[tuple[bytes, bytes]] = []
        for name in self._sets():
            unfinished.append((name, b"0"))
            while len(unfinished) >= _SCRIPTS_PER_CALL:
                unfinished = yield from self._walk_step(unfinished, repair)
        while unfinished:
            unfinished = yield from self._walk_step(unfinished, repair)

    def _walk_step(self, cursors: list[tuple[bytes, bytes]], repair: bool) -> Any:
        """Check the next entries of each set; return the (set, cursor) pairs that are left."""
        calls = []
        for name, cursor in cursors:
            spec = self.specs.get(name[:8])
            kind = BY_ID if spec is None or name.endswith(NULLS) else spec.ordering
            counted = spec is not None and spec.counts_values
            calls.append(
                (name, kind, cursor, _PER_SCRIPT, "1" if counted else "", "1" if repair else "")
            )
        left = []
        replies = lua.WALK.many(self._client, self.base, calls)
        for (name, _), (cursor, entries, uncounted, *stale) in zip(cursors, replies, strict=True):
            yield CheckedEntries(name, entries, tuple(map(_text, stale)), bool(uncounted))
            if cursor != b"0":
                left.append((name, cursor))
        return left

    def _sets(self) -> Iterator[bytes]:
        yield from (b"ids", b"del")
        start = len(self.base) + 1
        every = self.store.keys()
        for name in (key[start:] for key in every):
            # "#" is in the names of counts, "<digest>#", and of chunks of packed sets.
            if name[:8] in self.specs and b"#" not in name and name[8:9] != b"$":
                yield name

    def wrong_counts(self, *, repair: bool) -> Iterator[tuple[IndexSpec, str]]:
        """(index, value) of the wrong counts and of the leftover values of facets. ``repair``
        corrects them. A round trip for some hundreds of values."""
        for digest, spec in self.specs.items():
            counts, originals = b"0", b"0"
            while spec.counts_values and (counts or originals):
                counts, originals, *wrong = lua.COUNTS(
                    self._client, self.base, digest, counts, originals, _PER_SCRIPT,
                    "1" if repair else "",
                )  # fmt: skip
                yield from ((spec, _text(value)) for value in wrong)

    # Full text ----------------------------------------------------------------------------------

    def queued_for_text(self, ids: Sequence[int]) -> set[int]:
        """Those of the objects that are in the queue of full text: one round trip."""
        if not ids:
            return set()
        versions = self._client.zmscore(f"{self.base}:text", ids)
        return {id for id, version in zip(ids, versions, strict=True) if version is not None}


def _in_calls(script: Script, client: Any, key: str, calls: Sequence[Sequence[Any]]) -> list[Any]:
    replies: list[Any] = []
    for start in range(0, len(calls), _SCRIPTS_PER_CALL):
        replies.extend(script.many(client, key, calls[start : start + _SCRIPTS_PER_CALL]))
    return replies


def _number(digest: bytes | None) -> int:
    """A stored digest; -1, which none is, for what is no number."""
    try:
        return int(digest or 0)
    except ValueError:
        return -1


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
