"""The settings work on a machine where nothing is set, and keep their secret to themselves."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

from example_project.secret import read_or_make_secret

PROJECT = Path(__file__).resolve().parents[2]


def in_the_project(folder: Path, code: str) -> str:
    """The output of `code`, run in a process of its own with the example's settings."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(PROJECT),
        "SONIC_DEMO_DIR": str(folder),
        "SONIC_REDIS_URL": os.environ["SONIC_TEST_REDIS_URL"],
        "DJANGO_SETTINGS_MODULE": "example_project.settings",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_folder_and_the_key_are_made_at_first_start_and_kept(tmp_path: Path):
    folder = tmp_path / "new" / "demo"
    show = "from django.conf import settings; print(settings.SECRET_KEY)"
    key = in_the_project(folder, show)
    assert len(key) >= 50
    assert in_the_project(folder, show) == key
    assert stat.S_IMODE((folder / "secret_key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_of_two_first_starts_at_once_both_have_the_same_key(tmp_path: Path):
    code = (
        "from pathlib import Path; from example_project.secret import read_or_make_secret;"
        f"print(read_or_make_secret(Path({str(tmp_path / 'key')!r})))"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code], cwd=PROJECT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    keys = {process.communicate()[0] for process in processes}
    assert len(keys) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_key_that_is_there_is_used(tmp_path: Path):
    (tmp_path / "key").write_text("mine")
    assert read_or_make_secret(tmp_path / "key") == "mine"


def test_the_checks_find_nothing(tmp_path: Path):
    out = in_the_project(
        tmp_path,
        "from django.core.management import execute_from_command_line;"
        "execute_from_command_line(['manage.py', 'check'])",
    )
    assert out == "System check identified no issues (0 silenced)."


def test_before_the_tables_are_made_the_front_page_says_how_to_make_them(tmp_path: Path):
    out = in_the_project(
        tmp_path,
        "import django; django.setup(); from django.test import Client;"
        "page = Client().get('/', headers={'host': 'localhost'});"
        "print(page.status_code, page.content.decode())",
    )
    assert out.startswith("200")
    assert "Are the tables made? manage.py migrate" in out
