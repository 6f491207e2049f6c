"""PINGs of another process: how long it waits for Redis while this one queries.

A module of its own, since the process imports it without Django's settings.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from multiprocessing.synchronize import Event
from typing import Any

from redis import Redis

#: Seconds for which PINGs are timed beside a query.
_SECONDS = 6.0
_PAUSE = 0.002


def ping_beside(query: Callable[[], Any]) -> dict[str, float]:
    """Milliseconds of the PINGs while this process repeats the query without a break."""
    context = multiprocessing.get_context("spawn")
    stop, results = context.Event(), context.Queue()
    url = os.environ["SONIC_BENCHMARKS_REDIS_URL"]
    process = context.Process(target=_ping, args=(url, stop, results))
    process.start()
    try:
        results.get(timeout=30)  # it has begun
        ends = time.monotonic() + _SECONDS
        while time.monotonic() < ends:
            query()
    finally:
        stop.set()
        times = results.get(timeout=30)
        process.join()
    times.sort()
    return {
        "pings": len(times),
        "median": statistics.median(times),
        "p99.9": times[min(len(times) - 1, int(len(times) * 0.999))],
        "longest": times[-1],
    }


def _ping(url: str, stop: Event, results: Any) -> None:
    client = Redis.from_url(url)
    client.ping()
    results.put("begun")
    times = []
    while not stop.is_set():
        started = time.perf_counter()
        client.ping()
        times.append((time.perf_counter() - started) * 1000)
        time.sleep(_PAUSE)
    results.put(times)
