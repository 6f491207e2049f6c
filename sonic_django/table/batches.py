"""Many rows by one statement: how they are cut into batches, and the UPDATE of a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from django.db import connections

from ..exceptions import StaleObjectError

#: Bytes of payload in one statement; MariaDB's max_allowed_packet is 16 MiB by default.
BYTES_PER_STATEMENT = 4 * 1024 * 1024
#: An UPDATE takes up to six parameters a row; SQLite's limit was 999 until 3.32.
ROWS_PER_STATEMENT = 150

_T = TypeVar("_T")


class Rewrite(NamedTuple):
    """A row to be written as ``new_version``, if it still has ``version``."""

    id: int
    version: int
    new_version: int
    payload: bytes
    is_deleted: bool


def cut(items: Iterable[_T], payload_of: Callable[[_T], bytes]) -> Iterator[list[_T]]:
    """The items in batches that one statement can take."""
    batch: list[_T] = []
    size = 0
    for item in items:
        length = len(payload_of(item))
        if batch and (len(batch) >= ROWS_PER_STATEMENT or size + length > BYTES_PER_STATEMENT):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += length
    if batch:
        yield batch


def update_batch(name: str, using: str, batch: Sequence[Rewrite], now: str) -> set[int]:
    """Write rows with different ids that still have their versions; the ids of those written.

    To be called in a transaction, with a batch of ``cut``. One statement; one more where others
    have written some of the rows, which are then locked until the end of the transaction.
    """
    connection = connections[using]
    quote = connection.ops.quote_name
    table = quote(name)
    id, data, deleted, version, dirty = map(
        quote, ("id", "data", "is_deleted", "version", "dirty_at")
    )
    is_mysql = connection.vendor == "mysql"
    # Without the hint a small table is scanned, and all of its rows are locked.
    target = f"{table} FORCE INDEX (PRIMARY)" if is_mysql else table
    ids = [row.id for row in batch]
    deleted_ids = [row.id for row in batch if row.is_deleted]
    is_deleted = f"{id} IN {_placeholders(len(deleted_ids))}" if deleted_ids else "%s"
    payloads = f"WHEN %s THEN {'_binary %s' if is_mysql else '%s'} " * len(batch)
    versions = "WHEN %s THEN %s " * len(batch)
    # Written out: as parameters they would be more than old versions of SQLite take.
    new_versions = "".join(f"WHEN {row.id:d} THEN {row.new_version:d} " for row in batch)
    among = f"{id} IN {_placeholders(len(ids))}"
    values: list[Any] = [item for row in batch for item in (row.id, row.payload)]
    values += [*(deleted_ids or [False]), now, *ids]
    values += [item for row in batch for item in (row.id, row.version)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {target} SET {data} = CASE {id} {payloads}END, {deleted} = {is_deleted}, "
            f"{version} = CASE {id} {new_versions}END, {dirty} = %s "
            f"WHERE {among} AND {version} = CASE {id} {versions}END",
            values,
        )
        number = cursor.rowcount
        if number == len(batch):
            return set(ids)
        locks = " FOR UPDATE" if connection.features.has_select_for_update else ""
        cursor.execute(
            f"SELECT {id}, {version} FROM {table} WHERE {among} AND {dirty} = %s{locks}",
            [*ids, now],
        )
        present = {int(row[0]): int(row[1]) for row in cursor.fetchall()}
    written = {row.id for row in batch if present.get(row.id) == row.new_version}
    if len(written) != number:
        raise StaleObjectError(
            f"Rows of {name} were written by others in the same microsecond; try again."
        )
    return written


def _placeholders(number: int) -> str:
    return f"({', '.join(['%s'] * number)})"
