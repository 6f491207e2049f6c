"""Measures an operation on all contenders by turns, so that drift of the machine hits all alike."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from .agreement import agree, same_stored
from .operations import Operation

WARM_UP = 3
#: As few as these of a contender that takes long; a median of fewer says nothing.
FEWEST = 5
MOST = 3000
#: Garbage is collected after so many rounds, outside the times.
_ROUNDS_PER_COLLECTION = 100
#: Contenders whose progress differs by no more are asked the same question.
_TOGETHER = 0.05
_RESAMPLES = 200
_RESAMPLED = 400


@dataclass(frozen=True)
class Times:
    """What one contender took, in microseconds."""

    median: float
    p95: float
    samples: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Ratio:
    """How many times as long as Sonic; ``low`` to ``high`` holds it with a probability of 95 %."""

    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Measured:
    """An operation at a number of rows."""

    operation: str
    label: str
    rows: int
    times: dict[str, Times]
    ratios: dict[str, Ratio]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def measure(
    operation: Operation, contenders: Sequence[Any], drawing: Any, seconds: float
) -> Measured:
    """``contenders`` are Answering, ``drawing`` has what the operation draws from.

    Ask for about ``seconds``; a contender that used its share of them sits rounds out, except
    where the data change. Raises DisagreementError."""
    taking_part = [contender for contender in contenders if contender.can(operation.asked)]
    taken: dict[str, list[float]] = {contender.name: [] for contender in taking_part}
    random = Random(11)
    for _ in range(1 if operation.most_rounds else WARM_UP):
        _round(operation, taking_part, operation.draw(drawing), random, None)
    gc.collect()
    gc.disable()
    try:
        _rounds(operation, taking_part, drawing, seconds, random, taken)
    finally:
        gc.enable()
    times = {name: _times(list_) for name, list_ in taken.items()}
    base = taken.get("sonic")
    ratios = {name: _ratio(list_, base, random) for name, list_ in taken.items()} if base else {}
    return Measured(operation.name, operation.label, drawing.rows, times, ratios)


def _rounds(
    operation: Operation,
    contenders: Sequence[Any],
    drawing: Any,
    seconds: float,
    random: Random,
    taken: dict[str, list[float]],
) -> None:
    """Each contender gets its share of the seconds, and not fewer questions than ``FEWEST``; those
    that take long sit rounds out, so that theirs are spread over the time of the others'."""
    share = seconds / max(1, len(contenders))
    most = operation.most_rounds or MOST
    rounds = 0

    def progress(contender: Any) -> float:
        times = taken[contender.name]
        if not times:
            return 0.0
        wanted = share * len(times) / sum(times)
        return len(times) / min(most, max(min(FEWEST, most), wanted))

    while (least := min(map(progress, contenders), default=1.0)) < 1:
        if operation.name == "delete" and not drawing.stored:
            return
        asked = [
            contender
            for contender in contenders
            if operation.writes or progress(contender) <= least + _TOGETHER
        ]
        _round(operation, asked, operation.draw(drawing), random, taken)
        rounds += 1
        if operation.writes and rounds >= most:
            return
        if rounds % _ROUNDS_PER_COLLECTION == 0:
            gc.collect()


def _round(
    operation: Operation,
    contenders: Sequence[Any],
    parameter: Any,
    random: Random,
    taken: dict[str, list[float]] | None,
) -> dict[str, float]:
    """One question to each, in random order; the answers are compared. Seconds that each took."""
    order = random.sample(contenders, len(contenders))
    answers: dict[str, Any] = {}
    elapsed: dict[str, float] = {}
    for contender in order:
        argument = contender.prepared(operation.asked, parameter)
        action = getattr(contender, operation.asked)
        if operation.reads_field:
            started = time.perf_counter()
            plain = contender.plain(action(argument), operation.field)
            elapsed[contender.name] = time.perf_counter() - started
        else:
            started = time.perf_counter()
            answer = action(argument)
            elapsed[contender.name] = time.perf_counter() - started
            plain = contender.plain(answer, operation.field)
        if operation.writes:
            # so that nothing of it is still at work beside the next contender
            contender.finish()
        answers[contender.name] = plain if operation.in_order else sorted(plain)
        if taken is not None:
            taken[contender.name].append(elapsed[contender.name])
    if answers:
        agree(operation, parameter, answers)
        same_stored(operation, parameter, contenders)
    return elapsed


def _times(taken: list[float]) -> Times:
    ordered = sorted(taken)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return Times(statistics.median(ordered) * 1e6, p95 * 1e6, len(ordered))


def _ratio(taken: list[float], base: list[float], random: Random) -> Ratio:
    """By bootstrap: the medians of both are drawn anew many times."""
    size, base_size = min(len(taken), _RESAMPLED), min(len(base), _RESAMPLED)
    # fewer draws than samples would show too wide a spread: it shrinks with their square root
    shrink = (size / len(taken)) ** 0.5
    value = statistics.median(taken) / statistics.median(base)
    resampled = sorted(
        statistics.median(random.choices(taken, k=size))
        / statistics.median(random.choices(base, k=base_size))
        for _ in range(_RESAMPLES)
    )
    low, high = resampled[int(_RESAMPLES * 0.025)], resampled[int(_RESAMPLES * 0.975) - 1]
    return Ratio(value, value - (value - low) * shrink, value + (high - value) * shrink)
