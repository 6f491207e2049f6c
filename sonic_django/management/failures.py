"""Errors of the stores as CommandError: the store, its message and the cure; no traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import Error as AnyDatabaseError
from redis.exceptions import RedisError

from ..exceptions import SonicError
from ..transport.client import describe_error


@contextmanager
def explained(label: str, using: str) -> Iterator[None]:
    """Turn a failure of a store into CommandError, which names the class."""
    try:
        yield
    except RedisError as error:
        raise CommandError(
            f"{label}: Redis {describe_error(error)}. Nothing is lost; run the command again."
        ) from error
    except AnyDatabaseError as error:
        raise CommandError(
            f"{label}: the database {using!r} failed: {error}. Does it run, and is the table made "
            f"(by migrate or sonic_build_tables)?"
        ) from error
    except SonicError as error:
        raise CommandError(f"{label}: {error}") from error
    except OSError as error:
        raise CommandError(f"{label}: {error}") from error
    except Exception as error:
        if not _is_of_full_text(error):
            raise
        raise CommandError(f"{label}: full text failed: {error}") from error


def _is_of_full_text(error: Exception) -> bool:
    """Whether Haystack or Xapian raised it; neither need be installed."""
    origin = type(error).__mro__
    return any(kind.__module__.split(".")[0] in ("haystack", "xapian") for kind in origin)
