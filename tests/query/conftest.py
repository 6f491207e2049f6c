"""Fixtures for the tests of queries."""

from __future__ import annotations

import pytest

from sonic_django.index import nodes


@pytest.fixture(autouse=True)
def usual_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts back what a test, or the oracle's ``Run``, changes."""
    monkeypatch.setattr(nodes, "BUDGET", nodes.BUDGET)
