"""Digests of what a table holds, worked out by the database: no row and no payload leaves it.

A range is a thousand ids, called by their number without its last three digits. Its digest is the
sum over its rows of the first 32 bits of ``SHA1("<id>:<version>:<1 live, 0 deleted>")``, which
``apply.lua`` keeps of the index as well. It is exact: at most 1,000 * 2^32, and no doubles.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha1
from typing import Any, NamedTuple

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from .rows import Table

#: Rows summed up by one statement: a fraction of a second. Not fewer than a range can have.
ROWS_PER_STATEMENT = 200_000
IDS_PER_RANGE = 1000
_IDS_PER_STATEMENT = 900


class RangeDigest(NamedTuple):
    """A range of ids, the digest of its rows, and how many they are."""

    range: int
    digest: int
    rows: int


class RowVersion(NamedTuple):
    """What a row says of itself without its payload."""

    version: int
    live: bool


def digests(table: Table, *, rows: int = ROWS_PER_STATEMENT) -> Iterator[list[RangeDigest]]:
    """The digests of all rows in the order of their ids. One statement for 200,000 rows, which
    reads them by the primary key; ids may lie as far apart as they like."""
    connection = connections[table.using]
    statement = _digest_statement(connection, table)
    after = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(statement, (after, rows))
            found = sorted(RangeDigest(*map(int, row)) for row in cursor.fetchall())
        complete = sum(one.rows for one in found) < rows
        if not complete and len(found) > 1:
            # The limit may have cut through the last range: it is begun anew.
            found.pop()
        if found:
            yield found
            after = (found[-1].range + 1) * IDS_PER_RANGE - 1
        if complete:
            return


def _digest_statement(connection: BaseDatabaseWrapper, table: Table) -> str:
    quote = connection.ops.quote_name
    id, _, deleted, version, _ = map(quote, table.COLUMNS)
    live = f"CASE WHEN {deleted} THEN 0 ELSE 1 END"
    if connection.vendor == "mysql":
        range_of = f"{id} DIV {IDS_PER_RANGE}"
        text = f"CONCAT({id}, ':', {version}, ':', {live})"
        # CONV gives text and SUM of whole numbers a DECIMAL: nothing passes through a double.
        number = f"CAST(CONV(LEFT(SHA1({text}), 8), 16, 10) AS UNSIGNED)"
    else:
        _register_functions(connection)
        range_of = f"{id} / {IDS_PER_RANGE}"
        number = f"sonic_number({id}, {version}, {live})"
    return (
        f"SELECT {range_of}, SUM({number}), COUNT(*) FROM ("
        f"SELECT {id}, {version}, {deleted} FROM {quote(table.name)} "
        f"WHERE {id} > %s ORDER BY {id} LIMIT %s) AS stretch GROUP BY 1"
    )


def _register_functions(connection: Any) -> None:
    """SQLite has no SHA1: give this connection a function for it, once."""
    connection.ensure_connection()
    raw = connection.connection
    if getattr(connection, "sonic_functions_on", None) is not raw:
        raw.create_function("sonic_number", 3, _number, deterministic=True)
        connection.sonic_functions_on = raw


def _number(id: int, version: int, live: int) -> int:
    return int(sha1(b"%d:%d:%d" % (id, version, live)).hexdigest()[:8], 16)


def range_bounds(range: int) -> tuple[int, int]:
    """The lowest and the highest id of a range."""
    return range * IDS_PER_RANGE, (range + 1) * IDS_PER_RANGE - 1


def versions_between(table: Table, low: int, high: int) -> dict[int, RowVersion]:
    """The versions of the rows of a range of ids. One statement; no payload is read."""
    return _versions(table, "BETWEEN %s AND %s", (low, high))


def versions_of(table: Table, ids: Sequence[int]) -> dict[int, RowVersion]:
    """The versions of the rows with these ids. One statement for 900; no payload is read."""
    found: dict[int, RowVersion] = {}
    for start in range(0, len(ids), _IDS_PER_STATEMENT):
        some = ids[start : start + _IDS_PER_STATEMENT]
        found.update(_versions(table, f"IN ({', '.join(['%s'] * len(some))})", some))
    return found


def _versions(table: Table, condition: str, values: Sequence[int]) -> dict[int, RowVersion]:
    connection = connections[table.using]
    quote = connection.ops.quote_name
    id, _, deleted, version, _ = map(quote, table.COLUMNS)
    statement = f"SELECT {id}, {version}, {deleted} FROM {quote(table.name)} WHERE {id} {condition}"
    with connection.cursor() as cursor:
        cursor.execute(statement, tuple(values))
        return {row[0]: RowVersion(row[1], not row[2]) for row in cursor.fetchall()}
