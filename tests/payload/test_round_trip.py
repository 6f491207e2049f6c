"""A payload gives back the values that went in, of the same types."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import IntEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from sonic_django.exceptions import PayloadError
from sonic_django.payload import Codec, check_primitive, decode, encode, same
from sonic_django.payload.primitives import MAX_DEPTH
from tests.payload.strategies import PAYLOADS, PRIMITIVES
from tests.profiles import examples

GOLDEN = {
    "a": [1, -5, 2**70, 1.5, True, False, None, "é\ud800", b"\x00"],
    "d": Decimal("1.50"),
    "t": (1,),
    "s": {1, 2},
    "f": frozenset([3]),
    "m": {1: {}},
    "day": date(2024, 2, 29),
    "at": datetime(2024, 2, 29, 1, 2, 3, 4, timezone.utc),
    "naive": datetime(1, 1, 1),
    "off": time(1, 2, 3, 4, timezone(timedelta(hours=5, minutes=30))),
    "span": timedelta(-1, 5, 7),
    "u": UUID(int=5),
}
#: As format 1 was written on its first day; rows like these are in databases.
GOLDEN_BYTES = bytes.fromhex(
    "53010092b2086380059580010000000000007d94288c0161945d94284b014afbffffff8a0900000000000000004047"
    "3ff800000000000088894e8c05c3a9eda0809443010094658c0164948c07646563696d616c948c07446563696d616c"
    "9493948c04312e353094859452948c0174944b0185948c0173948f94284b014b02908c016694284b0391948c016d94"
    "7d944b017d94738c03646179948c086461746574696d65948c0464617465949394430407e8021d94859452948c0261"
    "749468168c086461746574696d65949394430a07e8021d0102030000049468168c0874696d657a6f6e659493946816"
    "8c0974696d6564656c74619493944b004b004b008794529485945294869452948c056e6169766594681e430a000101"
    "0100000000000094859452948c036f66669468168c0474696d65949394430601020300000494682168234b004d584d"
    "4b008794529485945294869452948c047370616e9468234affffffff4b054b07879452948c0175948c047575696494"
    "8c04555549449493942981947d948c03696e74944b057362752e"
)
GOLDEN_COMPRESSED = bytes.fromhex(
    "530101482302f47801edd0a11580201440510d4ee01ecee31e140c9c432410bfcc8bc71d68f7b5576f3dde716e7f25"
    "fa9ee36edf3e224080000102040810204080000102040810204060b940a46b02eb394265"
)


@examples(400)
@given(PAYLOADS)
def test_any_nesting_of_primitives(values: dict[str, Any]) -> None:
    assert same(decode(encode(values)), values)


@examples(100)
@given(PAYLOADS)
def test_compressed_as_well(values: dict[str, Any]) -> None:
    codec = Codec(compress_over=0)
    assert same(codec.decode(codec.encode(values)), values)


def test_what_format_1_wrote_is_still_read() -> None:
    assert same(decode(GOLDEN_BYTES), GOLDEN)
    assert decode(GOLDEN_COMPRESSED) == {"x": "y" * 5000}


def test_more_values_than_the_short_instructions_number() -> None:
    # Over 256 remembered strings, over 64 KiB in one frame, strings and bytes past both.
    values: dict[str, Any] = {f"key {i}": [f"value {i}", f"key {i // 2}"] for i in range(2000)}
    values |= {"long": "x" * 70_000, "bytes": b"\x00" * 70_000, "number": 2**3000, "b": b"r" * 300}
    assert decode(encode(values)) == values


def test_a_list_met_twice_comes_back_twice() -> None:
    shared = ["x"]
    assert decode(encode({"a": shared, "b": [shared, shared]})) == {"a": ["x"], "b": [["x"], ["x"]]}


def test_the_depth_that_is_written_can_be_read() -> None:
    deepest: list[Any] = []
    for _ in range(MAX_DEPTH - 2):  # with the payload's own dict
        deepest = [deepest]
    assert decode(encode({"x": deepest})) == {"x": deepest}
    with pytest.raises(
        PayloadError, match=r"x\[0\].* is nested deeper than 100 levels; flatten it"
    ):
        encode({"x": [deepest]})


def test_a_list_within_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(PayloadError, match="nested deeper"):
        encode({"x": endless})


def test_a_long_list_that_is_held_many_times_is_looked_through_once() -> None:
    # Building it each time would take minutes.
    shared = [1] * 200_000
    encode({"x": [shared] * 100_000})
    with pytest.raises(PayloadError, match="which a payload cannot hold"):
        encode({"x": [[*shared, object()]] * 100_000})


def test_a_list_of_a_list_of_a_list_met_twice_each_is_quickly_seen_through() -> None:
    shared: list[Any] = [1]
    for _ in range(80):  # 2**80 paths lead to the 1
        shared = [shared, shared]
    encode({"x": shared})
    shared[0] = [object()]
    with pytest.raises(PayloadError, match="object"):
        encode({"x": shared})


class Colour(IntEnum):
    RED = 1


class Text(str):
    pass


class Unpicklable:
    def __reduce__(self) -> Any:
        raise AssertionError("asked to be pickled")


class OwnZone(tzinfo):
    """A class by the name of the standard library's."""

    def utcoffset(self, moment: datetime | None) -> timedelta:
        return timedelta(0)


