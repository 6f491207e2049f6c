"""Every class is on the site, in whatever order the apps stand, unless it opted out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin import site

from sonic_admin import SonicModelAdmin
from sonic_django.schema.registry import sonic_models

ROOT = Path(__file__).resolve().parents[2]

APP = """
from sonic_django import SonicObj, str_field

class Left(SonicObj):
    name = str_field("")

class Own(SonicObj):
    name = str_field("")

class Out(SonicObj):
    name = str_field("")

class Abstract(SonicObj):
    class Meta:
        abstract = True
"""

ADMIN = """
from django.contrib import admin
from sonic_admin import SonicModelAdmin
from .models import Out, Own

@admin.register(Own)
class OwnAdmin(SonicModelAdmin):
    list_per_page = 7

admin.site.unregister(Out)
"""

PROGRAM = """
import json, sys
import django
from django.conf import settings

apps = json.loads(sys.argv[1])
settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", *apps],
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
)
django.setup()
from django.contrib import admin
if len(sys.argv) > 2:
    from sonic_admin.autoregister import autoregister
    autoregister()
print(json.dumps({m.__name__: a.list_per_page for m, a in admin.site._registry.items()
                  if m._meta.app_label == "shop"}))
"""


def test_every_class_of_the_tests_is_registered():
    for model in sonic_models():
        assert isinstance(site.get_model_admin(model), SonicModelAdmin), model


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    app = tmp_path / "shop"
    app.mkdir()
    (app / "__init__.py").touch()
    (app / "models.py").write_text(APP)
    (app / "admin.py").write_text(ADMIN)
    return tmp_path


def registered(directory: Path, apps: list[str], *more: str) -> dict[str, Any]:
    path = os.pathsep.join([str(directory), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(apps), *more],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize(
    "apps",
    [
        ["django.contrib.admin", "sonic_django", "sonic_admin", "shop"],
        ["shop", "sonic_admin", "sonic_django", "django.contrib.admin"],
        ["sonic_admin", "django.contrib.admin", "shop", "sonic_django"],
        ["django.contrib.admin", "shop", "sonic_django", "sonic_admin"],
    ],
)
def test_in_any_order_of_the_apps(shop: Path, apps: list[str]):
    assert registered(shop, apps) == {"Left": 100, "Own": 7}


def test_registering_twice_changes_nothing(shop: Path):
    apps = ["django.contrib.admin", "sonic_django", "sonic_admin", "shop"]
    assert registered(shop, apps, "again") == {"Left": 100, "Own": 7}
