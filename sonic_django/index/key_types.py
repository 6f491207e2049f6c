"""The types that the keys of a class have in Redis, by their names."""

from __future__ import annotations

import re

from redis.exceptions import ResponseError

from .layout import Layout
from .specs import BY_ID, NULLS


class DamagedKey(ResponseError):
    """A key of the right type holds what no version of Sonic writes."""


#: A set of ids: sorted, or packed (its counts in a hash, see packed.lua).
_IDS = frozenset([b"zset", b"hash"])
_OWN = {
    b"ids": _IDS,
    b"del": _IDS,
    b"rec": frozenset([b"hash"]),
    b"state": frozenset([b"hash"]),
    b"job": frozenset([b"hash"]),
    b"sum": frozenset([b"hash"]),
    b"gone": frozenset([b"zset"]),
    b"text": frozenset([b"zset"]),
    b"run": frozenset([b"string"]),
    b"left": frozenset([b"set"]),
}
_CHUNK = re.compile(rb"^(.*)#\d+$", re.DOTALL)
#: What queries need no key of these names for.
_BESIDE = frozenset([b"job", b"sum", b"run", b"left", b"text"])


def set_of_chunk(name: bytes) -> bytes | None:
    """The name of the packed set that a chunk is of; None for any other key."""
    found = _CHUNK.match(name)
    return found and found[1]


def is_of_type(layout: Layout, name: bytes, kind: bytes) -> bool:
    """Whether a key of this name may have the type, as ``TYPE`` tells it. Keys that the
    declaration does not know may have any."""
    if kind == b"none":
        return True
    if set_of_chunk(name):
        return kind in (b"set", b"string")
    if name in _OWN:
        return kind in _OWN[name]
    spec = next((one for one in layout.specs if one.digest.encode() == name[:8]), None)
    if spec is None:
        return True
    tail = name[8:]
    if tail == b"#":
        return kind == b"zset"
    if tail == b"$":
        return kind == b"hash"
    is_of_ids = spec.ordering == BY_ID or name.endswith(NULLS)
    return kind in _IDS if is_of_ids else kind == b"zset"


def digests_without(layout: Layout, name: bytes) -> list[str]:
    """The digests of the indexes that are not complete without this key."""
    name = set_of_chunk(name) or name
    if name in _BESIDE:
        return []
    digest = name[:8].decode("ascii", "replace")
    return [digest] if digest in layout.digests else list(layout.digests)
