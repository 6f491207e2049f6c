"""Settings of the example project: they work with nothing set and nothing installed beside it.

SONIC_DEMO_DIR    where the demo keeps its data (default: .demo in the project)
SONIC_REDIS_URL   the Redis of the index (default: redis://127.0.0.1:6379/0)
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from example_project.secret import read_or_make_secret

BASE_DIR = Path(__file__).resolve().parent.parent
DEMO_DIR = Path(os.environ.get("SONIC_DEMO_DIR") or BASE_DIR / ".demo").resolve()
DEMO_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)

SECRET_KEY = read_or_make_secret(DEMO_DIR / "secret_key")
# A demo on the reader's own machine: runserver serves the admin's style sheets, errors explain
# themselves, and ALLOWED_HOSTS keeps everyone else out.
DEBUG = True
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]

# Full text needs two optional packages; without them everything else works.
HAS_FULLTEXT = all(find_spec(name) for name in ("haystack", "xapian_backend", "xapian"))

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    *(["haystack"] if HAS_FULLTEXT else []),
    "sonic_django",
    "sonic_admin",
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

ROOT_URLCONF = "example_project.urls"
WSGI_APPLICATION = "example_project.wsgi.application"
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

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DEMO_DIR / "db.sqlite3",
        "OPTIONS": {
            # Readers go on while a load writes (WAL), and a writer that has to wait does so at
            # BEGIN, where waiting works, instead of failing at its first write.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "sonic": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": os.environ.get("SONIC_REDIS_URL") or "redis://127.0.0.1:6379/0",
    },
}

if HAS_FULLTEXT:
    HAYSTACK_CONNECTIONS = {
        "default": {
            "ENGINE": "sonic_django.fulltext.engine.SonicXapianEngine",
            "PATH": str(DEMO_DIR / "xapian"),
        }
    }

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
STATIC_URL = "static/"
