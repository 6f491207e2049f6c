"""Values as keys and as positions: equality and order exactly as Python has them."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from sonic_django.index.decoding import from_key_part, from_sort_key, from_text_prefix
from sonic_django.index.encoding import (
    EMPTY,
    MAX_KEY_PART,
    Bound,
    key_part,
    key_part_and_original,
    lower_bound,
    member,
    position,
    redis_score,
    starts_with,
    upper_bound,
)
from sonic_django.transport.client import redis_client
from tests.payload.strategies import OFFSETS, SCALARS, TEXTS
from tests.profiles import examples

LARGE = 10**400
INTS = st.one_of(
    st.integers(),
    st.integers(-(2**1400), 2**1400),
    st.integers(2**53 - 3, 2**53 + 6),
    st.integers(2**62, 2**62 + 600),
    st.sampled_from([LARGE, LARGE + 1, -LARGE, -LARGE - 1, 10**5000, 10**39, 10**40]),
)
DECIMALS = st.one_of(
    st.decimals(allow_nan=False),
    st.builds(lambda digits, exponent: Decimal(f"{digits}E{exponent}"),
              st.integers(-(10**40), 10**40), st.integers(-1000, 1000)),
    # Neighbours that one double stands for, and subnormal doubles.
    st.integers(-9, 9).map(lambda n: Decimal("0.1") + n * Decimal("1e-25")),
    st.integers(-9, 9).map(lambda n: Decimal(2**60) + n * Decimal("1e-3")),
    st.integers(-9, 9).map(lambda n: n * Decimal("1e-324")),
    st.sampled_from([Decimal("1E+999999999"), Decimal("-1E+999999999"), Decimal("1E-999999999"),
                     Decimal("2E-999999999"), Decimal("-0"), Decimal.from_float(0.1)]),
)  # fmt: skip
FLOATS = st.floats(allow_nan=False) | st.sampled_from([0.0, -0.0, 5e-324, -5e-324, 1e308])
NUMBERS = INTS | DECIMALS | FLOATS
TEXT = TEXTS | st.text("a\x00\x01\xff~-\ud800\uffff\U00010000", max_size=5) | TEXTS.map("z".__add__)
AWARE = st.datetimes(timezones=OFFSETS).filter(lambda moment: _in_range(moment))
KINDS: dict[str, st.SearchStrategy[Any]] = {
    "ints": INTS,
    "decimals": DECIMALS,
    "floats": FLOATS,
    "texts": TEXT,
    "aware": AWARE,
    "naive": st.datetimes(),
    "days": st.dates(),
    "clocks": st.times(),
    "aware clocks": st.times(timezones=OFFSETS),
    "spans": st.timedeltas(),
}


def _in_range(moment: datetime) -> bool:
    try:
        moment.astimezone(timezone.utc)
    except OverflowError:
        return False
    return True


def sort_key(value: Any, id: int = 5) -> tuple[float, bytes]:
    score, prefix = position(value)
    return score, prefix + member(id)


def before(bound: Bound, value: Any, id: int = 5) -> bool:
    return (bound.score, bound.member) <= sort_key(value, id)


# Equality -----------------------------------------------------------------------------------------


def equals(one: Any, other: Any) -> bool:
    """The documented equality: as Python's, but a bool equals only a bool, and NaN is one value."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    number, other_number = _fraction(one), _fraction(other)
    if number is not None or other_number is not None:
        return number == other_number
    return type(one) is type(other) and bool(one == other)


def _fraction(value: Any) -> Any:
    if not isinstance(value, (int, float, Decimal)):
        return None
    if isinstance(value, int):
        return Fraction(value)
    if math.isinf(value) if isinstance(value, float) else value.is_infinite():
        return float(value)
    if math.isnan(value) if isinstance(value, float) else value.is_nan():
        return "nan"
    if isinstance(value, Decimal) and abs(value.adjusted()) > 6000:
        return value  # its fraction would be as large as its exponent
    return Fraction(value)


