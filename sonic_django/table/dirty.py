"""Marks, in the order in which they were set: of rows, and of rows that are gone."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple


class Place(NamedTuple):
    """A mark's place in the order: its time as the table gives it, and the id of its row."""

    time: Any
    id: int


class Mark(NamedTuple):
    """That an object was written or destroyed at ``dirty_at``, and is at this version."""

    id: int
    version: int
    dirty_at: datetime
    place: Place
