"""Versions that differ are drift, or a writer is between its commit and the index.

What differs is looked at again for ``SONIC["GRACE"]`` seconds. The index is asked before the rows
then, so what it has and the rows lack is never merely on its way; and what the rows had at the
first look must have reached it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from ...conf import sonic_settings
from ...table.digests import RowVersion, versions_of
from .report import Drift

if TYPE_CHECKING:
    from ...index.inspection import Inspection, RecordedVersion
    from ...table.rows import Table

_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.5

#: ids -> (drifts by id, ids of objects that were written meanwhile).
Look = Callable[[list[int]], tuple[dict[int, Drift], list[int]]]


def differing(
    rows: Mapping[int, RowVersion], recorded: Mapping[int, RecordedVersion | tuple[int, bool]]
) -> dict[int, int | None]:
    """The objects whose versions differ, each with that of its row at this look, if it has one."""
    suspects: dict[int, int | None] = {}
    for id in sorted(rows.keys() | recorded.keys()):
        row = rows.get(id)
        if row != recorded.get(id):
            suspects[id] = row.version if row else None
    return suspects


def recheck(ids: Iterable[int], look: Look) -> dict[int, Drift]:
    """Look at objects again until the grace is over; the drifts of the last look. Ends at once
    when nothing differs. ``look`` gives (drifts by id, ids that were written meanwhile)."""
    deadline = time.monotonic() + sonic_settings().GRACE
    pause = _FIRST_PAUSE
    suspects = sorted(ids)
    while suspects:
        left = deadline - time.monotonic()
        time.sleep(max(0.0, min(pause, left)))
        pause = min(2 * pause, _LONGEST_PAUSE)
        drifts, moving = look(suspects)
        if left <= 0 or not (drifts or moving):
            return drifts
        suspects = sorted({*drifts, *moving})
    return {}


def recheck_versions(
    table: Table, inspection: Inspection, suspects: Mapping[int, int | None]
) -> dict[int, Drift]:
    """Return the suspects that still differ after the grace; at once if none does."""

    def look(ids: list[int]) -> tuple[dict[int, Drift], list[int]]:
        recorded = inspection.versions(ids)
        rows = versions_of(table, ids)
        found = ((id, _drift(id, suspects[id], rows.get(id), recorded.get(id))) for id in ids)
        return {id: drift for id, drift in found if drift}, []

    return recheck(suspects, look)


def _drift(
    id: int, wanted: int | None, row: RowVersion | None, recorded: RecordedVersion | None
) -> Drift | None:
    """``recorded`` was read before ``row``; ``wanted`` is the row's version at the first look."""
    if row is None:
        return recorded and Drift("without row", id, f"the index has version {recorded.version}")
    if recorded is None:
        # A row that was not there at the first look has its own time to get into the index.
        return Drift("missing", id, f"the row has version {row.version}") if wanted else None
    both = f"the row has version {row.version}, the index {recorded.version}"
    if recorded.version > row.version:
        return Drift("ahead", id, both)
    if wanted is not None and recorded.version < min(wanted, row.version):
        return Drift("stale", id, both)
    if recorded.version == row.version and recorded.live != row.live:
        states = ("deleted", "live")
        return Drift(
            "state", id, f"the row is {states[row.live]}, the index {states[recorded.live]}"
        )
    return None
