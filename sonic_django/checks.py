"""System checks: mistakes in declarations and settings, before they cost a query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

from .conf import sonic_settings
from .transport.server_info import server_problems

if TYPE_CHECKING:
    from .models.base import SonicObj

#: Names of the ancestor's class methods that a field would hide.
_SPELLING = frozenset(
    [
        *("get", "find", "find_one", "find_objs", "find_all", "count", "search"),
        *("get_ids", "get_objs", "walk_all_objs"),
    ]
)


def check_model(model: type[SonicObj]) -> list[CheckMessage]:
    """The problems of one class: sonic.E001 to E009, and the fields' own checks."""
    options = model._sonic
    found: list[CheckMessage] = [
        Error(problem.message, hint=problem.hint, obj=model, id=problem.id)
        for problem in options.problems
    ]
    keys: dict[str, str] = {}
    for name, field in options.fields.items():
        if field.key in keys:
            found.append(
                Error(
                    f"{model._meta.label}.{name} and .{keys[field.key]} have the same key "
                    f"{field.key!r} in the payload.",
                    hint="Give one of them another db_column.",
                    obj=model,
                    id="sonic.E006",
                )
            )
        keys[field.key] = name
        if name in _SPELLING:
            found.append(
                Warning(
                    f"{model._meta.label}.{name} hides the class method {name}().",
                    hint=f"Use {model.__name__}.objects, or rename the field.",
                    obj=model,
                    id="sonic.W001",
                )
            )
        # Django does not run the checks of private fields.
        found.extend(m for m in field.check() if m.id not in _ABOUT_COLUMNS)
    return found


#: Checks of Django's fields that speak of columns, which virtual fields do not have.
_ABOUT_COLUMNS = frozenset(["fields.E120", "fields.W161", "fields.W342", "fields.W162"])


@register("sonic")
def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """sonic.E010: the SONIC setting; sonic.E011: the cache it names."""
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
    """sonic.E012, W010 to W013: what the Redis server says of itself.

    Only where databases are named, as by ``migrate`` and ``check --database``: no process waits
    for Redis when it starts.
    """
    if not databases or check_settings():
        return []
    return [
        (Error if problem.is_error else Warning)(problem.message, hint=problem.hint, id=problem.id)
        for problem in server_problems()
    ]
