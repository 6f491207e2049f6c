"""Django's settings of the harness; ``stores.py`` sets the variables they are made from."""

import os
from pathlib import Path
from typing import Any

from redis.backoff import NoBackoff
from redis.retry import Retry

DIRECTORY = Path(os.environ["SONIC_CRASH_DIRECTORY"])

SECRET_KEY = "only for tests"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "haystack",
    "sonic_django",
    "tests.crash",
]


def _database() -> dict[str, Any]:
    if socket := os.environ.get("SONIC_CRASH_MARIADB_SOCKET"):
        return {
            "ENGINE": "django.db.backends.mysql",
            "NAME": "crash",
            "USER": "root",
            "OPTIONS": {
                "unix_socket": socket,
                "charset": "utf8mb4",
                "connect_timeout": 5,
                # A mark is as old as its statement, so transactions must be far shorter than the
                # retention.
                "init_command": "SET SESSION innodb_lock_wait_timeout = 1",
            },
        }
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(DIRECTORY / "crash.sqlite3"),
        "OPTIONS": {
            "timeout": 1,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
        },
    }


DATABASES = {"default": _database()}

CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "sonic": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": os.environ["SONIC_CRASH_REDIS_URL"],
        # redis-py would try ten times and sleep in between, while the writer could go on.
        "OPTIONS": {"CONNECTION_POOL_KWARGS": {"retry": Retry(NoBackoff(), 1)}},
    },
}

HAYSTACK_CONNECTIONS = {
    "default": {
        "ENGINE": "sonic_django.fulltext.engine.SonicXapianEngine",
        "PATH": str(DIRECTORY / "xapian"),
    }
}

# Redis is killed in a way that loses up to one second of writes (``stores.py``).
SONIC = {"GRACE": 0.5, "RETENTION": 4.0}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "loggers": {"sonic_django": {"handlers": ["stderr"], "level": "WARNING"}},
}
