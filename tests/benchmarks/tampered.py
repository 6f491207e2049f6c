"""The benchmark, with one of Django's posts changed behind its back once all are loaded."""

from __future__ import annotations

import runpy

from benchmarks.stages import Loading

_up_to = Loading.up_to


def up_to(self: Loading, rows: int) -> None:
    from benchmarks.models import OrmPost  # noqa: PLC0415 - the run makes the settings first

    _up_to(self, rows)
    OrmPost.objects.update(title="tampered")


Loading.up_to = up_to  # type: ignore[method-assign]
runpy.run_module("benchmarks", run_name="__main__")
