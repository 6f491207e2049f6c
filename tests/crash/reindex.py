"""``python -m tests.crash.reindex``: readers see nothing of a rebuild that is killed and resumed.

One process asks without pause what it knows the answers to, another one writes other entries,
and ``sonic_reindex`` is killed at random points of its way and resumed. At the end the index is
exactly what the rows say, and no answer was wrong or lacked anything.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from bisect import bisect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .crew import Tallies, fork, last_words, run_apart, set_up_django
from .stores import ROOT, Stores

GROUPS, NUMBERS = 7, 97
TAGS = ["red", "green", "blue", "black", "white"]
_PAGE = 25
#: Known entries between two others.
_OTHERS_EVERY = 20
#: Rows of each sort that are written behind the index before the rebuild.
_BEHIND = 20
#: Others in front of the rebuild that are written meanwhile.
_NEAR = 6
#: Positions in the shared memory.
_STOP, _ASKED, _WRITTEN = range(3)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash.reindex", description=__doc__)
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=500, help="of sonic_reindex")
    parser.add_argument("--seed", type=int, default=random.randrange(2**31))
    parser.add_argument("--directory", type=Path)
    options = parser.parse_args()
    with Stores(options.directory) as stores:
        print(f"seed {options.seed}, {stores.directory}", flush=True)
        set_up_django()
        run_apart(_fill, stores.directory, options.rows)
        tallies = Tallies(3)
        wrong = stores.directory / "wrong.log"
        others = [fork(_read, stores.directory, wrong, options.seed, tallies),
                  fork(_write, stores.directory, options.seed, tallies)]  # fmt: skip
        try:
            killed = _rebuild(options, random.Random(options.seed), tallies)
        finally:
            tallies[_STOP] = 1
            for process in others:
                process.join()
        differences = [f"a helping process ended with {p.exitcode}" for p in others if p.exitcode]
        differences += wrong.read_text().splitlines() if wrong.exists() else []
        differences += _clean()
        if tallies[_ASKED] == 0 or tallies[_WRITTEN] == 0:
            differences.append("nothing was asked or written meanwhile")
        if differences:
            print(last_words(differences, stores, options.seed), file=sys.stderr)
            return 1
    stores.remove()
    print(
        f"{killed} kills of sonic_reindex, {options.rows:,} rows, {tallies[_ASKED]:,} answers and "
        f"{tallies[_WRITTEN]:,} writes meanwhile: nothing wrong or missing."
    )
    return 0


def _rebuild(options: argparse.Namespace, rng: random.Random, tallies: Tallies) -> int:
    """Run the command, killed ``options.kills`` times; how often it was."""
    from .models import Entry

    store = Entry._sonic.store("default")
    command = [sys.executable, str(ROOT / "manage.py"), "sonic_reindex", "crash.Entry"]
    command += ["--batch-size", str(options.batch_size)]
    killed = 0
    while True:
        done = int(store.job().get("done", 0))
        left = options.kills - killed
        # Spread over what is still to be done, and a little into the batch that follows.
        target = done + (options.rows - done) * rng.uniform(0.0, 2.0 / (left + 1)) if left else None
        process = subprocess.Popen(command, env=os.environ, stdout=subprocess.DEVNULL)
        while process.poll() is None:
            if target is not None and _has_come(store, done, target):
                time.sleep(rng.uniform(0.0, 0.02))
                process.kill()
                process.wait()
                break
            time.sleep(0.001)
        if process.returncode == 0 and not left:
            return killed
        if process.returncode not in (0, -9):
            raise RuntimeError(f"sonic_reindex ended with status {process.returncode}")
        if process.returncode:
            killed += 1
            print(
                f"killed at {store.job().get('done', 0)}, {tallies[_ASKED]:,} answers", flush=True
            )


def _has_come(store: Any, before: int, target: float) -> bool:
    """Whether a rebuild that went on from ``before`` has come that far."""
    done = int(store.job().get("done", 0))
    return done > before and done >= target


def _clean() -> list[str]:
    from .compare import index_differences
    from .models import Entry
    from .verify import checked, rows_of

    return [*index_differences(Entry, rows_of(Entry)), *checked()]


# What is known -----------------------------------------------------------------------------------


def _values(number: int) -> dict[str, Any]:
    """The values of the known entry of this number."""
    return {
        "code": f"e{number:08d}",
        "group": number % GROUPS,
        "number": number * 31 % NUMBERS,
        "tags": [TAGS[number % 5], TAGS[number % 3]],
    }


def _fill(directory: Path, rows: int) -> None:
    from django.core.management import call_command

    from .models import Entry

    call_command("migrate", run_syncdb=True, verbosity=0, interactive=False)
    known: list[int] = []
    for start in range(0, rows, 5000):
        entries: list[Any] = []
        for number in range(start, min(rows, start + 5000)):
            entries.append(Entry(**_values(number)))
            if number % _OTHERS_EVERY == 0:
                entries.append(_other(number))
        made = Entry.objects.bulk_create(entries)
        known += [entry.id for entry in made if entry.group < GROUPS]
    (directory / "known.json").write_text(json.dumps(known))
    _write_behind_the_index(directory)


def _other(number: int) -> Any:
    """An entry that no known answer contains."""
    from .models import Entry

    return Entry(code=f"x{number}", group=GROUPS + number % 3, number=NUMBERS + number % 10)


def _write_behind_the_index(directory: Path) -> None:
    """Rows that came, changed and went without the index: the rebuild is to find them."""
    from django.db import transaction

    from sonic_django.table import uniques

    from .models import Entry

    options, table = Entry._sonic, Entry._sonic.table("default")
    ids = _other_ids(directory)
    others = list(table.fetch(ids[:: max(1, len(ids) // (2 * _BEHIND))]).values())
    with transaction.atomic():
        for row in others[::2]:
            table.delete(row.id, row.version)
            values = options.values_of(row.payload, row.id)
            uniques.release(list(options.unique_keys(values)), row.id, "default")
        for row in others[1::2]:
            values = {**options.values_of(row.payload, row.id), "number": NUMBERS + 10}
            table.update(row.id, row.version, options.codec.encode(values))
        for number in range(_BEHIND):
            values = _other(number).to_dict() | {"code": f"z{number}"}
            del values["id"]
            id = table.insert(options.codec.encode(values))
            uniques.take([(key, id) for key in options.unique_keys(values)], "default")


def _other_ids(directory: Path) -> list[int]:
    """The ids of the entries that no known answer contains, in order."""
    from .models import Entry

    known = set(json.loads((directory / "known.json").read_text()))
    return sorted(set(Entry.sql.values_list("id", flat=True)) - known)


class _Known:
    """Questions and their answers."""

    def __init__(self, ids: list[int], rng: random.Random) -> None:
        self.rng = rng
        self.by_number: dict[int, set[int]] = {}
        self.by_tag: dict[str, int] = {}
        self.by_group: dict[int, list[tuple[int, int]]] = {}
        self.ids = ids
        for position, id in enumerate(ids):
            values = _values(position)
            self.by_number.setdefault(values["number"], set()).add(id)
            self.by_group.setdefault(values["group"], []).append((values["number"], id))
            for tag in set(values["tags"]):
                self.by_tag[tag] = self.by_tag.get(tag, 0) + 1
        for pairs in self.by_group.values():
            pairs.sort()

    def ask(self) -> tuple[str, Any, Any]:
        """One question: what was asked, the answer, and what it must be."""
        questions: list[Callable[[], tuple[str, Any, Any]]] = [
            self._number, self._count, self._tag, self._range, self._code, self._page, self._objects
        ]  # fmt: skip
        return self.rng.choice(questions)()

    def _number(self) -> tuple[str, Any, Any]:
        number = self.rng.choice(sorted(self.by_number))
        return f"number={number}", set(_entries(number=number).ids()), self.by_number[number]

    def _count(self) -> tuple[str, Any, Any]:
        number = self.rng.choice(sorted(self.by_number))
        found = _entries(number=number).count()
        return f"count of number={number}", found, len(self.by_number[number])

    def _tag(self) -> tuple[str, Any, Any]:
        tag = self.rng.choice(sorted(self.by_tag))
        return f"count of tags={tag}", _entries(tags=tag).count(), self.by_tag[tag]

    def _range(self) -> tuple[str, Any, Any]:
        group, low = self.rng.choice(sorted(self.by_group)), self.rng.randrange(NUMBERS)
        found = _entries(group=group, number__gte=low).order_by("number")[:_PAGE].ids()
        wanted = [id for number, id in self.by_group[group] if number >= low]
        return f"group={group} number>={low}", found, wanted[:_PAGE]

    def _code(self) -> tuple[str, Any, Any]:
        position = self.rng.randrange(len(self.ids))
        code = _values(position)["code"]
        return f"code={code}", _entries(code=code).ids(), [self.ids[position]]

    def _page(self) -> tuple[str, Any, Any]:
        position = self.rng.randrange(len(self.ids))
        code = _values(position)["code"]
        found = _entries(code__gte=code, code__lt="f").order_by("code")[:_PAGE].ids()
        return f"code>={code}", found, self.ids[position : position + _PAGE]

    def _objects(self) -> tuple[str, Any, Any]:
        number = self.rng.choice(sorted(self.by_number))
        found = [(entry.id, entry.number) for entry in _entries(number=number).order_by("id")[:5]]
        wanted = [(id, number) for id in sorted(self.by_number[number])[:5]]
        return f"objects of number={number}", found, wanted


def _entries(**conditions: Any) -> Any:
    from .models import Entry

    return Entry.objects.filter(**conditions)


# Meanwhile ---------------------------------------------------------------------------------------


def _read(directory: Path, wrong: Path, seed: int, tallies: Tallies) -> None:
    """Ask without pause; an error is a wrong answer."""
    ids = json.loads((directory / "known.json").read_text())
    known = _Known(ids, random.Random(f"{seed}/reader"))
    while not tallies[_STOP]:
        try:
            question, found, wanted = known.ask()
        except Exception as error:
            question, found, wanted = "a question", repr(error), "an answer"
        if found != wanted:
            with wrong.open("a") as file:
                file.write(f"{question}: {str(found)[:500]}, expected {str(wanted)[:500]}\n")
        tallies[_ASKED] += 1


def _write(directory: Path, seed: int, tallies: Tallies) -> None:
    """Make, change, delete and destroy other entries."""
    from .models import Entry

    rng = random.Random(f"{seed}/writer")
    store = Entry._sonic.store("default")
    ids = _other_ids(directory)
    while not tallies[_STOP]:
        # Just ahead of the rebuild: rows that it is about to read, or has just read.
        position = bisect(ids, int(store.job().get("after", 0)))
        near = ids[position : position + _NEAR] or ids[-_NEAR:]
        entry = Entry.get(rng.choice(near), read_deleted=True)
        chance = rng.random()
        if chance < 0.03:
            ids.remove(entry.id)
            entry.destroy()
            new = _other(tallies[_WRITTEN])
            new.code = f"y{tallies[_WRITTEN]}"
            new.save()
            ids.append(new.id)
        elif entry.is_deleted:
            entry.undelete()
        elif chance < 0.2:
            entry.delete()
        else:
            entry.number = NUMBERS + rng.randrange(10)
            entry.tags = [f"other{rng.randrange(3)}"]
            entry.save()
        tallies[_WRITTEN] += 1


if __name__ == "__main__":
    sys.exit(main())
