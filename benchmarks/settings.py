"""Django's settings for the benchmarks; the servers are those of benchmarks/servers.py."""

from __future__ import annotations

import os

SECRET_KEY = "only for benchmarks"
DEBUG = False
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["sonic_django", "benchmarks"]
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
