"""Django's settings for the tests; the servers are those of tests/servers.py."""

import os
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

if "SONIC_TEST_DIR" not in os.environ:
    raise ImproperlyConfigured("tests.settings needs the servers that `python -m pytest` starts")

BASE_DIR = Path(__file__).resolve().parent.parent
RUN_DIR = Path(os.environ["SONIC_TEST_DIR"])
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")

SECRET_KEY = "only for tests"
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "tests.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# MariaDB's time zone tables are empty here: __date lookups work in UTC only.
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
# A real hasher takes a third of a second for each user that a test makes.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "haystack",
    "sonic_django",
    "sonic_admin",
    "tests.testapp",
    "example_project.blog",
    "example_project.catalog",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]


def mariadb(socket: str) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.mysql",
        "NAME": os.environ.get("SONIC_TEST_DB_NAME", "sonic"),
        "USER": "root",
        "OPTIONS": {"unix_socket": socket, "charset": "utf8mb4"},
    }


def sqlite() -> dict[str, Any]:
    """Files, not memory, so that threads and other processes share them."""
    name = os.environ.get("SONIC_TEST_DB_NAME", "sonic")
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(RUN_DIR / f"{name}.sqlite3"),
        "TEST": {"NAME": str(RUN_DIR / "test_sonic.sqlite3")},
        "OPTIONS": {
            # A writer waits for the other one; without IMMEDIATE a transaction that reads first
            # and writes then fails at once with "database is locked".
            "timeout": 30,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
        },
    }


_socket = os.environ.get("SONIC_TEST_MARIADB_SOCKET")
DATABASES = {"default": mariadb(_socket) if _socket else sqlite()}

CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "sonic": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": os.environ["SONIC_TEST_REDIS_URL"],
    },
}

HAYSTACK_CONNECTIONS = {
    "default": {
        "ENGINE": "sonic_django.fulltext.engine.SonicXapianEngine",
        "PATH": str(RUN_DIR / f"xapian-{WORKER}"),
    }
}
