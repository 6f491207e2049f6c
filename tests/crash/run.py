"""Running a part of the harness from a test, as one would by hand."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

from .stores import ROOT


def run(directory: Path, module: str, *options: object) -> None:
    """Run it with a seed of its own; a failure shows all that it said, the seed among it."""
    seed = random.randrange(2**31)
    kept = {name: text for name, text in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    command = [sys.executable, "-m", module, "--seed", seed, "--directory", directory, *options]
    done = subprocess.run(
        list(map(str, command)),
        cwd=ROOT,
        env=kept,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
