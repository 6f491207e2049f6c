"""Measures an operation on all contenders by turns, so that drift of the machine hits all alike.

A turn is some milliseconds of calls to one contender, as in a process that uses one library. With
a turn for each call, each contender would be measured with the processor's caches as the others
left them.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Sequence
from random import Random
from typing import Any

from .agreement import agree, same_stored
from .figures import Measured, measured
from .operations import Operation

WARM_UP = 3
#: The fewest calls of a slow contender; a median of fewer says nothing.
FEWEST = 5
MOST = 3000
#: Seconds of a contender's turn, and the most calls in it.
TURN = 0.02
MOST_IN_TURN = 40
#: Contenders whose progress differs by no more get the same calls.
_TOGETHER = 0.05


def measure(
    operation: Operation, contenders: Sequence[Any], drawing: Any, seconds: float
) -> Measured:
    """The operation's figures on contenders (``Answering``), with parameters from ``drawing``.

    Takes about ``seconds``; a contender that has used its share of them sits rounds out, except
    where the data change. Raises DisagreementError.
    """
    taking_part = [contender for contender in contenders if contender.can(operation.asked)]
    turns = Turns(operation, taking_part, drawing)
    for _ in range(1 if operation.most_rounds else WARM_UP):
        turns.round(taking_part, in_turn=1)
    warm = {name: statistics.median(times) for name, times in turns.taken.items()}
    for times in turns.taken.values():
        times.clear()
    gc.collect()
    # A collection between two rounds then looks only at objects made since here.
    gc.freeze()
    gc.disable()
    try:
        _rounds(turns, seconds, warm)
    finally:
        gc.enable()
        gc.unfreeze()
    return measured(operation.name, operation.label, drawing.rows, turns.taken, turns.random)


def _rounds(turns: Turns, seconds: float, warm: dict[str, float]) -> None:
    """Run rounds until each contender has its share of the seconds and ``FEWEST`` calls.

    Slow contenders sit rounds out, so that their calls are spread over the whole time.
    """
    operation, contenders, taken = turns.operation, turns.contenders, turns.taken
    share = seconds / max(1, len(contenders))
    most = operation.most_rounds or MOST

    def progress(contender: Any) -> float:
        times = taken[contender.name]
        if not times:
            return 0.0
        wanted = share * len(times) / sum(times)
        return len(times) / min(most, max(min(FEWEST, most), wanted))

    quickest = max(min(warm.values(), default=TURN), 1e-9)
    in_turn = 1 if operation.most_rounds else max(1, min(MOST_IN_TURN, int(TURN / quickest)))
    while (least := min(map(progress, contenders), default=1.0)) < 1:
        if operation.name == "delete" and not turns.drawing.stored:
            return
        asked = [
            contender
            for contender in contenders
            if operation.writes or progress(contender) <= least + _TOGETHER
        ]
        turns.round(asked, in_turn)
        if operation.writes and max(map(len, taken.values()), default=most) >= most:
            return
        gc.collect()


class Turns:
    """The contenders' turns at one operation, and the seconds of each call."""

    def __init__(self, operation: Operation, contenders: Sequence[Any], drawing: Any) -> None:
        self.operation, self.contenders, self.drawing = operation, contenders, drawing
        self.random = Random(11)
        self.taken: dict[str, list[float]] = {contender.name: [] for contender in contenders}

    def round(self, contenders: Sequence[Any], in_turn: int) -> None:
        """A turn for each contender, in random order, with the same parameters.

        A slow contender gets only the first of them, unless the calls change the data. The answers
        are compared.
        """
        operation = self.operation
        parameters = [operation.draw(self.drawing) for _ in range(self._possible(in_turn))]
        answers: list[dict[str, Any]] = [{} for _ in parameters]
        for contender in self.random.sample(contenders, len(contenders)):
            found = self._turn(contender, parameters)
            for answered, plain in zip(answers, found, strict=False):
                answered[contender.name] = plain if operation.in_order else sorted(plain)
        for parameter, answered in zip(parameters, answers, strict=True):
            if answered:
                agree(operation, parameter, answered)
                same_stored(operation, parameter, contenders)

    def _possible(self, in_turn: int) -> int:
        """The number of calls; a deletion needs a stored post."""
        is_delete = self.operation.name == "delete"
        return min(in_turn, len(self.drawing.stored)) if is_delete else in_turn

    def _turn(self, contender: Any, parameters: Sequence[Any]) -> list[Any]:
        """The answers as plain values; the seconds of each call are kept.

        The calls follow each other directly. Answers are turned into plain values after the last
        call, so that this work does not cool the caches for the next one.
        """
        operation, taken = self.operation, self.taken[contender.name]
        given = [contender.prepared(operation.asked, parameter) for parameter in parameters]
        action = getattr(contender, operation.asked)
        answers: list[Any] = []
        ends = time.perf_counter() + TURN
        for argument in given:
            started = time.perf_counter()
            answer = action(argument)
            if operation.reads_field:
                answer = contender.plain(answer, operation.field)
            now = time.perf_counter()
            taken.append(now - started)
            answers.append(answer)
            if operation.writes:
                # so that none of its work runs beside the next call
                contender.finish()
            elif now > ends:
                break
        if operation.reads_field:
            return answers
        return [contender.plain(answer, operation.field) for answer in answers]
