"""sonic_check of clean rows: by digests, and deep."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .options import Options
from .results import Result, median_seconds

QUICK_REPETITIONS = 5


def run(options: Options, report: Callable[[str], None]) -> Result:
    """Save the rows, then compare the stores in both ways."""
    from sonic_django.sync.check.quick import check

    from . import blog
    from .models import Post

    rows = options.rows
    blog.make_tables()
    report(f"saving {rows:,} posts")
    started = time.perf_counter()
    blog.load(rows)
    loading = time.perf_counter() - started

    def run_check(*, deep: bool) -> None:
        result = check(Post._sonic.at("default"), deep=deep)
        if result.found or result.rows != rows:
            raise RuntimeError(f"{rows} clean rows were expected, this was found: {result}")

    report("quick check")
    traffic = _Traffic()
    run_check(deep=False)
    quick_statements, quick_bytes = traffic.since_start()
    quick = median_seconds(lambda: run_check(deep=False), QUICK_REPETITIONS)
    report("deep check")
    traffic = _Traffic()
    deep = median_seconds(lambda: run_check(deep=True), 1)
    deep_statements, deep_bytes = traffic.since_start()
    return Result(
        name="check",
        section="check",
        columns=("check", "rows", "seconds", "rows a second", "SQL statements", "bytes from SQL"),
        rows=[
            ("quick", rows, round(quick, 3), round(rows / quick), quick_statements, quick_bytes),
            ("--deep", rows, round(deep, 3), round(rows / deep), deep_statements, deep_bytes),
        ],
        facts={"loading_seconds": round(loading, 1), "ratio": round(deep / quick, 1)},
        conclusions=[f"The quick check takes 1/{deep / quick:.0f} of the time of --deep."],
    )


class _Traffic:
    """SQL statements run and bytes sent by the database from here on."""

    def __init__(self) -> None:
        self.before = self._counters()

    def since_start(self) -> tuple[int, int]:
        after = self._counters()
        statements, sent = (after[name] - self.before[name] for name in ("Questions", "Bytes_sent"))
        return statements - 1, sent  # the first look at the counters is among them

    def _counters(self) -> dict[str, int]:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("SHOW SESSION STATUS WHERE Variable_name IN ('Questions', 'Bytes_sent')")
            found: list[tuple[str, Any]] = list(cursor.fetchall())
        return {name: int(value) for name, value in found}
