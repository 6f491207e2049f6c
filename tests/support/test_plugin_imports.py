"""A project that merely has Sonic installed pays nothing for it in its own tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

TEST = """
import sys

def test_nothing_of_sonic_is_loaded(request):
    assert request.config.pluginmanager.has_plugin("sonic_django")
    print("LOADED", *sys.modules)
"""

#: What an entry point of ``sonic_django.test.plugin`` cannot do without.
UNAVOIDABLE = {
    "sonic_django",
    "sonic_django.version",
    "sonic_django.test",
    "sonic_django.test.plugin",
}


def loaded_modules(directory: Path, *options: str) -> set[str]:
    """The modules that one passing test of a project without Django finds loaded."""
    (directory / "pytest.ini").write_text("[pytest]\n")
    (directory / "test_empty.py").write_text(TEST)
    # nothing of this run: neither its settings and servers nor its options and its coverage
    ours = ("SONIC_", "PYTEST", "DJANGO", "COV")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-s", *options],
        cwd=directory,
        env={**kept, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("LOADED")]
    return set(line.split()[1:])


def of(package: str, modules: set[str]) -> set[str]:
    return {name for name in modules if name.partition(".")[0] == package}


def test_the_plugin_loads_neither_django_nor_redis_nor_sonic(tmp_path: Path) -> None:
    loaded = loaded_modules(tmp_path, "-p", "no:django")
    assert not of("django", loaded)
    assert not of("redis", loaded)
    assert of("sonic_django", loaded) == UNAVOIDABLE


def test_beside_pytest_django_it_loads_no_more_than_that_does(tmp_path: Path) -> None:
    loaded = loaded_modules(tmp_path)
    assert not of("redis", loaded)
    assert of("sonic_django", loaded) == UNAVOIDABLE
