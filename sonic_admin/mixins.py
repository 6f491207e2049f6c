"""What the parts of ``SonicModelAdmin`` derive from: nothing, and to the type checker anything,
since each calls Django's ModelAdmin, which stands behind them only in the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Part: Any
else:
    Part = object
