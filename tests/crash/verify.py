"""The end of a run: what the writers know beside what the three stores hold."""

from __future__ import annotations

import io
import time
from collections import Counter as Tally
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from sonic_django.fulltext import queue
from sonic_django.table.uniques import UniqueValue

from .compare import index_differences
from .known import values_of
from .ledger import Ledger, State
from .models import Counter, Item, counter_kind
from .stores import Stores

MODELS = (Item, Counter)


def resolve_and_verify(stores: Stores, writers: int, *, may_be_unbuilt: bool = False) -> list[str]:
    """Restart everything, sweep once, look at everything; all that is not as it must be. Indexes
    that are not built, as they may be after Redis was set back, are built."""
    stores.restart()
    connection.close()
    # Younger marks are left to those who set them.
    time.sleep(settings.SONIC["GRACE"] + 0.1)
    call_command("sonic_sync")
    unbuilt = [model for model in MODELS if not is_built(model)]
    if unbuilt and may_be_unbuilt:
        call_command("sonic_reindex", *(model._sonic.label for model in unbuilt), verbosity=0)
    return verify(stores.directory, writers)


def is_built(model: Any) -> bool:
    """Whether the indexes of the model give answers."""
    return bool(model._sonic.store("default").built() == set(model._sonic.layout.digests))


def verify(directory: Path, writers: int) -> list[str]:
    """All that is not as it must be."""
    ledgers = [Ledger(directory, writer) for writer in range(writers)]
    pending = [ledger.pending for ledger in ledgers if ledger.pending]
    assert not pending, f"the writers have not resolved the operations in doubt: {pending}"
    expected = {code: state for ledger in ledgers for code, state in ledger.items.items()}
    return [
        *checked(),
        *_items(expected),
        *_counters(ledgers),
        *_uniques(),
        *index(),
        *_answers(expected),
        *_texts(expected),
    ]


def rows_of(model: Any) -> list[Any]:
    """Every row, deleted or not."""
    return [row for rows in model._sonic.table("default").walk() for row in rows]


def _items(expected: dict[str, State]) -> Iterator[str]:
    """The rows: every committed write, and none that was rolled back."""
    found: dict[str, State] = {}
    for row in rows_of(Item):
        obj = Item._sonic.from_row("default", row)
        state = State(row.id, row.is_deleted, values_of(obj))
        if obj.code in found:
            yield f"two rows of item {obj.code}: {found[obj.code]}, {state}"
        found[obj.code] = state
    for code in sorted(expected.keys() | found.keys()):
        if expected.get(code) != found.get(code):
            wanted, there = expected.get(code), found.get(code)
            yield f"row of {code}: {there}, its writer left {wanted}"


def _counters(ledgers: list[Ledger]) -> Iterator[str]:
    """No increment is lost, none is there twice."""
    for row in rows_of(Counter):
        values = Counter._sonic.from_row("default", row).to_dict()
        shares = {f"share{ledger.writer}": ledger.shares[row.id] for ledger in ledgers}
        for name, share in shares.items():
            if values[name] != share:
                yield f"counter {row.id}: {name} is {values[name]}, counted {share}"
        kind = counter_kind(row.id)
        total = 0 if kind == "merged" else sum(shares.values())
        if values["total"] != total:
            yield f"counter {row.id}, {kind}: total is {values['total']}, counted {shares}"
        known = [f"{i.writer}:{i.shares[row.id]}" for i in ledgers if i.shares[row.id]]
        marks = known if kind == "saved" else []
        if sorted(values["marks"]) != sorted(marks):
            yield f"counter {row.id}, {kind}: marks are {values['marks']}, written {marks}"


def _uniques() -> Iterator[str]:
    """No two live items have one value, and the table of uniques is exactly theirs."""
    owned: dict[bytes, int] = {}
    values: Tally[Any] = Tally()
    for row in rows_of(Item):
        if row.is_deleted:
            continue
        item = Item._sonic.from_row("default", row)
        values[f"code {item.code}"] += 1
        values[f"nick {item.nick}"] += item.nick is not None
        if item.row is not None and item.seat is not None:
            values[f"place {item.row} {item.seat}"] += 1
        for key in Item._sonic.unique_keys(Item._sonic.values_of(row.payload, row.id)):
            owned[key] = row.id
    for value, number in values.items():
        if number > 1:
            yield f"{number} live items have the unique {value}"
    with connection.cursor() as cursor:
        # Owner 0 has the marks of uniques that are claimed for every row.
        cursor.execute(f"SELECT * FROM {UniqueValue._meta.db_table} WHERE owner <> 0")
        held = {bytes(key): int(owner) for key, owner in cursor.fetchall()}
    for key in owned.keys() | held.keys():
        if owned.get(key) != held.get(key):
            yield f"the unique {key.hex()} is held by {held.get(key)}, not {owned.get(key)}"


def index() -> Iterator[str]:
    """Redis holds what the rows say, and nothing else."""
    for model in MODELS:
        for text in index_differences(model, rows_of(model)):
            yield f"index of {model.__name__}: {text}"


def _answers(expected: dict[str, State]) -> Iterator[str]:
    """Queries give every live item by each of its values, and no other."""
    answers: dict[tuple[tuple[str, Any], ...], set[int | None]] = {}
    for state in expected.values():
        for question in [] if state.deleted else _questions(state.values):
            answers.setdefault(question, set()).add(state.id)
    for question, wanted in answers.items():
        found = set(Item.objects.filter(**dict(question)).values_list("id", "stamp"))
        if {id for id, _ in found} != wanted:
            yield f"asked for {dict(question)}: {found}, not {wanted}"
    deleted = {state.id for state in expected.values() if state.deleted}
    if {obj.id for obj in Item.objects.deleted()} != deleted:
        yield f"the deleted items are not {deleted}"


def _questions(values: dict[str, Any]) -> Iterator[tuple[tuple[str, Any], ...]]:
    """The queries that an item with these values satisfies."""
    for name in ("code", "nick", "number", "stamp"):
        yield ((name, values[name]),)
    yield (("writer", values["writer"]), ("number", values["number"]))
    yield (("row", values["row"]), ("seat", values["seat"]))
    for tag in values["tags"]:
        yield (("tags", tag),)


def _texts(expected: dict[str, State]) -> Iterator[str]:
    """Full text holds the live items, each by its words."""
    live = {code: state for code, state in expected.items() if not state.deleted}
    held, wanted = queue.indexed_ids(Item._sonic), {state.id for state in live.values()}
    yield from (f"full text still has item #{id}" for id in held - wanted)
    yield from (f"full text lacks item #{id}" for id in wanted - held)
    stamps: dict[str, set[int | None]] = {}
    for code, state in live.items():
        own, stamp, *_ = state.values["text"].split()
        stamps.setdefault(stamp, set()).add(state.id)
        if (found := _search(own)) != {state.id}:
            yield f"full text gives {found} for {own}, not item #{state.id}, {code}"
    for stamp, ids in stamps.items():
        if (found := _search(stamp)) != ids:
            shown = ", ".join(f"#{id}" for id in found ^ ids)
            yield f"full text gives {found} for {stamp}, not {ids}: items {shown}"


def _search(word: str) -> set[int | None]:
    return set(Item.search_ids(word, 0, 1000))


def checked() -> Iterator[str]:
    """The drifts that ``sonic_check --deep`` reports; there must be none."""
    output = io.StringIO()
    try:
        call_command("sonic_check", "--deep", stdout=output, stderr=output)
    except (CommandError, SystemExit) as error:
        yield f"sonic_check --deep: {error}\n{output.getvalue()}"
