"""Rows to documents: a row that no document can be made of is left out, and the others are indexed.

It is logged, signalled (``index_failed``) and noted in Redis, so that ``sonic_check`` and
``sonic_status`` name it. Its row keeps its dirty mark, if it has one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ..exceptions import PayloadError, UnindexableRow
from ..index.store import Document
from ..signals import index_failed, send_after_commit

if TYPE_CHECKING:
    from ..schema.schema import Stores
    from ..table.rows import Row

logger = logging.getLogger("sonic_django.sync")

#: Called with the id of a row that cannot be read or indexed, and why.
OnUnreadable = Callable[[int, str], None]


def documents_of(
    stores: Stores,
    rows: Iterable[Row],
    *,
    text_changed: bool = False,
    on_unreadable: OnUnreadable | None = None,
) -> list[Document]:
    """The documents of the rows. A row whose payload is damaged, or whose values no entries can be
    made of, is reported and left out; its entries stay as they are. One round trip where there
    are such rows."""
    schema = stores.schema
    documents, left_out = [], []
    for row in rows:
        try:
            documents.append(schema.document(row, text_changed=text_changed))
        except (PayloadError, UnindexableRow) as error:
            left_out.append(row.id)
            logger.error(
                "%s; it is left out of the index until its row is repaired.",
                error,
                exc_info=error.__cause__,
            )
            send_after_commit(
                index_failed, schema.model, ids=[row.id], using=stores.using, exception=error
            )
            if on_unreadable is not None:
                on_unreadable(row.id, str(error))
    if left_out:
        stores.index.note_left_out(left_out)
    return documents
