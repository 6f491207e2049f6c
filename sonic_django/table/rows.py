"""The rows of one model's table, by hand-written SQL that is prepared once.

A write is one statement, on one row or on a batch of them, so it is atomic on any SQL engine.
Values go as parameters; only the quoted names of the table and its columns are part of the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Col

from . import clock
from .batches import Rewrite, cut, update_batch
from .dirty import DirtyMark, MarkPosition
from .versions import first_version, following

#: Parameters a statement may carry; SQLite's limit was 999 until 3.32.
_IDS_PER_STATEMENT = 900

SUPPORTED_VENDORS = ("mysql", "sqlite")


class Row(NamedTuple):
    """A row as read; ``payload`` is bytes."""

    id: int
    payload: bytes
    is_deleted: bool
    version: int


class Table:
    """The statements on the table ``name`` in the database ``using``."""

    COLUMNS = ("id", "data", "is_deleted", "version", "dirty_at")

    def __init__(self, name: str, using: str) -> None:
        self.name = name
        self.using = using
        connection = connections[using]
        if connection.vendor not in SUPPORTED_VENDORS:
            raise ImproperlyConfigured(
                f"Sonic keeps rows in MySQL, MariaDB or SQLite; the database {using!r} is "
                f"{connection.display_name}. Route {name} to another database."
            )
        quote = connection.ops.quote_name
        table = quote(name)
        self._id, data, deleted, version, dirty = map(quote, self.COLUMNS)
        # Without _binary MySQL takes bytes for text of the connection's character set.
        self._is_mysql = connection.vendor == "mysql"
        binary = "_binary %s" if self._is_mysql else "%s"
        self._row = f"({binary}, %s, %s, %s)"
        self._row_with_id = f"(%s, {binary}, %s, %s, %s)"
        columns = f"{data}, {deleted}, {version}, {dirty}"
        self._insert = f"INSERT INTO {table} ({columns}) VALUES "
        self._insert_with_id = f"INSERT INTO {table} ({self._id}, {columns}) VALUES "
        self._update = (
            f"UPDATE {table} SET {data} = {binary}, {deleted} = %s, {version} = %s, "
            f"{dirty} = %s WHERE {self._id} = %s AND {version} = %s"
        )
        self._select = f"SELECT {self._id}, {data}, {deleted}, {version} FROM {table}"
        self._versions = f"SELECT {self._id}, {version} FROM {table} WHERE {self._id} IN"
        self._delete = f"DELETE FROM {table} WHERE {self._id} = %s AND {version} = %s"
        self._count = f"SELECT COUNT(*) FROM {table}"
        self._deleted, self._dirty, self._version = deleted, dirty, version
        self._marked = f"SELECT {self._id}, {version}, {dirty} FROM {table} WHERE {dirty} < %s"
        self._mark = f"UPDATE {table} SET {dirty} = %s WHERE "
        self._any = f"SELECT 1 FROM {table} LIMIT 1"

    # Writing ----------------------------------------------------------------------------------

    def insert(
        self, payload: bytes, version: int | None = None, *, is_deleted: bool = False
    ) -> int:
        """Insert one row, at a first version by default; its id. One statement."""
        connection = connections[self.using]
        with connection.cursor() as cursor:
            values = (payload, is_deleted, version or first_version(), _now(connection))
            cursor.execute(self._insert + self._row, values)
            return int(connection.ops.last_insert_id(cursor, self.name, "id"))

    def insert_with_id(
        self, id: int, payload: bytes, *, after: int = 0, is_deleted: bool = False
    ) -> int:
        """Insert a row under a given id; its version. One statement. IntegrityError if the id is
        taken.

        An object of this id may have been destroyed before. So the version is the time in
        microseconds, later than that of an object which was not written all the time; and later
        than ``after``, the version of the removal where it is known.
        """
        version = max(int(clock.seconds(self.using) * 1_000_000), following(after))
        connection = connections[self.using]
        with connection.cursor() as cursor:
            values = (id, payload, is_deleted, version, _now(connection))
            cursor.execute(self._insert_with_id + self._row_with_id, values)
        return version

    def insert_many(self, payloads: Sequence[bytes], version: int | None = None) -> list[int]:
        """Insert rows at the same version, a first one by default; their ids in the order given.

        One statement for up to 150 rows or 4 MiB where the engine returns the ids of several rows
        (MariaDB 10.5, SQLite 3.35), else one a row. The caller opens the transaction.
        """
        connection = connections[self.using]
        version = version or first_version()
        if not connection.features.can_return_rows_from_bulk_insert:
            return [self.insert(payload, version) for payload in payloads]
        ids: list[int] = []
        now = _now(connection)
        with connection.cursor() as cursor:
            for batch in cut(payloads, lambda payload: payload):
                rows = ", ".join([self._row] * len(batch))
                values = [item for payload in batch for item in (payload, False, version, now)]
                cursor.execute(f"{self._insert}{rows} RETURNING {self._id}", values)
                ids.extend(sorted(int(row[0]) for row in cursor.fetchall()))
        return ids

    def update(
        self,
        id: int,
        version: int,
        payload: bytes,
        new_version: int | None = None,
        *,
        is_deleted: bool = False,
    ) -> int:
        """Write the row if it still has this version, at a following version by default; the new
        version, or 0 if another writer was faster. One statement."""
        connection = connections[self.using]
        new_version = new_version or following(version)
        with connection.cursor() as cursor:
            values = (payload, is_deleted, new_version, _now(connection), id, version)
            cursor.execute(self._update, values)
            return new_version if cursor.rowcount else 0

    def update_many(self, rows: Iterable[Rewrite]) -> Iterator[tuple[list[Rewrite], set[int]]]:
        """Write rows with different ids, each as ``update`` does: batch by batch, with the ids of
        those that still had their versions.

        To be called in a transaction. One statement for up to 150 rows or 4 MiB; one more for a
        batch of which others have written a row.
        """
        for batch in cut(rows, lambda row: row.payload):
            yield batch, update_batch(self.name, self.using, batch, _now(connections[self.using]))

    def delete(self, id: int, version: int) -> bool:
        """Remove the row if it still has this version; whether it had. One statement."""
        with connections[self.using].cursor() as cursor:
            cursor.execute(self._delete, (id, version))
            return bool(cursor.rowcount)

    def clear_dirty(self, seen: Sequence[tuple[int, int]]) -> int:
        """Clear the dirty mark of rows (id, version) that still have that version; how many. One
        statement for 450."""
        return self._set_mark(None, seen)

    def renew_dirty(self, seen: Sequence[tuple[int, int]]) -> int:
        """Mark rows (id, version) as written now, if they still have that version."""
        return self._set_mark(_now(connections[self.using]), seen)

    def _set_mark(self, mark: Any, seen: Sequence[tuple[int, int]]) -> int:
        changed = 0
        same = f"({self._id} = %s AND {self._version} = %s)"
        with connections[self.using].cursor() as cursor:
            for start in range(0, len(seen), _IDS_PER_STATEMENT // 2):
                some = seen[start : start + _IDS_PER_STATEMENT // 2]
                values = [mark, *(number for pair in some for number in pair)]
                cursor.execute(self._mark + " OR ".join([same] * len(some)), values)
                changed += cursor.rowcount
        return changed

    # Reading ----------------------------------------------------------------------------------

    def fetch_one(self, id: int) -> Row | None:
        """The row with this id, a deleted one too; None where there is none. One statement."""
        with connections[self.using].cursor() as cursor:
            if self._is_mysql:  # writes numbers out anyway; SQLite keeps the statement prepared
                cursor.execute(f"{self._select} WHERE {self._id} = {id:d}")
            else:
                cursor.execute(f"{self._select} WHERE {self._id} = %s", (id,))
            row = cursor.fetchone()
        return Row(row[0], bytes(row[1]), bool(row[2]), row[3]) if row else None

    def fetch(self, ids: Sequence[int], *, locks: bool = False) -> dict[int, Row]:
        """The rows with these ids, deleted ones too, by id. One statement for 900 ids. ``locks``:
        as last committed, and locked until the end of the transaction, as by ``fetch_latest``."""
        return {
            id: Row(id, bytes(payload), bool(is_deleted), version)
            for id, payload, is_deleted, version in self.fetch_plain(ids, locks=locks)
        }

    def fetch_plain(
        self, ids: Sequence[int], *, locks: bool = False
    ) -> Sequence[tuple[int, bytes, int, int]]:
        """``fetch`` in any order and as the driver gives the rows, for a third less time."""
        locks = locks and connections[self.using].features.has_select_for_update
        end = " FOR UPDATE" if locks else ""
        found: list[tuple[int, bytes, int, int]] = []
        with connections[self.using].cursor() as cursor:
            for some in _chunks(ids):
                # Numbers, written out: handed over as parameters they take as long as the rest of
                # the work on a row.
                listed = ",".join(["%d"] * len(some)) % tuple(some)
                cursor.execute(f"{self._select} WHERE {self._id} IN ({listed}){end}")
                found += cursor.fetchall()
        return found

    def versions(self, ids: Sequence[int]) -> dict[int, int]:
        """The versions of the rows with these ids, deleted ones too. One statement for 900."""
        found: dict[int, int] = {}
        with connections[self.using].cursor() as cursor:
            for some in _chunks(ids):
                cursor.execute(f"{self._versions} {_placeholders(len(some))}", some)
                found.update(cursor.fetchall())
        return found

    def fetch_latest(self, id: int) -> Row | None:
        """The row as last committed, also within a transaction that has seen it otherwise; locked
        there until its end. One statement."""
        locks = connections[self.using].features.has_select_for_update
        statement = f"{self._select} WHERE {self._id} = %s" + (" FOR UPDATE" if locks else "")
        with connections[self.using].cursor() as cursor:
            cursor.execute(statement, (id,))
            row = cursor.fetchone()
        return Row(row[0], bytes(row[1]), bool(row[2]), row[3]) if row else None

    def walk(
        self, after: int | None = None, *, batch: int = 1000, descending: bool = False
    ) -> Iterator[list[Row]]:
        """All rows (behind an id) in the order of their ids, in batches, by keyset. One statement
        a batch."""
        sign, way = ("<", "DESC") if descending else (">", "ASC")
        statement = f"{self._select} WHERE {self._id} {sign} %s ORDER BY {self._id} {way} LIMIT %s"
        # SQLite takes the integer beyond the last BIGINT for a float, which compares as well.
        position: float = after if after is not None else (2.0**63 if descending else 0)
        while True:
            with connections[self.using].cursor() as cursor:
                cursor.execute(statement, (position, batch))
                rows = [Row(r[0], bytes(r[1]), bool(r[2]), r[3]) for r in cursor.fetchall()]
            if rows:
                yield rows
                position = rows[-1].id
            if len(rows) < batch:
                return

    def is_empty(self) -> bool:
        """Whether there is no row, not even a deleted one. One statement."""
        with connections[self.using].cursor() as cursor:
            cursor.execute(self._any)
            return cursor.fetchone() is None

    def count(self, *, live: bool | None = None) -> int:
        """Rows, all or live or deleted. One statement, a scan."""
        with connections[self.using].cursor() as cursor:
            if live is None:
                cursor.execute(self._count)
            else:
                cursor.execute(f"{self._count} WHERE {self._deleted} = %s", (not live,))
            return int(cursor.fetchone()[0])

    def count_dirty(self) -> int:
        """Rows whose index is not confirmed since their last write. One statement, by an index."""
        with connections[self.using].cursor() as cursor:
            cursor.execute(f"{self._count} WHERE {self._dirty} IS NOT NULL")
            return int(cursor.fetchone()[0])

    def dirty(self, before: datetime, after: MarkPosition | None, limit: int) -> list[DirtyMark]:
        """Up to ``limit`` dirty marks set before a time, behind a position, the oldest first. One
        statement, by the index on the mark; no payload is read."""
        connection = connections[self.using]
        field: models.DateTimeField[Any, Any] = models.DateTimeField()
        converters = connection.ops.get_db_converters(Col("", field))
        values: list[Any] = [connection.ops.adapt_datetimefield_value(before)]
        statement = self._marked
        if after is not None:
            behind = f"{self._dirty} = %s AND {self._id} > %s"
            statement += f" AND ({self._dirty} > %s OR ({behind}))"
            values += [after.time, after.time, after.id]
        found = []
        with connection.cursor() as cursor:
            cursor.execute(
                f"{statement} ORDER BY {self._dirty}, {self._id} LIMIT %s", [*values, limit]
            )
            for id, version, raw in cursor.fetchall():
                moment = raw
                for convert in converters:
                    moment = convert(moment, None, connection)
                found.append(DirtyMark(id, version, moment, MarkPosition(raw, id)))
        return found

    def exists(self) -> bool:
        """Whether the table has been made. One statement or two."""
        connection = connections[self.using]
        with connection.cursor() as cursor:
            return self.name in connection.introspection.table_names(cursor)


def _now(connection: BaseDatabaseWrapper) -> str:
    """The database's present moment as ``adapt_datetimefield_value`` of both engines gives it, for
    a third of the cost: in the zone of the connection, and without naming it."""
    zone = connection.timezone if settings.USE_TZ else None
    moment = datetime.fromtimestamp(clock.seconds(connection.alias), zone)
    return str(moment.replace(tzinfo=None))


@lru_cache(maxsize=1024)
def table(name: str, using: str) -> Table:
    """The table ``name`` in ``using``; its statements are prepared once a process."""
    return Table(name, using)


def _placeholders(number: int) -> str:
    return f"({', '.join(['%s'] * number)})"


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), _IDS_PER_STATEMENT):
        yield ids[start : start + _IDS_PER_STATEMENT]
