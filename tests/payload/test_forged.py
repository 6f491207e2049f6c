"""Bytes that were not written by Sonic: PayloadError, and nothing is run.

Each forged pickle would leave a file behind if any of it ran.
"""

from __future__ import annotations

import copyreg
import functools
import os
import pickle
import random
import resource
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonic_django.exceptions import PayloadError
from sonic_django.payload import Codec, decode, encode
from sonic_django.payload.primitives import is_primitive
from tests.payload.strategies import PAYLOADS
from tests.profiles import examples

FUZZ_CASES = 10_000


def framed(body: bytes, flags: int = 0, form: int = 1) -> bytes:
    """The bytes as a payload with the right checksum, as a forger would write it."""
    checksum = zlib.crc32(body, zlib.crc32(bytes((form, flags))))
    return struct.pack(">cBBI", b"S", form, flags, checksum) + body


class Call:
    """Pickled, it is a call."""

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        self.reduced = (function, args)

    def __reduce__(self) -> Any:
        return self.reduced


class Proof:
    """A class of the project whose unpickling leaves a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __setstate__(self, state: Any) -> None:
        Path(state["path"]).touch()


def touching_script(path: Path) -> str:
    return f"open({str(path)!r}, 'w')"


def calls(path: Path) -> dict[str, Any]:
    """Objects whose pickles would make the file."""
    script = touching_script(path)
    return {
        "os.system": Call(os.system, f"touch {path}"),
        "subprocess": Call(subprocess.call, ["touch", str(path)]),
        "eval": Call(eval, script),
        "exec": Call(exec, script),
        "partial": Call(functools.partial(open, str(path), "w")),
        "map": Call(list, Call(map, eval, [script])),
        "class of the project": Proof(str(path)),
        "copyreg": Call(copyreg._reconstructor, Proof, object, None),
        "nested": [{"x": (Call(os.mkdir, str(path)),)}],
        "key": {Call(os.mkdir, str(path)): 1},
        "bytes": Call(bytes, 10**12),
        "type": Call(type, "X", (), {}),
    }


@pytest.mark.parametrize("name", calls(Path()))
@pytest.mark.parametrize("protocol", range(6))
def test_calls_are_not_made(name: str, protocol: int, tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    body = pickle.dumps({"x": calls(proof)[name]}, protocol)
    with pytest.raises(PayloadError):
        decode(framed(body))
    assert not proof.exists()
    with pytest.raises(PayloadError):
        decode(framed(zlib.compress(body), flags=1))
    assert not proof.exists()


def test_the_pickles_of_this_test_do_run_when_unguarded(tmp_path: Path) -> None:
    for name in ("os.system", "subprocess", "eval", "class of the project"):
        proof = tmp_path / name.replace(" ", "-")
        pickle.loads(pickle.dumps({"x": calls(proof)[name]}))
        assert proof.exists()
    for name in ("GLOBAL", "INST", "OBJ", "getattr chain"):
        proof = tmp_path / name.replace(" ", "-")
        pickle.loads(instruction(name, proof))
        assert proof.exists()


def test_a_refused_global_is_named() -> None:
    with pytest.raises(PayloadError, match=r"asks for posix\.system, .* was not loaded"):
        decode(framed(pickle.dumps({"x": os.system}, 5)))


INSTRUCTIONS = {
    "GLOBAL": b"cos\nsystem\n(S'touch {path}'\ntR.",
    "INST": b"(S'touch {path}'\nios\nsystem\n.",
    "OBJ": b"(cos\nsystem\nS'touch {path}'\no.",
    "getattr chain": b"c__builtin__\ngetattr\n(c__builtin__\n__import__\n(S'os'\ntRS'system'\ntR"
    b"(S'touch {path}'\ntR.",
    "EXT1": b"\x82\x01.",
    "EXT2": b"\x83\x01\x00.",
    "EXT4": b"\x84\x01\x00\x00\x00.",
    "PERSID": b"Pwhatever\n.",
    "BINPERSID": b"K\x01Q.",
    "NEWOBJ_EX": b"\x8c\x08datetime\x8c\x04date\x93)}\x92.",
    "STACK_GLOBAL with a dot": b"\x8c\x08datetime\x8c\x0bsys.modules\x93.",
    "REDUCE of getattr": b"\x8c\x08builtins\x8c\x07getattr\x93\x8c\x01x\x8c\x01y\x86R.",
    "BUILD of a class": b"\x8c\x04uuid\x8c\x04UUID\x93}\x8c\x08__init__K\x01sb.",
    "BUILD of a class's slots": b"\x8c\x07decimal\x8c\x07Decimal\x93N}\x8c\x07__add__K\x01s\x86b.",
    "REDUCE of a number": b"K\x01)R.",
    "NEXT_BUFFER": b"\x97.",
    "BYTEARRAY8": b"\x96\x01\x00\x00\x00\x00\x00\x00\x00x.",
    "PUT": b"}p99999999\n.",
    "LONG_BINPUT": b"}r\xff\xff\xff\xff.",
    "GET": b"g0\n.",
    "DUP": b"}2.",
    "INT": b"I1\n.",
    "LONG": b"L" + b"9" * 100_000 + b"L\n.",
    "unknown": b"\xff.",
    "empty": b"",
    "only STOP": b".",
    "no STOP": b"}",
    "tail": b"}.}",
    "other type": b"].",
    "LONG4 below zero": b"\x8b\xff\xff\xff\xff.",
}


def instruction(name: str, path: Path) -> bytes:
    return INSTRUCTIONS[name].replace(b"{path}", str(path).encode())


@pytest.mark.parametrize("name", INSTRUCTIONS)
def test_single_instructions(name: str, tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    for start in (b"", b"\x80\x05", b"\x80\x02"):
        body = start + instruction(name, proof)
        with pytest.raises(PayloadError):
            decode(framed(body))
        wrapped = start + b"}\x8c\x01x" + body.removesuffix(b".") + b"s."
        if name not in ("other type", "empty", "only STOP", "no STOP", "tail"):
            with pytest.raises(PayloadError):
                decode(framed(wrapped))
    assert not proof.exists()


HALF_MADE = {
    "a class of the allow-list": b"\x8c\x08datetime\x8c\x04date\x93",
    "a time zone": b"\x8c\x08datetime\x8c\x08timezone\x93"
    b"\x8c\x08datetime\x8c\x09timedelta\x93)R\x85R",
    "a UUID without a number": b"\x8c\x04uuid\x8c\x04UUID\x93)\x81",
    "a UUID of a str": b"\x8c\x04uuid\x8c\x04UUID\x93)\x81}\x8c\x03int\x8c\x01xsb",
    "a UUID of 129 bits": b"\x8c\x04uuid\x8c\x04UUID\x93)\x81}\x8c\x03int\x8a\x11"
    + b"\0" * 16
    + b"\1sb",
    "a list within itself": b"]\x94h\x00a",
}


@pytest.mark.parametrize("name", HALF_MADE)
@pytest.mark.parametrize("deep", [False, True])
def test_what_is_no_whole_primitive(name: str, deep: bool) -> None:
    made = HALF_MADE[name]
    value = made if not deep or b"h\x00" in made else b"]" + made + b"a"
    with pytest.raises(PayloadError):
        decode(framed(b"\x80\x05}\x8c\x01x" + value + b"s."))


def test_keys_are_text() -> None:
    with pytest.raises(PayloadError):
        decode(framed(pickle.dumps({1: "x"}, 5)))


def test_numbers_of_a_size_take_no_memory() -> None:
    bodies = [
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7f",  # a str of 2**63 - 1 bytes
        b"\x8e\x00\x00\x00\x00\x20\x00\x00\x00",  # bytes of 128 GiB
        b"X\xff\xff\xff\x7f",
        b"\x8b\xff\xff\xff\x7f",
        b"\x80\x05\x95\xff\xff\xff\xff\xff\xff\xff\x7f}",  # a frame
        b"}r\xff\xff\xff\x7f",  # a slot
        b"}j\xff\xff\xff\x7f",
        b"}q\xffp1999999999\n",
    ]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for body in bodies:
        for tail in (b"", b".", b"}."):
            with pytest.raises(PayloadError):
                decode(framed(body + tail))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 50_000, f"{grown} KiB"


def test_a_bomb_is_not_inflated() -> None:
    bomb = zlib.compress(b"\0" * (1 << 30), 9)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(PayloadError, match="larger than the limit"):
        Codec(max_size=1 << 20).decode(framed(bomb, flags=1))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 50_000, f"{grown} KiB"


def test_compressed_bodies_have_no_tail() -> None:
    body = zlib.compress(pickle.dumps({}, 5))
    assert decode(framed(body, flags=1)) == {}
    for other in (body + b"x", body[:-1], b"", b"nonsense"):
        with pytest.raises(PayloadError):
            decode(framed(other, flags=1))


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "0 bytes are too short for a payload"),
        (b"S\x01\x00", "3 bytes are too short"),
        (b"{'x': 1}", r"start with b\"\{'x'\", not as a payload does"),
        (framed(b"}.", form=2), "format 2 and flags 0x0; this version of Sonic reads format 1"),
        (framed(b"}.", flags=4), "format 1 and flags 0x4"),
        (framed(b"}.")[:-1] + b"x", "damaged: its checksum does not match"),
        (framed(b"]."), "holds a list, not a dict"),
    ],
)
def test_the_error_says_what_is_wrong(payload: bytes, message: str) -> None:
    with pytest.raises(PayloadError, match=message):
        decode(payload)


SAMPLE = {
    "title": "a title", "tags": ["x", "y", "x"], "n": 2**80, "f": 1.5, "at": datetime(2024, 1, 1),
    "zone": datetime(2024, 1, 1, tzinfo=timezone.utc), "d": Decimal("1.5"), "u": UUID(int=7),
    "day": date(2024, 1, 1), "b": b"\x00\x01", "t": (1, 2, 3, 4), "s": {1}, "z": frozenset(),
    "m": {"deep": [None, True]}, "long": "x" * 300,
}  # fmt: skip


@pytest.mark.parametrize("compress_over", [None, 0], ids=["plain", "compressed"])
def test_every_truncation(compress_over: int | None) -> None:
    payload = Codec(compress_over=compress_over).encode(SAMPLE)
    for length in range(len(payload)):
        with pytest.raises(PayloadError):
            decode(payload[:length])
        with pytest.raises(PayloadError):
            decode(framed(payload[7 : 7 + length] if length < len(payload) - 7 else b""))


@pytest.mark.parametrize("compress_over", [None, 0], ids=["plain", "compressed"])
def test_every_single_bit(compress_over: int | None) -> None:
    payload = Codec(compress_over=compress_over).encode(SAMPLE)
    for bit in range(len(payload) * 8):
        changed = bytearray(payload)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(PayloadError):
            decode(bytes(changed))


@examples(50)
@given(PAYLOADS, st.randoms(use_true_random=False))
def test_random_damage(values: dict[str, Any], rng: random.Random) -> None:
    payload = encode(values)
    for _ in range(20):
        changed = _damaged(payload, rng)
        if changed != payload:
            with pytest.raises(PayloadError):
                decode(changed)


def test_ten_thousand_forgeries_with_the_right_checksum(tmp_path: Path) -> None:
    """Damage that the checksum does not show: still an error, or still primitives."""
    proof = tmp_path / "ran"
    rng = random.Random(20240229)
    call = pickle.dumps({"x": Call(os.system, f"touch {proof}")}, 5)
    bodies = [pickle.dumps(SAMPLE, 5), call, pickle.dumps(SAMPLE, 2), pickle.dumps(SAMPLE, 0)]
    outcomes = {"error": 0, "primitives": 0}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for case in range(FUZZ_CASES):
        body = _damaged(rng.choice(bodies), rng)
        try:
            values = decode(framed(body))
        except PayloadError:
            outcomes["error"] += 1
        else:
            assert is_primitive(values), f"case {case}: {body!r}"
            outcomes["primitives"] += 1
    assert not proof.exists()
    # Both happen, or the damage is not of the kind that is looked for.
    assert min(outcomes.values()) > 100, outcomes
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100_000, f"{grown} KiB"
    assert "antigravity" not in sys.modules


def _damaged(given: bytes, rng: random.Random) -> bytes:
    """Some bytes changed, cut out, doubled or put elsewhere."""
    changed = bytearray(given)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        at = rng.randrange(len(changed) + 1)
        end = min(len(changed), at + rng.choice([1, 1, 2, 5, 30]))
        kind = rng.randrange(5)
        if kind == 0:
            del changed[at:end]
        elif kind == 1:
            changed[at:at] = changed[at:end]
        elif kind == 2:
            changed[at:at] = rng.randbytes(rng.choice([1, 2, 4]))
        elif kind == 3:
            part = changed[at:end]
            del changed[at:end]
            to = rng.randrange(len(changed) + 1)
            changed[to:to] = part
        elif at < len(changed):
            changed[at] = rng.choice([rng.randrange(256), changed[at] ^ (1 << rng.randrange(8))])
    return bytes(changed)
