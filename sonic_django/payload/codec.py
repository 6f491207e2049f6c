"""A payload's bytes: a 7-byte header and a pickle of a dict of primitives.

Layout, big endian: magic ``S`` (1 byte), format (1), flags (1), CRC-32 (4), body. The checksum
covers format, flags and body, so any single flipped bit is found; it guards against damage, not
against forgery, which is the task of the allow-list in ``unpickler``.
"""

from __future__ import annotations

import pickle
import struct
import zlib
from dataclasses import dataclass
from datetime import timezone
from functools import cached_property
from io import BytesIO
from typing import Any

from ..exceptions import PayloadError
from .costs import SMALL, Limits
from .opcodes import check_opcodes
from .primitives import are_primitive, check_values
from .unpickler import load_primitives

_HEADER = struct.Struct(">cBBI")
_HEADER_SIZE = _HEADER.size
_MAGIC = b"S"
_FORMAT = 1
_COMPRESSED = 1
_KNOWN_FLAGS = _COMPRESSED
#: The checksum so far, of format and flags.
_SEEDS = {flags: zlib.crc32(bytes((_FORMAT, flags))) for flags in (0, _COMPRESSED)}
_PICKLE_PROTOCOL = 5
#: The types that a key of the dict may have.
_KEYS = frozenset([str])
#: zlib's fastest level: half the time of the default for about a tenth more bytes.
_ZLIB_LEVEL = 1


def _constructor_of(zone: timezone) -> tuple[type[timezone], Any]:
    return timezone, zone.__getinitargs__()  # type: ignore[attr-defined] # not in the stubs


class _Pickler(pickle.Pickler):
    """Writes the same bytes as ``pickle.dumps``.

    With a reducer for time zones registered, it does not search for one at each moment, which
    took nearly half of the time of a small payload.
    """

    dispatch_table = {timezone: _constructor_of}


@dataclass(frozen=True)
class Codec:
    """The limits under which payloads are written and read; sizes in bytes."""

    max_size: int = 16 * 1024 * 1024
    compress_over: int | None = 4096

    @cached_property
    def limits(self) -> Limits:
        """The numbers of instructions and containers that a body of the size may have."""
        return Limits.of_size(self.max_size)

    def encode(self, values: dict[str, Any]) -> bytes:
        """The payload's bytes. PayloadError names a value that no payload can hold, or a bound.

        Every value is checked, without a copy.
        """
        check_values(values)
        stream = BytesIO()
        _Pickler(stream, _PICKLE_PROTOCOL).dump(values)
        body = stream.getvalue()
        if len(body) > self.max_size:
            raise PayloadError(
                f"the payload has {len(body)} bytes, over the limit of {self.max_size}; the "
                f"longest value is {_longest(values)}. Shorten it or raise "
                f'SONIC["MAX_PAYLOAD_SIZE"].'
            )
        if len(body) > SMALL:
            self._check_loads(body, values)
        flags = 0
        if self.compress_over is not None and len(body) > self.compress_over:
            squeezed = zlib.compress(body, _ZLIB_LEVEL)
            if len(squeezed) < len(body):
                body, flags = squeezed, _COMPRESSED
        return _HEADER.pack(_MAGIC, _FORMAT, flags, zlib.crc32(body, _SEEDS[flags])) + body

    def decode(self, payload: bytes) -> dict[str, Any]:
        """The payload's dict. PayloadError for bytes that are no payload; their code never runs."""
        if len(payload) < _HEADER_SIZE:
            raise PayloadError(
                f"{len(payload)} bytes are too short for a payload; the header alone has "
                f"{_HEADER_SIZE}."
            )
        magic, form, flags, checksum = _HEADER.unpack_from(payload)
        if magic != _MAGIC:
            raise PayloadError(f"the bytes start with {payload[:4]!r}, not as a payload does.")
        if form != _FORMAT or flags & ~_KNOWN_FLAGS:
            raise PayloadError(
                f"the payload has format {form} and flags {flags:#x}; this version of Sonic reads "
                f"format {_FORMAT} only. Upgrade sonic-django, or restore the row."
            )
        body: bytes = payload[_HEADER_SIZE:]
        if zlib.crc32(body, _SEEDS[flags]) != checksum:
            raise PayloadError("the payload is damaged: its checksum does not match its bytes.")
        if flags & _COMPRESSED:
            body = self._inflate(body)
        elif len(body) > self.max_size:
            raise self._too_large()
        values = load_primitives(body, self.limits)
        if type(values) is not dict:
            raise PayloadError(f"the payload holds a {type(values).__name__}, not a dict.")
        if not _KEYS.issuperset(map(type, values)) or not are_primitive(values.values()):
            raise PayloadError("the payload holds a value of a type that no payload may hold.")
        return values

    def _check_loads(self, body: bytes, values: dict[str, Any]) -> None:
        """PayloadError, which names the longest value, for a body that would not be loaded."""
        try:
            check_opcodes(body, self.limits)
        except PayloadError as error:
            raise PayloadError(f"{error} The longest value is {_longest(values)}.") from None

    def _inflate(self, body: bytes) -> bytes:
        # Bounded before it is inflated: a few kilobytes of zeros can inflate to gigabytes.
        inflater = zlib.decompressobj()
        try:
            inflated = inflater.decompress(body, self.max_size + 1)
        except zlib.error as error:
            raise PayloadError(f"the payload's body cannot be inflated: {error}") from error
        if len(inflated) > self.max_size:
            raise self._too_large()
        if not inflater.eof or inflater.unused_data:
            raise PayloadError("the payload's compressed body is cut off or has a tail.")
        return inflated

    def _too_large(self) -> PayloadError:
        return PayloadError(
            f"the payload is larger than the limit of {self.max_size} bytes; "
            f'raise SONIC["MAX_PAYLOAD_SIZE"] if it is yours.'
        )


def _longest(values: dict[str, Any]) -> str:
    return max(values, key=lambda key: len(repr(values[key])))


_DEFAULT = Codec()


def encode(values: dict[str, Any]) -> bytes:
    """``Codec.encode`` with the default limits."""
    return _DEFAULT.encode(values)


def decode(payload: bytes) -> dict[str, Any]:
    """``Codec.decode`` with the default limits."""
    return _DEFAULT.decode(payload)
