"""What a test run starts, and when: Django's settings, a private MariaDB, a private Redis.

setup.cfg loads this as a pytest plugin (``-p tests.plugin``). The process that was started as
``pytest`` makes the private directory of the run and starts the servers once the collection shows
a test that may use them. Workers of pytest-xdist collect for themselves; they tell the first
process, which alone starts and stops servers, before any worker runs a test.

The tests in ``PURE`` need neither Django's settings nor a server. A run of these alone makes no
directory and imports neither Django's apps nor redis, so that it ends within a second.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.servers import Run

ROOT = Path(__file__).resolve().parent.parent
#: Directories of tests without Django's settings, a database or Redis.
PURE = ("tests/payload", "tests/structure")

_run: Run | None = None


def is_pure(path: Path) -> bool:
    return any(path.is_relative_to(ROOT / directory) for directory in PURE)


@pytest.hookimpl(wrapper=True)  # a wrapper comes before pytest-django, which loads the settings
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    global _run
    if not _is_worker() and not _asks_for_pure_tests_only(early_config):
        # for pytest-django, which would load a module named in setup.cfg in every run
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
        if "SONIC_TEST_DIR" not in os.environ:
            _run = _made_run()
            early_config.add_cleanup(_run.stop)
            _run.publish()
    return (yield)


def _is_worker() -> bool:
    return "PYTEST_XDIST_WORKER" in os.environ


def _asks_for_pure_tests_only(config: pytest.Config) -> bool:
    arguments: list[str] = config.known_args_namespace.file_or_dir
    here = config.invocation_params.dir
    paths = [(here / argument.partition("::")[0]).resolve() for argument in arguments]
    return bool(paths) and all(is_pure(path) for path in paths)


def _made_run() -> Run:
    # These import redis, which a run of pure tests does without
    from sonic_django.local_redis import EmbeddedRedisError
    from tests.servers import Run, ServerError

    try:
        return Run()
    except (ServerError, EmbeddedRedisError) as error:
        raise pytest.UsageError(str(error)) from None


def pytest_collection_finish(session: pytest.Session) -> None:
    """Without workers: the tests of this run are known, none has begun."""
    if not session.config.getoption("collectonly"):
        _start_servers_for(item.path for item in session.items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(ids: Iterable[str]) -> None:
    """With workers: one of them has reported its tests, which are given out after this."""
    _start_servers_for(ROOT / test.partition("::")[0] for test in ids)


def _start_servers_for(paths: Iterable[Path]) -> None:
    if _run is None or _run.is_started or all(is_pure(path) for path in paths):
        return
    from sonic_django.local_redis import EmbeddedRedisError
    from tests.servers import ServerError

    try:
        _run.start()
    except (ServerError, EmbeddedRedisError) as error:
        raise pytest.UsageError(str(error)) from None


def pytest_report_header() -> str | None:
    if _run is None:
        return None
    database = "MariaDB" if _run.with_mariadb else "SQLite"
    return f"servers, when a test needs them: {database}, {_run.redis.binary}, in {_run.directory}"
