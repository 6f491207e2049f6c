"""Uniques: one narrow table shared by all models, whose primary key is the unique value's hash.

The database enforces them, in the transaction that writes the row, so neither concurrency nor a
crash nor the loss of Redis can break them. A key is the BLAKE2b hash (128 bits) of model,
constraint and values; at a thousand million keys the chance of any collision is below 2e-21.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.constants import OnConflict

_KEYS_PER_STATEMENT = 400


class KeyField(models.BinaryField):
    """Sixteen bytes; Django's BinaryField is a LONGBLOB on MySQL, which cannot be a key."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        """The type of the column in this database."""
        return "binary(16)" if connection.vendor == "mysql" else super().db_type(connection)


class UniqueValue(models.Model):
    """A value that an object holds alone."""

    key = KeyField(primary_key=True, editable=False)
    owner: models.BigIntegerField[int, int] = models.BigIntegerField(editable=False)

    class Meta:
        app_label = "sonic_django"
        db_table = "sonic_unique"
        default_permissions = ()


def unique_key(label: str, constraint: str, parts: Iterable[bytes]) -> bytes:
    """The primary key for the values ``parts`` under the constraint of the model ``label``."""
    digest = blake2b(digest_size=16)
    for part in (label.encode(), constraint.encode(), *parts):
        digest.update(len(part).to_bytes(4, "big"))
        digest.update(part)
    return digest.digest()


def take(keys: Sequence[tuple[bytes, int]], using: str) -> None:
    """Claim (key, owner) pairs; IntegrityError if one is taken. One statement for 400."""
    connection = connections[using]
    table, binary = _names(connection)
    with connection.cursor() as cursor:
        for some in _chunks(keys):
            rows = ", ".join([f"({binary}, %s)"] * len(some))
            flat: list[Any] = [item for pair in some for item in pair]
            cursor.execute(f"INSERT INTO {table} VALUES {rows}", flat)


#: The owner of marks: no row has this id. Their keys stand together, at the beginning.
MARK = 0
_MARK_START = bytes(8)
_MARKS_END = bytes(7) + b"\1" + bytes(8)


def mark_key(key: bytes) -> bytes:
    """The key of a mark, made from that of a value."""
    return _MARK_START + key[:8]


def marks(using: str) -> set[bytes]:
    """The keys of all marks. One statement, by the primary key."""
    connection = connections[using]
    table, binary = _names(connection)
    key, owner = map(connection.ops.quote_name, ("key", "owner"))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {key} FROM {table} WHERE {key} < {binary} AND {owner} = {MARK}", (_MARKS_END,)
        )
        return {bytes(row[0]) for row in cursor.fetchall()}


def mark(keys: Sequence[bytes], using: str) -> None:
    """Note marks (see ``owners``), whether or not they are there. One statement."""
    connection = connections[using]
    table, binary = _names(connection)
    ignoring = connection.ops.insert_statement(OnConflict.IGNORE)
    with connection.cursor() as cursor:
        rows = ", ".join([f"({binary}, %s)"] * len(keys))
        flat: list[Any] = [item for key in keys for item in (key, MARK)]
        cursor.execute(f"{ignoring} {table} VALUES {rows}", flat)


def walk(using: str, *, batch: int = 1000) -> Iterator[list[tuple[bytes, int]]]:
    """All claims (key, owner) in the order of their keys, marks left out. One statement a batch."""
    connection = connections[using]
    table, binary = _names(connection)
    key, owner = map(connection.ops.quote_name, ("key", "owner"))
    after = b""
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {key}, {owner} FROM {table} WHERE {key} > {binary} AND {owner} <> {MARK} "
                f"ORDER BY {key} LIMIT {batch:d}",
                (after,),
            )
            found = [(bytes(row[0]), int(row[1])) for row in cursor.fetchall()]
        if found:
            yield found
            after = found[-1][0]
        if len(found) < batch:
            return


def release(keys: Sequence[bytes], owner: int, using: str) -> None:
    """Give keys up that are the owner's; others' are left alone. One statement for 400."""
    connection = connections[using]
    table, binary = _names(connection)
    key, holder = map(connection.ops.quote_name, ("key", "owner"))
    with connection.cursor() as cursor:
        for some in _chunks(keys):
            placeholders = ", ".join([binary] * len(some))
            statement = f"DELETE FROM {table} WHERE {key} IN ({placeholders}) AND {holder} = %s"
            cursor.execute(statement, [*some, owner])


def owners(keys: Sequence[bytes], using: str, *, locks: bool = False) -> dict[bytes, int]:
    """Return the owners of those keys that are taken. One statement for 400.

    ``locks`` shows what is committed, also in a transaction that began before, and keeps it so
    until the end of the transaction.
    """
    connection = connections[using]
    table, binary = _names(connection)
    key, owner = map(connection.ops.quote_name, ("key", "owner"))
    found: dict[bytes, int] = {}
    end = " FOR UPDATE" if locks and connection.features.has_select_for_update else ""
    with connection.cursor() as cursor:
        for some in _chunks(keys):
            placeholders = ", ".join([binary] * len(some))
            cursor.execute(
                f"SELECT {key}, {owner} FROM {table} WHERE {key} IN ({placeholders}){end}", some
            )
            found.update((bytes(row[0]), int(row[1])) for row in cursor.fetchall())
    return found


def _names(connection: BaseDatabaseWrapper) -> tuple[str, str]:
    binary = "_binary %s" if connection.vendor == "mysql" else "%s"
    return connection.ops.quote_name(UniqueValue._meta.db_table), binary


def _chunks(keys: Sequence[Any]) -> Iterable[Sequence[Any]]:
    for start in range(0, len(keys), _KEYS_PER_STATEMENT):
        yield keys[start : start + _KEYS_PER_STATEMENT]
