"""The admin plug-in: every SonicObj class is on the admin site; ``SonicModelAdmin`` tailors one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .options import SonicModelAdmin

__all__ = ["SonicModelAdmin"]


def __getattr__(name: str) -> Any:
    # Lazily (PEP 562): Django imports this package before its app registry is ready.
    if name == "SonicModelAdmin":
        from .options import SonicModelAdmin

        return SonicModelAdmin
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
