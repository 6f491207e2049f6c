"""Damaged keys of a class in Redis: of another type than their names say, or with other contents.

They are dropped: the rows have all that was in them. The indexes that need them no longer count as
built, so queries are never answered from what is left.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from redis.exceptions import ResponseError

from ..index.key_types import DamagedKey

if TYPE_CHECKING:
    from ..index.documents import Document
    from ..schema.schema import Stores

logger = logging.getLogger("sonic_django.sync")

_T = TypeVar("_T")

#: The names of the keys that tell of every object.
_EVERYWHERE = frozenset([b"rec", b"ids", b"del", b"gone"])

#: Answers that are about the server and not about the contents of a key.
_OF_THE_SERVER = (
    *("MISCONF", "OOM", "READONLY", "NOREPLICAS", "NOPERM", "NOAUTH", "LOADING", "BUSY"),
    *("MASTERDOWN", "CLUSTERDOWN", "MOVED", "ASK", "TRYAGAIN", "EXECABORT", "unknown command"),
)


def is_of_contents(error: Exception) -> bool:
    """Whether Redis, or the reading of its answer, met contents that no version of Sonic writes."""
    if type(error) is ResponseError:
        return not any(word in str(error) for word in _OF_THE_SERVER)
    return isinstance(error, DamagedKey)


def dropped_keys(stores: Stores, names: Iterable[bytes] | None = None) -> list[str]:
    """Drop the keys of a wrong type, of these names and those that every class has, or of all; what
    was dropped, for people. See ``IndexStore.wrong_keys`` for the cost."""
    store = stores.index
    wrong = store.wrong_keys(names)
    dropped = [name for name, _ in wrong]
    if _EVERYWHERE.intersection(dropped):
        # Records and the sets of all ids explain each other: without one of them nobody knows which
        # of the others' entries are of objects that are gone.
        store.wipe()
    elif dropped:
        store.drop_names(dropped)
    told = []
    for name, kind in wrong:
        told.append(f"{store.base}:{name.decode('utf-8', 'backslashreplace')} is a {kind}")
        logger.error(
            "%s: in Redis, the key %s, which no version of Sonic writes; it was dropped. Run: "
            "python manage.py sonic_reindex %s%s",
            stores.schema.label,
            told[-1],
            stores.schema.label,
            " --fulltext" if name == b"text" else "",
        )
    return told


def names_in(documents: Sequence[Document]) -> list[bytes]:
    """The names of the sets that the documents are in."""
    return [entry.name for document in documents for entry in document.entries]


def beside_damage(
    stores: Stores, work: Callable[[], _T], names: Callable[[], Iterable[bytes] | None]
) -> _T:
    """The result of the work, done again if it met keys of a wrong type, which are dropped.

    Errors come out if there are none among the keys of ``names`` (None: all of the class).
    """
    while True:
        try:
            return work()
        except ResponseError as error:
            if not is_of_contents(error) or not dropped_keys(stores, names()):
                raise
