"""A user's project with ordinary tests of its own, run as the user would run them, beside the
development data in the same Redis."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis

from tests.servers import PrivateRedis

MODELS = """
from sonic_django import SonicObj, int_field, str_field

class Note(SonicObj):
    title = str_field("", index=True)
    stars = int_field(0, index=True)
    slug = str_field(null=True, unique=True)
"""

SETTINGS = """
import os
SECRET_KEY = "x"
INSTALLED_APPS = ["django.contrib.contenttypes", "sonic_django", "notes"]
DATABASES = {database}
CACHES = {{
    "default": {{"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    "sonic": {{"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "{redis}"}},
}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
"""

UNITTESTS = """
from django.db import IntegrityError, transaction
from django.test import TestCase, TransactionTestCase
from notes.models import Note

class WithSetUpTestData(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.shared = Note.objects.create(title="shared", stars=1, slug="s")

    def test_one(self):
        Note.objects.create(title="one")
        self.assertEqual(Note.objects.count(), 2)
        self.assertEqual(Note.objects.get(title="one").stars, 0)

    def test_two(self):
        self.shared.title = "changed"
        self.shared.save()
        self.assertEqual(Note.objects.filter(title="changed").count(), 1)
        self.assertEqual(Note.objects.count(), 1)

    def test_three_sees_neither(self):
        self.assertEqual(Note.objects.count(), 1)
        self.assertEqual([n.title for n in Note.objects.filter(stars=1)], ["shared"])
        self.assertFalse(Note.objects.filter(title="changed").exists())

    def test_inner_rollback(self):
        try:
            with transaction.atomic():
                Note.objects.create(title="inner")
                self.assertTrue(Note.objects.filter(title="inner").exists())
                raise ValueError
        except ValueError:
            pass
        self.assertFalse(Note.objects.filter(title="inner").exists())

    def test_unique(self):
        with self.assertRaises(IntegrityError), transaction.atomic():
            Note.objects.create(title="again", slug="s")
        self.assertFalse(Note.objects.filter(title="again").exists())

    def test_delete_is_undone(self):
        Note.objects.all().destroy()
        self.assertEqual(Note.objects.count(), 0)

class Committing(TransactionTestCase):
    def test_one(self):
        with transaction.atomic():
            Note.objects.create(title="t")
            self.assertFalse(Note.objects.filter(title="t").exists())
        self.assertTrue(Note.objects.filter(title="t").exists())

    def test_two(self):
        self.assertEqual(Note.objects.count(), 0)
        Note.objects.create(title="t")
        self.assertEqual(Note.objects.count(), 1)

class Flushing(TransactionTestCase):
    available_apps = ["django.contrib.contenttypes", "sonic_django", "notes"]

    def test_one(self):
        Note.objects.create(title="t")
        self.assertEqual(Note.objects.count(), 1)

    def test_two(self):
        self.assertEqual(Note.objects.count(), 0)
"""

PYTESTS = """
import pytest
from notes.models import Note

@pytest.mark.parametrize("number", range(6))
@pytest.mark.django_db
def test_rolled_back(number):
    assert Note.objects.count() == 0
    Note.objects.create(title="x", stars=number)
    assert Note.objects.filter(stars=number).count() == 1

@pytest.mark.parametrize("number", range(4))
@pytest.mark.django_db(transaction=True)
def test_committed(number):
    assert Note.objects.count() == 0
    Note.objects.bulk_create([Note(title=str(i), stars=number) for i in range(20)])
    assert Note.objects.filter(stars=number).order_by("title").first().title == "0"

def test_without_a_database():
    assert Note(title="x").title == "x"

@pytest.fixture
def note(db):
    return Note.objects.create(title="fixture", slug="f")

def test_fixture(note):
    assert Note.objects.get(slug="f") == note
"""

DEVELOPMENT = """
import django
django.setup()
from notes.models import Note
Note.objects.bulk_create([Note(title=f"dev {i}", stars=i) for i in range(30)])
"""

CHECK_DEVELOPMENT = """
import django
django.setup()
from notes.models import Note
assert Note.objects.count() == 30
assert [n.title for n in Note.objects.filter(stars__gte=28)] == ["dev 29", "dev 28"]
print("development is as it was")
"""


class Project:
    """The user's project in a directory of its own."""

    def __init__(self, directory: Path, redis_url: str, database: dict[str, object]) -> None:
        self.directory = directory
        app = directory / "notes"
        (app / "migrations").mkdir(parents=True)
        for module in ("__init__.py", "migrations/__init__.py"):
            (app / module).touch()
        (app / "models.py").write_text(MODELS)
        (app / "tests.py").write_text(UNITTESTS)
        (directory / "test_notes.py").write_text(PYTESTS)
        settings = SETTINGS.format(database=database, redis=redis_url)
        (directory / "project_settings.py").write_text(settings)
        (directory / "pytest.ini").write_text("[pytest]\nDJANGO_SETTINGS_MODULE=project_settings\n")
        self.django("makemigrations", "notes")
        self.django("migrate")

    def run(self, *command: str) -> str:
        root = Path(__file__).resolve().parents[2]
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
        environment = {
            **kept,
            "DJANGO_SETTINGS_MODULE": "project_settings",
            "PYTHONPATH": f"{self.directory}{os.pathsep}{root}",
        }
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self.directory,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def django(self, *arguments: str) -> str:
        return self.run("-m", "django", *arguments)


def dump(redis: Redis) -> dict[bytes, bytes]:
    """Every key of the server with its serialized value."""
    return {key: redis.dump(key) for key in redis.scan_iter()}


@pytest.fixture(params=["memory", "database"])
def project(request, tmp_path: Path, private_redis: PrivateRedis) -> Project:
    """Tests in a database in memory, and in one like that of this test run."""
    file: dict[str, object] = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(tmp_path / "dev.sqlite3"),
    }
    if request.param == "database":
        socket = os.environ.get("SONIC_TEST_MARIADB_SOCKET")
        file["TEST"] = {"NAME": str(tmp_path / "test.sqlite3")}
        if socket:
            from django.conf import settings

            name = f"notes_{tmp_path.parent.name.replace('-', '_')}_{tmp_path.name}"[:60]
            server = dict(settings.DATABASES["default"])
            file = {key: server[key] for key in ("ENGINE", "USER", "OPTIONS")}
            file["NAME"] = name
            make_database(socket, name)
    return Project(tmp_path / "project", private_redis.url, {"default": file})


def make_database(socket: str, name: str) -> None:
    import MySQLdb

    connection = MySQLdb.connect(unix_socket=socket, user="root")
    connection.cursor().execute(f"CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4")
    connection.close()


def test_user_tests_pass_and_development_is_untouched(
    project: Project, private_redis: PrivateRedis
) -> None:
    redis = Redis.from_url(private_redis.url)
    project.run("-c", DEVELOPMENT)
    before = dump(redis)
    assert before
    assert "Ran 10 tests" in project.django("test", "--noinput")
    assert "12 passed" in project.run("-m", "pytest", "-q")
    assert "12 passed" in project.run("-m", "pytest", "-q", "-n", "2")
    assert "10 passed" in project.run("-m", "pytest", "-q", "notes/tests.py")
    assert "development is as it was" in project.run("-c", CHECK_DEVELOPMENT)
    after = dump(redis)
    assert {key: after[key] for key in before} == before
    if project.directory and "memory" in os.environ.get("PYTEST_CURRENT_TEST", ""):
        assert set(after) == set(before), "a database in memory leaves nothing behind"
