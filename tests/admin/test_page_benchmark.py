"""The benchmark of the list page, with few posts: that it runs, and that it would not lie."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.admin_page import differences
from benchmarks.admin_page.client import Shown, shown

ROOT = Path(__file__).parents[2]
_RUN = """
import json, sys
from benchmarks import admin_page
from benchmarks.options import Options
from benchmarks.servers import servers

admin_page.LEAST_ROUNDS = admin_page.MOST_ROUNDS = 1
with servers(sys.argv[1]):
    result = admin_page.run(Options(rows=400), lambda step: None)
print(json.dumps(result.as_dict()))
"""


def test_four_pages_of_four_hundred_posts(tmp_path: Path):
    environment = {name: text for name, text in os.environ.items() if "SETTINGS" not in name}
    done = subprocess.run(
        [sys.executable, "-c", _RUN, str(tmp_path)],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    at = result["columns"].index("Redis + SQL")
    assert [row[0] for row in result["rows"]] == ["first", "of a tag", "of an author", "number 4"]
    for row in result["rows"]:
        redis, sql = map(int, row[at].split(" + "))
        assert redis >= 3
        assert sql >= 4
        assert redis + sql < 15, row


SAME = Shown(
    rows=[["post 1", "7", "3", "Jan. 1, 2020"]],
    total=1,
    dates=["2020"],
    counts={"tags": {"a": 1}, "author": {"7": 1}, "created": {"Today": 0}},
)


@pytest.mark.parametrize(
    ("other", "name"),
    [
        (replace(SAME, rows=[["post 2", "7", "3", "Jan. 1, 2020"]]), "rows"),
        (replace(SAME, total=2), "total"),
        (replace(SAME, dates=[]), "dates"),
        (replace(SAME, counts={**SAME.counts, "tags": {"a": 2}}), "the filter by tags"),
        (replace(SAME, counts={**SAME.counts, "author": {}}), "the filter by author"),
        (replace(SAME, counts={**SAME.counts, "created": {"Today": 1}}), "the filter by created, "),
    ],
)
def test_pages_that_do_not_show_the_same_are_refused(other: Shown, name: str):
    assert list(differences(SAME, SAME)) == []
    ((found, _),) = differences(SAME, other)
    assert found.startswith(name)


def test_a_page_that_shows_nothing_is_refused():
    empty = replace(SAME, rows=[])
    assert [name for name, _ in differences(empty, empty)] == ["rows"]


def test_a_page_is_read_as_it_is_seen():
    html = """
    <nav class="toplinks"><a href="?" class="date-back">&lsaquo; 2020</a>
    <a href="?x">May 1</a></nav>
    <tbody><tr><td class="action-checkbox"><input></td><th class="field-title"><a>a &amp; b</a></th>
    <td class="field-views">1</td></tr></tbody>
    <p class="paginator"> 1 <a>2</a> 1234 orm posts </p>
    <details data-filter-title="tags"><ul><li><a>All</a></li><li><a>tag5 (3)</a></li></ul></details>
    <details data-filter-title="author"><li><a>7 <span class="sonic-count">4</span></a></li>
    <li><a>tag 8</a></li></details>
    """
    assert shown(html) == Shown(
        rows=[["a & b", "1"]],
        total=1234,
        dates=["\u2039 2020", "May 1"],
        counts={"tags": {"tag5": 3}, "author": {"7": 4}},
    )
