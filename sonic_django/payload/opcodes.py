"""The pickle instructions that a payload may contain, checked before any of them runs.

The allow-list of globals limits what a pickle can *make*; this limits what it can *cost*. Our own
pickles never contain the instructions that allocate as much memory as a number in them says
(``LONG_BINPUT`` of slot 2**32 - 1 makes the unpickler zero 64 GB), that look up names at load
(``INST``, ``GLOBAL``, ``EXT*``, persistent ids) or that parse text.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from typing import Any

from ..exceptions import PayloadError
from .costs import SMALL, Limits, check_cost, refuse

#: Bytes that follow an instruction, where their number is fixed.
_FIXED: dict[bytes, int] = {
    pickle.PROTO: 1,
    pickle.FRAME: 8,
    pickle.MEMOIZE: 0,
    pickle.MARK: 0,
    pickle.NONE: 0,
    pickle.NEWTRUE: 0,
    pickle.NEWFALSE: 0,
    pickle.BININT: 4,
    pickle.BININT1: 1,
    pickle.BININT2: 2,
    pickle.BINFLOAT: 8,
    pickle.EMPTY_DICT: 0,
    pickle.SETITEM: 0,
    pickle.SETITEMS: 0,
    pickle.EMPTY_LIST: 0,
    pickle.APPEND: 0,
    pickle.APPENDS: 0,
    pickle.EMPTY_TUPLE: 0,
    pickle.TUPLE1: 0,
    pickle.TUPLE2: 0,
    pickle.TUPLE3: 0,
    pickle.TUPLE: 0,
    pickle.EMPTY_SET: 0,
    pickle.ADDITEMS: 0,
    pickle.FROZENSET: 0,
    pickle.BINGET: 1,
    pickle.LONG_BINGET: 4,
    pickle.STACK_GLOBAL: 0,
    pickle.REDUCE: 0,
    pickle.NEWOBJ: 0,
    pickle.BUILD: 0,
}
#: Bytes of the length that follows an instruction, before as many bytes of content.
_COUNTED: dict[bytes, int] = {
    pickle.SHORT_BINUNICODE: 1,
    pickle.BINUNICODE: 4,
    pickle.BINUNICODE8: 8,
    pickle.SHORT_BINBYTES: 1,
    pickle.BINBYTES: 4,
    pickle.BINBYTES8: 8,
    pickle.LONG1: 1,
    pickle.LONG4: 4,
}


def _class(codes: Mapping[bytes, int], size: int) -> bytes:
    """The instructions of this size, as they stand in a character class."""
    return b"".join(re.escape(code) for code, found in codes.items() if found == size)


#: Runs of instructions without a long content. In a regular expression, since a loop in Python
#: takes four times as long, which is more than the unpickling itself: content of up to 255 bytes
#: is an alternative for each length. Bounded, so that the matcher's memory is. Not possessive,
#: which is faster: until 3.11.5 Python then goes on behind bytes that did not match (gh-106052).
_COUNT = b"|".join(re.escape(bytes([n])) + b".{%d}" % n for n in range(256))
#: Instructions that make a value which can be a key and has parts.
_WITH_PARTS = frozenset(
    [pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3, pickle.TUPLE, pickle.FROZENSET]
)
#: Instructions that make numbers, or objects of numbers, whose hash can be chosen.
_WITH_CHOSEN_HASH = frozenset([pickle.LONG1, pickle.REDUCE, pickle.NEWOBJ, pickle.BUILD])
_TUPLES = b"[" + _class(dict.fromkeys(_WITH_PARTS - {pickle.FROZENSET}, 0), 0) + b"]"
_MEMOIZED = re.escape(pickle.MEMOIZE) + b"?"
#: Arguments: a tuple that the next instruction takes.
_ARGUMENTS = _TUPLES + _MEMOIZED + re.escape(pickle.REDUCE)
#: A moment: its bytes, and its time zone from the memo if it has one.
_MOMENT = (
    re.escape(pickle.SHORT_BINBYTES) + b"(?:" + _COUNT + b")" + _MEMOIZED
    + b"(?:" + re.escape(pickle.BINGET) + b".|" + re.escape(pickle.LONG_BINGET) + b".{4})?"
    + b"[" + re.escape(pickle.TUPLE1 + pickle.TUPLE2) + b"]" + _MEMOIZED + re.escape(pickle.REDUCE)
)  # fmt: skip


#: The end of a pair of a text and an id, which is the form of a dynamic reference.
_IDS = b"(?:%s)" % b"|".join(
    [re.escape(code) + b".{%d}" % _FIXED[code] for code in (pickle.BININT1, pickle.BININT2)]
    + [re.escape(pickle.BININT) + b".{4}"]
    + [re.escape(pickle.LONG1) + b"\x05.{5}", re.escape(pickle.LONG1) + b"\x06.{6}"]
    + [re.escape(pickle.LONG1) + b"\x07.{7}", re.escape(pickle.LONG1) + b"\x08.{8}"]
)
_PAIR = _IDS + re.escape(pickle.TUPLE2)
_TEXT = b"[" + re.escape(pickle.SHORT_BINUNICODE) + b"](?:" + _COUNT + b")"
_LABELS = re.compile(b"(h.|j.{4})(?=" + _PAIR + b")", re.DOTALL)
#: Other values than texts that are first in such pairs, and therefore what these pairs can nest.
_MOST_LABELS = 64


def _followed(without: frozenset[bytes] = frozenset()) -> bytes:
    """Instructions with an argument, except some."""
    counted = {code: size for code, size in _COUNTED.items() if code not in without}
    return b"|".join(
        [
            b"[" + _class(counted, 1) + b"](?:" + _COUNT + b")",
            *(
                b"[" + codes + b"].{%d}" % size
                for size in (1, 2, 4, 8)
                if (codes := _class({c: n for c, n in _FIXED.items() if c not in without}, size))
            ),
        ]
    )


def _runs(followed: bytes, without: frozenset[bytes] = frozenset()) -> re.Pattern[bytes]:
    """Runs of such instructions, and of those without an argument, except some."""
    bare = b"[" + _class({c: n for c, n in _FIXED.items() if c not in without}, 0) + b"]*"
    return re.compile(bare + b"(?:(?:" + followed + b")" + bare + b"){0,1000}", re.DOTALL)


_GETS = frozenset([pickle.BINGET, pickle.LONG_BINGET])
#: All instructions.
_RUN = _runs(_followed())
#: Those that cannot nest tuples. The group is a pair whose first value is from the memo.
_FLAT_RUN = _runs(
    b"|".join(
        [
            _ARGUMENTS,
            _TEXT + b"(?:" + _MEMOIZED + _PAIR + b")?",
            b"(?:h.|j.{4})(" + _PAIR + b")?",
            _followed(_GETS | {pickle.SHORT_BINUNICODE}),
        ]
    ),
    _WITH_PARTS,
)
#: Those that make no keys whose hashes can be chosen, nor nest tuples.
_INERT_RUN = _runs(_MOMENT + b"|" + _followed(_WITH_CHOSEN_HASH), _WITH_PARTS | _WITH_CHOSEN_HASH)
_ARGUED = re.compile(_followed(), re.DOTALL)
_LONG = {code[0]: size for code, size in _COUNTED.items() if size > 1}
_STOP, _LONG4 = pickle.STOP[0], pickle.LONG4[0]
_PARTED = frozenset(code[0] for code in _WITH_PARTS)
#: Instructions that make a container.
_MAKERS = b"".join([*_WITH_PARTS, pickle.EMPTY_LIST, pickle.EMPTY_DICT, pickle.EMPTY_SET])
#: Bytes of instructions times bytes of the body: keys and what hashing one of them can cost.
_MOST_BY_SIZE = 2**32
_DEFAULT = Limits.of_size(16 * 1024 * 1024)


def check_opcodes(body: bytes, limits: Limits = _DEFAULT) -> None:
    """PayloadError unless the pickle consists of allowed instructions only, to its end, and costs
    no more than the limits.

    Costs about two thirds of the unpickling; for a body with more than one tuple or frozenset, and
    for long ones of other than texts, moments and small numbers, some times as much as that.
    """
    at, size = 0, len(body)
    run, parted, has_pairs, is_suspect = _FLAT_RUN, 0, False, False
    spans: list[tuple[int, int]] = []
    while True:
        start = at
        found: Any = run.match(body, at)  # it matches the empty run too
        at = found.end()
        if at > start:
            spans.append((start, at))
            has_pairs = has_pairs or (run is _FLAT_RUN and found.start(1) >= 0)
        if at >= size:
            raise PayloadError("the payload's body is cut off.")
        code = body[at]
        if code in _LONG:
            content = at + 1 + _LONG[code]
            at = min(size, content + int.from_bytes(body[at + 1 : content], "little"))
            is_suspect |= code == _LONG4
        elif code in _PARTED and run is _FLAT_RUN:
            # One tuple of scalars is no reason for a closer look, more may be in one another.
            spans.append((at, at + 1))
            at += 1
            parted += 1
            if parted > 1:
                run, is_suspect = _RUN, True
        elif at == start or code == _STOP:
            break
    if code != _STOP:
        raise PayloadError(
            f"the payload's body has the instruction {code:#04x} at {at}, which no payload has; "
            f"it was not loaded."
        )
    if at != size - 1:
        raise PayloadError("the payload's body goes on behind its end.")
    if size > SMALL:
        _check_numbers(body, spans, limits)
        is_suspect = is_suspect or not _is_cheap(body, spans)
    if has_pairs and not is_suspect:
        is_suspect = parted > 0 or len(set(_LABELS.findall(body))) > _MOST_LABELS
    if is_suspect:
        check_cost(body)


def _check_numbers(body: bytes, spans: list[tuple[int, int]], limits: Limits) -> None:
    """PayloadError for more instructions, or more that make containers, than the limits."""
    if sum(end - start for start, end in spans) <= SMALL:
        return
    instructions = containers = 0
    for start, end in spans:
        codes = _ARGUED.sub(pickle.NONE, body[start:end])
        instructions += len(codes)
        containers += len(codes) - len(codes.translate(None, _MAKERS))
        if instructions > limits.instructions:
            refuse(f"more than {limits.instructions} instructions")
        if containers > limits.containers:
            refuse(f"more than {limits.containers} containers")


def _is_cheap(body: bytes, spans: list[tuple[int, int]]) -> bool:
    """Whether hashing the keys of a large body costs little, as far as is seen at a glance."""
    length = sum(end - start for start, end in spans)
    if length <= SMALL and length * len(body) <= _MOST_BY_SIZE:
        return True
    for start, end in spans:
        at = before = start
        while at < end:
            at = _INERT_RUN.match(body, at).end()  # type: ignore[union-attr] # as above
            if at == before:
                return False
            before = at
    return True
