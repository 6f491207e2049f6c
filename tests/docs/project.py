"""A new project, made by following the README."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.docs.markdown import README, ROOT, Block, blocks

#: Blocks of the quick start by how they begin; every one must be there once.
START, SETTINGS, MODELS = "django-admin", "import os\n", "from sonic_django"


def block(start: str) -> Block:
    """The README's block that begins so."""
    (found,) = [one for one in blocks(README) if one.text.startswith(start)]
    return found


class NewProject:
    """What a reader makes by following the page, in a directory of its own."""

    def __init__(self, directory: Path, redis_url: str) -> None:
        directory.mkdir()
        # pytest's own variables would reach a pytest within; the programs of this Python's
        # environment are those that pip would have installed.
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
        kept.pop("DJANGO_SETTINGS_MODULE", None)
        self.environment = {
            **kept,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "SONIC_REDIS_URL": redis_url,
        }
        self.directory = directory
        # The block changes into the project; so do those that follow it.
        self.sh(block(START).text)
        self.directory = directory / "mysite"

    def sh(self, commands: str, given: str = "") -> str:
        done = subprocess.run(
            ["sh", "-ec", commands],
            cwd=self.directory,
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"
        return done.stdout

    def append(self, path: str, text: str) -> None:
        with (self.directory / path).open("a") as file:
            file.write(f"\n{text}")

    def replace_class(self, path: str, text: str) -> None:
        """Put ``text`` in the place of the last class of the file."""
        file = self.directory / path
        source = file.read_text()
        name = text.partition("(")[0]
        assert source.count(f"\n{name}(") == 1
        file.write_text(source[: source.index(f"\n{name}(") + 1] + text)

    def shell(self, session: Block) -> list[str]:
        # -v 0 keeps quiet what Django has imported by itself.
        return self.sh("python manage.py shell -v 0", session.text).splitlines()


def mariadb_settings(name: str) -> str:
    """Settings for a new database of this name on the test run's MariaDB."""
    import MySQLdb
    from django.conf import settings

    connection = MySQLdb.connect(unix_socket=os.environ["SONIC_TEST_MARIADB_SOCKET"], user="root")
    connection.cursor().execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
    connection.close()
    server = settings.DATABASES["default"]
    given = {key: server[key] for key in ("ENGINE", "USER", "OPTIONS")}
    databases = {"default": {**given, "NAME": name}}
    return f"DATABASES = {databases!r}\n"
