"""No circle of imports: each file can be read and understood before those that use it.

``lint-imports`` (setup.cfg) holds the order of the stations; this holds the files within them.
Imports for types and imports inside functions count like the others.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.structure.sources import circles, import_graph, modules


def test_no_circle_of_two_or_more_files() -> None:
    found = circles(import_graph(modules()))
    assert not found, "\n".join(f"circle of {len(c)} files: {', '.join(c)}" for c in found)


def test_no_import_of_the_admin_in_sonic_django() -> None:
    graph = import_graph(modules())
    wrong = [
        f"{name} imports {target}"
        for name, targets in graph.items()
        for target in targets
        if name.startswith("sonic_django") and target.startswith("sonic_admin")
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "statement",
    [
        "from .b import thing",
        "from . import b",
        "import package.b",
        "from package.b import thing as other",
        "def f():\n    from .b import thing",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from package import b",
    ],
)
def test_each_way_to_import_closes_a_circle(tmp_path: Path, statement: str) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "a.py").write_text(statement)
    (package / "b.py").write_text("from .c import thing")
    (package / "c.py").write_text("from .a import thing")
    (package / "d.py").write_text("from .a import thing")
    graph = import_graph(modules("package", root=tmp_path))
    assert circles(graph) == [["package.a", "package.b", "package.c"]]
