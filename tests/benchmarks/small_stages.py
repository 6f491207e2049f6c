"""The benchmark, with a stage at 300 rows and the main stage, with the bars, at 1,000."""

from __future__ import annotations

import runpy

from benchmarks import stages

stages.FEWEST_ROWS, stages.USUAL_ROWS = 300, 1000
runpy.run_module("benchmarks", run_name="__main__")
