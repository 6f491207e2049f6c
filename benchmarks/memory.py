"""Bytes of Redis memory of each contender, by structure where it is Sonic's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from .contenders.base import Contender
from .results import Result
from .stages import Loading

#: The id, the author, three tags, the views and the time of creation.
ENTRIES = 7


@dataclass
class Memory:
    """A contender's memory in Redis, in bytes."""

    rows: int
    contender: str
    label: str
    #: The sum of MEMORY USAGE, which counts all of a structure.
    bytes: int
    #: By how much used_memory grew while the contender's rows were loaded.
    grown: int
    #: Structure -> bytes.
    parts: dict[str, int] = field(default_factory=dict)


def measure(contenders: Sequence[Contender], loading: Loading) -> list[Memory]:
    """The memory of the contenders in Redis; call it right after loading."""
    found = []
    for contender in contenders:
        parts = contender.redis_parts()
        if parts is not None:
            found.append(
                Memory(
                    contender.rows,
                    contender.name,
                    contender.label,
                    sum(parts.values()),
                    loading.grown[contender.name],
                    parts,
                )
            )
    return found


def table(memories: Sequence[Memory], section: str) -> Result:
    """Per object; an entry's share is the whole divided by the entries of an object."""
    rows: list[tuple[Any, ...]] = []
    for one in memories:
        rows.append(
            (
                f"{one.label}, {one.rows:,} rows",
                "all",
                round(one.bytes / one.rows, 1),
                round(one.grown / one.rows, 1),
                round(one.bytes / one.rows / ENTRIES, 1),
            )
        )
        for part, size in sorted(one.parts.items(), key=lambda pair: -pair[1]):
            rows.append(("", part, round(size / one.rows, 1), "", ""))
    return Result(
        name="memory",
        section=section,
        columns=(
            "contender",
            "structure",
            "bytes an object",
            "by used_memory",
            "bytes an index entry",
        ),
        rows=rows,
        figures={"memory": [asdict(one) for one in memories]},
    )
