# SPDX-License-Identifier: GPL-2.0-or-later
# Part of an engine that is derived from xapian-haystack, whose licence this is.
"""Values as bytes that sort as the values do, for Xapian to compare, sort and count.

Xapian compares the values of a document byte by byte. A missing value is the empty string, so no
value here is encoded as the empty string, save the empty text and the number that is none (NaN).
"""

from __future__ import annotations

import datetime
import json
import math
import re
import struct
import sys
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

# A text is sorted and compared by this many bytes: enough to order titles, and small beside the
# words of the text. A keyword is also counted by its value, so more of it is kept.
TEXT_BYTES = 64
KEYWORD_BYTES = 1000

DOUBLE_BYTES = 8
ALL_BITS = 2**64 - 1
SIGN_BIT = 2**63
LARGEST = Fraction(sys.float_info.max)
EXACT_INTEGERS = 2**53
# 64-bit integers need at most 11 digits beyond the double, decimals of 38 places fewer than 100.
RESIDUE_DIGITS = 1000
# A decimal of more digits would take longer to write out than any index is worth.
LONGEST_DECIMAL = 5000

INTEGER = re.compile(r"-?[0-9]{1,40}")
TRUE_WORDS = frozenset({"1", "t", "true", "yes", "on"})


def text_of(value: Any) -> str:
    """``str(value)``, without the lone surrogates that UTF-8 cannot hold."""
    text = value if isinstance(value, str) else str(value)
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def folded(text: str) -> str:
    """Text as it is compared: without regard to case and to the amount of white space."""
    return " ".join(text.lower().split())


def encode(kind: str, value: Any) -> bytes:
    """The bytes of one value of a kind. Raises ValueError for a value that is not of the kind."""
    if kind in ("integer", "float", "decimal"):
        return number_to_bytes(as_number(value))
    if kind in ("date", "datetime"):
        return moment_to_bytes(kind, value)
    if kind == "boolean":
        return b"t" if as_boolean(value) else b"f"
    if kind == "key":
        return key_to_bytes(value)
    if kind == "keyword":
        return cut(text_of(value), KEYWORD_BYTES)
    return cut(folded(text_of(value)[: TEXT_BYTES * 2]), TEXT_BYTES)


def decode(kind: str, data: bytes) -> Any:
    """The value that ``encode`` was given, as far as the kind keeps it (facets show it)."""
    if kind in ("integer", "float", "decimal"):
        return number_from_bytes(kind, data)
    if kind == "datetime":
        return moment_from_bytes(data)
    if kind == "date":
        return datetime.datetime.strptime(data[:8].decode(), "%Y%m%d").date()
    if kind == "boolean":
        return data == b"t"
    return data.decode("utf-8", "replace")


def encode_list(values: Iterable[Any]) -> bytes:
    """All values of a multi-valued field in one value, for counting them."""
    return json.dumps([text_of(value) for value in values], ensure_ascii=False).encode()


def decode_list(data: bytes) -> list[str]:
    """The values that ``encode_list`` was given, as text."""
    values: list[str] = json.loads(data)
    return values


def cut(text: str, size: int) -> bytes:
    """At most ``size`` bytes of UTF-8, ending where a character ends."""
    data = text.encode()
    return data if len(data) <= size else data[:size].decode("utf-8", "ignore").encode()


# Numbers ------------------------------------------------------------------------------------------


def as_number(value: Any) -> int | float | Decimal:
    """A number from a number or from text; ValueError if there is none in it."""
    if isinstance(value, int | float | Decimal):
        return value
    text = str(value).strip()
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return Decimal(text)
    except ArithmeticError:
        raise ValueError(f"{value!r} is not a number") from None


def number_to_bytes(value: int | float | Decimal) -> bytes:
    """A number of any size, exactly: equal numbers of any type give equal bytes.

    A double holds integers up to 2^53 and few decimals, so the double *below* the number is
    followed by how far the number lies towards the next double, in decimal digits (the distance
    between two doubles is a power of two, so the digits end). Beyond the largest double come the
    hexadecimal digits of the integer part behind their count; fractions no longer count there.
    """
    if isinstance(value, float):
        return double_to_bytes(value)
    if isinstance(value, Decimal):
        if not value.is_finite():
            return double_to_bytes(float(value))
        if abs(value.adjusted()) > LONGEST_DECIMAL:
            raise ValueError(f"a decimal of more than {LONGEST_DECIMAL} digits cannot be indexed")
    if -EXACT_INTEGERS <= value <= EXACT_INTEGERS and value == int(value):
        return double_to_bytes(float(value))
    exact = Fraction(value)
    if abs(exact) > LARGEST:
        digits = format(abs(int(exact)), "x")
        magnitude = f"~{len(digits):010d}{digits}".encode()
        if exact > 0:
            return double_bits(sys.float_info.max) + magnitude
        return double_bits(-math.inf) + bytes(255 - byte for byte in magnitude)
    below = float(exact)
    if below > exact:
        below = math.nextafter(below, -math.inf)
    rest = (exact - Fraction(below)) / gap_above(below)
    if not rest:
        return double_to_bytes(below)
    return double_bits(below) + decimal_digits(rest)


