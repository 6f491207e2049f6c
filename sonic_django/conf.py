"""The ``SONIC`` setting, with a default for every key."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

from .payload import Codec


@dataclass(frozen=True)
class SonicSettings:
    """The ``SONIC`` setting with its defaults. ImproperlyConfigured for a wrong value."""

    #: The alias in ``CACHES`` of the django-redis cache that holds the indexes.
    REDIS: str = "sonic"
    #: The first part of every Redis key.
    KEY_PREFIX: str = "sonic"
    #: The largest payload in bytes, before and after inflation. MariaDB's packet limit is 16 MiB.
    MAX_PAYLOAD_SIZE: int = 16 * 1024 * 1024
    #: Bodies longer than this many bytes are compressed; None never compresses.
    COMPRESS_OVER: int | None = 4096
    #: "inline": the saving process updates full text after its commit; "queue": a worker does.
    FULLTEXT: str = "inline"
    #: Seconds to wait for Redis to connect and to reply, unless the cache's OPTIONS say.
    TIMEOUT: float = 5.0
    #: Seconds for which the sweep leaves a written row to the process that wrote it.
    GRACE: float = 5.0
    #: Seconds for which a written row keeps its dirty mark, so that a write that Redis lost in a
    #: restart or failover is applied again. Longer than the time by which Redis's disk lags.
    RETENTION: float = 60.0
    #: Seconds between the background jobs that a writing process runs, the sweep among them; None
    #: for no jobs, where ``sonic_sync --loop`` runs.
    SWEEP_EVERY: float | None = 2.0

    def __post_init__(self) -> None:
        if self.FULLTEXT not in ("inline", "queue"):
            raise ImproperlyConfigured(
                f'SONIC["FULLTEXT"] is {self.FULLTEXT!r}; it must be "inline" or "queue".'
            )
        if self.TIMEOUT <= 0:
            raise ImproperlyConfigured(
                f'SONIC["TIMEOUT"] is {self.TIMEOUT!r}; it must be above 0 seconds.'
            )

    @cached_property
    def codec(self) -> Codec:
        """The codec that writes and reads payloads within these limits."""
        return Codec(self.MAX_PAYLOAD_SIZE, self.COMPRESS_OVER)


@lru_cache(maxsize=1)
def sonic_settings() -> SonicSettings:
    """The setting with its defaults; cached until a test overrides ``SONIC``.

    ImproperlyConfigured for an unknown key, with the known ones, or a wrong value.
    """
    given: dict[str, Any] = getattr(settings, "SONIC", {})
    known = [field.name for field in fields(SonicSettings)]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ImproperlyConfigured(
            f"SONIC has unknown keys {', '.join(unknown)}; the known ones are {', '.join(known)}."
        )
    return SonicSettings(**given)


def is_available() -> bool:
    """Whether full text is available: Haystack is among the installed apps."""
    return apps.is_installed("haystack")


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == "SONIC":
        sonic_settings.cache_clear()


setting_changed.connect(_forget)
