"""Stages: the same posts are loaded into all contenders, up to one number of rows after another."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from sonic_django.management import console
from sonic_django.transport.client import redis_client

from . import blog
from .contenders.base import Contender
from .operations import Drawing
from .options import USUAL_ROWS, Options

FEWEST_ROWS = 10_000
_BATCH = 5000


def sizes(options: Options) -> list[int]:
    """10,000, 200,000, and the number of rows wanted; only numbers up to that one."""
    if options.one_size or options.rows <= FEWEST_ROWS:
        return [options.rows]
    return sorted({FEWEST_ROWS, min(USUAL_ROWS, options.rows), options.rows})


def main_stage(rows: Sequence[int]) -> int:
    """The stage at which every operation is measured and compared with its bar.

    The largest, except for those that only show growth.
    """
    return max((number for number in rows if number <= USUAL_ROWS), default=rows[-1])


class Loading:
    """Makes a batch of posts, stores it in each contender, and keeps none."""

    def __init__(self, contenders: list[Contender]) -> None:
        self.contenders = contenders
        self.drawn = blog.Drawn()
        self._posts: Iterator[blog.PostValues] = blog.values()
        #: Seconds that each contender took, and the bytes by which Redis grew meanwhile.
        self.seconds = dict.fromkeys((contender.name for contender in contenders), 0.0)
        self.grown = dict.fromkeys(self.seconds, 0)

    def up_to(self, rows: int) -> None:
        taking_part = [c for c in self.contenders if (c.most_rows or rows) >= rows]
        with console.progress(sys.stderr, f"loading {rows:,} posts") as report:
            while (done := len(self.drawn)) < rows:
                batch = list(islice(self._posts, min(_BATCH, rows - done)))
                for contender in taking_part:
                    self._store(contender, batch)
                for post in batch:
                    self.drawn.add(post)
                report(len(self.drawn), rows)

    def _store(self, contender: Contender, batch: list[blog.PostValues]) -> None:
        before = _used_memory()
        started = time.perf_counter()
        contender.load(batch)
        self.seconds[contender.name] += time.perf_counter() - started
        self.grown[contender.name] += _used_memory() - before

    def takes_part(self, rows: int) -> list[Contender]:
        """The contenders that have exactly these rows."""
        return [contender for contender in self.contenders if contender.rows == rows]


def _used_memory() -> int:
    client: Any = redis_client()
    return int(client.info("memory")["used_memory"])


def prime(contenders: Sequence[Any], drawing: Drawing, wanted: int) -> None:
    """Posts that can be deleted, the same in all."""
    while len(drawing.stored) < wanted:
        post = drawing.fresh()
        for contender in contenders:
            contender.save_tags(post)
