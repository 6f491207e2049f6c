"""The benchmarks run, their contenders agree, and the page has their figures."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks import documentation
from benchmarks.contenders import NAMES, PEERS
from benchmarks.operations import OPERATIONS, READS
from tests.docs.markdown import ROOT


def run(*arguments: str, module: str = "benchmarks") -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, on servers of its own."""
    kept = {key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"}
    return subprocess.run(
        [
            *(sys.executable, "-m", module, "--seconds=0.02"),
            *("--directory", os.environ["SONIC_TEST_DIR"]),
            *arguments,
        ],
        cwd=ROOT,
        env=kept,
        capture_output=True,
        text=True,
    )


def figures_of(
    name: str, rows: int, directory: Path, module: str = "benchmarks"
) -> list[dict[str, Any]]:
    """The JSON that a run over all contenders writes."""
    file = directory / f"{name}.json"
    done = run(f"--only={name}", f"--rows={rows}", f"--json={file}", module=module)
    assert done.returncode == 0, done.stdout + done.stderr
    found: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))
    return found


def section(figures: list[dict[str, Any]], name: str) -> dict[str, Any]:
    (found,) = [result for result in figures if result["section"] == name]
    return found


def test_the_blog(tmp_path: Path) -> None:
    """All is measured at the middle stage; the third one, on stores that were written to, shows
    growth."""
    figures = figures_of("blog", 2000, tmp_path, module="tests.benchmarks.small_stages")
    measured = section(figures, "blog")["figures"]["measured"]
    assert [one["operation"] for one in measured] == list(OPERATIONS)
    for one in measured:
        assert {"sonic", "orm", "floor"} <= one["times"].keys()
        check_measured(one, 1000)
    check_memory(section(figures, "memory"), {"sonic", "floor"}, {300, 1000, 2000})
    check_growth(figures, [300, 1000, 2000])
    check_bars(section(figures, "conclusions"))
    check_page(figures, tmp_path / "docs")
    check_charts(tmp_path / "docs" / "images")


def test_the_peers(tmp_path: Path) -> None:
    figures = figures_of("peers", 300, tmp_path)
    measured = section(figures, "peers")["figures"]["measured"]
    assert {name for one in measured for name in one["times"]} == set(NAMES)
    for one in measured:
        assert any(name in one["times"] for name in PEERS)
        check_measured(one, 300)
    check_memory(section(figures, "peers_memory"), {"sonic", "floor", *PEERS}, {300})
    bars = section(figures, "peers_conclusions")["rows"]
    assert len(bars) == len(measured)


def check_measured(one: dict[str, Any], rows: int) -> None:
    assert one["rows"] == rows
    for name, times in one["times"].items():
        assert times["samples"] > 0
        assert 0 < times["median"] <= times["p95"]
        ratio = one["ratios"][name]
        assert ratio["low"] <= ratio["value"] <= ratio["high"]


def check_memory(result: dict[str, Any], contenders: set[str], rows: set[int]) -> None:
    """That of a contender is the sum of its structures'."""
    found = result["figures"]["memory"]
    assert {one["contender"] for one in found} == contenders
    assert {one["rows"] for one in found} == rows
    for one in found:
        assert one["bytes"] == sum(one["parts"].values()) > 100 * one["rows"]


def check_growth(figures: list[dict[str, Any]], rows: list[int]) -> None:
    """The operations that must not grow are measured at each stage."""
    growth = section(figures, "growth")["figures"]
    assert growth["rows"] == rows
    growing = {name for name, operation in OPERATIONS.items() if operation.must_not_grow}
    assert growth["medians"].keys() == growing
    for medians in growth["medians"].values():
        assert len(medians["sonic"]) == len(rows)


def check_bars(result: dict[str, Any]) -> None:
    """Every bar has its outcome."""
    rows = result["rows"]
    for operation in OPERATIONS.values():
        if operation.bar is not None:
            assert any(row[0] == f"{operation.label} at 1,000 rows" for row in rows)
        if operation.must_not_grow:
            what = f"{operation.label}, growth from 300 to 2,000 rows"
            assert any(row[0] == what for row in rows)
    assert {row[-1] for row in rows} <= {"reached", "not reached"}
    assert len(result["conclusions"]) == len(rows) + 1


def check_page(figures: list[dict[str, Any]], docs: Path) -> None:
    """The page has the figures and keeps its prose, and figures that a run has not."""
    documentation.write(docs, figures)
    page = docs / "performance.md"
    text = page.read_text("utf-8")
    for operation in READS:
        assert f"| {operation.label} |" in text
    page.write_text(text.replace("# Performance", "# How fast it is"), "utf-8")
    documentation.write(docs, [section(figures, "memory")])
    again = page.read_text("utf-8")
    assert again.startswith("# How fast it is")
    assert again.partition("## Reading")[2] == text.partition("## Reading")[2]


def check_charts(images: Path) -> None:
    """They are pictures without scripts, for light and dark pages."""
    charts = sorted(images.iterdir())
    names = [
        "performance-growth.svg",
        "performance-memory.svg",
        "performance-reading.svg",
        "performance-writing.svg",
    ]
    assert [chart.name for chart in charts] == names
    for chart in charts:
        text = chart.read_text("utf-8")
        assert text.startswith("<svg")
        assert "<script" not in text
        assert "prefers-color-scheme:dark" in text
        assert len(re.findall("<rect|<circle", text)) > 3


def test_a_different_answer_ends_the_run() -> None:
    done = run(
        "--only=blog",
        "--rows=50",
        "--operations=count_all,author_page",
        "--contenders=sonic,orm",
        module="tests.benchmarks.tampered",
    )
    assert done.returncode == 1
    message = done.stderr[done.stderr.index("Different results") :]
    assert re.match(
        r"Different results of author_page \(newest 20 of an author\), asked with \d+:\n"
        r"  (sonic|orm): \[.*\]\n"
        r"  (sonic|orm): \[.*\]\n",
        message,
    )
    assert "'tampered'" in message
    assert "'post " in message


def test_an_unknown_name_is_refused() -> None:
    done = run("--operations=get,fly")
    assert done.returncode == 2
    assert "no such name: fly; there are get, " in done.stderr
