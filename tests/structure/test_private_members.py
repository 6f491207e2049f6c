"""Private members stay private: ``x._name`` of another object is an exception.

ruff's SLF001 finds them too; here they are counted against the size of the packages, those that
bear a ``noqa`` included. ``pytest -rP`` shows the numbers.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.structure.sources import Module, modules

#: Django's, which its documentation or its custom tells to use; the class's declaration; and what
#: named tuples have to offer, public in all but name.
ALLOWED = {
    *("_meta", "_state", "_default_manager", "_base_manager"),
    "_sonic",
    *("_asdict", "_fields", "_make", "_replace"),
}
#: The names under which code has its own object or class at hand.
OWN = {"self", "cls"}


def foreign_accesses(module: Module) -> Iterator[ast.Attribute]:
    """Accesses to a private member of an object that is not the code's own."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and _is_private(node.attr) and not _is_own(node.value):
            yield node


def _is_private(name: str) -> bool:
    is_dunder = name.startswith("__") and name.endswith("__")
    return name.startswith("_") and not is_dunder and name not in ALLOWED


def _is_own(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "super"
    return isinstance(node, ast.Name) and node.id in OWN


@pytest.mark.parametrize(
    ("package", "allowed_per_1000_lines"), [("sonic_django", 2), ("sonic_admin", 0)]
)
def test_few_accesses_to_private_members_of_other_objects(
    package: str, allowed_per_1000_lines: float
) -> None:
    found = []
    lines = 0
    for module in modules(package).values():
        lines += module.source.count("\n")
        found += [f"{module.where(node)}: {ast.unparse(node)}" for node in foreign_accesses(module)]
    per_1000 = 1000 * len(found) / lines
    numbers = f"{package}: {len(found)} in {lines:,} lines, {per_1000:.1f} per 1,000"
    print(numbers)
    is_fine = not found or per_1000 < allowed_per_1000_lines
    assert is_fine, "\n".join([numbers, *found])
