"""Each chapter of docs/deploying.md, with two versions of an app in processes of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.docs.markdown import ROOT, blocks
from tests.docs.project import mariadb_settings
from tests.servers import PrivateRedis

PAGE = ROOT / "docs" / "deploying.md"
HEAD = "from sonic_django import Index, SonicObj, int_field, str_field\n\n"
SETTINGS = """
SECRET_KEY = "x"
INSTALLED_APPS = ["django.contrib.contenttypes", "sonic_django", "notes"]
CACHES = {{
    "default": {{"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    "sonic": {{"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "{redis}"}},
}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
"""
PREAMBLE = """
import django
django.setup()
from notes.models import Note
from sonic_django.exceptions import IndexNotBuilt
def answer(ask):
    try:
        found = ask()
    except IndexNotBuilt as error:
        assert "sonic_reindex notes.Note" in str(error)
        return "not built"
    return sorted(found) if isinstance(found, list) else found
"""


class Deployment:
    """Two versions of the app ``notes`` beside the same stores."""

    def __init__(self, directory: Path, redis_url: str) -> None:
        self.directory = directory
        settings = SETTINGS.format(redis=redis_url)
        if "SONIC_TEST_MARIADB_SOCKET" in os.environ:
            settings += mariadb_settings(f"deploying_{os.getpid()}_{id(self)}")
        else:
            file = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(directory / "notes.db")}
            settings += f"DATABASES = {{'default': {file!r}}}\n"
        self.settings = settings

    def version(self, name: str, declaration: str) -> Version:
        directory = self.directory / name
        (directory / "notes").mkdir(parents=True)
        (directory / "notes" / "__init__.py").touch()
        (directory / "notes" / "models.py").write_text(HEAD + declaration)
        (directory / "project_settings.py").write_text(self.settings)
        return Version(directory)


class Version:
    """One version of the app."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def run(self, *command: str, fails: bool = False) -> str:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self.directory,
            env={
                **kept,
                "DJANGO_SETTINGS_MODULE": "project_settings",
                "PYTHONPATH": f"{self.directory}{os.pathsep}{ROOT}",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            capture_output=True,
            text=True,
        )
        said = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, said
        return done.stdout if command[0] == "-c" else said

    def python(self, program: str) -> list[str]:
        """The lines that a program prints, in a process of this version."""
        return self.run("-c", PREAMBLE + program).splitlines()

    def manage(self, *arguments: str, fails: bool = False) -> str:
        return self.run("-m", "django", *arguments, fails=fails)


def _headings(text: str) -> list[int]:
    return [n for n, line in enumerate(text.splitlines(), 1) if line.startswith("## ")]


def chapter(title: str) -> tuple[str, list[list[str]]]:
    """The declaration and the commands of a chapter of the page."""
    text = PAGE.read_text("utf-8")
    lines = text.splitlines()
    first = lines.index(f"## {title}") + 1
    later = [line for line in _headings(text) if line > first]
    last = later[0] if later else 10**6
    found = [block for block in blocks(PAGE) if first < block.line < last]
    # "py" marks a declaration that the system checks warn of.
    declarations = [block.text for block in found if block.language in ("python", "py")]
    commands = [
        line.split()[2:]
        for block in found
        if block.language == "sh"
        for line in block.text.splitlines()
    ]
    assert commands
    assert all(line.startswith("python manage.py ") for b in found if b.language == "sh"
               for line in b.text.splitlines())  # fmt: skip
    return "".join(declarations), commands


OLD = "class Note(SonicObj):\n    title = str_field('', index=True)\n"
MAKE = "for i in range(3):\n    Note.objects.create(title='t', **{})\n"


@pytest.fixture
def deployment(tmp_path: Path, private_redis: PrivateRedis) -> Deployment:
    return Deployment(tmp_path, private_redis.url)


def two(deployment: Deployment, title: str, old: str, make: str) -> tuple[Version, Version, Any]:
    """The old version with its objects, the version of the chapter, and the chapter's commands."""
    declaration, commands = chapter(title)
    former, later = deployment.version("old", old), deployment.version("new", declaration)
    former.manage("migrate", "-v", "0")
    former.manage("sonic_build_tables", "-v", "0")
    former.python(make)
    return former, later, commands


def run_all(version: Version, commands: list[list[str]]) -> str:
    return "".join(version.manage(*command) for command in commands)


ALL = "print(answer(lambda: Note.objects.filter(title='t').count()))\n"


def test_a_new_index(deployment: Deployment) -> None:
    old = OLD + "    stars = int_field(0)\n"
    former, later, commands = two(
        deployment, "A new index", old, MAKE.replace("{}", "{'stars': i}")
    )
    ask = "print(answer(lambda: Note.objects.filter(stars__gte=1).count()))\n" + ALL
    assert later.python(ask) == ["not built", "3"]
    later.python("Note.objects.create(title='t', stars=7)")
    run_all(later, commands)
    assert later.python(ask) == ["3", "4"]
    # A write by old code makes it not built again, as the page says; the cure is the same.
    former.python("Note.objects.create(title='t', stars=8)")
    assert later.python(ask) == ["not built", "5"]
    run_all(later, commands)
    assert later.python(ask) == ["4", "5"]


def test_a_required_field(deployment: Deployment) -> None:
    _, later, commands = two(deployment, "A required field", OLD, MAKE.replace("**{}", ""))
    assert "sonic.W002" in later.manage("check")
    new = later.python(
        "note = Note(title='t', rank=5)\n"
        "assert note.save()\n"
        "old = Note.sql.first()\n"
        "print(old.rank)\n"
        "try:\n    old.title = 'x'\n    old.save()\n"
        "except Exception as error:\n    print(type(error).__name__, list(error.message_dict))\n"
    )
    assert new[-2:] == ["None", "ValidationError ['rank']"]
    said = later.manage(*commands[0], fails=True)
    assert "3 row(s) cannot be read and are not indexed; all others are" in said
    assert re.search(r"notes.Note 1 cannot be indexed: rank: .*declare a default", said)
    assert "3 difference(s) remain" in later.manage("sonic_check", fails=True)
    assert "left out: notes.Note 1 cannot be indexed: rank" in later.manage("sonic_status")
    # The steps of the page.
    nullable = "class Note(SonicObj):\n    title = str_field('', index=True)\n"
    between = deployment.version("between", nullable + "    rank = int_field(index=True)\n")
    run_all(between, commands)
    (found,) = between.python(
        "for note in Note.objects.scan().filter(rank=None): note.rank = 0; note.save()\n"
        "print(answer(lambda: Note.objects.filter(rank=0).count()))"
    )
    assert found == "3"
    run_all(later, commands)
    later.manage("sonic_check", "--deep")
    asked = later.python("print(answer(lambda: Note.objects.filter(rank__in=[0, 5]).count()))")
    assert asked == ["4"]


def test_a_changed_default(deployment: Deployment) -> None:
    old = OLD + "    mood = str_field('calm', index=True)\n"
    former = deployment.version("older", OLD)
    former.manage("migrate", "-v", "0")
    former.manage("sonic_build_tables", "-v", "0")
    former.python("Note.objects.bulk_create([Note(title='t') for _ in range(150)])")
    declaration, commands = chapter("A changed default")
    calm, happy = deployment.version("old", old), deployment.version("new", declaration)
    run_all(calm, commands)
    ask = (
        "for m in ('calm', 'happy'):\n"
        "    print(answer(lambda: Note.objects.filter(mood=m).count()))\n"
    )
    assert calm.python(ask + ALL) == ["150", "0", "150"]
    assert happy.python(ask + ALL) == ["not built", "not built", "150"]
    run_all(happy, commands)
    assert happy.python(ask + ALL) == ["0", "150", "150"]


def test_a_unique(deployment: Deployment) -> None:
    old = OLD + "    slug = str_field(null=True, index=True)\n"
    make = "for slug in ('a', 'b', 'b', None):\n    Note.objects.create(title='t', slug=slug)\n"
    _, later, commands = two(deployment, "A unique", old, make)
    assert "duplicate: 3: slug='b', as 2" in later.manage(*commands[0])
    assert "1 duplicate" in later.manage(*commands[1], fails=True)
    take = (
        "from django.db import IntegrityError\n"
        "try:\n    Note.objects.create(slug='a')\n"
        "except IntegrityError as error:\n    print('refused')\n"
    )
    assert later.python(take) == ["refused"]
    later.python("note = Note.objects.get(pk=3); note.slug = 'c'; note.save()")
    run_all(later, commands)


def test_a_rename(deployment: Deployment) -> None:
    old = OLD + "    points = int_field(0, index=True)\n"
    _, later, commands = two(deployment, "A rename", old, MAKE.replace("{}", "{'points': i}"))
    ask = "print(answer(lambda: [n.stars for n in Note.objects.filter(stars__gte=1)]))\n" + ALL
    assert later.python(ask) == ["not built", "3"]
    assert later.python("print(sorted(n.stars for n in Note.sql.all()))") == ["[0, 1, 2]"]
    run_all(later, commands)
    assert later.python(ask) == ["[1, 2]", "3"]


def test_an_engine_upgrade(deployment: Deployment, private_redis: PrivateRedis) -> None:
    _, commands = chapter("An engine upgrade")
    version = deployment.version("only", OLD)
    version.manage("migrate", "-v", "0")
    version.manage("sonic_build_tables", "-v", "0")
    version.python(MAKE.replace("**{}", ""))
    private_redis.restart()
    assert version.python(ALL) == ["3"], "with its data"
    version.python(
        "from sonic_django.transport.client import redis_client\nredis_client().flushall()"
    )
    # The marks of young rows bring them back; without them nothing is answered. Never fewer.
    assert version.python(ALL) in (["3"], ["not built"])
    version.python("assert Note(title='t').save()")
    assert "not built" not in run_all(version, commands)
    assert version.python(ALL) == ["4"]


TABLES = ["notes_note", "sonic_unique", "sonic_gone", "sonic_checkpoint"]
BACK_UP = "".join(f"c.execute('CREATE TABLE backup_{t} AS SELECT * FROM {t}')\n" for t in TABLES)
RESTORE = "".join(
    f"c.execute('DELETE FROM {t}')\nc.execute('INSERT INTO {t} SELECT * FROM backup_{t}')\n"
    for t in TABLES
)
CURSOR = "from django.db import connection\nc = connection.cursor()\n"


def test_a_restore(deployment: Deployment) -> None:
    _, commands = chapter("A restore")
    version = deployment.version("only", OLD + "    slug = str_field(null=True, unique=True)\n")
    version.manage("migrate", "-v", "0")
    version.manage("sonic_build_tables", "-v", "0")
    version.python(MAKE.replace("{}", "{'slug': str(i)}") + CURSOR + BACK_UP)
    version.python(
        "Note.objects.create(title='t', slug='lost')\n"
        "note = Note.objects.get(slug='1'); note.title = 'changed'; note.save()\n"
        "Note.objects.get(slug='2').destroy()\n"
    )
    version.python(CURSOR + RESTORE)
    objects = "print(sorted(n.slug for n in Note.objects.filter(title='changed')))\n"
    assert version.python(objects) == ["[]"], "no object is wrong at any time"
    run_all(version, commands)
    assert version.python(ALL + "print(sorted(n.slug for n in Note.objects.all()))") == [
        "3",
        "['0', '1', '2']",
    ]
    version.python("Note.objects.create(slug='lost')")
    version.manage("sonic_check", "--deep")
