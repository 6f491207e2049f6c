"""Pages for readers of the code: the files and directories that they name are there."""

from __future__ import annotations

import re

import pytest

from tests.docs.markdown import ROOT, table_rows

_PATH = re.compile(r"`((?:sonic_django|sonic_admin|tests|docs|benchmarks)/[\w./]*)`")
_PAGES = ["CONTRIBUTING.md", "docs/internals.md", "docs/glossary.md"]


@pytest.mark.parametrize("page", _PAGES)
def test_named_paths_are_there(page: str) -> None:
    named = _PATH.findall((ROOT / page).read_text("utf-8"))
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_glossary_is_in_alphabetical_order() -> None:
    words = [row[0] for row in table_rows(ROOT / "docs/glossary.md", "| word | meaning | owner |")]
    assert words == sorted(words, key=str.lower)


def test_every_station_is_on_both_maps() -> None:
    stations = {path.parent.name for path in (ROOT / "sonic_django").glob("*/__init__.py")}
    stations -= {"management", "migrations", "test"}
    contributing = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    assert {name for name in stations if f"`sonic_django/{name}/`" not in contributing} == set()
    rows = table_rows(ROOT / "docs/internals.md", "| station | it knows | read first |")
    assert {row[0].strip("`") for row in rows} == stations
