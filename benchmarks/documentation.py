"""docs/performance.md: the prose stays, the sections with figures are rewritten.

A section lies between ``<!-- name -->`` and ``<!-- end -->``. It stays as it is if a run has no
figures for it. A missing page begins as a copy of the project's own, without figures.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

from .results import is_busy

_PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
_SECTION = re.compile(r"(<!-- (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def write(docs: Path, figures: list[dict[str, Any]]) -> None:
    """Write the page and its charts into the directory ``docs``."""
    from . import charts

    images = docs / "images"
    images.mkdir(parents=True, exist_ok=True)
    charts.write(images, figures)
    page = docs / "performance.md"
    text = page.read_text("utf-8") if page.exists() else _without_figures()
    sections = {result["section"]: _section(result) for result in figures}
    if figures:
        sections["run"] = _run(figures)
    page.write_text(_SECTION.sub(lambda match: _filled(match, sections), text), "utf-8")


def _without_figures() -> str:
    return _SECTION.sub(r"\1\3", _PAGE.read_text("utf-8"))


def _filled(match: re.Match[str], sections: dict[str, str]) -> str:
    start, name, end = match.groups()
    return f"{start}\n{sections[name]}\n\n{end}" if name in sections else match[0]


def _section(result: dict[str, Any]) -> str:
    blocks = []
    if unit := result["facts"].get("unit"):
        blocks.append(f"{result['name'].capitalize()}, {unit}:")
    blocks.append(_table(result["columns"], result["rows"]))
    # the sentences about bars are in the rows of their table
    sentences = result["conclusions"]
    blocks += sentences[:1] if result["section"].endswith("conclusions") else sentences
    return "\n\n".join(blocks)


def _table(columns: list[str], rows: list[list[Any]]) -> str:
    lines = [_row(columns), _row(["---"] * len(columns))]
    return "\n".join([*lines, *(_row(row) for row in rows)])


def _row(cells: list[Any]) -> str:
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return str(value).replace("|", "\\|").replace("\n", "<br>")


def _run(figures: list[dict[str, Any]]) -> str:
    facts = figures[0]["facts"]
    servers = (
        f"MariaDB {facts['mariadb']}, Redis {facts['redis']}, Django {facts['django']}, "
        f"Python {facts['python']}"
    )
    machine = f"{facts['system']}, {facts['processors']} processors"
    if is_busy(facts):
        machine += (
            f". **The machine had other work** (load average {facts['load_average']}): "
            "times are too long, and ratios are not to be relied on"
        )
    return f"Measured on {date.today().isoformat()}: {servers}; {machine}."
