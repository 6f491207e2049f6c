"""``python -m tests.crash.backup``: the database comes back as it was earlier, beneath its index.

The rows written since are lost, and what the writers know of them is taken back too. Then ids and
versions are given again, to rows with other content, while Redis and Xapian still hold the lost
ones. After ``sonic_check --repair``, or ``sonic_reindex`` where queries ask for it, all agree.
"""

from __future__ import annotations

import argparse
import io
import random
import sys
import time
from pathlib import Path

from .crew import WRITERS, Crew, last_words, run_apart, set_up_django
from .stores import DISKS, Stores

_WAIT_SECONDS = 60.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash.backup", description=__doc__)
    parser.add_argument("--times", type=int, default=3, help="how often the database is set back")
    parser.add_argument("--operations", type=int, default=300, help="between two of the steps")
    parser.add_argument("--seed", type=int, default=random.randrange(2**31))
    parser.add_argument("--directory", type=Path)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with Stores(options.directory, rng.choice(DISKS)) as stores:
        print(f"seed {options.seed}, {stores.directory}, Redis: {stores.redis_disk}", flush=True)
        set_up_django()
        crew = Crew(stores, options.seed)
        crew.prepare()
        differences: list[str] = []
        try:
            for _ in range(options.times):
                differences = differences or _set_back(crew, rng, options.operations)
        finally:
            crew.end()
        if differences:
            print(last_words(differences, stores, options.seed), file=sys.stderr)
            return 1
    stores.remove()
    print(f"{options.times} times set back in {crew.done.sum():,} operations: all agrees.")
    return 0


def _set_back(crew: Crew, rng: random.Random, operations: int) -> list[str]:
    stores = crew.stores
    failed = _work(crew, operations)
    if failed:
        return failed
    stores.copy_database()
    failed = _work(crew, rng.randrange(operations))
    if failed:
        return failed
    stores.set_database_back()
    if rng.random() < 0.5:
        failed = _work(crew, rng.randrange(operations), with_keeper=False)
    if not failed:
        wrong = stores.directory / "wrong.log"
        wrong.write_text("")
        run_apart(_repair_and_verify, stores.directory, wrong, rng.random() < 0.5)
        failed = wrong.read_text().splitlines()
    return failed


def _work(crew: Crew, operations: int, *, with_keeper: bool = True) -> list[str]:
    """Let the writers do so many operations, and end; what they complain of."""
    wanted = crew.done.sum() + operations
    crew.start(with_keeper=with_keeper)
    end = time.monotonic() + _WAIT_SECONDS
    while crew.done.sum() < wanted and not crew.failed():
        if time.monotonic() > end:
            raise RuntimeError("the writers do not get on")
        time.sleep(0.02)
    return crew.failed() or crew.stop()


def _repair_and_verify(directory: Path, wrong: Path, rebuilds: bool) -> None:
    """In a process of its own: what an operator does after a restored backup."""
    from django.conf import settings
    from django.core.management import CommandError, call_command

    from .verify import MODELS, is_built, verify

    time.sleep(settings.SONIC["GRACE"] + 0.1)
    said = io.StringIO()
    call_command("sonic_sync", stdout=said)
    if rebuilds or not all(map(is_built, MODELS)):
        call_command("sonic_reindex", stdout=said)
        call_command("sonic_reindex", fulltext=True, stdout=said)
    else:
        try:
            call_command("sonic_check", repair=True, stdout=said, stderr=said)
        except (CommandError, SystemExit) as error:
            said.write(f"sonic_check --repair: {error}\n")
    differences = verify(directory, WRITERS)
    if differences:
        wrong.write_text("\n".join([*differences, said.getvalue()]))


if __name__ == "__main__":
    sys.exit(main())
