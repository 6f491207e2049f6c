"""Dirty marks, in the order in which they were set: of rows, and of destroyed objects."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple


class MarkPosition(NamedTuple):
    """A mark's position in the order: its time as the table gives it, and the id of its row."""

    time: Any
    id: int


class DirtyMark(NamedTuple):
    """An object was written or destroyed at ``dirty_at``, and is at this version."""

    id: int
    version: int
    dirty_at: datetime
    position: MarkPosition
