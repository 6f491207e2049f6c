"""``sonic_reindex`` is killed and resumed beneath readers and writers, who notice nothing."""

from __future__ import annotations

from pathlib import Path

from .run import run


def test_no_answer_is_wrong_and_the_index_is_clean_at_the_end(private_directory: Path) -> None:
    options = ("--rows", 3000, "--kills", 3, "--batch-size", 50)
    run(private_directory / "run", "tests.crash.reindex", *options)
