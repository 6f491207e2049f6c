"""The time that Sonic adds to the start of a process: ``django.setup()``, with and without it."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from random import Random

from .options import Options
from .results import Result

_ROUNDS = 15
_DJANGO = ["django.contrib.contenttypes", "django.contrib.auth"]
_ADMIN = ["django.contrib.sessions", "django.contrib.messages", "django.contrib.admin"]
_CASES: dict[str, list[str]] = {
    "Django": _DJANGO,
    "Django and sonic_django": [*_DJANGO, "sonic_django"],
    "Django and its admin": [*_DJANGO, *_ADMIN],
    "Django, its admin, sonic_django and sonic_admin": [
        *_DJANGO,
        *_ADMIN,
        "sonic_django",
        "sonic_admin",
    ],
}
#: Of the environment; without compiled modules each start would compile them.
_NOT_USUAL = ("DJANGO_SETTINGS_MODULE", "PYTHONDONTWRITEBYTECODE")
_PROGRAM = """
import sys, time
started = time.perf_counter()
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=sys.argv[1].split(","),
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    CACHES={"sonic": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://nowhere"}},
)
django.setup()
print(time.perf_counter() - started, len(sys.modules))
"""


def run(options: Options, report: Callable[[str], None]) -> Result:
    """Processes of each kind by turns; the first of each, which may compile, does not count."""
    times: dict[str, list[float]] = {name: [] for name in _CASES}
    modules: dict[str, int] = {}
    random = Random(3)
    rounds = max(2, min(_ROUNDS, int(_ROUNDS * options.seconds)))
    report(f"{rounds} processes of {len(_CASES)} kinds")
    for round_ in range(rounds + 1):
        for name in random.sample(list(_CASES), len(_CASES)):
            taken, modules[name] = _start(_CASES[name])
            if round_:
                times[name].append(taken)
    medians = {name: statistics.median(list_) for name, list_ in times.items()}
    django, sonic, admin, both = medians.values()
    return Result(
        name="process start",
        section="startup",
        columns=("INSTALLED_APPS", "import and setup, ms", "modules"),
        rows=[(name, round(medians[name] * 1000, 1), modules[name]) for name in _CASES],
        figures={"seconds": medians, "modules": modules},
        conclusions=[
            f"sonic_django adds {(sonic - django) * 1000:.0f} ms to the start of a process, "
            f"sonic_admin and sonic_django {(both - admin) * 1000:.0f} ms to one with the admin."
        ],
    )


def _start(apps: list[str]) -> tuple[float, int]:
    kept = {key: value for key, value in os.environ.items() if key not in _NOT_USUAL}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, ",".join(apps)],
        env=kept,
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, modules = done.stdout.split()
    return float(seconds), int(modules)
