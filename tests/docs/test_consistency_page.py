"""docs/consistency.md: the tests that it names are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.findall(r"`(tests/\S+\.py)::(\S+)`", (ROOT / "docs/consistency.md").read_text())


def test_tests_are_named() -> None:
    assert len(NAMED) > 10


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_named_test_is_there(file: str, name: str) -> None:
    body: list[ast.stmt] = ast.parse((ROOT / file).read_text()).body
    for part in name.split("::"):
        (found,) = [node for node in body if getattr(node, "name", None) == part]
        body = getattr(found, "body", [])
