"""Helpers by which tests of the sweep change rows of ``tests.testapp.models.Plain``."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection
from django.utils import timezone

from tests.testapp.models import Author, Plain


def age(seconds: float) -> None:
    """Let all that is marked have been written so long ago, and the checkpoints of Redis be nearly
    as old."""
    for model in (Plain, Author):
        store = model._sonic.store("default")
        server = store.server()
        for token, time in server.tokens.items():
            store.add_token(token, min(time, server.now - seconds + 0.5))
    written = timezone.now() - timedelta(seconds=seconds)
    adapted = connection.ops.adapt_datetimefield_value(written)
    with connection.cursor() as cursor:
        for table in ("testapp_plain", "testapp_author", "sonic_gone"):
            cursor.execute(
                f"UPDATE {table} SET dirty_at = %s WHERE dirty_at IS NOT NULL", [adapted]
            )


def write_behind_the_index(name: str) -> int:
    """Leave a dirty row, as a writer does that dies between its commit and the index."""
    values = {"name": name, "group": "", "number": None}
    return Plain._sonic.table("default").insert(Plain._sonic.codec.encode(values))


def destroy_behind_the_index(plain: Plain) -> None:
    """Leave a tombstone, as a writer does that dies after the commit of ``destroy()``."""
    from django.db import transaction

    from sonic_django.table import tombstones

    with transaction.atomic():
        assert Plain._sonic.table("default").delete(plain.pk, plain.sonic_version)
        tombstones.record("testapp.plain", plain.pk, plain.sonic_version + 1, "default")
