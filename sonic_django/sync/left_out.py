"""The rows that were left out of the index since no document could be made of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..exceptions import PayloadError, UnindexableRow

if TYPE_CHECKING:
    from ..index.documents import Document
    from ..schema.schema import Stores

#: Rows that are read at a time.
_BATCH = 500


@dataclass
class LeftOut:
    """Some of the rows that were noted as left out, as they are now."""

    #: id -> the reason why no document can be made of it.
    reasons: dict[int, str] = field(default_factory=dict)
    #: The documents of those that can be indexed by now.
    documents: list[Document] = field(default_factory=list)
    #: The ids that need no note any more: those of the documents, and of rows that are gone.
    done: list[int] = field(default_factory=list)


def left_out(stores: Stores) -> Iterator[LeftOut]:
    """The rows that were noted as left out, read again. One round trip, and a statement for 500."""
    ids = stores.index.left_out()
    for start in range(0, len(ids), _BATCH):
        some = ids[start : start + _BATCH]
        rows = stores.table.fetch(some)
        found = LeftOut()
        for id in some:
            row = rows.get(id)
            try:
                if row is not None:
                    found.documents.append(stores.schema.document(row))
                found.done.append(id)
            except (PayloadError, UnindexableRow) as error:
                found.reasons[id] = str(error)
        yield found