KEYS = SCALARS | NUMBERS | TEXT | st.just(EMPTY)


@examples(600)
@given(KEYS, KEYS)
def test_two_values_have_one_key_if_they_are_equal(one: Any, other: Any) -> None:
    assume(_is_in_time(one) and _is_in_time(other))
    assert (key_part(one) == key_part(other)) is equals(one, other)


@examples(200)
@given(NUMBERS)
def test_a_number_has_one_key_in_all_types(number: Any) -> None:
    if isinstance(number, Decimal) and abs(number.adjusted()) > 5000:
        return
    assert key_part(number) == key_part(Decimal(number))
    if math.isfinite(number) if not isinstance(number, int) else True:
        if number == int(number):
            assert key_part(number) == key_part(int(number))
        try:
            same = float(number) == number
        except OverflowError:
            return
        assert (key_part(float(number)) == key_part(number)) is same


def _is_in_time(value: Any) -> bool:
    return not isinstance(value, datetime) or value.tzinfo is None or _in_range(value)


LOOK_ALIKES = [
    None, "", 0, False, True, "0", "n", "e", "t", "f", EMPTY, b"", b"0", "None", "False", 1, "1",
    "i1", "s", "si1", 1.5, "1.5", "d1.5", float("nan"), "nan", float("inf"), float("-inf"), "inf",
    "a|b", "a", "b", "a%7cb", "%7c", "%", "~", "#", "$", ":", "a:b", "{a}", " ", "\n", "\x00",
    "h", "hs", "x" * 200, "x" * 201, "hs" + "0" * 32, date(1970, 1, 1), "1970-01-01",
    datetime(1970, 1, 1), datetime(1970, 1, 1, tzinfo=timezone.utc), time(0), timedelta(0),
    time(0, tzinfo=timezone.utc), UUID(int=0), "0" * 32, b"\x00" * 16,
]  # fmt: skip


def test_look_alikes_have_different_keys() -> None:
    keys = {key_part(value): value for value in LOOK_ALIKES}
    assert len(keys) == len(LOOK_ALIKES)


def test_no_key_part_has_a_separator_and_none_is_long() -> None:
    for value in [*LOOK_ALIKES, "é" * 100, LARGE, b"x" * 1000]:
        part = key_part(value)
        assert not set(part) & set(b"|~#:{}\x00\n\r "), part
        assert len(part) <= MAX_KEY_PART


def test_moments_are_one_in_every_zone() -> None:
    here = datetime(2024, 1, 1, 12, tzinfo=timezone(timedelta(hours=5)))
    assert key_part(here) == key_part(here.astimezone(timezone.utc))
    assert key_part(here) != key_part(here.replace(tzinfo=None))


@pytest.mark.parametrize("value", [[], {}, (), set(), object(), 1j])
def test_what_is_no_single_value_has_no_key(value: Any) -> None:
    with pytest.raises(TypeError, match="cannot be indexed by equality"):
        key_part(value)


@examples(300)
@given(KEYS)
def test_the_value_can_be_read_back(value: Any) -> None:
    assume(_is_in_time(value))
    read = from_key_part(*key_part_and_original(value))
    if value is EMPTY:
        assert read is EMPTY
    elif isinstance(value, time) and value.utcoffset() is not None:
        assert read.tzinfo is timezone.utc  # of the same moment, whose day is not known
    else:
        assert equals(read, value)


# Order --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_positions_are_in_the_order_of_the_values(kind: str) -> None:
    @examples(250)
    @given(KINDS[kind], KINDS[kind], st.sampled_from([1, 9, 10, 10**18]))
    def check(one: Any, other: Any, id: int) -> None:
        assert (sort_key(one, id) < sort_key(other, 5)) is ((one, id) < (other, 5))
        assert (position(one) == position(other)) is (one == other)

    check()


