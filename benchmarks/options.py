"""The command line's options."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .contenders import NAMES
from .operations import OPERATIONS

#: The most rows of all benchmarks but that of growth.
USUAL_ROWS = 200_000


@dataclass(frozen=True)
class Options:
    rows: int = USUAL_ROWS
    only: tuple[str, ...] = ()
    #: Seconds for each operation, all contenders together.
    seconds: float = 2.5
    #: Names of operations and of contenders; empty: all.
    operations: tuple[str, ...] = ()
    contenders: tuple[str, ...] = NAMES
    #: Whether only the largest number of rows is measured.
    one_size: bool = False
    json: Path | None = None
    #: Where docs/performance.md and its charts are written; None: nowhere.
    documentation: Path | None = None
    directory: str | None = None

    def arguments(self, name: str, json: Path) -> list[str]:
        """The command line that runs the benchmark of this name alone, with the same options.

        Only the blog, which shows growth, gets more rows than usual.
        """
        rows = self.rows if name == "blog" else min(self.rows, USUAL_ROWS)
        given = [f"--only={name}", f"--json={json}", f"--rows={rows}"]
        given += [f"--seconds={self.seconds}", f"--contenders={','.join(self.contenders)}"]
        if self.operations:
            given.append(f"--operations={','.join(self.operations)}")
        if self.one_size:
            given.append("--one-size")
        if self.directory:
            given.append(f"--directory={self.directory}")
        return given


def parsed(benchmarks: Iterable[str], description: str | None) -> Options:
    parser = argparse.ArgumentParser(
        prog="sh benchmarks/run.sh",
        description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--only", action="append", choices=list(benchmarks), default=[], help="all without it")
    add("--rows", type=int, default=Options.rows, help="the number of rows")
    add("--json", type=Path, metavar="FILE", help="write the figures there")
    add("--seconds", type=float, default=Options.seconds, help="for each operation")
    add("--operations", type=_names(OPERATIONS), default=(), metavar="NAME,NAME")
    add("--contenders", type=_names(NAMES), default=NAMES, metavar="NAME,NAME")
    add("--one-size", action="store_true", help="not 10,000 rows before, so no growth")
    add("--documentation", type=Path, metavar="DOCS", help="write performance.md and charts there")
    add("--directory", help="where the servers keep their data while they run")
    given = parser.parse_args()
    return Options(
        rows=given.rows,
        only=tuple(given.only),
        seconds=given.seconds,
        operations=given.operations,
        contenders=given.contenders,
        one_size=given.one_size,
        json=given.json,
        documentation=given.documentation,
        directory=given.directory,
    )


class _names:
    """Some of the names, separated by commas."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)

    def __call__(self, text: str) -> tuple[str, ...]:
        given = tuple(text.split(","))
        if unknown := [name for name in given if name not in self._names]:
            raise argparse.ArgumentTypeError(
                f"no such name: {', '.join(unknown)}; there are {', '.join(self._names)}"
            )
        return given
