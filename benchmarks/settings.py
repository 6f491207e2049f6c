"""Django's settings for the benchmarks; the servers are those of benchmarks/servers.py."""

from __future__ import annotations

import os
from importlib.util import find_spec

SECRET_KEY = "only for benchmarks"
DEBUG = False
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["sonic_django", "benchmarks"]
if find_spec("haystack") and find_spec("xapian"):
    INSTALLED_APPS.insert(0, "haystack")
    HAYSTACK_CONNECTIONS = {
        "default": {
            "ENGINE": "sonic_django.fulltext.engine.SonicXapianEngine",
            "PATH": os.environ["SONIC_BENCHMARKS_XAPIAN"],
        }
    }
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.mysql",
        "NAME": "sonic_benchmarks",
        "USER": "root",
        "OPTIONS": {
            "unix_socket": os.environ["SONIC_BENCHMARKS_MARIADB_SOCKET"],
            "charset": "utf8mb4",
        },
    }
}
CACHES = {
    "sonic": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": os.environ["SONIC_BENCHMARKS_REDIS_URL"],
    }
}
