"""An index by itself, in the run's Redis, without a model or a database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sonic_django.index.store import IndexStore, Layout
from sonic_django.transport.client import redis_client
from tests.index.dump import SPECS


@pytest.fixture
def store(worker_id: str) -> Iterator[IndexStore]:
    """Under a name of the worker's own: the workers of a run share a Redis."""
    store = IndexStore(Layout(f"tests.thing_{worker_id}", SPECS), "default")
    _remove(store)
    yield store
    _remove(store)


def _remove(store: IndexStore) -> None:
    keys = list(store.keys())
    if keys:
        redis_client().delete(*keys)
