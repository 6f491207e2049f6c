"""Measurements as tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .contenders.base import Answering
from .figures import Measured
from .operations import OPERATIONS
from .results import Result


def comparison(rows: int, measured: list[Measured], contenders: Sequence[Answering]) -> Result:
    """A column for each contender: the median in microseconds (the 95th percentile), and below it
    the ratio to Sonic's (its interval of 95 % confidence)."""
    columns = ["operation", *(contender.label for contender in contenders)]
    table: list[tuple[Any, ...]] = []
    for one in measured:
        table.append((one.label, *(_cell(one, contender.name) for contender in contenders)))
    return Result(
        name=f"blog at {rows:,} rows",
        columns=columns,
        rows=table,
        facts={"rows": rows, "unit": "microseconds, median (95th percentile)"},
        figures={"measured": [one.as_dict() for one in measured]},
    )


def _cell(one: Measured, name: str) -> str:
    times = one.times.get(name)
    if times is None:
        return "-"
    text = f"{times.median:,.0f} ({times.p95:,.0f})"
    ratio = one.ratios.get(name)
    if ratio is None or name == "sonic":
        return text
    return f"{text}\nx{short(ratio.value)} ({short(ratio.low)} to {short(ratio.high)})"


def short(number: float) -> str:
    """The number with its significant digits."""
    return f"{number:.0f}" if number >= 20 else f"{number:.1f}" if number >= 5 else f"{number:.2f}"


def growth(measured: list[Measured]) -> Result:
    """Each operation's median from the fewest rows to the most."""
    rows = sorted({one.rows for one in measured})
    by_key = {(one.operation, one.rows): one for one in measured}
    table: list[tuple[Any, ...]] = []
    figures: dict[str, dict[str, list[float]]] = {}
    for name, operation in OPERATIONS.items():
        stages = [by_key[name, number] for number in rows if (name, number) in by_key]
        if operation.writes or len(stages) < 2:
            continue
        for contender in stages[-1].times:
            if any(contender not in stage.times for stage in stages):
                continue
            medians = [stage.times[contender].median for stage in stages]
            figures.setdefault(name, {})[contender] = medians
            table.append(
                (
                    operation.label,
                    contender,
                    *(f"{median:,.0f}" for median in medians),
                    f"{medians[-1] / medians[0]:.2f}",
                )
            )
    return Result(
        name="growth",
        section="growth",
        columns=["operation", "contender", *(f"{number:,} rows, µs" for number in rows), "growth"],
        rows=table,
        figures={"rows": rows, "medians": figures},
    )
