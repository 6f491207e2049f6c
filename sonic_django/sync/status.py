"""Counts of a class's objects in each store."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ..index.layout import IDS_DIGEST
from ..table import tombstones, uniques
from .left_out import left_out

if TYPE_CHECKING:
    from ..schema.schema import Stores


@dataclass(frozen=True)
class ModelStatus:
    """Numbers of objects; ``redis_bytes`` is the server's own estimate; ``indexes`` maps the name
    of each index to whether it is built."""

    label: str
    database: str
    rows: int
    indexed: int
    deleted: int
    dirty: int
    text_queue: int
    redis_bytes: int
    indexes: dict[str, bool] = field(default_factory=dict)
    #: The uniques that are not known to be claimed for every row.
    unclaimed: list[str] = field(default_factory=list)
    #: id -> why no index entries can be made of its row; of the first some thousands.
    left_out: dict[int, str] = field(default_factory=dict)

    @property
    def unbuilt(self) -> list[str]:
        """The names of the indexes that are not built."""
        return [name for name, built in self.indexes.items() if not built]

    def as_dict(self) -> dict[str, Any]:
        """The numbers by name, for ``--json``."""
        return asdict(self)


def model_status(stores: Stores) -> ModelStatus:
    """Count rows in SQL (a scan) and entries in Redis (a SCAN for the memory)."""
    schema = stores.schema
    table, store = stores.table, stores.index
    built = store.built()
    indexes = {"ids": IDS_DIGEST in built}
    indexes.update((name, spec.digest in built) for name, spec in schema.indexes.items())
    live, deleted = table.count(live=True), table.count(live=False)
    return ModelStatus(
        label=stores.schema.label,
        database=stores.using,
        rows=live,
        indexed=store.number_of_ids(),
        deleted=deleted,
        dirty=table.count_dirty() + tombstones.count(schema.label_lower, stores.using),
        text_queue=store.text_backlog(),
        redis_bytes=store.memory(),
        indexes=indexes,
        unclaimed=_unclaimed(stores) if live or deleted else [],
        left_out={id: why for found in left_out(stores) for id, why in found.reasons.items()},
    )


def _unclaimed(stores: Stores) -> list[str]:
    marks = stores.schema.claim_marks
    if not marks:
        return []
    found = uniques.owners(list(marks.values()), stores.using)
    return [name for name, mark in marks.items() if mark not in found]
