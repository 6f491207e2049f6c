"""The wheel of this tree: everything that runs is in it, and nothing else."""

from __future__ import annotations

import email
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT

_PACKAGES = ("sonic_django", "sonic_admin")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built from a copy, because setuptools leaves its traces in the tree."""
    copy = tmp_path_factory.mktemp("tree")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for name in (*_PACKAGES, "example_project"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("tests", "benchmarks"):  # to be left out
        (copy / name).mkdir()
        (copy / name / "__init__.py").touch()
    out = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run(
        [*pip, "--quiet", "--wheel-dir", str(out), str(copy)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = out.glob("*.whl")
    return zipfile.ZipFile(file)


def test_holds_every_file_of_the_packages(wheel: zipfile.ZipFile) -> None:
    here = {
        str(file.relative_to(ROOT))
        for package in _PACKAGES
        for file in (ROOT / package).rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }
    assert here - set(wheel.namelist()) == set()


def test_holds_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    (metadata,) = {top for top in tops if top.endswith(".dist-info")}
    assert tops == {*_PACKAGES, metadata}


@pytest.mark.parametrize(
    "pattern",
    [
        "sonic_django/py.typed",
        "sonic_django/index/scripts/*.lua",
        "sonic_django/migrations/0001_*.py",
        "sonic_django/fulltext/engine/*.py",
        "sonic_django/management/commands/sonic_*.py",
        "sonic_admin/py.typed",
        "sonic_admin/templates/sonic_admin/*.html",
        "sonic_admin/static/sonic_admin/*.css",
        "*.dist-info/licenses/LICENSE",
    ],
)
def test_holds(wheel: zipfile.ZipFile, pattern: str) -> None:
    assert [name for name in wheel.namelist() if Path(name).match(pattern)]


def test_metadata(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = email.message_from_bytes(wheel.read(name))
    assert metadata["Name"] == "sonic-django"
    assert metadata["Requires-Python"] == ">=3.10"
    assert {"embedded", "fulltext", "mysql"} <= set(metadata.get_all("Provides-Extra") or ())
    assert metadata.get_payload().startswith("# Sonic\n")  # the README


def test_pytest_finds_the_plugin(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt")]
    assert "sonic_django = sonic_django.test.plugin" in wheel.read(name).decode()
