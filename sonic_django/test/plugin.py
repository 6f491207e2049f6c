"""The pytest plugin, found by its entry point. pytest-django's ``db`` and ``transactional_db``,
Django's test cases and ``-n`` work as they are; this keeps Redis tidy around them.

pytest loads plugins before the settings are chosen, and this one in each run of a project that
merely has Sonic installed. Therefore nothing of Django, of Redis or of Sonic is imported before a
test has used Sonic.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ..index.store import IndexStore

#: The indexes of the test databases, cleared when the run ends.
_stores: dict[str, IndexStore] = {}


def _uses_sonic() -> bool:
    """Whether Django is set up and has Sonic among its apps."""
    registry = sys.modules.get("django.apps")
    return (
        registry is not None and registry.apps.ready and registry.apps.is_installed("sonic_django")
    )


@pytest.fixture(autouse=True)
def _sonic_index_follows_rows(request: pytest.FixtureRequest) -> Iterator[None]:
    """After a test's rollback, bring the index back to the rows.

    As the first fixture of a test it is the last to end: behind the rollback of ``db``.
    """
    blocker: Any = None
    with suppress(pytest.FixtureLookupError):  # without pytest-django
        blocker = request.getfixturevalue("django_db_blocker")
    yield
    if blocker is not None and _uses_sonic():
        _tidy(request, blocker)


def _tidy(request: pytest.FixtureRequest, blocker: Any) -> None:
    # PLC0415: the tests of this run use Sonic, so all of this is loaded already.
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415

    from ..schema.registry import sonic_models  # noqa: PLC0415
    from ..sync import testcase_rollbacks  # noqa: PLC0415

    with suppress(ImproperlyConfigured):  # a project whose tests have no Redis in CACHES
        if testcase_rollbacks.has_markers():
            with blocker.unblock():
                testcase_rollbacks.undo_all_rollbacks()
        if not _stores and "django_db_setup" in request.fixturenames:
            for model in sonic_models():
                store = model._sonic.store("default")
                _stores[store.base] = store


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Leave nothing in Redis, unless the database itself is kept for the next run."""
    if not _stores or session.config.getoption("reuse_db", False):
        return
    from redis.exceptions import RedisError  # noqa: PLC0415 - loaded by the stores

    with suppress(RedisError):
        for store in _stores.values():
            store.clear()
    _stores.clear()
