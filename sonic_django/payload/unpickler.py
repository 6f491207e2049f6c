"""Unpickling that can build the payload's primitives and nothing else.

A pickle is a program; ``find_class`` limits what it may call
(https://docs.python.org/3/library/pickle.html#restricting-globals). The names below are the
constructors that the pickles of our own primitives refer to: none of them runs given code, and
none makes more out of its arguments than their size (``bytes`` is absent, ``bytes(10**12)`` would).
Sets have instructions of their own.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

from ..exceptions import PayloadError
from .costs import Limits
from .opcodes import check_opcodes

_ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("datetime", "date"): date,
    ("datetime", "datetime"): datetime,
    ("datetime", "time"): time,
    ("datetime", "timedelta"): timedelta,
    ("datetime", "timezone"): timezone,
    ("decimal", "Decimal"): Decimal,
    ("uuid", "UUID"): UUID,
}


class PrimitiveUnpickler(pickle.Unpickler):
    """An unpickler that refuses every global outside the allow-list."""

    def find_class(self, module: str, name: str, /) -> Any:
        """The constructor if it is on the allow-list; else PayloadError."""
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise PayloadError(
                f"the payload asks for {module}.{name}, which no payload may hold; "
                f"it was not written by Sonic and was not loaded."
            ) from None

    def persistent_load(self, pid: Any, /) -> Any:
        """PayloadError: payloads have no references outside themselves."""
        raise PayloadError("the payload refers to an object outside itself; it was not loaded.")


def load_primitives(body: bytes, limits: Limits) -> Any:
    """Unpickle ``body``. PayloadError for bytes that are no pickle such as ours, or that cost more
    than the limits.

    A forged pickle may still give an object that is no primitive, such as a class of the
    allow-list: the caller checks that.
    """
    check_opcodes(body, limits)
    try:
        return PrimitiveUnpickler(io.BytesIO(body)).load()
    except PayloadError:
        raise
    except Exception as error:
        # A forged pickle can raise anything at all: IndexError, UnicodeDecodeError, MemoryError ...
        raise PayloadError(f"the payload's body cannot be read: {error!r}") from error
