"""Which uniques are claimed for every row: a mark in sonic_unique, remembered by each process.

A unique may be declared after rows were written. Those rows hold no claims, so the database alone
would accept a duplicate of them. The mark is set once all rows were looked at; until then a save
looks at them itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db import connections, transaction

from ..schema.registry import sonic_models
from ..table import uniques

if TYPE_CHECKING:
    from ..schema.schema import Stores

#: Seconds for which a process remembers that a unique is not claimed.
_PATIENCE = 10.0

#: (database, mark): marks that were committed; those of a transaction that has not ended; and until
#: when marks count as missing.
_known: set[tuple[str, bytes]] = set()
_pending: set[tuple[str, bytes]] = set()
_missing_until: dict[tuple[str, bytes], float] = {}


def unclaimed(stores: Stores, names: Iterable[str]) -> set[str]:
    """Those of the uniques of which rows may lack their claims. No statement once they are known to
    be claimed; else one every ten seconds."""
    using, marks = stores.using, stores.schema.claim_marks
    unknown = {name for name in names if (using, marks[name]) not in _known}
    if not unknown:
        return unknown
    now = time.monotonic()
    late = {name for name in unknown if _missing_until.get((using, marks[name]), 0.0) > now}
    if asked := unknown - late:
        found = uniques.owners([marks[name] for name in asked], using)
        for name in asked:
            mark = using, marks[name]
            if marks[name] in found:
                late.discard(name)
                if mark not in _pending:
                    _known.add(mark)
            else:
                late.add(name)
    return late


def note_claimed(stores: Stores, names: Iterable[str], *, is_empty: bool = False) -> None:
    """Mark uniques as claimed for every row. One statement. ``is_empty``: there is no other row, so
    it is true whether or not this transaction is committed."""
    using = stores.using
    marks = {(using, stores.schema.claim_marks[name]) for name in names}
    if not marks:
        return
    uniques.mark([mark for _, mark in sorted(marks)], using)
    for mark in marks:
        _missing_until.pop(mark, None)
    if is_empty or not connections[using].in_atomic_block:
        _known.update(marks)
        return
    _pending.update(marks)

    def committed() -> None:
        _pending.difference_update(marks)
        _known.update(marks)

    transaction.on_commit(committed, using=using)


def note_unclaimed(stores: Stores, names: Iterable[str]) -> None:
    """Remember for a while that there are too many rows to look at, or duplicates among them."""
    until = time.monotonic() + _PATIENCE
    for name in names:
        _missing_until[stores.using, stores.schema.claim_marks[name]] = until


def drop_unknown(using: str) -> None:
    """Drop the marks of uniques that no class declares any more: rows that are written from now on
    hold no claims, and the unique may be declared again. A statement or two.
    """
    declared = {mark for model in sonic_models() for mark in model._sonic.claim_marks.values()}
    unknown = sorted(uniques.marks(using) - declared)
    if unknown:
        uniques.release(unknown, uniques.MARK, using)


def forget() -> None:
    """Forget what this process remembers; for tests."""
    _known.clear()
    _pending.clear()
    _missing_until.clear()