@pytest.mark.parametrize("kind", KINDS)
def test_bounds_are_exact(kind: str) -> None:
    @examples(250)
    @given(KINDS[kind], KINDS[kind], st.sampled_from([1, 9, 10**18]))
    def check(value: Any, bound: Any, id: int) -> None:
        assert before(lower_bound(bound, inclusive=True), value, id) is (value >= bound)
        assert before(lower_bound(bound, inclusive=False), value, id) is (value > bound)
        assert before(upper_bound(bound, inclusive=True), value, id) is (value > bound)
        assert before(upper_bound(bound, inclusive=False), value, id) is (value >= bound)

    check()


@examples(400)
@given(TEXT, TEXT, st.sampled_from([1, 9, 10**18]))
@example("a\x00b", "a", 1)
@example("a\x00\x00", "a\x00", 1)
@example("", "", 1)
def test_texts_that_start_with_another(value: str, start: str, id: int) -> None:
    low, high = starts_with(start)
    assert (before(low, value, id) and not before(high, value, id)) is value.startswith(start)


@examples(100)
@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_members_are_in_the_order_of_the_ids(one: int, other: int) -> None:
    assert (member(one) < member(other)) is (one < other)
    assert int(member(one)[1:]) == one


def test_ids_lie_between_what_is_below_and_above_a_double() -> None:
    for id in (0, 9, 10**18, 2**63):
        assert b"-" < b"." < member(id) < b"~"


@pytest.mark.parametrize("value", [float("nan"), Decimal("NaN"), Decimal("sNaN")])
def test_nan_has_no_place(value: Any) -> None:
    with pytest.raises(ValueError, match="NaN has no position in an order"):
        position(value)


@pytest.mark.parametrize("value", [None, b"x", UUID(int=1), [], EMPTY])
def test_some_values_have_no_order(value: Any) -> None:
    with pytest.raises(TypeError, match="has no order"):
        position(value)


@examples(200)
@given(DECIMALS)
def test_a_number_can_be_read_back_from_its_place(value: Decimal) -> None:
    score, prefix = position(value)
    assert from_sort_key(prefix or f"{score:.17g}".encode()) == value


@examples(100)
@given(TEXT)
def test_a_text_can_be_read_back_from_its_place(value: str) -> None:
    assert from_text_prefix(position(value).prefix) == value


# A real ordered set -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_redis_orders_as_python_does(kind: str, worker_id: str) -> None:
    """Scores pass as text and members as bytes through the server, which compares them itself."""
    client, key = redis_client(), f"test:{{encoding {worker_id}}}:{kind}"

    @examples(25)
    @given(st.lists(KINDS[kind], max_size=20))
    def check(values: list[Any]) -> None:
        client.delete(key)
        for id, value in enumerate(values, 1):
            score, prefix = position(value)
            client.zadd(key, {prefix + member(id): redis_score(score)})
        found = [_id(raw) for raw in client.zrange(key, 0, -1)]
        assert found == sorted(range(1, len(values) + 1), key=lambda id: (values[id - 1], id))

    try:
        check()
    finally:
        client.delete(key)


def _id(raw: bytes) -> int:
    digits = len(raw)
    while raw[digits - 1 : digits].isdigit():
        digits -= 1
    tail = raw[digits:].decode()
    # The first digit of a member says how many follow.
    return next(int(tail[i + 1 :]) for i in range(len(tail)) if int(tail[i]) == len(tail) - i - 1)


SAME_DOUBLE: dict[str, Callable[[int], Any]] = {
    "ints": lambda n: 2**60 + n,
    "decimals": lambda n: Decimal("0.1") + n * Decimal("1e-30"),
    "moments": lambda n: datetime(9999, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=n),
}


@pytest.mark.parametrize("kind", SAME_DOUBLE)
def test_values_of_one_double_are_told_apart(kind: str) -> None:
    values = [SAME_DOUBLE[kind](n) for n in range(-3, 4)]
    assert len({position(value).score for value in values}) < len(values)
    for one, other in product(values, repeat=2):
        assert (sort_key(one) < sort_key(other)) is (one < other)
