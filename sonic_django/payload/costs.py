"""The cost of loading a pickle, worked out from its instructions before any of them runs.

Most bodies are small and plain, and their cost is bounded by their size. The others are walked
through here: no object is made, but for each value its hash, its size and its depth are known.

A pickle of some kilobytes can ask for gigabytes of empty sets. It can also ask for hours of hashing
or crash the process: a tuple is hashed again at each use as a key, element by element, so a
tuple of the same tuple twice, forty times over, takes 2**40 steps; one that is nested a hundred
thousand times overflows the stack; and keys with the same hash are compared with each other.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from decimal import Decimal
from struct import unpack_from
from typing import Any, NoReturn

from ..exceptions import PayloadError

#: Bytes of instructions that cost little whatever they are: 64 Ki empty sets take 15 MB.
SMALL = 64 * 1024
#: Nesting of tuples and frozensets, as of all containers.
MOST_NESTED = 100
#: Distinct keys of one dict or set with the same hash. Other values than forged ones have one.
MOST_COLLIDING = 64
#: Steps of hashing all keys: about a second.
MOST_HASHING = 50_000_000
#: Bytes of a number that is hashed or converted in one step.
_STEP = 16
#: Steps of a number or text of which a Decimal is made to learn its hash.
_MOST_DIGITS = 64


@dataclass(frozen=True)
class Limits:
    """Numbers of instructions and of containers that the body of one payload may have."""

    instructions: int
    containers: int

    @classmethod
    def of_size(cls, max_size: int) -> Limits:
        """In proportion to the most bytes of a body, and never fewer than of a small body.

        For the default of 16 MiB that is 4 million instructions, of which a million may make
        containers: together some 500 MB.
        """
        return cls(max(SMALL, max_size // 4), max(SMALL, max_size // 16))


def refuse(bound: str) -> NoReturn:
    """PayloadError that names the bound."""
    raise PayloadError(
        f"the payload asks for {bound}; it was not loaded. If it is yours and this large, raise "
        f'SONIC["MAX_PAYLOAD_SIZE"].'
    )


class _Value:
    """What is known of a value that the pickle would make."""

    __slots__ = ("collides", "depth", "hash", "hashes", "is_built", "last", "size", "text")

    def __init__(self, hash: int | None, size: int = 1, depth: int = 0) -> None:
        #: The hash, or for a text or a moment, whose hash nobody can foresee, one as good; None:
        #: it has none.
        self.hash = hash
        #: Steps of hashing it, everything in it included.
        self.size = size
        self.depth = depth
        #: Whether other values with its hash can be made on purpose.
        self.collides = False
        #: The text; of a tuple of one text that text, of a constructor its name.
        self.text: bytes | None = None
        #: Of a dict or set: the keys of each hash that collides.
        self.hashes: dict[int, int] | None = None
        #: Of a dict: its value, if there is one only.
        self.last: _Value | None = None
        #: Whether the state of an object was set.
        self.is_built = False

    def __hash__(self) -> int:
        return self.hash or 0


_NONE = _Value(hash(None))
_FLAGS = {pickle.NEWTRUE[0]: _Value(1), pickle.NEWFALSE[0]: _Value(0)}
_NUMBERS = {pickle.BININT[0]: 4, pickle.BININT1[0]: 1, pickle.BININT2[0]: 2}
_TEXTS = {
    pickle.SHORT_BINUNICODE[0]: 1,
    pickle.BINUNICODE[0]: 4,
    pickle.BINUNICODE8[0]: 8,
    pickle.SHORT_BINBYTES[0]: 1,
    pickle.BINBYTES[0]: 4,
    pickle.BINBYTES8[0]: 8,
}
_LONGS = {pickle.LONG1[0]: 1, pickle.LONG4[0]: 4}
_GETS = {pickle.BINGET[0]: 1, pickle.LONG_BINGET[0]: 4}
_SKIPPED = {pickle.PROTO[0]: 1, pickle.FRAME[0]: 8}
_TUPLES = {pickle.TUPLE1[0]: 1, pickle.TUPLE2[0]: 2, pickle.TUPLE3[0]: 3}
_CHANGEABLE = {pickle.EMPTY_LIST[0], pickle.EMPTY_DICT[0], pickle.EMPTY_SET[0]}
_MEMOIZE, _MARK, _STOP = pickle.MEMOIZE[0], pickle.MARK[0], pickle.STOP[0]
_SETITEM, _SETITEMS = pickle.SETITEM[0], pickle.SETITEMS[0]
_APPEND, _APPENDS, _ADDITEMS = pickle.APPEND[0], pickle.APPENDS[0], pickle.ADDITEMS[0]
_TUPLE, _EMPTY_TUPLE, _FROZENSET = pickle.TUPLE[0], pickle.EMPTY_TUPLE[0], pickle.FROZENSET[0]
_GLOBAL, _REDUCE, _NEWOBJ = pickle.STACK_GLOBAL[0], pickle.REDUCE[0], pickle.NEWOBJ[0]
_BUILD, _NO_VALUE, _FLOAT = pickle.BUILD[0], pickle.NONE[0], pickle.BINFLOAT[0]


def check_cost(body: bytes) -> None:
    """PayloadError, which names the bound, for a pickle whose keys would cost too much to hash.

    The instructions are allowed ones; see ``check_opcodes``. Costs three to ten times as much as
    the unpickling, so it is for the bodies whose cost cannot be told at a glance.
    """
    try:
        _Walk().through(body)
    except IndexError:
        # A value, a mark or a slot is missing: the unpickler would stop at the same place.
        raise PayloadError(
            "the payload's body cannot be read: an instruction lacks its values."
        ) from None


class _Walk:
    """One walk through the instructions: the stack, the memo and the costs so far."""

    def __init__(self) -> None:
        self.stack: list[_Value] = []
        self.below: list[list[_Value]] = []
        self.memo: list[_Value] = []
        self.hashing = 0

    def through(self, body: bytes) -> None:
        """Walk to the STOP. IndexError where an instruction finds no value."""
        at = 0
        while True:
            code = body[at]
            at += 1
            stack = self.stack
            if code == _MEMOIZE:
                self.memo.append(stack[-1])
            elif code in _TEXTS:
                width = _TEXTS[code]
                length = int.from_bytes(body[at : at + width], "little")
                text = body[at + width : at + width + length]
                at += width + length
                value = _Value(hash(text), 1 + length // _STEP)
                value.text = text
                stack.append(value)
            elif code in _NUMBERS:
                width = _NUMBERS[code]
                number = int.from_bytes(body[at : at + width], "little", signed=width == 4)
                stack.append(_Value(hash(number)))
                at += width
            elif code in _GETS:
                width = _GETS[code]
                stack.append(self.memo[int.from_bytes(body[at : at + width], "little")])
                at += width
            elif code == _MARK:
                self.below.append(stack)
                self.stack = []
            elif code in _CHANGEABLE:
                stack.append(_Value(None))
            elif code == _SETITEM:
                value, key = stack.pop(), stack.pop()
                self._set(stack[-1], key, value)
            elif code == _SETITEMS:
                self.stack = self.below.pop()
                for key, value in zip(stack[::2], stack[1::2], strict=False):
                    self._set(self.stack[-1], key, value)
            elif code == _APPENDS:
                self.stack = self.below.pop()
            elif code == _APPEND:
                stack.pop()
            elif code in _TUPLES:
                parts = stack[-_TUPLES[code] :]
                if len(parts) < _TUPLES[code]:
                    raise IndexError
                del stack[-_TUPLES[code] :]
                stack.append(self._tuple(parts))
            elif code == _TUPLE:
                self.stack = self.below.pop()
                self.stack.append(self._tuple(stack))
            elif code == _REDUCE:
                arguments = stack.pop()
                stack[-1] = _made(stack[-1], arguments)
            elif code == _NO_VALUE:
                stack.append(_NONE)
            elif code in _FLAGS:
                stack.append(_FLAGS[code])
            elif code == _FLOAT:
                stack.append(_Value(hash(unpack_from(">d", body, at)[0])))
                at += 8
            elif code in _LONGS:
                width = _LONGS[code]
                length = int.from_bytes(body[at : at + width], "little")
                number = int.from_bytes(
                    body[at + width : at + width + length], "little", signed=True
                )
                at += width + length
                value = _Value(hash(number), 1 + length // _STEP)
                value.collides = length >= 8
                stack.append(value)
            elif code == _ADDITEMS:
                self.stack = self.below.pop()
                for key in stack:
                    self._hash(self.stack[-1], key)
            elif code == _FROZENSET:
                self.stack = self.below.pop()
                self.stack.append(self._frozenset(stack))
            elif code == _GLOBAL:
                stack[-2:] = [_constructor(stack[-1])] if len(stack) > 1 else stack[1:]
            elif code == _NEWOBJ:
                arguments = stack.pop()
                stack[-1] = _made(stack[-1], arguments)
            elif code == _BUILD:
                state = stack.pop()
                _build(stack[-1], state)
            elif code == _EMPTY_TUPLE:
                stack.append(_Value(hash(())))
            elif code in _SKIPPED:
                at += _SKIPPED[code]
            elif code == _STOP:
                return

    def _tuple(self, parts: list[_Value]) -> _Value:
        value = self._whole(parts, tuple(parts))
        if len(parts) == 1:
            value.text = parts[0].text
        return value

    def _frozenset(self, parts: list[_Value]) -> _Value:
        # Equal elements have equal hashes, and the set has one of them.
        value = self._whole(parts, frozenset({part.hash: part for part in parts}.values()))
        for part in parts:
            self._hash(value, part)
        return value

    def _whole(self, parts: list[_Value], alike: Any) -> _Value:
        """A container that can be a key, of its parts; ``alike`` has the same hash."""
        size = 1 + sum([part.size for part in parts])
        depth = 1 + max([part.depth for part in parts], default=0)
        if depth > MOST_NESTED:
            refuse(f"tuples nested deeper than {MOST_NESTED} levels")
        is_hashable = None not in [part.hash for part in parts]
        value = _Value(hash(alike) if is_hashable else None, size, depth)
        value.collides = True
        return value

    def _set(self, container: _Value, key: _Value, value: _Value) -> None:
        self._hash(container, key)
        container.last = value if container.last is None else _NONE

    def _hash(self, container: _Value, key: _Value) -> None:
        """Count the use of a value as a key."""
        self.hashing += key.size
        if self.hashing > MOST_HASHING:
            refuse(f"keys that take more than {MOST_HASHING} steps to hash")
        if not key.collides or key.hash is None:
            return
        if container.hashes is None:
            container.hashes = {}
        number = container.hashes[key.hash] = container.hashes.get(key.hash, 0) + 1
        if number > MOST_COLLIDING:
            refuse(f"more than {MOST_COLLIDING} keys of one hash in a dict or set")


def _constructor(name: _Value) -> _Value:
    value = _Value(name.hash)
    value.text = name.text
    return value


def _made(constructor: _Value, arguments: _Value) -> _Value:
    """The object that a constructor makes."""
    value = _Value(arguments.hash, arguments.size)
    if constructor.text == b"Decimal":
        value.collides = True
        value.hash = _decimal_hash(arguments)
    elif constructor.text == b"UUID":
        # Its number, which is its hash, comes later.
        value.collides = True
        value.hash = 0
    return value


def _decimal_hash(arguments: _Value) -> int:
    """The hash of a Decimal, which is that of an int of its value; 0 for long ones."""
    if arguments.text is None:
        refuse("a Decimal of something else than a text")
    if arguments.size > _MOST_DIGITS:
        return 0
    try:
        return hash(Decimal(arguments.text.decode()))
    except (ArithmeticError, TypeError, ValueError):
        return 0


def _build(made: _Value, state: _Value) -> None:
    """Give a UUID the number of its state."""
    if made.is_built:
        refuse("an object whose state is set twice")
    made.is_built = True
    if state.last is not None:
        made.hash = state.last.hash
        made.size += state.last.size
