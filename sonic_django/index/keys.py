"""The names of a model's keys in Redis.

All keys of a model share the hash tag ``{label:space}``, so that scripts and commands over several
of them work on a Redis Cluster; a partition number would follow the space. The space
follows the database (alias, name, host, port), so that a test run, a staging copy and two projects
on one Redis never share a key.

====================  ==========================================================================
``<base>:ids``        ordered set, the ids of all live objects
``<base>:del``        ordered set, the ids of the soft-deleted ones
``<base>:rec``        hash, id -> record: version and the sets the object is in (MessagePack)
``<base>:state``      hash: spec digest -> "built", the declaration that wrote last, the indexes
                      that have entries with prefixes, and the checkpoints
``<base>:job``        hash, the progress of a rebuild
``<base>:gone``       ordered set, destroyed ids by time; their records are tombstones
``<base>:run``        string, the server's data set when a sweep last ended
``<base>:sum``        hash, range of a thousand ids -> digest of its objects; see ``table.digests``
``<base>:text``       ordered set, ids whose full text must be updated, by version
``<base>:<digest>…``  the postings and sorted indexes; see ``specs``
``<base>:<digest>#``  ordered set, the values of a one-field index by their numbers of objects
``<base>:<digest>$``  hash, hashed value -> value, of a one-field index
====================  ==========================================================================

Sets of plain ids that are large are packed (``scripts/packed.lua``): their key is then a hash of
counts, and ``<key>#<number>`` has a chunk of the ids. ``encoding`` escapes ``#`` in values, so no
other name has one.
"""

from __future__ import annotations

import os
import uuid
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from django.db import connections

from ..conf import sonic_settings

#: An in-memory database ends with its process, and has the same name in every process.
_PROCESS_TOKEN = uuid.uuid4().hex[:8]


def base_key(label: str, using: str) -> str:
    """The common start of the keys of the model ``label`` in the database ``using``."""
    return f"{sonic_settings().KEY_PREFIX}:{{{label}:{database_space(using)}}}"


def is_in_memory(using: str) -> bool:
    """Whether the database is in this process's memory and ends with the process."""
    return bool(getattr(connections[using], "is_in_memory_db", lambda: False)())


def database_space(using: str) -> str:
    """Eight characters that identify the database."""
    # From the settings, which threads share: it is quicker than to look up a connection.
    given: dict[str, Any] = connections.settings[using]
    return _space(using, given["NAME"], given["HOST"], given["PORT"])


@lru_cache(maxsize=256)
def _space(using: str, given_name: Any, host: Any, port: Any) -> str:
    connection = connections[using]
    token = _PROCESS_TOKEN if is_in_memory(using) else ""
    name = str(given_name)
    if connection.vendor == "sqlite" and not token:
        name = os.path.abspath(name)
    parts = (connection.alias, name, str(host), str(port), token)
    return blake2b("\x00".join(parts).encode(), digest_size=4).hexdigest()
