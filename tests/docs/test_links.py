"""Links lead somewhere, and every Python block is Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.markdown import PAGES, README, ROOT, anchors, blocks, links

CHANGELOG = ROOT / "CHANGELOG.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
ALL = [README, CHANGELOG, CONTRIBUTING, *PAGES]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", ALL, ids=name)
def test_relative_links(page: Path) -> None:
    wrong = []
    for target in links(page):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            wrong.append(target)
    assert wrong == []


@pytest.mark.parametrize("page", ALL, ids=name)
def test_python_compiles(page: Path) -> None:
    for block in blocks(page, "python"):
        compile("\n" * (block.line - 1) + block.text, page.name, "exec")


def test_the_readme_links_to_every_page() -> None:
    missing = {name(page) for page in PAGES} - set(links(README))
    assert missing == set()
