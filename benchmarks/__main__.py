"""Start the servers, run benchmarks, print tables, write JSON and documentation."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from sonic_django.management import console

from . import documentation
from .agreement import DisagreementError
from .options import Options, parsed
from .results import Result, is_busy, machine
from .servers import servers

#: The benchmarks, and the modules whose ``run(options, report)`` gives a Result or several.
BENCHMARKS = {
    "blog": "benchmarks.comparison",
    "peers": "benchmarks.peers",
    "debian": "benchmarks.catalog",
    "admin": "benchmarks.admin_page",
    "upkeep": "benchmarks.upkeep",
    "startup": "benchmarks.startup",
    "check": "benchmarks.check",
    "queries": "benchmarks.queries",
}


def main() -> None:
    options = parsed(BENCHMARKS, __doc__)
    if options.documentation:
        import_module("benchmarks.charts")  # if that fails, then now, not after the run
    names = options.only or tuple(BENCHMARKS)
    figures: list[dict[str, Any]] = []
    for name in names:
        figures += _here(name, options) if len(names) == 1 else _in_a_process(name, options)
        # after each, so that a long run that is stopped has not been for nothing
        if options.json:
            options.json.write_text(json.dumps(figures, indent=1, ensure_ascii=False), "utf-8")
    if options.documentation:
        documentation.write(options.documentation, figures)


def _here(name: str, options: Options) -> list[dict[str, Any]]:
    circumstances = machine()
    if is_busy(circumstances):
        _report(f"THE MACHINE IS BUSY: load average {circumstances['load_average']}")
    with servers(options.directory) as facts:
        found = import_module(BENCHMARKS[name]).run(options, _report)
        results: list[Result] = found if isinstance(found, list) else [found]
    for result in results:
        result.facts = {**circumstances, **facts, **result.facts, "benchmark": name}
        result.section = result.section or name
        print(f"\n{result.name}")
        console.table(sys.stdout, result.columns, result.rows)
        # The first sentence sums up a table whose rows are the others.
        for sentence in result.conclusions[: 1 if result.section.endswith("conclusions") else None]:
            print(sentence)
    sys.stdout.flush()
    return [result.as_dict() for result in results]


def _in_a_process(name: str, options: Options) -> list[dict[str, Any]]:
    """Run one benchmark in a process with servers of its own, so that they are empty.

    Settings name the servers, and a process has only one set of settings.
    """
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [sys.executable, "-m", "benchmarks", *options.arguments(name, Path(file.name))]
        if code := subprocess.run(command, check=False).returncode:
            sys.exit(code)
        figures: list[dict[str, Any]] = json.load(file)
        return figures


def _report(step: str) -> None:
    print(f"benchmarks: {step}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main()
    except DisagreementError as error:
        sys.exit(f"benchmarks: {error}")
