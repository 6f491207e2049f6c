"""The servers of a run: a MariaDB that syncs each commit and a Redis that syncs each second."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
from django.core.cache import caches
from django.db import connections

from sonic_django.local_redis import EmbeddedRedis
from sonic_django.transport.client import redis_client
from tests.mariadb import MariaDB

#: So that all contenders' rows stay in memory, and the log of changes is not full all the time.
_SIZES = {"innodb_buffer_pool_size": 4 << 30, "innodb_log_file_size": 512 << 20}


@contextmanager
def servers(parent: str | None = None) -> Iterator[dict[str, Any]]:
    """Start both in a new directory and set Django up on them. Gives facts for the result.

    ``parent``: the directory to make it in; the system's temporary one by default.
    """
    with (
        tempfile.TemporaryDirectory(prefix="sonic-benchmarks-", dir=parent) as directory,
        MariaDB(Path(directory) / "mariadb") as mariadb,
        EmbeddedRedis(Path(directory) / "redis", persist=True) as redis,
    ):
        mariadb.execute("CREATE DATABASE sonic_benchmarks")
        for name, size in _SIZES.items():
            mariadb.execute(f"SET GLOBAL {name} = {size}")
        os.environ["SONIC_BENCHMARKS_MARIADB_SOCKET"] = str(mariadb.socket)
        os.environ["SONIC_BENCHMARKS_REDIS_URL"] = redis.url
        os.environ["SONIC_BENCHMARKS_XAPIAN"] = str(Path(directory) / "xapian")
        os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
        django.setup()
        yield _facts(mariadb)
        _disconnect()


def _facts(mariadb: MariaDB) -> dict[str, Any]:
    info: Any = redis_client().info("server")
    return {
        "mariadb": mariadb.execute("SELECT VERSION()")[0][0],
        "innodb_flush_log_at_trx_commit": int(
            mariadb.execute("SELECT @@innodb_flush_log_at_trx_commit")[0][0]
        ),
        "innodb_buffer_pool_size": int(mariadb.execute("SELECT @@innodb_buffer_pool_size")[0][0]),
        "redis": info["redis_version"],
        "appendfsync": "everysec",
        "django": django.get_version(),
    }


def _disconnect() -> None:
    connections.close_all()
    caches.close_all()
