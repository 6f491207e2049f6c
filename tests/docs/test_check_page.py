"""The differences that docs/commands.md lists are those that the check can find."""

from __future__ import annotations

from sonic_django.sync.check.report import KINDS
from tests.docs.markdown import ROOT, table_rows


def test_kinds_of_differences() -> None:
    rows = table_rows(ROOT / "docs" / "commands.md", "| difference | meaning | `--repair` |")
    assert [row[0].strip("`") for row in rows] == list(KINDS)
