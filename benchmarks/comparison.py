"""The blog: all operations on Sonic, Django's ORM and the floor, at each number of rows.

Reading is measured at each, which shows growth; writing at the most rows, since the memory that
is measured before must not have traces of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from . import blog, conclusions, memory, tables
from .contenders import PEERS, make
from .contenders.base import Contender
from .interleave import Measured, measure
from .operations import Drawing, Operation, operations
from .options import Options
from .results import Result
from .stages import FEWEST_ROWS, Loading, prime, sizes

DELETED = 300


def run(options: Options, report: Callable[[str], None]) -> list[Result]:
    """``blog``: up to as many rows as are wanted."""
    names = [name for name in options.contenders if name not in PEERS]
    measured, memories, results = _stages(options, names, sizes(options), report)
    if len(results) > 1:
        results.append(tables.growth(measured))
    results.append(memory.table(memories, "memory"))
    results.append(conclusions.of("conclusions", conclusions.of_blog(measured, memories)))
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
        new = [
            _measure(operation, taking_part, drawing, options, report)
            for operation in operations(options.operations)
            if (not operation.writes or number == rows[-1])
            and any(one.can(operation.name) for one in _wanted(taking_part))
        ]
        measured += new
        result = tables.comparison(number, new, taking_part)
        result.section = "blog" if number == rows[-1] else f"blog_{number}"
        results.append(result)
    for contender in contenders:
        contender.close()
    return measured, memories, results


def _wanted(contenders: Sequence[Contender]) -> Sequence[Contender]:
    """Those for whose sake the others are measured: the peers, where they take part."""
    return [one for one in contenders if one.name in PEERS] or contenders


def _measure(
    operation: Operation,
    contenders: Sequence[Contender],
    drawing: Drawing,
    options: Options,
    report: Callable[[str], None],
) -> Measured:
    report(f"{operation.label}, {drawing.rows:,} rows")
    taking_part = [contender for contender in contenders if contender.can(operation.name)]
    if operation.name == "delete":
        prime(taking_part, drawing, min(DELETED, drawing.rows // 50))
    measured = measure(operation, taking_part, drawing, options.seconds)
    # What was saved with tags is there to be deleted; all else goes before the next operation.
    if operation.writes and operation.name != "save_tags":
        for contender in contenders:
            contender.remove_fresh()
        drawing.stored.clear()
    return measured
