"""The names of a model's keys in Redis.

All keys of a model share the hash tag ``{label:space}``, so that scripts and commands over several
of them work on a Redis Cluster; a partition number has its place behind the space. The space
follows the database (alias, name, host, port), so that a test run, a staging copy and two projects
on one Redis never meet.

====================  ==========================================================================
``<base>:ids``        ordered set, the ids of all live objects
``<base>:del``        ordered set, the ids of the soft-deleted ones
``<base>:rec``        hash, id -> record: version and the sets the object is in (MessagePack)
``<base>:state``      hash, what is built: spec digest -> "built"
``<base>:job``        hash, how far a rebuild has come
``<base>:gone``       ordered set, destroyed ids by the time of it; their records are tombstones
``<base>:text``       ordered set, ids whose full text is to be brought up to date, by version
``<base>:<digest>…``  the postings and sorted indexes; see ``specs``
====================  ==========================================================================
"""

from __future__ import annotations

import os
import uuid
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from django.db import connections

from ..conf import sonic_settings

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

#: An in-memory database dies with its process and every process calls it by the same name.
_PROCESS_TOKEN = uuid.uuid4().hex[:8]


def base_key(label: str, using: str) -> str:
    """The common start of the keys of the model ``label`` in the database ``using``."""
    connection = connections[using]
    return f"{sonic_settings().KEY_PREFIX}:{{{label}:{_space(connection)}}}"


def _space(connection: BaseDatabaseWrapper) -> str:
    given: dict[str, Any] = connection.settings_dict
    token = ""
    if connection.vendor == "sqlite":
        in_memory = getattr(connection, "is_in_memory_db", lambda: False)()
        token = _PROCESS_TOKEN if in_memory else ""
    name = str(given["NAME"])
    if connection.vendor == "sqlite" and not token:
        name = os.path.abspath(name)
    return _digest(connection.alias, name, str(given["HOST"]), str(given["PORT"]), token)


@lru_cache(maxsize=256)
def _digest(*parts: str) -> str:
    return blake2b("\x00".join(parts).encode(), digest_size=4).hexdigest()
