"""Redis is emptied beneath the writers: loud until rebuilt, and then all is there."""

from __future__ import annotations

from pathlib import Path

from .run import run


def test_queries_fail_loudly_and_a_rebuild_beneath_the_writers_brings_all_back(
    private_directory: Path,
) -> None:
    run(private_directory / "run", "tests.crash.flushall", "--times", 2)
