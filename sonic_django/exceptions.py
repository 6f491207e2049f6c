"""Sonic's own errors, for which Django has no name."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import DatabaseError, IntegrityError


class SonicError(Exception):
    """The base of every error that only Sonic raises."""


class PayloadError(SonicError, ValueError):
    """Bytes that are not a payload, or a value that no payload can hold."""


class UnindexableRow(SonicError, ValueError):
    """A row whose values no index entries can be made of; ``id`` is its id, ``field`` names the
    field or the index expression, "" where neither is known. ``__cause__`` is the error itself.
    """

    def __init__(self, message: str, id: int | None = None, field: str = "") -> None:
        super().__init__(message)
        self.id = id
        self.field = field


class StaleObjectError(SonicError, DatabaseError):
    """Another writer changed or removed the row since this object was loaded.

    ``fields`` names the fields that this object wanted to write.
    """

    def __init__(self, message: str, fields: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.fields = tuple(fields)


class UniqueViolation(SonicError, IntegrityError):
    """Another object has a unique value already; ``fields`` names the fields of the constraints."""

    def __init__(self, message: str, fields: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.fields = tuple(fields)


class IndexNotBuilt(SonicError):
    """The query needs an index that is not built: it is new, or its declaration has changed.

    ``indexes`` names the indexes. ``manage.py sonic_reindex`` builds them.
    """

    def __init__(self, message: str, indexes: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.indexes = tuple(indexes)


class RebuildUndone(SonicError):
    """A rebuild cannot call its index built: something has undone a part of its work meanwhile."""


class IndexUnavailable(SonicError):
    """Redis cannot be reached, so no index can answer."""


class FullTextUnavailable(SonicError):
    """Full text is used, but Haystack or its engine is not installed or configured."""
