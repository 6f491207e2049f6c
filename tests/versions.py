"""Versions in tests: the number of writes is known, the rest of a version is random."""

from __future__ import annotations

from typing import Any

from sonic_django.table.versions import STEP_BITS


def writes(given: Any) -> int:
    """How often the object, or the row of this version, was written."""
    return (given if isinstance(given, int) else given.sonic_version) >> STEP_BITS


def ahead_of(obj: Any) -> int:
    """A version later than that of the object."""
    return int(obj.sonic_version) + (8 << STEP_BITS)
