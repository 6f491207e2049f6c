"""The admin plug-in: every SonicObj class is on the admin site; ``SonicModelAdmin`` tailors one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .options import SonicModelAdmin

__all__ = ["SonicModelAdmin"]


def __getattr__(name: str) -> Any:
    """Import ``SonicModelAdmin`` at its first use (PEP 562)."""
    if name == "SonicModelAdmin":
        # Django imports this package before its app registry is ready.
        from .options import SonicModelAdmin  # noqa: PLC0415 - it needs the app registry

        return SonicModelAdmin
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
