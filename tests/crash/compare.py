"""The index beside the rows, worked out in plain Python: every set, score, record and count.

Written apart from ``sonic_check``, which it checks as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sonic_django import SonicObj
from sonic_django.table.rows import Row
from sonic_django.transport.client import redis_client
from tests.packed import entries_of, is_packed, is_part

_LENGTHS = "0123456789abcdefghijklmnopqrstuvwxyz"
_BATCH = 1000


def index_differences(model: type[SonicObj], rows: list[Row]) -> list[str]:
    """Compare the index in Redis with these rows; one line for each difference."""
    expected, stored = _Expected(model, rows), _Stored(model)
    found = list(_differences(expected.sets, stored.sets))
    found += _differences(expected.hashes, stored.hashes)
    alive = {row.id for row in rows}
    orphaned = sorted(
        id for id in stored.records if id not in alive and id not in stored.tombstones
    )
    found += [f"record of {id}, which has no row: {stored.records[id]}" for id in orphaned]
    for id, record in expected.records.items():
        if stored.records.get(id) != record:
            found.append(f"record of {id}: {stored.records.get(id)}, expected {record}")
    if stored.waiting:
        found.append(f"waiting for full text: {stored.waiting}")
    return found


def _differences(expected: dict[str, Any], stored: dict[str, Any]) -> Iterator[str]:
    for name in sorted(expected.keys() | stored.keys()):
        wanted, found = expected.get(name, {}), stored.get(name, {})
        for member in sorted(wanted.keys() | found.keys()):
            if wanted.get(member) != found.get(member):
                yield f"{name}: {member!r} is {found.get(member)}, expected {wanted.get(member)}"


class _Expected:
    """The index that the rows should give."""

    def __init__(self, model: type[SonicObj], rows: list[Row]) -> None:
        options = model._sonic
        self.sets: dict[str, dict[bytes, float]] = defaultdict(dict)
        self.hashes: dict[str, dict[bytes, bytes]] = defaultdict(dict)
        self.records: dict[int, Any] = {}
        for row in rows:
            document = options.document(row)
            digits = str(row.id)
            member = f"{_LENGTHS[len(digits)]}{digits}".encode()
            self.sets["del" if row.is_deleted else "ids"][member] = float(row.id)
            for entry in document.entries:
                score = float(entry.score) if entry.score else float(row.id)
                self.sets[_text(entry.name)][entry.prefix + member] = score
                if entry.original:
                    name, value = entry.name.split(b":", 1)
                    self.hashes[f"{_text(name)}$"][value] = entry.original
            entries = {(entry.name, entry.prefix) for entry in document.entries}
            self.records[row.id] = (row.version, entries)
        for spec in options.layout.specs:
            if spec.counts_values:
                start = f"{spec.digest}:"
                for counted in [name for name in self.sets if name.startswith(start)]:
                    value_of_set = counted.removeprefix(start).encode("utf-8", "surrogateescape")
                    self.sets[f"{spec.digest}#"][value_of_set] = float(len(self.sets[counted]))


class _Stored:
    """The index that is in Redis."""

    def __init__(self, model: type[SonicObj]) -> None:
        client: Any = redis_client()
        store = model._sonic.store("default")
        digests = {spec.digest for spec in model._sonic.layout.specs}
        self.sets: dict[str, dict[bytes, float]] = {}
        self.hashes: dict[str, dict[bytes, bytes]] = {}
        for key in list(store.keys()):
            name = _text(key[len(store.base) + 1 :])
            if is_part(name) or (name not in ("ids", "del") and name[:8] not in digests):
                continue
            if client.type(key) == b"hash" and not is_packed(client, key):
                self.hashes[name] = dict(client.hgetall(key))
            else:
                self.sets[name] = dict(entries_of(client, key))
        ids = sorted(int(id) for id in client.hkeys(f"{store.base}:rec"))
        self.records: dict[int, Any] = {}
        for start in range(0, len(ids), _BATCH):
            self.records.update(store.entries_of(ids[start : start + _BATCH]))
        self.tombstones = {int(id) for id in client.zrange(f"{store.base}:gone", 0, -1)}
        self.waiting = store.queued_text(_BATCH)


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
