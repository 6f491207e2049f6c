"""The actual and the expected content of an index, both computed without the scripts."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha1
from typing import Any

from sonic_django.index.specs import BY_SCORE, BY_TEXT, IndexSpec, Part
from sonic_django.index.store import Document, IndexStore, Mode
from sonic_django.transport.client import redis_client

from ..packed import entries_of, is_packed, is_part

COLOURS = IndexSpec((Part("colours", many=True),))
NUMBERS = IndexSpec((), Part("number", order=BY_SCORE))
BY_NAME = IndexSpec((), Part("name", order=BY_TEXT))
PAIRS = IndexSpec((Part("group"), Part("colours", many=True)))
GROUPED = IndexSpec((Part("group"),), Part("number", order=BY_SCORE))
SPECS = (COLOURS, NUMBERS, BY_NAME, PAIRS, GROUPED)

Content = dict[str, Any]


def document(id: int, version: int, state: Any = "live", **values: Any) -> Document:
    """The document of an object with these values."""
    row = {"colours": [], "number": None, "name": "", "group": None, **values}
    entries = tuple(e for spec in SPECS for e in spec.entries(row)) if state == "live" else ()
    return Document(id, version, state, entries)


def content_of(store: IndexStore, shape: tuple[int, int] = (4, 100)) -> Content:
    """All keys of the index: sets as (member, score) lists, hashes as dicts; no state, no times."""
    client, found = redis_client(), {}
    for key in sorted(store.keys()):
        name = key[len(store.base) + 1 :].decode("utf-8", "backslashreplace")
        if name == "state" or is_part(name):
            continue
        if name == "rec":
            ids = [int(id) for id in client.hkeys(key)]
            found[name] = {id: store.entries_of([id]).get(id) for id in ids}
        elif client.type(key) == b"hash" and not is_packed(client, key):
            found[name] = dict(client.hgetall(key))
        else:
            pairs = entries_of(client, key, *shape)
            found[name] = sorted(member for member, _ in pairs) if name == "gone" else pairs
    return found


@dataclass
class Expected:
    """A model of the index: the last document of each object, by the documented rules."""

    documents: dict[int, Document] = field(default_factory=dict)

    def apply(self, document: Document, mode: Mode) -> None:
        old = self.documents.get(document.id)
        if old is not None:
            if mode == "" and old.version >= document.version:
                return
            if mode == "rebuild" and old.version > document.version:
                return
        if mode == "reset" and document.state == "destroyed":
            self.documents.pop(document.id, None)
        else:
            self.documents[document.id] = document

    def content(self) -> Content:
        """The expected result of ``content_of``."""
        sets: dict[str, dict[bytes, float]] = {}
        originals: dict[str, dict[bytes, bytes]] = {}
        records: dict[int, Any] = {}
        destroyed: list[bytes] = []
        for id, document in self.documents.items():
            digits = str(id)
            member = f"{'0123456789abcdefghij'[len(digits)]}{digits}".encode()
            pairs = {(entry.name, entry.prefix) for entry in document.entries}
            records[id] = (document.version, pairs)
            if document.state == "destroyed":
                destroyed.append(digits.encode())
                continue
            sets.setdefault({"live": "ids", "deleted": "del"}[document.state], {})[member] = id
            for entry in document.entries:
                name = entry.name.decode("utf-8", "backslashreplace")
                score = float(entry.score) if entry.score else float(id)
                sets.setdefault(name, {})[entry.prefix + member] = score
                if entry.original:
                    digest, part = entry.name[:8].decode(), entry.name[9:]
                    originals.setdefault(f"{digest}$", {})[part] = entry.original
        counted = f"{COLOURS.digest}:"
        counts = {n.removeprefix(counted).encode(): float(len(s)) for n, s in sets.items()
                  if n.startswith(counted)}  # fmt: skip
        if counts:
            sets[f"{COLOURS.digest}#"] = counts
        found: Content = {
            name: sorted(members.items(), key=lambda pair: (pair[1], pair[0]))
            for name, members in sets.items()
        }
        found.update(originals)
        sums: dict[bytes, int] = {}
        for id, document in self.documents.items():
            if document.state != "destroyed":
                text = f"{id}:{document.version}:{int(document.state == 'live')}"
                number = int(sha1(text.encode()).hexdigest()[:8], 16)
                range_of = str(id // 1000).encode()
                sums[range_of] = sums.get(range_of, 0) + number
        if sums:
            found["sum"] = {name: str(number).encode() for name, number in sums.items()}
        if records:
            found["rec"] = records
        if destroyed:
            found["gone"] = sorted(destroyed)
        return found
