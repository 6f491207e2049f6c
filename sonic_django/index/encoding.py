"""Values as parts of Redis keys (equality) and as positions in an ordered set (order).

Equality. ``key_part`` maps a value to bytes: a letter for the type, then the value, with the
separators of the key escaped. Different values have different keys: ``None``, ``""``, ``0``,
``False``, ``"0"`` and the empty list have six. Long values are hashed (BLAKE2b, 128 bits).

Order. ``position`` maps a value to ``(score, prefix)``; an ordered set holds the member
``prefix + id`` under that score. Redis orders by score, then by the member's bytes, and therefore:

- numbers and times use the nearest double as score. A value that differs from its double
  (integers past 2**53, decimals of many digits) has a prefix that orders it exactly among the
  values that share the double: ``-...`` for below the double's shortest decimal form, none for
  equal, ``~...`` for above. Ids begin with a letter or a digit, which lie between the two.
- strings use score 0 and the whole string in UTF-8 as prefix, ended by a NUL (a NUL inside is
  escaped), so that byte order is code point order and no string is a prefix of another.

The member of an id is its decimal digits after a character for their number (``7`` is ``17``,
``42`` is ``242``), so that byte order is numeric order and Redis still sees small integers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Final, NamedTuple
from uuid import UUID


class EmptyList:
    """The type of ``EMPTY``, which stands for a list without elements where one is expected."""

    def __repr__(self) -> str:
        return "EMPTY"


EMPTY: Final = EmptyList()

#: Longer encoded values are replaced by their hash.
MAX_KEY_PART = 80
#: Whole numbers from here on are written with an exponent: a Decimal can have a huge one.
_LARGE_EXPONENT = 40
_LARGE = 10**_LARGE_EXPONENT
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_NAIVE_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
_SEPARATORS = str.maketrans({c: f"%{ord(c):02x}" for c in "%|~#:{}\x00\n\r "})
_LENGTHS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Position(NamedTuple):
    """The position of an entry in an ordered set: by score, then by the bytes of prefix + id."""

    score: float
    prefix: bytes


@dataclass(frozen=True)
class Bound:
    """A bound between members: it is before each ``(score, member)`` that is not less than it."""

    score: float
    member: bytes


def member(id: int) -> bytes:
    """The member that stands for an id; byte order is numeric order."""
    digits = str(id)
    return (_LENGTHS[len(digits)] + digits).encode()


def key_part(value: Any) -> bytes:
    """The value as a part of a key. Raises TypeError for a value without an equality index."""
    return key_part_and_original(value)[0]


def key_part_and_original(value: Any) -> tuple[bytes, bytes]:
    """The key part and, if it is a hash, the hashed text, else b""."""
    text = tagged(value)
    encoded = text.translate(_SEPARATORS).encode("utf-8", "surrogatepass")
    if len(encoded) <= MAX_KEY_PART:
        return encoded, b""
    raw = text.encode("utf-8", "surrogatepass")
    return b"h" + raw[:1] + blake2b(raw, digest_size=16).hexdigest().encode(), raw


def tagged(value: Any) -> str:
    """A letter for the type, then the value as text; equal values have one text."""
    kind = type(value)
    if kind is str:
        return f"s{value}"
    if value is None:
        return "n"
    if kind is bool:
        return "t" if value else "f"
    if kind is int or kind is float or kind is Decimal:
        return _tagged_number(value)
    if value is EMPTY:
        return "e"
    if kind is UUID:
        return f"u{value.hex}"
    if kind is bytes:
        return f"b{value.hex()}"
    if kind is datetime:
        return f"{'T' if value.tzinfo else 'N'}{microseconds(value)}"
    if kind is date:
        return f"D{value.isoformat()}"
    if kind is time:
        return f"{'c' if value.utcoffset() is None else 'C'}{_time_microseconds(value)}"
    if kind is timedelta:
        return f"w{value // _MICROSECOND}"
    if kind is tuple and len(value) == 2 and type(value[0]) is str and type(value[1]) is not tuple:
        # A reference to an object of any class: a model's label, which has no blanks, and an id.
        return f"r{value[0]} {tagged(value[1])}"
    raise TypeError(f"{value!r} of type {kind.__name__} cannot be indexed by equality")


def _tagged_number(value: int | float | Decimal) -> str:
    """Equal numbers have one text, whatever their types, as they are equal in Python.

    A whole number of up to 40 digits has its digits; a number that a double represents exactly has
    the double's repr; all others are in decimal. All NaNs are one value here.
    """
    if isinstance(value, int):
        return f"i{value}" if abs(value) < _LARGE else f"d{_plain(Decimal(value))}"
    if isinstance(value, Decimal):
        if value.is_nan():
            return "dnan"
        if value.adjusted() < _LARGE_EXPONENT and not value.is_infinite():
            if value == value.to_integral_value():
                return f"i{int(value)}"
            if Decimal(float(value)) != value:
                return f"d{_plain(value)}"
        elif value.is_finite():
            return f"d{_plain(value)}"
        value = float(value)
    if value.is_integer():
        return _tagged_number(int(value))
    return f"d{value!r}"


def _plain(value: Decimal) -> str:
    """The common text of equal decimals: digits without trailing zeros, and an exponent."""
    sign, digits, _ = value.as_tuple()
    text = "".join(map(str, digits)).lstrip("0").rstrip("0")
    if not text:
        return "0"
    return f"{'-' if sign else ''}{text}E{value.adjusted()}"


def microseconds(value: datetime) -> int:
    """Microseconds since 1970, in UTC; those of a naive value in its own time."""
    epoch = _EPOCH if value.tzinfo else _NAIVE_EPOCH
    return (value - epoch) // _MICROSECOND


def _time_microseconds(value: time) -> int:
    """Microseconds since midnight UTC, negative for the day before; of a naive value its own."""
    seconds = (value.hour * 60 + value.minute) * 60 + value.second
    number = seconds * 1_000_000 + value.microsecond
    offset = value.utcoffset()
    return number if offset is None else number - offset // _MICROSECOND


def position(value: Any) -> Position:
    """The position of ``value`` (not None) in an ordered set.

    Raises TypeError for a type without an order, and ValueError for NaN.
    """
    kind = type(value)
    if kind is str:
        return Position(0.0, text_prefix(value) + b"\x00")
    if kind is float:
        if math.isnan(value):
            raise ValueError("NaN has no position in an order")
        return Position(value, b"")
    if kind is bool:
        return Position(float(value), b"")
    if kind is int:
        return _exact(Decimal(value)) if abs(value) > 2**53 else Position(float(value), b"")
    if kind is Decimal:
        if value.is_nan():
            raise ValueError("NaN has no position in an order")
        return _exact(value)
    number = _as_number(value)
    return _exact(Decimal(number)) if abs(number) > 2**53 else Position(float(number), b"")


def _as_number(value: Any) -> int:
    kind = type(value)
    if kind is datetime:
        return microseconds(value)
    if kind is date:
        return int(value.toordinal())
    if kind is time:
        return _time_microseconds(value)
    if kind is timedelta:
        return int(value // _MICROSECOND)
    raise TypeError(f"{value!r} of type {kind.__name__} has no order")


def text_prefix(value: str) -> bytes:
    """A string's bytes with NUL escaped, so that a NUL can end them."""
    return value.encode("utf-8", "surrogatepass").replace(b"\x00", b"\x00\xff")


