"""The errors of Sonic that Django has no name for."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import DatabaseError, IntegrityError


class SonicError(Exception):
    """The base of every error that only Sonic raises."""


class PayloadError(SonicError, ValueError):
    """Bytes that are not a payload, or a value that no payload can hold."""


class StaleObjectError(SonicError, DatabaseError):
    """Another writer changed or removed the row since this object was loaded.

    ``fields`` names the fields that this object wanted to write.
    """

    def __init__(self, message: str, fields: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.fields = tuple(fields)


class UniqueViolation(SonicError, IntegrityError):
    """Another object holds a unique value; ``fields`` names the fields of the constraints."""

    def __init__(self, message: str, fields: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.fields = tuple(fields)


class IndexNotBuilt(SonicError):
    """The query needs an index that was never built, or whose declaration has changed."""

    def __init__(self, message: str, indexes: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.indexes = tuple(indexes)


class IndexUnavailable(SonicError):
    """Redis cannot be reached, so no index can be asked."""


class FullTextUnavailable(SonicError):
    """Full text was asked for where Haystack or its engine is not installed or configured."""
