"""Packed sets read without the scripts, and scripts that pack sets of a few ids."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha1
from typing import Any

import pytest

from sonic_django.index import bitmaps, lua
from sonic_django.index.encoding import member
from sonic_django.transport.scripts import Script

#: Limits in packed.lua, bitmaps.lua and latest.lua, and those for tests: three ids are packed, and
#: chunks have room for ten.
_LIMITS = {
    "PACKED_FROM, BITS_FROM, DIGITS, FAN = 128, 128, 4, 100": (
        "PACKED_FROM, BITS_FROM, DIGITS, FAN = 2, 2, 1, 3"
    ),
    "PER_CHUNK = 3": "PER_CHUNK = 0.3",
    "CHUNKS_PER_RUN = 240": "CHUNKS_PER_RUN = 5",
    "READS = 20": "READS = 3",
    "DEEP, PER_DEEP_COUNT = 3, 50": "DEEP, PER_DEEP_COUNT = 99, 50",
    "WORTHWHILE = 600": "WORTHWHILE = 0",
    "AT_ONCE = 8": "AT_ONCE = 2",
    "FEW = 32": "FEW = 6",
}


@contextmanager
def small_packs() -> Iterator[None]:
    """Scripts that pack every set of three ids or more, into bitmaps and several levels."""
    read = Script.__dict__["source"].func
    everything = read(lua.QUERY) + read(lua.PAGE)
    assert all(line in everything for line in _LIMITS)

    def source(script: Script) -> str:
        text: str = read(script)
        for line, replacement in _LIMITS.items():
            text = text.replace(line, replacement)
        return text

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Script, "source", property(source))
        digest = property(lambda script: sha1(source(script).encode()).hexdigest())
        patch.setattr(Script, "digest", digest)
        patch.setattr(bitmaps, "_SPAN", 10)
        patch.setattr(bitmaps, "_BYTES", 2)
        yield


def is_part(name: str) -> bool:
    """Whether a key of this name holds a part of a packed set."""
    return re.fullmatch(r"[^#]+#\d+", name) is not None


def is_packed(client: Any, key: bytes | str) -> bool:
    """Whether the set is a packed one."""
    return bool(client.type(key) == b"hash" and client.hexists(key, "n"))


def entries_of(client: Any, key: bytes | str, digits: int = 4, fan: int = 100) -> Any:
    """The (member, score) pairs of a set, packed or not; checks the counts of a packed one."""
    if not is_packed(client, key):
        return client.zrange(key, 0, -1, withscores=True)
    counts = {name.decode(): int(value) for name, value in client.hgetall(key).items()}
    number, top = counts.pop("n"), counts.pop("m")
    expected: dict[str, int] = {}
    ids: list[int] = []
    for part in client.scan_iter(match=_escaped(key) + "#*", count=1000):
        chunk = int(part.rsplit(b"#", 1)[1])
        offsets = _offsets(client, part, 10**digits)
        assert offsets
        assert chunk <= top
        ids += [chunk * 10**digits + offset for offset in offsets]
        block, level = chunk, 0
        while level == 0 or top >= fan**level:
            name = str(block) if level == 0 else f"{level}/{block}"
            sign = -1 if level == 0 and client.type(part) == b"string" else 1
            expected[name] = expected.get(name, 0) + sign * len(offsets)
            block, level = block // fan, level + 1
    assert counts == expected
    assert number == len(ids)
    return [(member(id), float(id)) for id in sorted(ids)]


def _offsets(client: Any, part: bytes, span: int) -> list[int]:
    if client.type(part) == b"set":
        return [int(number) - span for number in client.smembers(part)]
    bits = client.get(part)
    return [i for i in range(8 * len(bits)) if bits[i // 8] >> (7 - i % 8) & 1]


def _escaped(key: bytes | str) -> str:
    text = key.decode("utf-8", "surrogateescape") if isinstance(key, bytes) else key
    return re.sub(r"([][*?\\])", r"\\\1", text)


def _run(client: Any, statement: str, key: str, ids: Iterable[int]) -> None:
    body = f"for i = 2, #ARGV do {statement} end Packing.finish_sets()"
    client.eval("\n".join([lua.FOLDER.source("packing"), body]), 1, "", key, *ids)


def put_in(client: Any, key: str, *ids: int) -> None:
    """Tamper: add ids to a set of plain ids, packed or not."""
    _run(client, "Packing.add_id(ARGV[1], ARGV[i])", key, ids)


def take_out(client: Any, key: str, *ids: int) -> None:
    """Tamper: remove ids from a set of plain ids, packed or not."""
    _run(client, "Packing.remove(ARGV[1], '', ARGV[i])", key, ids)
