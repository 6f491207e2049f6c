"""A browser's side: one kept connection, and what a list page shows."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from http.client import HTTPConnection
from pathlib import Path

from .counting import ASKED, REDIS_CALLS, SQL_STATEMENTS


@dataclass(frozen=True)
class Shown:
    """What a list page shows."""

    rows: list[list[str]]
    total: int
    #: The choices of the bar above the list.
    dates: list[str]
    #: For each filter its lines that have a number.
    counts: dict[str, dict[str, int]]


@dataclass(frozen=True)
class Cost:
    """Round trips of one page."""

    redis: int
    sql: int

    def __str__(self) -> str:
        return f"{self.redis} + {self.sql}"


class Browser:
    """A logged-in superuser's connection."""

    def __init__(self, port: int, session: str) -> None:
        self._connection = HTTPConnection("127.0.0.1", port)
        self._headers = {"Cookie": f"sessionid={session}"}

    def seconds(self, path: str) -> float:
        """How long the page takes."""
        started = time.perf_counter()
        self._get(path, {})
        return time.perf_counter() - started

    def look(self, path: str) -> tuple[Shown, Cost]:
        """What the page shows and which round trips it makes."""
        headers, html = self._get(path, {ASKED: "yes"})
        return shown(html), Cost(int(headers[REDIS_CALLS]), int(headers[SQL_STATEMENTS]))

    def _get(self, path: str, headers: dict[str, str]) -> tuple[dict[str, str], str]:
        self._connection.request("GET", path, headers={**self._headers, **headers})
        response = self._connection.getresponse()
        html = response.read().decode()
        if response.status != 200:
            raise RuntimeError(f"{path}: {response.status} {response.reason}\n{html[:2000]}")
        return dict(response.headers), html

    def close(self) -> None:
        self._connection.close()


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser before a server of its own, in a process that ends with the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.admin_page.server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout is not None
        told = process.stdout.readline()
        if not told:
            raise RuntimeError("The server of the admin did not start; its errors stand above.")
        client = Browser(**json.loads(told))
        try:
            yield client
        finally:
            client.close()
            # At the end of its input it stops.
            process.communicate()


def shown(html: str) -> Shown:
    """Read a list page of either admin."""
    table = _between(html, "<tbody>", "</tbody>")
    bar = _between(html, '<nav class="toplinks">', "</nav>")
    pages = _between(html, '<p class="paginator">', "</p>")
    total = re.search(r"(\d+)\s+(?:orm )?posts?\s*(?:<|$)", pages)
    if total is None:
        raise RuntimeError(f"The page does not say how many objects there are: {pages!r}")
    return Shown(
        rows=[_texts(row, r"<t[dh] class=\"field-.*?</t[dh]>") for row in _rows(table)],
        total=int(total[1]),
        dates=_texts(bar, r"<a .*?</a>"),
        counts=dict(map(_filter_counts, re.findall(r"<details.*?</details>", html, re.DOTALL))),
    )


def _rows(table: str) -> list[str]:
    return re.findall(r"<tr>.*?</tr>", table, re.DOTALL)


def _filter_counts(details: str) -> tuple[str, dict[str, int]]:
    title = re.search(r'data-filter-title="(.*?)"', details)
    assert title is not None
    # Django writes "name (5)", Sonic's template sets the number apart.
    details = re.sub(r'<span class="sonic-count">(\d+)</span>', r"(\1)", details)
    lines = [re.fullmatch(r"(.*) \((\d+)\)", line) for line in _texts(details, "<li.*?</li>")]
    return title[1], {line[1]: int(line[2]) for line in lines if line}


def _between(html: str, start: str, end: str) -> str:
    return html.partition(start)[2].partition(end)[0]


def _texts(html: str, pattern: str) -> list[str]:
    """The text of each element that the pattern finds."""
    found = re.findall(pattern, html, re.DOTALL)
    return [" ".join(unescape(re.sub("<[^>]*>", " ", part)).split()) for part in found]
