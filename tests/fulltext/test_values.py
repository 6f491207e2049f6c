"""Values as bytes: their order is the order of the values, whatever their size."""

from __future__ import annotations

import datetime
import math
import random
import sys
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import override_settings

from sonic_django.fulltext.engine.values import decode, encode

INTEGERS = [
    -(10**400),
    -(10**399),
    -(2**1024),
    -(2**64),
    -(2**63) - 1,
    -(2**63),
    -(2**53) - 2,
    -(2**53) - 1,
    -(2**53),
    -1000,
    -7,
    -1,
    0,
    1,
    9,
    10,
    999_999_999_999,
    1_000_000_000_000,
    2**53,
    2**53 + 1,
    2**53 + 2,
    2**63 - 2,
    2**63 - 1,
    2**63,
    2**64,
    10**308,
    10**308 + 1,
    2**1024,
    10**399,
    10**400,
]


def in_order(kind: str, values: list[Any]) -> list[Any]:
    """The values by their bytes. They come in reversed, so equal bytes do not go unnoticed."""
    values = list(reversed(values))
    return sorted(values, key=lambda value: encode(kind, value))


def test_integers_keep_their_order_whatever_their_sign_and_size():
    assert in_order("integer", INTEGERS) == INTEGERS


def test_neighbouring_integers_beyond_doubles_keep_their_order():
    source = random.Random(11)
    numbers = {
        sign * (2 ** source.randrange(50, 200) + source.randrange(-5, 6))
        for sign in (-1, 1)
        for _ in range(1000)
    }
    assert in_order("integer", sorted(numbers)) == sorted(numbers)


@pytest.mark.parametrize("number", INTEGERS)
def test_an_integer_is_read_back_as_it_was(number: int):
    assert decode("integer", encode("integer", number)) == number


def test_floats_keep_their_order_with_the_infinite_at_the_ends():
    numbers = [-math.inf, -sys.float_info.max, -1.5, -5e-324, 0.0, 5e-324, 0.1, 1.5, 1e300]
    numbers += [sys.float_info.max, math.inf]
    assert in_order("float", numbers) == numbers
    assert [decode("float", encode("float", number)) for number in numbers] == numbers


def test_numbers_beside_negative_powers_of_two_keep_their_order():
    powers = [-(2.0**exponent) for exponent in range(1000, -1000, -1)]
    numbers = [
        number
        for power in powers
        for number in (math.nextafter(power, -math.inf), power, math.nextafter(power, 0))
    ]
    assert in_order("float", numbers) == numbers


def test_decimals_are_compared_exactly():
    texts = ["-10", "-9.5", "0", "0.1", "0.10000000000000000000000000000000000001", "0.2"]
    numbers = [Decimal(text) for text in [*texts, "9", "9.99", "10", "1e400"]]
    assert in_order("decimal", numbers) == numbers


def test_equal_numbers_of_any_type_are_equal():
    assert encode("decimal", "10.50") == encode("float", 10.5) == encode("integer", Decimal("10.5"))
    assert encode("decimal", "0.1") == encode("decimal", Decimal("0.100"))
    assert encode("integer", 5) == encode("float", 5.0) == encode("integer", "5")


def test_a_decimal_is_read_back_as_text():
    assert decode("decimal", encode("decimal", "12.34")) == "12.34"


@pytest.mark.parametrize("text", ["", "ten", "1.2.3"])
def test_text_without_a_number_is_refused(text: str):
    with pytest.raises(ValueError, match="not a number"):
        encode("integer", text)


@pytest.mark.parametrize("text", ["1e999999999", "1e-999999999"])
def test_a_number_that_would_take_forever_is_refused(text: str):
    with pytest.raises(ValueError, match="digits"):
        encode("decimal", text)


def moments() -> list[datetime.datetime]:
    """One hour apart, each written in another time zone than the one before."""
    zones = [ZoneInfo("Asia/Tokyo"), datetime.timezone.utc, ZoneInfo("America/New_York")]
    start = datetime.datetime(2024, 2, 28, 20, 0, 0, 7, tzinfo=datetime.timezone.utc)
    return [
        (start + datetime.timedelta(hours=number)).astimezone(zones[number % 3])
        for number in range(12)
    ]


def test_moments_of_different_time_zones_keep_their_order():
    assert in_order("datetime", moments()) == moments()


@override_settings(USE_TZ=True)
def test_a_moment_is_read_back_with_its_microseconds():
    assert [decode("datetime", encode("datetime", moment)) for moment in moments()] == moments()


@override_settings(USE_TZ=True, TIME_ZONE="Asia/Tokyo")
def test_naive_moments_and_dates_are_in_the_time_zone_of_the_project():
    tokyo = ZoneInfo("Asia/Tokyo")
    midnight = datetime.datetime(2024, 1, 1, tzinfo=tokyo)
    assert encode("datetime", datetime.datetime(2024, 1, 1)) == encode("datetime", midnight)
    assert encode("datetime", datetime.date(2024, 1, 1)) == encode("datetime", midnight)


@override_settings(USE_TZ=False)
def test_without_time_zones_a_moment_is_what_it_says():
    moment = datetime.datetime(2024, 1, 1, 12, 30)
    assert decode("datetime", encode("datetime", moment)) == moment


def test_the_ends_of_time_can_be_indexed():
    zone = ZoneInfo("America/New_York")
    last = datetime.datetime.max.replace(tzinfo=zone)
    first = datetime.datetime.min.replace(tzinfo=ZoneInfo("Asia/Tokyo"))
    assert encode("datetime", first) < encode("datetime", moments()[0]) < encode("datetime", last)


def test_days_of_the_first_millennium_come_before_later_ones():
    days = [datetime.date(50, 1, 1), datetime.date(999, 12, 31), datetime.date(1066, 10, 14)]
    assert in_order("date", days) == days


def test_iso_text_is_a_moment():
    moment = datetime.datetime(2024, 1, 1, 12, tzinfo=datetime.timezone.utc)
    assert encode("datetime", "2024-01-01T12:00:00Z") == encode("datetime", moment)


@pytest.mark.parametrize("value", ["yesterday", 5, ""])
def test_what_is_no_moment_is_refused(value: Any):
    with pytest.raises(ValueError, match="not a date or time"):
        encode("datetime", value)
