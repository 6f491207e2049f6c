"""The modules of both packages as syntax trees, and which of them imports which."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("sonic_django", "sonic_admin")


@dataclass(frozen=True)
class Module:
    """A file of a package, under the dotted name by which it is imported."""

    name: str
    path: Path

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @cached_property
    def source(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source, self.path)

    def where(self, node: ast.AST) -> str:
        """``sonic_django/conf.py:14``, which editors open."""
        return f"{self.path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


def modules(*packages: str, root: Path = ROOT) -> dict[str, Module]:
    """Every module of the packages (both by default), by its name."""
    found = {}
    for package in packages or PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = Module(name, path)
    return found


def imported_names(module: Module) -> Iterator[str]:
    """The dotted names of all imports of a module: at its top, in functions, for types."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(module, node)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    above = node.level - module.is_package
    package = parts[: len(parts) - above]
    return ".".join([*package, *([node.module] if node.module else [])])


def import_graph(found: dict[str, Module]) -> dict[str, set[str]]:
    """For each module the others that it imports; names outside ``found`` are left out.

    ``from a.b import c`` is an import of ``a.b.c`` if that is a module, else of ``a.b``.
    """
    graph: dict[str, set[str]] = {}
    for name, module in found.items():
        targets = (_module_of(target, found) for target in imported_names(module))
        graph[name] = {target for target in targets if target and target != name}
    return graph


def _module_of(name: str, found: dict[str, Module]) -> str | None:
    if name in found:
        return name
    parent = name.rpartition(".")[0]
    return parent if parent in found else None


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The groups of two or more modules of which each reaches every other one."""
    reached = {name: _reachable(name, graph) for name in graph}
    groups = {
        frozenset(other for other in reached[name] if name in reached[other]) | {name}
        for name in graph
    }
    return sorted(sorted(group) for group in groups if len(group) > 1)


def _reachable(start: str, graph: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = graph[waiting.pop()] - found
        found |= new
        waiting += new
    return found
