"""``python -m benchmarks``: start the servers, run benchmarks, print tables, write JSON."""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path

from sonic_django.management import console

from .results import Result, machine
from .servers import servers

#: The benchmarks, and the modules whose ``run(rows, report)`` makes a Result.
BENCHMARKS = {"check": "benchmarks.check", "queries": "benchmarks.queries"}


def main() -> None:
    options = _options()
    results: list[Result] = []
    for name in options.only or BENCHMARKS:
        # Servers of its own for each, so that none finds what another one left.
        with servers(options.directory) as facts:
            result = import_module(BENCHMARKS[name]).run(options.rows, _report)
            result.facts = {**machine(), **facts, **result.facts}
        results.append(result)
        console.table(sys.stdout, result.columns, result.rows)
        for sentence in result.conclusions:
            print(sentence)
    if options.json:
        options.json.write_text(json.dumps([result.as_dict() for result in results], indent=2))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="sh benchmarks/run.sh", description=__doc__)
    parser.add_argument("--only", action="append", choices=BENCHMARKS, help="Default: all.")
    parser.add_argument("--rows", type=int, default=200_000, help="Default: 200,000.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="Write the figures there.")
    parser.add_argument("--directory", help="Where the servers keep their data while they run.")
    return parser.parse_args()


def _report(step: str) -> None:
    print(f"benchmarks: {step}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