def _exact(value: Decimal) -> Position:
    try:
        score = float(value)
    except OverflowError:
        score = math.inf if value > 0 else -math.inf
    if value.is_infinite():
        # It is beyond each finite number that overflows to the same score.
        return Position(score, b"~~" if value > 0 else b"--")
    pivot = Decimal(repr(score))
    if value == pivot:
        return Position(score, b"")
    side = b"~" if value > pivot else b"-"
    return Position(score, side + _ordered_decimal(value))


def _ordered_decimal(value: Decimal) -> bytes:
    """Bytes in the order of the decimals, none a prefix of another.

    Sign, then the exponent (offset to be positive, fixed width), then the digits ended by a
    character below them; all digits complemented for negative numbers.
    """
    digits = "".join(map(str, value.as_tuple().digits)).lstrip("0").rstrip("0")
    text = f"{value.adjusted() + _EXPONENT_OFFSET:020d}{digits}"
    if value > 0:
        return f"1{text}!".encode()
    return f"0{text.translate(_COMPLEMENT)}}}".encode()


#: Makes every exponent that a Decimal can have positive.
_EXPONENT_OFFSET = 4 * 10**18
_COMPLEMENT = str.maketrans("0123456789", "9876543210")


def lower_bound(value: Any, *, inclusive: bool) -> Bound:
    """The bound below the values ``>= value`` (or ``> value``)."""
    score, prefix = position(value)
    if prefix:
        return Bound(score, prefix if inclusive else prefix + b"\xff")
    # "." is the byte after "-": after the values below this score's own value, before its ids.
    return Bound(score, b"." if inclusive else b"~")


def upper_bound(value: Any, *, inclusive: bool) -> Bound:
    """The bound above the values ``<= value`` (or ``< value``)."""
    return lower_bound(value, inclusive=not inclusive)


def id_bounds(low: int | None, high: int | None) -> tuple[Bound | None, Bound | None]:
    """The bounds of the ids ``low <= id <= high``; None means no bound."""
    first = None if low is None else _id_bound(low)
    return first, None if high is None else _id_bound(high + 1)


def _id_bound(id: int) -> Bound:
    # Ids are positive BIGINTs: a number beyond either end has the bound of that end.
    id = min(max(id, 0), 2**63)
    return Bound(float(id), member(id))


def starts_with(value: str) -> tuple[Bound, Bound]:
    """The bounds of the strings that start with ``value``; UTF-8 never has the byte FF."""
    prefix = text_prefix(value)
    return Bound(0.0, prefix), Bound(0.0, prefix + b"\xff")


def redis_score(score: float) -> str:
    """A score as Redis reads it: the shortest text that gives the same double."""
    if math.isinf(score):
        return "inf" if score > 0 else "-inf"
    return repr(score + 0.0)  # -0.0 is the same number as 0.0, so both have one text


def distinct(values: Iterable[Any]) -> list[Any]:
    """The values without repetitions (by key), in order."""
    return list({key_part(value): value for value in values}.values())
