"""The blog: all operations on Sonic, Django's ORM and the floor, at each number of rows.

All operations are measured at 200,000 rows, or at the largest number below; at other numbers only
those that must not grow. Memory is measured right after loading; writing comes last at its stage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from . import blog, conclusions, memory, tables
from .contenders import PEERS, WITH_PEERS, make
from .contenders.base import Contender
from .figures import Measured
from .interleave import measure
from .operations import Drawing, Operation, operations
from .options import Options
from .results import Result
from .stages import FEWEST_ROWS, Loading, main_stage, prime, sizes

DELETED = 300
#: Of the seconds for an operation, where only growth is measured.
GROWTH_SHARE = 0.5


def run(options: Options, report: Callable[[str], None]) -> list[Result]:
    """``blog``: up to as many rows as are wanted."""
    names = [name for name in options.contenders if name not in WITH_PEERS]
    rows = sizes(options)
    measured, memories, results = _stages(options, names, rows, report)
    if len(results) > 1:
        results.append(tables.growth(measured))
    results.append(memory.table(memories, "memory"))
    results.append(
        conclusions.of("conclusions", conclusions.of_blog(measured, memories, main_stage(rows)))
    )
    return results


def run_peers(options: Options, report: Callable[[str], None]) -> list[Result]:
    """``peers``: rom and walrus beside the others, on few rows."""
    rows = min(options.rows, FEWEST_ROWS)
    measured, memories, results = _stages(options, options.contenders, [rows], report)
    results[0].section = "peers"
    results.append(memory.table(memories, "peers_memory"))
    results.append(conclusions.of("peers_conclusions", conclusions.of_peers(measured)))
    return results


def _stages(
    options: Options, names: Sequence[str], rows: Sequence[int], report: Callable[[str], None]
) -> tuple[list[Measured], list[memory.Memory], list[Result]]:
    blog.make_tables()
    contenders = make(names, report)
    loading = Loading(contenders)
    measured: list[Measured] = []
    memories: list[memory.Memory] = []
    results: list[Result] = []
    for number in rows:
        loading.up_to(number)
        taking_part = loading.takes_part(number)
        memories += memory.measure(taking_part, loading)
        drawing = Drawing(loading.drawn, number)
        whole = number == main_stage(rows)
        seconds = options.seconds if whole else options.seconds * GROWTH_SHARE
        new = [
            _measure(operation, taking_part, drawing, seconds, report)
            for operation in operations(options.operations)
            if (whole or operation.must_not_grow)
            and any(one.can(operation.asked) for one in _wanted(taking_part))
        ]
        measured += new
        result = tables.comparison(number, new, taking_part)
        result.section = "blog" if whole else f"blog_{number}"
        results.append(result)
    for contender in contenders:
        contender.close()
    return measured, memories, results


def _wanted(contenders: Sequence[Contender]) -> Sequence[Contender]:
    """The contenders that decide which operations are measured: the peers, if they take part."""
    return [one for one in contenders if one.name in PEERS] or contenders


def _measure(
    operation: Operation,
    contenders: Sequence[Contender],
    drawing: Drawing,
    seconds: float,
    report: Callable[[str], None],
) -> Measured:
    report(f"{operation.label}, {drawing.rows:,} rows")
    taking_part = [contender for contender in contenders if contender.can(operation.asked)]
    if operation.name == "delete":
        prime(taking_part, drawing, min(DELETED, drawing.rows // 50))
    measured = measure(operation, taking_part, drawing, seconds)
    # Posts saved with tags are for the deletions; all others are removed before the next operation.
    if operation.writes and operation.name != "save_tags":
        for contender in contenders:
            contender.remove_fresh()
        drawing.stored.clear()
    return measured
