"""The cost of loading forged payloads: a value or PayloadError, in bounded time and memory.

Each is loaded in a process of its own, which is ended by the limits of the system and not by us.
"""

from __future__ import annotations

import pickle
import random
import struct
import subprocess
import sys
import zlib
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from sonic_django.exceptions import PayloadError
from sonic_django.payload import Codec, decode, encode
from tests.payload.test_forged import SAMPLE, framed

#: Limits of a process that loads one payload: most are refused within a tenth of these.
SECONDS = 10
MEGABYTES = 1000

CHILD = """
import resource, sys, time
from sonic_django.exceptions import PayloadError
from sonic_django.payload import decode
payloads = eval(sys.stdin.buffer.read())
resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[1]),) * 2)
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]) << 20,) * 2)
for payload in payloads:
    started = time.process_time()
    try:
        decode(payload)
        print("value", end=" ")
    except PayloadError as error:
        print(str(error).replace("\\n", " "), end=" ")
    print(f"| {time.process_time() - started:.2f}", flush=True)
"""


def outcomes(payloads: list[bytes]) -> list[tuple[str, float]]:
    """The error (or "value") of each payload, and its seconds."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(SECONDS * 3), str(MEGABYTES)],
        input=repr(payloads).encode(),
        capture_output=True,
        check=False,
    )
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0, f"after {len(lines)}: {done.returncode} {done.stderr[-500:]!r}"
    pairs = [line.rsplit(" | ", 1) for line in lines]
    return [(message, float(seconds)) for message, seconds in pairs]


def get(slot: int) -> bytes:
    return b"h" + bytes([slot]) if slot < 256 else b"j" + struct.pack("<I", slot)


def body(value: bytes) -> bytes:
    """The pickle of a dict with one value, which may use slots of the memo from 2 on."""
    return b"\x80\x05}\x94\x8c\x01x\x94" + value + b"s."


def listed(values: bytes) -> bytes:
    """The pickle of a dict with a list of these values."""
    return body(b"](" + values + b"e")


#: Different ints whose hash is 0.
COLLIDING = [b"\x8a\x0c" + (k * (2**61 - 1)).to_bytes(12, "little") for k in range(1, 40_001)]
#: The tuple (1, 2), then the tuple of the former twice, and so on, from slot 2.
DOUBLED = b"K\x01K\x02\x86\x94" + b"".join(2 * get(2 + n) + b"\x86\x94" for n in range(60))
#: The same of lists.
DOUBLED_LISTS = b"]\x94" + b"".join(b"]\x94(" + 2 * get(2 + n) + b"e" for n in range(60))
#: Each the one before and an int, from slot 2: nested 20,000 times, without a nested instruction.
CHAIN = b"K\x01K\x02\x86\x94" + b"".join(get(2 + n) + b"K\x01\x86\x94" for n in range(20_000))
DECIMAL = b"\x8c\x07decimal\x8c\x07Decimal\x93\x94"
DECIMALS = b"".join(
    b"h\x02\x8c" + bytes([len(text)]) + text + b"\x85RN"
    for text in (str(k * (2**61 - 1)).encode() for k in range(1, 20_001))
)
#: Different tuples of -1 and -2, which have one hash.
SIGNS = b"".join(
    b"(" + b"".join(b"J" + struct.pack("<i", -1 - (n >> bit & 1)) for bit in range(16)) + b"t"
    for n in range(20_000)
)
UUIDS = b"\x8c\x04uuid\x8c\x04UUID\x93\x94" + b"}(" + b"".join(
    b"h\x02)\x81}\x8c\x03int" + number + b"sbN" for number in COLLIDING
) + b"u"  # fmt: skip

#: Bodies, and a part of the error; "" where the values themselves are none to object to.
FORGED: dict[str, tuple[bytes, str]] = {
    "empty sets": (listed(b"\x8f" * 15_000_000), "more than 4194304 instructions"),
    "two million empty sets": (listed(b"\x8f" * 2_000_000), "more than 1048576 containers"),
    "empty dicts": (listed(b"}" * 2_000_000), "containers"),
    "frozensets": (listed(b"(\x91" * 1_500_000), "containers"),
    "tuples": (listed(b"N\x85" * 1_500_000), "containers"),
    "marks": (body(b"(" * 15_000_000 + b"t"), "instructions"),
    "slots": (body(b"N" + b"\x94" * 15_000_000), "instructions"),
    "a list that holds itself": (body(b"]\x94(" + b"h\x02" * 8_000_000 + b"e"), "instructions"),
    "a list that holds itself two million times": (
        body(b"]\x94(" + b"h\x02" * 2_000_000 + b"e"), "no payload may hold",
    ),
    "a dict that holds itself": (body(b"}\x94\x8c\x01ah\x02s"), "no payload may hold"),
    "two lists that hold each other": (
        body(b"]\x94(]\x94(" + b"h\x02" * 900_000 + b"e" + b"h\x03" * 900_000 + b"e"),
        "no payload may hold",
    ),
    "lists of the list before twice": (listed(DOUBLED_LISTS), ""),
    "nested lists": (body(b"]" * 900_000 + b"a" * 899_999), "no payload may hold"),
    "a nested tuple": (body(b"N" + b"\x85" * 900_000), "nested deeper than 100"),
    "a nested tuple as a key": (body(b"}N" + b"\x85" * 900_000 + b"Ns"), "nested deeper than 100"),
    "a short nested tuple as a key": (body(b"}N" + b"\x85" * 60_000 + b"Ns"), "nested deeper"),
    "nested frozensets": (body(b"(" * 60_000 + b"\x91" * 60_000), "nested deeper"),
    "tuples of the tuple before twice": (
        listed(DOUBLED + b"}" + get(62) + b"Ns"), "steps to hash",
    ),
    "a chain of pairs": (listed(CHAIN + b"}" + get(20_001) + b"Ns"), "nested deeper"),
    "a short chain of pairs": (listed(CHAIN[:9_000] + b"\x8f(" + get(1000) + b"\x90"), ""),
    "colliding ints": (body(b"}(" + b"N".join(COLLIDING) + b"Nu"), "of one hash"),
    "colliding ints in a set": (body(b"\x8f(" + b"".join(COLLIDING) + b"\x90"), "of one hash"),
    "colliding ints in a frozenset": (body(b"(" + b"".join(COLLIDING) + b"\x91"), "of one hash"),
    "colliding Decimals": (listed(DECIMAL + b"}(" + DECIMALS + b"u"), "of one hash"),
    "colliding tuples": (body(b"\x8f(" + SIGNS + b"\x90"), "of one hash"),
    "colliding UUIDs": (listed(UUIDS), "of one hash"),
    "a long int as a key": (
        listed(b"\x8b" + struct.pack("<i", 8_000_000) + b"\x01" * 8_000_000 + b"\x94"
               + b"}h\x02Ns" * 1000), "steps to hash",
    ),
    "a long Decimal as a key": (
        listed(DECIMAL + b"h\x02X" + struct.pack("<I", 4_000_000) + b"1" * 4_000_000 + b"\x85R\x94"
               + b"}h\x03Ns" * 100_000), "steps to hash",
    ),
    "a Decimal of a long int": (
        listed(DECIMAL + b"h\x02\x8b" + struct.pack("<i", 9_000_000) + b"\x01" * 9_000_000
               + b"\x85R"), "a Decimal of something else than a text",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_forged_payloads_cost_little(name: str) -> None:
    forged, expected = FORGED[name]
    ((message, seconds),) = outcomes([framed(zlib.compress(forged), flags=1)])
    assert seconds < SECONDS
    assert expected in message, message


def test_the_error_names_the_bound_and_the_setting() -> None:
    with pytest.raises(
        PayloadError,
        match=r"asks for more than 65536 containers; it was not loaded\. If it is yours and this "
        r'large, raise SONIC\["MAX_PAYLOAD_SIZE"\]',
    ):
        Codec(max_size=1_000_000).decode(framed(listed(b"\x8f" * 100_000)))


def test_a_payload_that_would_not_be_loaded_is_not_written() -> None:
    values = {"short": 1, "words": [[] for _ in range(70_000)]}
    with pytest.raises(PayloadError, match=r"65536 containers; .* The longest value is words\."):
        Codec(max_size=1_000_000).encode(values)


SHARED = [1, 2]
HONEST: dict[str, Any] = {
    "ints": list(range(100_000)),
    "long ints": [2**62 + n for n in range(20_000)],
    "moments": [datetime(2024, 1, 1, n % 24, tzinfo=timezone.utc) for n in range(10_000)],
    "Decimals": [Decimal(n) / 7 for n in range(10_000)],
    "UUIDs": {UUID(int=n * 10**30): n for n in range(5_000)},
    "references": [("blog.post", 2**62 + n) for n in range(20_000)],
    "tuples": {(n, str(n)): (n, (n,)) for n in range(10_000)},
    "frozensets": {frozenset([n, n + 1]) for n in range(10_000)},
    "dicts": [{"street": f"s{n}", "no": n, "tags": ["a"]} for n in range(10_000)],
    "shared": [SHARED] * 50_000,
    "a long text and tuples": ["x" * 200_000, (1, 2), (3, 4)],
    "a long int": [10**10_000],
}


@pytest.mark.parametrize("name", HONEST)
def test_large_values_that_are_no_forgeries(name: str) -> None:
    values = {"x": HONEST[name]}
    assert decode(encode(values)) == values


RICH = SAMPLE | {
    "pairs": [("blog.post", n) for n in range(20)], "keys": {(1, (2, 3)): 1, Decimal(4): 5},
    "frozen": {frozenset([1, 2]), frozenset([(1,), (2,)])}, "big": 10**800, "shared": [SHARED] * 5,
}  # fmt: skip


def damaged(given: bytes, rng: random.Random) -> bytes:
    """Bytes changed, and parts repeated up to a million times."""
    changed = bytearray(given)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(changed))
        part = changed[at : at + rng.choice([1, 1, 2, 3, 7, 30])]
        match rng.randrange(4):
            case 0:
                changed[at] = rng.randrange(256)
            case 1:
                del changed[at : at + len(part)]
            case 2:
                changed[at:at] = part * rng.choice([2, 10, 1000, 1_000_000 // len(part)])
            case 3:
                to = rng.randrange(len(changed))
                changed[to:to] = part * rng.choice([1, 2, 50_000])
    return bytes(changed[: 12 << 20])


@pytest.mark.parametrize("seed", range(3))
def test_pickles_damaged_at_random(seed: int) -> None:
    rng = random.Random(seed)
    originals = [pickle.dumps(RICH, 5), pickle.dumps(SAMPLE, 5)]
    payloads = [
        framed(zlib.compress(damaged(rng.choice(originals), rng), 1), flags=1) for _ in range(150)
    ]
    results = outcomes(payloads)
    assert len(results) == len(payloads)
    assert max(seconds for _, seconds in results) < SECONDS
    assert len({message for message, _ in results}) > 10
