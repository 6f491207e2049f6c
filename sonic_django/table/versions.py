"""Versions of a row: each write raises it by a step, and the rest of the step is random.

A database that is set back to a backup gives the numbers of its lost writes again, to rows with
other content. The index may still hold the lost ones. Were versions plain counters, it would take
the new content for what it has; as they are, the two differ, and the sweep and the check see it.
"""

from __future__ import annotations

from random import getrandbits

#: A step is 2^16: a lost write and a later one have the same version once in 65,536 times. An
#: object can be written 10^11 times before the versions reach 2^53, where doubles end.
STEP_BITS = 16


def first_version() -> int:
    """The version of a new row."""
    return 1 << STEP_BITS | getrandbits(STEP_BITS)


def following(version: int) -> int:
    """A version for the next write of a row that has this one; greater, and of the next step."""
    return ((version >> STEP_BITS) + 1) << STEP_BITS | getrandbits(STEP_BITS)