OwnZone.__name__ = OwnZone.__qualname__ = "timezone"


@pytest.mark.parametrize(
    "value",
    [Colour.RED, Text("x"), Unpicklable(), object, print, bytearray(b"x"), 1j, range(3), Ellipsis],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [(v,)], lambda v: {"k": {1: v}}])
def test_anything_else_is_refused_by_name(value: Any, wrap: Any) -> None:
    with pytest.raises(
        PayloadError, match=r"^colour.* is .* of type .*, which a payload cannot hold"
    ):
        encode({"size": 1, "colour": wrap(value)})


@pytest.mark.parametrize("zone", [ZoneInfo("Europe/Berlin"), OwnZone()], ids=["zoneinfo", "own"])
def test_named_time_zones_are_refused_and_the_cure_is_named(zone: tzinfo) -> None:
    for value in (datetime(2024, 1, 1, tzinfo=zone), time(12, tzinfo=zone)):
        with pytest.raises(PayloadError, match=r"when\[0\] is .* in a named time zone.*astimezone"):
            encode({"when": [value]})


def test_keys_are_text() -> None:
    with pytest.raises(PayloadError, match="the payload key 1 is not a str"):
        encode({1: "x"})  # type: ignore[dict-item]


def test_the_path_to_a_bad_value_is_named() -> None:
    with pytest.raises(PayloadError, match=r"^meta\['a'\]\[1\]\[0\] is <object"):
        encode({"meta": {"a": [1, (object(),)]}})
    with pytest.raises(PayloadError, match=r"^a key of meta is "):
        encode({"meta": {object(): 1}})
    with pytest.raises(PayloadError, match=r"^value\[0\] is "):
        check_primitive([object()], "value")


def test_the_size_limit_names_the_field() -> None:
    codec = Codec(max_size=1000)
    codec.encode({"a": "x" * 900})
    with pytest.raises(
        PayloadError, match=r"1\d\d\d bytes, over the limit of 1000.* value is body"
    ):
        codec.encode({"a": "x", "body": "x" * 1100})


def test_the_size_limit_holds_for_reading_too() -> None:
    for large in (Codec(compress_over=None), Codec(compress_over=0)):
        payload = large.encode({"a": "x" * 5000})
        with pytest.raises(PayloadError, match="larger than the limit of 1000 bytes"):
            Codec(max_size=1000).decode(payload)


def test_only_what_shrinks_is_compressed() -> None:
    assert len(encode({"x": "y" * 100_000})) < 1000
    assert len(Codec(compress_over=0).encode({})) == len(Codec(compress_over=None).encode({}))


@examples(300)
@given(PRIMITIVES, PRIMITIVES)
def test_same_means_stored_alike(one: Any, other: Any) -> None:
    assert same(one, decode(encode({"x": one}))["x"])
    if same(one, other):
        assert same(other, one)
        assert type(one) is type(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (0, False), (0, 0.0), (1, True), (0.0, -0.0), (Decimal("1.0"), Decimal("1.00")),
        ([1], (1,)), ([1], [True]), ({"a": 0}, {"a": False}), ({1}, frozenset([1])), ("", b""),
        (datetime(2024, 1, 1, 12, tzinfo=timezone.utc),
         datetime(2024, 1, 1, 13, tzinfo=timezone(timedelta(hours=1)))),
        (time(2), time(2, fold=1)), ({1}, {True}), ({0: 1}, {False: 1}),
        (frozenset([1.0]), frozenset([1])), ({(1,): 2}, {(True,): 2}),
    ],
)  # fmt: skip
def test_equal_is_not_always_the_same(one: Any, other: Any) -> None:
    assert not same(one, other)
    assert same(one, one)


def test_nan_is_the_same_as_itself() -> None:
    assert same({"x": [float("nan")]}, {"x": [float("nan")]})
    assert same(Decimal("NaN"), Decimal("NaN"))
    assert not same(Decimal("NaN"), Decimal("sNaN"))
