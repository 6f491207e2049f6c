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

from ..exceptions import PayloadError

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


#: A run of instructions without a long content. In a regular expression, since a loop in Python
#: takes four times as long, which is more than the unpickling itself: content of up to 255 bytes
#: is an alternative for each length. Bounded, so that the matcher's memory is. Not possessive,
#: which is faster: until 3.11.5 Python then goes on behind bytes that did not match (gh-106052).
_COUNT = b"|".join(re.escape(bytes([n])) + b".{%d}" % n for n in range(256))
_BARE = b"[" + _class(_FIXED, 0) + b"]*"
_FOLLOWED = b"|".join(
    [
        b"[" + _class(_COUNTED, 1) + b"](?:" + _COUNT + b")",
        *(b"[" + _class(_FIXED, size) + b"].{%d}" % size for size in (1, 2, 4, 8)),
    ]
)
_RUN = re.compile(_BARE + b"(?:(?:" + _FOLLOWED + b")" + _BARE + b"){0,1000}", re.DOTALL)
_LONG = {code[0]: size for code, size in _COUNTED.items() if size > 1}
_STOP = pickle.STOP[0]


def check_opcodes(body: bytes) -> None:
    """PayloadError unless the pickle consists of allowed instructions only, to its end.

    Costs about two thirds of the unpickling.
    """
    at, size = 0, len(body)
    while True:
        start = at
        at = _RUN.match(body, at).end()  # type: ignore[union-attr] # it matches the empty run too
        if at >= size:
            raise PayloadError("the payload's body is cut off.")
        code = body[at]
        if code in _LONG:
            content = at + 1 + _LONG[code]
            at = min(size, content + int.from_bytes(body[at + 1 : content], "little"))
        elif at == start or code == _STOP:
            break
    if code != _STOP:
        raise PayloadError(
            f"the payload's body has the instruction {code:#04x} at {at}, which no payload has; "
            f"it was not loaded."
        )
    if at != size - 1:
        raise PayloadError("the payload's body goes on behind its end.")
