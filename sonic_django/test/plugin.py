"""The pytest plugin, found by its entry point. pytest-django's ``db`` and ``transactional_db``,
Django's test cases and ``-n`` work as they are; this keeps Redis tidy around them.

Nothing of Django is imported at the top: pytest loads plugins before the settings are chosen.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ..index.store import IndexStore

#: The indexes of the test databases, cleared when the run ends.
_stores: dict[str, IndexStore] = {}


def _uses_sonic() -> bool:
    from django.apps import apps
    from django.conf import settings

    return settings.configured and apps.ready and apps.is_installed("sonic_django")


@pytest.fixture(autouse=True)
def _sonic_index_follows_rows(request: pytest.FixtureRequest) -> Iterator[None]:
    """After a test's rollback, bring the index back to the rows.

    As the first fixture of a test it is the last to end: behind the rollback of ``db``.
    """
    with suppress(ImportError, pytest.FixtureLookupError):
        from django.core.exceptions import ImproperlyConfigured

        blocker: Any = request.getfixturevalue("django_db_blocker")
        yield
        with suppress(ImproperlyConfigured):
            if _uses_sonic():
                _tidy(request, blocker)
        return
    yield


def _tidy(request: pytest.FixtureRequest, blocker: Any) -> None:
    from ..schema.registry import sonic_models
    from ..sync import testcase_rollbacks

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
    from redis.exceptions import RedisError

    with suppress(RedisError):
        for store in _stores.values():
            store.clear()
    _stores.clear()
