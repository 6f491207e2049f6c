"""Counting the objects of a filter with bitmaps of its sets, from ``scripts/bitmaps.lua``.

A chunk has the ids of a set that agree in all digits but the last four: a bitmap of 1,250 bytes
in the order of ``SETBIT``, or a list of numbers, each 10,000 more than the last four digits, or
nothing. To combine chunks as integers of 10,000 bits takes a microsecond each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from .queries import All, And, Leaf, Node, Not, Or

_SPAN = 10_000
_BYTES = _SPAN // 8

Chunk: TypeAlias = "bytes | Sequence[bytes]"


def count(node: Node, chunks: Sequence[Sequence[Chunk]]) -> int:
    """The number of ids that satisfy the node.

    ``chunks`` has a list for each leaf in order, then one for the set of all objects if the node
    needs it. The lists are equally long; chunks at one position have ids of one range.
    """
    sets = [int.from_bytes(b"".join(map(_bitmap, of_set)), "big") for of_set in chunks]
    return _combined(node, iter(sets), sets[-1]).bit_count()


def _combined(node: Node, sets: Iterator[int], everything: int) -> int:
    if isinstance(node, Leaf):
        return next(sets)
    if isinstance(node, All):
        return everything
    if isinstance(node, Not):
        return everything & ~_combined(node.child, sets, everything)
    assert isinstance(node, (And, Or)), node
    found = _combined(node.children[0], sets, everything)
    for child in node.children[1:]:
        other = _combined(child, sets, everything)
        found = found & other if isinstance(node, And) else found | other
    return found


def _bitmap(chunk: Chunk) -> bytes:
    if isinstance(chunk, bytes):
        return chunk.ljust(_BYTES, b"\0")
    bits = bytearray(_BYTES)
    for number in chunk:
        offset = int(number) - _SPAN
        bits[offset >> 3] |= 128 >> (offset & 7)
    return bytes(bits)
