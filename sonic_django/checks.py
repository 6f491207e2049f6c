"""System checks of the settings and of the Redis server."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

from .conf import sonic_settings
from .transport.server_info import server_problems


@register("sonic")
def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """sonic.E010: the SONIC setting is wrong; sonic.E011: the cache that it names is."""
    try:
        alias = sonic_settings().REDIS
    except (ImproperlyConfigured, TypeError) as error:
        hint = "See docs/settings.md."
        return [Error(f"The SONIC setting is wrong: {error}", hint=hint, id="sonic.E010")]
    cache = settings.CACHES.get(alias)
    if cache is None or not str(cache.get("BACKEND", "")).startswith("django_redis."):
        return [
            Error(
                f"Sonic keeps its indexes in CACHES[{alias!r}], which is "
                f"{'missing' if cache is None else 'not a django-redis cache'}.",
                hint=(
                    f'CACHES[{alias!r}] = {{"BACKEND": "django_redis.cache.RedisCache", '
                    f'"LOCATION": "redis://127.0.0.1:6379/0"}}'
                ),
                id="sonic.E011",
            )
        ]
    return []


@register(Tags.database)
def check_server(*, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """sonic.E012, W010 to W013, W015: the version and the configuration of the Redis server.

    Only where databases are named, as by ``migrate`` and ``check --database``, so that no process
    waits for Redis when it starts.
    """
    if not databases or check_settings():
        return []
    return [
        (Error if problem.is_error else Warning)(problem.message, hint=problem.hint, id=problem.id)
        for problem in server_problems()
    ]
