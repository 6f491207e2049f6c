"""Fixtures for the tests of queries."""

from __future__ import annotations

import os

import pytest

from sonic_django.index import queries

# Transactions overlap: SQLite has one that writes at a time.
_OF_MARIADB = ["test_overlapping_transactions.py"]
collect_ignore = [] if "SONIC_TEST_MARIADB_SOCKET" in os.environ else _OF_MARIADB


@pytest.fixture(autouse=True)
def usual_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts back what a test, or the oracle's ``Run``, changes."""
    for name in ("BUDGET", "MOST_ALTERNATIVES", "MOST_IDS"):
        monkeypatch.setattr(queries, name, getattr(queries, name))
