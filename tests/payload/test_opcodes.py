"""The look at a pickle's instructions, against a walk through them one by one."""

from __future__ import annotations

import pickle
import pickletools
import random
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sonic_django.exceptions import PayloadError
from sonic_django.payload.opcodes import _COUNTED, _FIXED, check_opcodes
from tests.payload.strategies import PAYLOADS
from tests.profiles import examples

#: Bytes of the number in front of a content, by pickletools' codes for such arguments.
_NUMBERS = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}


def stops_at(body: bytes) -> int:
    """Where the first instruction stands that is not allowed or not whole, or where nothing
    stands any more; behind a STOP that ends the body, its length and one."""
    at = 0
    while at < len(body):
        code = body[at : at + 1]
        if code == pickle.STOP:
            return at + 1 + (at + 1 == len(body))
        if code not in _FIXED and code not in _COUNTED:
            return at
        argument = pickletools.code2op[code.decode("latin-1")].arg
        size = argument.n if argument else 0
        if size in _NUMBERS:
            width = _NUMBERS[size]
            size = width + int.from_bytes(body[at + 1 : at + 1 + width], "little")
        if at + 1 + size > len(body):
            return at
        at += 1 + size
    return at


def agrees(body: bytes) -> bool:
    """Compares both; whether the body is accepted."""
    expected = stops_at(body)
    try:
        check_opcodes(body)
    except PayloadError as error:
        assert expected <= len(body)
        if place := re.search(r"instruction 0x.. at (\d+)", str(error)):
            assert int(place[1]) == expected
        return False
    assert expected == len(body) + 1
    return True


@examples(100)
@given(values=PAYLOADS, rng=st.randoms(use_true_random=False))
def test_damaged_anywhere(values: dict[str, Any], rng: random.Random) -> None:
    body = pickle.dumps(values, 5)
    assert agrees(body)
    for _ in range(30):
        damaged = bytearray(body[: rng.randrange(1, len(body) + 1)])
        for _ in range(rng.randrange(3)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        agrees(bytes(damaged))


def test_a_content_that_is_longer_than_the_rest() -> None:
    """Bytes that begin like an instruction but are none must not be skipped."""
    for code in (pickle.SHORT_BINUNICODE, pickle.SHORT_BINBYTES, pickle.LONG1):
        for length in range(256):
            body = b"\x80\x05}\x94" + code + bytes([length]) + pickle.STOP
            assert agrees(body) is (length == 0)


def test_more_instructions_than_one_run_takes() -> None:
    body = pickle.dumps(list(range(5000)), 5)
    assert agrees(body)
    assert not agrees(body[:-1] + b"\xff.")