def double_to_bytes(value: float) -> bytes:
    """The bits of a double so that they sort, without the zero bytes at the end.

    Not xapian.sortable_serialise(), which puts -2.1 after -2, and so at every power of two.
    """
    if math.isnan(value):
        return b""  # what is not a number has no place in an order
    return double_bits(value).rstrip(b"\0")


def double_bits(value: float) -> bytes:
    """The eight bytes of a double so that they sort as the numbers do."""
    bits: int = struct.unpack(">Q", struct.pack(">d", value + 0.0))[0]  # + 0.0 makes -0.0 zero
    return struct.pack(">Q", bits ^ (ALL_BITS if bits & SIGN_BIT else SIGN_BIT))


def double_from_bytes(data: bytes) -> float:
    """The double that ``double_to_bytes`` was given."""
    bits: int = struct.unpack(">Q", data.ljust(DOUBLE_BYTES, b"\0"))[0]
    bits ^= SIGN_BIT if bits & SIGN_BIT else ALL_BITS
    value: float = struct.unpack(">d", struct.pack(">Q", bits))[0]
    return value


def number_from_bytes(kind: str, data: bytes) -> int | float | str:
    """The number as Haystack hands it out: decimals are text there."""
    head, tail = data[:DOUBLE_BYTES], data[DOUBLE_BYTES:]
    near = double_from_bytes(head)
    if tail and near == -math.inf:
        return -int(bytes(255 - byte for byte in tail[11:]), 16)
    if tail.startswith(b"~"):
        return int(tail[11:], 16)
    if kind == "float" or not math.isfinite(near):
        return near
    exact = Fraction(near)
    if tail:
        exact += gap_above(near) * Fraction(int(tail), 10 ** len(tail))
    if kind == "integer":
        return int(exact)
    number = Decimal(exact.numerator) / Decimal(exact.denominator)
    return format(number, "f")


def gap_above(number: float) -> Fraction:
    """The distance of a double to the next greater one; above the largest, that below it."""
    if number == sys.float_info.max:
        return Fraction(math.ulp(number))
    return Fraction(math.nextafter(number, math.inf)) - Fraction(number)


def decimal_digits(fraction: Fraction) -> bytes:
    """The digits behind the point of a number from 0 to 1: they sort as the numbers do."""
    rest, denominator = fraction.numerator, fraction.denominator
    digits = bytearray()
    while rest and len(digits) < RESIDUE_DIGITS:
        digit, rest = divmod(rest * 10, denominator)
        digits.append(ord("0") + digit)
    return bytes(digits)


# Times, booleans and keys -------------------------------------------------------------------------


def moment_to_bytes(kind: str, value: Any) -> bytes:
    """A point in time to the microsecond: in UTC for a datetime, as the calendar says for a date.

    Naive times are in the project's time zone when USE_TZ is on (as Django's own fields read
    them), and a date is its midnight there. ISO text is accepted. ValueError for anything else.
    """
    if isinstance(value, str):
        parsed = parse_datetime(value) or parse_date(value)
        if parsed is None:
            raise ValueError(f"{value!r} is not a date or time in ISO format")
        value = parsed
    if not isinstance(value, datetime.date):
        raise ValueError(f"{value!r} is not a date or time")
    if not isinstance(value, datetime.datetime):
        value = datetime.datetime.combine(value, datetime.time())
    value = calendar_time(value) if kind == "date" else in_utc(value)
    # strftime("%Y") does not pad years before 1000 everywhere.
    return (
        f"{value.year:04d}{value.month:02d}{value.day:02d}"
        f"{value.hour:02d}{value.minute:02d}{value.second:02d}{value.microsecond:06d}"
    ).encode()


def moment_from_bytes(data: bytes) -> datetime.datetime:
    """The moment, aware and in UTC where USE_TZ is on."""
    moment = datetime.datetime.strptime(data.decode(), "%Y%m%d%H%M%S%f")
    return moment.replace(tzinfo=datetime.timezone.utc) if settings.USE_TZ else moment


def in_utc(moment: datetime.datetime) -> datetime.datetime:
    """The same moment as naive UTC; at the ends of time, where UTC has no such year, unshifted."""
    if timezone.is_naive(moment):
        if not settings.USE_TZ:
            return moment
        moment = timezone.make_aware(moment, timezone.get_default_timezone())
    try:
        return moment.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    except OverflowError:
        return moment.replace(tzinfo=None)


def calendar_time(moment: datetime.datetime) -> datetime.datetime:
    """The moment in the project's time zone, naive."""
    if timezone.is_naive(moment):
        return moment
    return timezone.make_naive(moment, timezone.get_default_timezone())


def as_boolean(value: Any) -> bool:
    """Text is true if it is 1, t, true, yes or on; other values as Python says."""
    if isinstance(value, str):
        return value.strip().lower() in TRUE_WORDS
    return bool(value)


def key_to_bytes(value: Any) -> bytes:
    """A primary key: integers in their order, before all others."""
    text = text_of(value)
    if INTEGER.fullmatch(text):
        return number_to_bytes(int(text))
    return b"\xff" * (DOUBLE_BYTES + 1) + cut(text, TEXT_BYTES)
