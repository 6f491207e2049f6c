"""Decoding of key parts and sort keys: the inverse of ``encoding``, for facets."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

from .encoding import EMPTY

_ESCAPED = re.compile(rb"%([0-9a-f]{2})")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_COMPLEMENT = str.maketrans("0123456789", "9876543210")
_EXPONENT_DIGITS = 20


def from_key_part(part: bytes, original: bytes = b"") -> Any:
    """The value of a key part; a hashed one needs its ``original``.

    A number is an int if it is whole, else a float if a double represents it exactly, else a
    Decimal. The empty list is ``EMPTY``.
    """
    raw = original or _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), part)
    return _tagged(raw.decode("utf-8", "surrogatepass"))


def _tagged(text: str) -> Any:
    return _READERS[text[0]](text[1:])


def _reference(text: str) -> tuple[str, Any]:
    label, _, id = text.partition(" ")
    return label, _tagged(id)


def _number(text: str) -> float | Decimal:
    # Only Decimals have a capital E: the digits, then the exponent of the first of them.
    digits, _, exponent = text.partition("E")
    if not exponent:
        return float(text)
    return _decimal(digits.lstrip("-"), int(exponent), negative=digits.startswith("-"))


def _decimal(digits: str, adjusted: int, *, negative: bool) -> Decimal:
    return Decimal((int(negative), tuple(map(int, digits)), adjusted - len(digits) + 1))


def moment(microseconds: int, *, aware: bool) -> datetime:
    """The datetime so many microseconds after the start of 1970; in UTC if aware."""
    value = _EPOCH + timedelta(microseconds=microseconds)
    return value if aware else value.replace(tzinfo=None)


def clock(microseconds: int) -> time:
    """The time of day so many microseconds after midnight."""
    return (datetime.min + timedelta(microseconds=microseconds % 86_400_000_000)).time()


_READERS: dict[str, Any] = {
    "n": lambda text: None,
    "e": lambda text: EMPTY,
    "t": lambda text: True,
    "f": lambda text: False,
    "s": str,
    "i": int,
    "d": _number,
    "u": UUID,
    "b": bytes.fromhex,
    "T": lambda text: moment(int(text), aware=True),
    "N": lambda text: moment(int(text), aware=False),
    "D": date.fromisoformat,
    "c": lambda text: clock(int(text)),
    "C": lambda text: clock(int(text)).replace(tzinfo=timezone.utc),
    "w": lambda text: timedelta(microseconds=int(text)),
    "r": _reference,
}


def from_text_prefix(prefix: bytes) -> str:
    """The string that the prefix of a member in a text index encodes."""
    return prefix[:-1].replace(b"\x00\xff", b"\x00").decode("utf-8", "surrogatepass")


def from_sort_key(sort_key: bytes) -> Decimal:
    """The exact number of an entry. The sort key is its prefix if it has one, else its score."""
    if sort_key in (b"~~", b"--"):
        return Decimal("Infinity") if sort_key == b"~~" else Decimal("-Infinity")
    # A prefix ends with one of these characters, and no score contains them.
    if sort_key[-1:] in (b"!", b"}"):
        return _ordered_decimal(sort_key[1:].decode())
    return Decimal(repr(float(sort_key)))


def _ordered_decimal(text: str) -> Decimal:
    negative = text[0] == "0"
    body = text[1:-1].translate(_COMPLEMENT) if negative else text[1:-1]
    exponent = int(body[:_EXPONENT_DIGITS]) - 4 * 10**18
    return _decimal(body[_EXPONENT_DIGITS:], exponent, negative=negative)
