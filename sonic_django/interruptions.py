"""Interruptions: exceptions that a signal handler raises, such as the soft time limits of workers.

They arrive inside whatever code runs at that moment and mean the process, not that code. So code
that goes on after an error of a receiver, a row or a job lets them through.
"""

from __future__ import annotations

import signal
from types import CodeType, FrameType, TracebackType
from typing import Any


def is_interruption(error: BaseException) -> bool:
    """Whether a signal handler raised this exception, or the one that it was raised from.

    A handler is known by its frame: it is installed, or it was given the frame it interrupted.
    """
    cause: BaseException | None = error
    handlers = _installed()
    while cause is not None:
        if not isinstance(cause, Exception) or _passed_handler(cause.__traceback__, handlers):
            return True
        cause = cause.__cause__
    return False


def _passed_handler(step: TracebackType | None, handlers: frozenset[CodeType]) -> bool:
    interrupted: FrameType | None = None
    while step is not None:
        frame = step.tb_frame
        if frame.f_code in handlers or (interrupted and _was_given(frame, interrupted)):
            return True
        interrupted, step = frame, step.tb_next
    return False


def _was_given(frame: FrameType, interrupted: FrameType) -> bool:
    """Whether an argument of the frame's function is the frame that it interrupted."""
    code, values = frame.f_code, frame.f_locals
    names = code.co_varnames[: code.co_argcount + bool(code.co_flags & _VARARGS)]
    given = [values.get(name) for name in names]
    return any(one is interrupted for one in given) or any(
        item is interrupted for one in given if type(one) is tuple for item in one
    )


_VARARGS = 0x04


def _installed() -> frozenset[CodeType]:
    """The code of each signal handler that is installed now and written in Python."""
    handlers = map(signal.getsignal, signal.valid_signals())
    return frozenset(code for code in map(_code_of, handlers) if code is not None)


def _code_of(handler: Any) -> CodeType | None:
    function = getattr(handler, "func", handler)  # of a partial
    function = getattr(function, "__func__", function)  # of a bound method
    code = getattr(function, "__code__", None)
    if code is None and callable(function):
        code = getattr(type(function).__call__, "__code__", None)
    return code if isinstance(code, CodeType) else None
