"""The result of a benchmark: a table for people, and the same as JSON."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Result:
    """A benchmark's table; ``facts`` are the circumstances of the measurement."""

    name: str
    #: Which section of docs/performance.md it is shown in.
    section: str = field(default="", kw_only=True)
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    facts: dict[str, Any] = field(default_factory=dict)
    #: The conclusions from the table, in sentences.
    conclusions: list[str] = field(default_factory=list)
    #: The measurements behind the table, for programs.
    figures: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def median_seconds(action: Callable[[], Any], repetitions: int) -> float:
    """The median of the times that the action takes."""
    times = []
    for _ in range(repetitions):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def is_busy(circumstances: dict[str, Any]) -> bool:
    """Whether the machine does more work than a benchmark, which takes one processor."""
    load, processors = circumstances["load_average"], circumstances["processors"]
    return bool(load > 0.8 * processors)


def machine() -> dict[str, Any]:
    """The machine and the Python that run the benchmark."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "processors": os.cpu_count(),
        # of the last minute, before the benchmark begins
        "load_average": round(os.getloadavg()[0], 1),
    }
