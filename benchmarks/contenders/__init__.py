"""The contenders: one a module, which does the operations in the way natural to its library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec

from .base import Contender

#: name -> (module, class, the package it needs, the most rows it gets)
_CONTENDERS: dict[str, tuple[str, str, str, int | None]] = {
    "sonic": ("sonic", "Sonic", "sonic_django", None),
    "orm": ("orm", "DjangoColumns", "django", None),
    # A query by tag reads all of its rows.
    "json": ("json_orm", "DjangoJson", "django", 200_000),
    "floor": ("floor", "Floor", "MySQLdb", None),
    # Beside the peers, which have no row.
    "row": ("row", "Row", "MySQLdb", 10_000),
    # They save objects one by one.
    "rom": ("rom_objects", "Rom", "rom", 10_000),
    "walrus": ("walrus_objects", "Walrus", "walrus", 10_000),
}
NAMES = tuple(_CONTENDERS)
#: Those that have nothing on disk but Redis's own log; they are measured on few rows.
PEERS = ("rom", "walrus")
#: Those that are measured with the peers only.
WITH_PEERS = ("row", *PEERS)


def make(names: Sequence[str], report: Callable[[str], None]) -> list[Contender]:
    """The contenders of these names. One whose package is missing is left out and reported."""
    made: list[Contender] = []
    for name in names:
        module, class_name, package, most = _CONTENDERS[name]
        if find_spec(package) is None:
            report(
                f"WITHOUT {name}: the package {package} is not installed (pip install {package})"
            )
            continue
        contender: Contender = getattr(import_module(f"{__name__}.{module}"), class_name)()
        contender.most_rows = most
        made.append(contender)
    return made
