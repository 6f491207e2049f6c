"""Rows to documents: a row that cannot be read is left out, and the others are indexed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ..index.store import Document

if TYPE_CHECKING:
    from ..schema.schema import Schema
    from ..table.rows import Row

logger = logging.getLogger("sonic_django.sync")

#: Called with the id of a row that cannot be read, and why.
OnUnreadable = Callable[[int, str], None]


def documents_of(
    schema: Schema,
    rows: Iterable[Row],
    *,
    text_changed: bool = False,
    on_unreadable: OnUnreadable | None = None,
) -> list[Document]:
    """The documents of the rows. A row whose payload is damaged, or has a value that no index
    takes, is logged, reported and left out; its entries stay as they are."""
    documents = []
    for row in rows:
        try:
            documents.append(schema.document(row, text_changed=text_changed))
        except ValueError as error:
            logger.error("%s; it is not indexed until its row is repaired.", error)
            if on_unreadable is not None:
                on_unreadable(row.id, str(error))
    return documents
