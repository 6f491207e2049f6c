"""Figures: medians, 95th percentiles, ratios and their confidence intervals."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

_RESAMPLES = 200
_RESAMPLED = 400


@dataclass(frozen=True)
class Times:
    """The times of one contender, in microseconds."""

    median: float
    p95: float
    samples: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Ratio:
    """How many times as long as Sonic; ``low`` to ``high`` holds it with a probability of 95 %."""

    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
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
        """For JSON."""
        return asdict(self)


def measured(
    operation: str, label: str, rows: int, taken: Mapping[str, Sequence[float]], random: Random
) -> Measured:
    """The figures of each contender's seconds per call; without Sonic there are no ratios."""
    base = taken.get("sonic")
    ratios = {name: _ratio(times, base, random) for name, times in taken.items()} if base else {}
    times = {name: _times(times) for name, times in taken.items()}
    return Measured(operation, label, rows, times, ratios)


def _times(taken: Sequence[float]) -> Times:
    ordered = sorted(taken)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return Times(statistics.median(ordered) * 1e6, p95 * 1e6, len(ordered))


def _ratio(taken: Sequence[float], base: Sequence[float], random: Random) -> Ratio:
    """By bootstrap: samples of both are redrawn many times, and their medians divided."""
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
