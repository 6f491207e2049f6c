"""The demo as a user starts it, with data of its own."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

# A port that is free, whichever it is.
ANY_PORT = "0"


@pytest.fixture
def demo_directory(private_directory: Path) -> Path:
    return private_directory / "demo"


def run_demo(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "example_project.rundemo", "--port", ANY_PORT, *options],
        env={**os.environ, "SONIC_DEMO_DIR": str(directory)},
        cwd=settings.BASE_DIR,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )


def test_starts_twice_with_the_same_data_and_login(demo_directory: Path) -> None:
    logins = []
    for start in ("first", "second"):
        done = run_demo(demo_directory, "--check")
        assert done.returncode == 0, done.stdout
        assert ("loading packages" in done.stdout) == (start == "first")
        assert "building the index again" not in done.stdout
        logins += re.findall(r"Log in as +admin +(\S+)", done.stdout)
    kept = demo_directory / "admin_password"
    assert logins == [kept.read_text()] * 2
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(demo_directory.stat().st_mode) == 0o700


def test_does_not_remove_a_directory_it_has_not_made(demo_directory: Path) -> None:
    demo_directory.mkdir()
    (demo_directory / "letters").touch()
    done = run_demo(demo_directory, "--reset", "--check")
    assert done.returncode == 1
    assert "was not made by the demo" in done.stdout
    assert (demo_directory / "letters").exists()
