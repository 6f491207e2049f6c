"""The quick start of the README, run as it is printed, in a new project."""

from __future__ import annotations

import codeop
import os
import re
from pathlib import Path

import pytest

from tests.docs.markdown import Block
from tests.docs.project import MODELS, SETTINGS, NewProject, block, mariadb_settings
from tests.servers import PrivateRedis

#: More blocks of the quick start by how they begin.
SESSION, NEW_SESSION = "from blog.models import Author", "from blog.models import Blog\n"
NEW_CLASS = "class Blog"
TABLES = "python manage.py makemigrations blog"
REINDEX = "python manage.py makemigrations --check"


def printed(session: Block) -> list[str]:
    """What the comments behind print() say."""
    return re.findall(r"^ *print\(.*\)  # (.*)$", session.text, re.MULTILINE)


#: startproject's own, and the test run's server if it has one.
DATABASES = ["sqlite", *(["mariadb"] if "SONIC_TEST_MARIADB_SOCKET" in os.environ else [])]


@pytest.mark.parametrize("tables", ["migrations", "no migrations"])
@pytest.mark.parametrize("database", DATABASES)
def test_quick_start(
    database: str, tables: str, tmp_path: Path, private_redis: PrivateRedis
) -> None:
    project = NewProject(tmp_path / "somewhere", private_redis.url)
    project.append("mysite/settings.py", block(SETTINGS).text)
    if database == "mariadb":
        name = f"quick_start_{tables[:2]}_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
        project.append("mysite/settings.py", mariadb_settings(name))
    (project.directory / "blog/models.py").write_text(block(MODELS).text)
    if tables == "migrations":
        project.sh(block(TABLES).text)
    else:
        project.sh("python manage.py migrate\npython manage.py sonic_build_tables")

    session = block(SESSION)
    assert project.shell(session) == printed(session)

    project.replace_class("blog/models.py", block(NEW_CLASS).text)
    commands = block(REINDEX).text
    if tables == "no migrations":
        commands = commands.partition("\n")[2]
    project.sh(commands)
    session = block(NEW_SESSION)
    assert project.shell(session) == printed(session)


@pytest.mark.parametrize("start", [SESSION, NEW_SESSION])
def test_session_can_be_pasted_into_a_prompt(start: str) -> None:
    """At a prompt a loop ends with an empty line; without one the next line is an error."""
    pending = ""
    for line in block(start).text.splitlines():
        pending = f"{pending}\n{line}" if pending else line
        if codeop.compile_command(pending, symbol="single") is not None:
            pending = ""
    assert pending == ""


def test_every_print_shows_its_result() -> None:
    for start in (SESSION, NEW_SESSION):
        session = block(start)
        assert session.text.count("print(") == len(printed(session))


def test_classes_are_those_of_the_tests() -> None:
    """Other pages and tests use tests.testapp; they speak of the same classes."""
    from tests.testapp.models import Author, Blog

    source = block(MODELS).text
    names = dict(re.findall(r"^    (\w+) = (\w+)\(", source, re.MULTILINE))
    declared = {**Author._sonic.fields, **Blog._sonic.fields}
    assert list(names) == list(declared)


def test_the_new_class_differs_by_the_lines_marked_new() -> None:
    old = block(MODELS).text
    kept = [line for line in block(NEW_CLASS).text.splitlines() if not line.endswith("# new")]
    assert "\n".join(kept) in old
