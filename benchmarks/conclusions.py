"""The bars and whether they are reached, in sentences with the figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .contenders import PEERS
from .figures import Measured
from .memory import Memory
from .operations import OPERATIONS
from .results import Result
from .tables import short

#: Bytes an object; from ten thousand rows to a million.
MOST_BYTES, MOST_GROWTH = 450, 1.5

#: The measurement, its figure, the bar, whether it is reached.
Sentence = tuple[str, str, str, bool]


def of_blog(measured: Sequence[Measured], memories: Sequence[Memory], rows: int) -> list[Sentence]:
    """The bars beside Django's ORM and the floor and of memory, at these rows; of growth."""
    return [
        *_speed([one for one in measured if one.rows == rows]),
        *_memory([one for one in memories if one.rows == rows]),
        *_growth(measured),
    ]


def of(section: str, sentences: Sequence[Sentence]) -> Result:
    """The sentences as a table."""
    return Result(
        name="bars",
        section=section,
        columns=("what", "measured", "bar", ""),
        rows=[(what, figure, bar, outcome(good)) for what, figure, bar, good in sentences],
        conclusions=[_summary(sentences), *map(_sentence, sentences)],
    )


def _summary(sentences: Sequence[Sentence]) -> str:
    reached = sum(good for *_, good in sentences)
    return f"{reached} of {len(sentences)} bars are reached."


def _sentence(given: Sentence) -> str:
    what, figure, bar, good = given
    return f"{what}: {outcome(good)}, {figure} ({bar})."


def outcome(good: bool) -> str:
    """How a bar's sentence ends."""
    return "reached" if good else "not reached"


def _speed(measured: Sequence[Measured]) -> Iterator[Sentence]:
    for one in measured:
        operation = OPERATIONS[one.operation]
        at = f"{one.label} at {one.rows:,} rows"
        orm = one.ratios.get("orm")
        floor = one.ratios.get("floor")
        if operation.bar is not None and orm is not None:
            bar = f"Django / Sonic ≥ {operation.bar:g}"
            figure = _beside_floor(short(orm.value), floor and short(orm.value / floor.value))
            yield at, figure, bar, orm.value >= operation.bar
        if operation.floor_bar is not None and floor is not None:
            times = 1 / floor.value
            bar = f"Sonic / by hand ≤ {operation.floor_bar:g}"
            yield at, f"{times:.2f}", bar, times <= operation.floor_bar


def _beside_floor(figure: str, floor: str | None) -> str:
    """The figure, and that of the same work by hand: the rest is the two servers' own time."""
    return f"{figure} (by hand {floor})" if floor else figure


def of_peers(measured: Sequence[Measured]) -> list[Sentence]:
    """Sonic may not be slower than the faster of the peers, where either has the operation."""
    return list(_beside_peers(measured))


def _beside_peers(measured: Sequence[Measured]) -> Iterator[Sentence]:
    for one in measured:
        peers = {name: one.times[name].median for name in PEERS if name in one.times}
        if not peers or "sonic" not in one.times:
            continue
        name = min(peers, key=peers.__getitem__)
        sonic = one.times["sonic"].median
        figure = f"{sonic:,.0f} µs, {name} {peers[name]:,.0f} µs"
        if OPERATIONS[one.operation].writes and "row" in one.times:
            figure += f" (its row alone {one.times['row'].median:,.0f} µs)"
        yield (
            f"{one.label} at {one.rows:,} rows beside {name}",
            figure,
            "Sonic is not slower",
            sonic <= peers[name],
        )


def _memory(memories: Sequence[Memory]) -> Iterator[Sentence]:
    for one in memories:
        if one.contender == "sonic":
            size = one.bytes / one.rows
            yield (
                f"Redis memory at {one.rows:,} rows",
                f"{size:.0f} bytes an object",
                f"≤ {MOST_BYTES}",
                size <= MOST_BYTES,
            )


def _growth(measured: Sequence[Measured]) -> Iterator[Sentence]:
    rows = sorted({one.rows for one in measured})
    if len(rows) < 2:
        return
    first, last = rows[0], rows[-1]
    by_key = {(one.operation, one.rows): one for one in measured if "sonic" in one.times}
    for name, operation in OPERATIONS.items():
        fewest, most = by_key.get((name, first)), by_key.get((name, last))
        if operation.must_not_grow and fewest and most:
            grown = {
                contender: most.times[contender].median / times.median
                for contender, times in fewest.times.items()
                if contender in most.times
            }
            what = f"{operation.label}, growth from {first:,} to {last:,} rows"
            floor = f"{grown['floor']:.2f}" if "floor" in grown else None
            figure = _beside_floor(f"{grown['sonic']:.2f}", floor)
            yield what, figure, f"< {MOST_GROWTH:g}", grown["sonic"] < MOST_GROWTH
