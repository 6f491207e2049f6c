"""Writers and servers are killed at random: nothing committed is lost, nothing wrong is found."""

from __future__ import annotations

from pathlib import Path

from .run import run


def test_after_twenty_kills_and_one_sweep_everything_agrees(private_directory: Path) -> None:
    run(private_directory / "run", "tests.crash", "--kills", 20)
