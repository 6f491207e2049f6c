"""``python -m tests.crash.flushall``: Redis is emptied beneath the writers.

Queries then say that the index is not built, no unique is broken, and ``sonic_reindex`` brings
everything back while the writers go on.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .crew import WRITERS, Crew, last_words, set_up_django
from .stores import ROOT, Stores

#: Objects of a class beyond which an index that lacks some is never taken for complete.
_MANY = 130
_WAIT_SECONDS = 60.0
#: Objects whose full text waits when Redis is emptied.
_WAITING = 3


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash.flushall", description=__doc__)
    parser.add_argument("--times", type=int, default=3, help="how often Redis is emptied")
    parser.add_argument("--seed", type=int, default=random.randrange(2**31))
    parser.add_argument("--directory", type=Path)
    options = parser.parse_args()
    with Stores(options.directory) as stores:
        print(f"seed {options.seed}, {stores.directory}", flush=True)
        set_up_django()
        from .verify import resolve_and_verify

        crew = Crew(stores, options.seed)
        crew.prepare()
        try:
            crew.start()
            differences: list[str] = []
            for _ in range(options.times):
                differences += _empty(crew)
            differences += crew.failed() or crew.stop()
        finally:
            crew.end()
        if not differences:
            differences = resolve_and_verify(stores, WRITERS)
        if differences:
            print(last_words(differences, stores, options.seed), file=sys.stderr)
            return 1
    stores.remove()
    print(f"Redis emptied {options.times} times in {crew.done.sum():,} operations: all came back.")
    return 0


def _empty(crew: Crew) -> list[str]:
    """Empty Redis, look whether queries say so, and rebuild; what was not as it must be."""
    from sonic_django.fulltext import queue
    from sonic_django.transport.client import redis_client

    from .models import Item

    _wait_for(lambda: bool(crew.failed()) or Item.sql.count() > _MANY)
    client: Any = redis_client()
    store = Item._sonic.store("default")
    with queue.exclusively(Item._sonic):
        # Full text waits, and Redis forgets what it waits for.
        _wait_for(lambda: bool(crew.failed()) or store.text_backlog() >= _WAITING)
        client.flushall()
    found = _silent_answers()
    _wait_for(_Progress(crew, 100))
    found += _silent_answers()
    done = subprocess.run(
        [sys.executable, "manage.py", "sonic_reindex"], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode:
        found.append(f"sonic_reindex: {done.stdout}{done.stderr}")
    Item.objects.filter(number=1).count()  # raises while the index is not built
    return found


def _silent_answers() -> list[str]:
    """Queries that gave an answer from an index that is not complete."""
    from sonic_django.exceptions import IndexNotBuilt

    from .models import Item

    questions: dict[str, Callable[[], Any]] = {
        "count": lambda: Item.objects.count(),
        "filter": lambda: list(Item.objects.filter(number=1)),
        "order": lambda: list(Item.objects.order_by("stamp")[:5]),
        "get": lambda: Item.objects.filter(code="c0n1k0").first(),
        "deleted": lambda: list(Item.objects.deleted()[:5]),
    }
    found = []
    for name, ask in questions.items():
        try:
            found.append(f"after FLUSHALL {name} answered {ask()}")
        except IndexNotBuilt:
            continue
    return found


class _Progress:
    """Whether the writers have done so many more operations, or have failed."""

    def __init__(self, crew: Crew, operations: int) -> None:
        self.crew = crew
        self.wanted = crew.done.sum() + operations

    def __call__(self) -> bool:
        return self.crew.done.sum() >= self.wanted or bool(self.crew.failed())


def _wait_for(condition: Any) -> None:
    end = time.monotonic() + _WAIT_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError("the writers do not get on")
        time.sleep(0.01)


if __name__ == "__main__":
    sys.exit(main())
