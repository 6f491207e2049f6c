"""One model's index in one key space: writing, and the record of the indexes that are built.

Every method says its round trips. Errors of Redis come out as redis-py raises them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from redis.exceptions import RedisError

from ..transport.client import redis_client
from . import lua
from .documents import (
    DESTROYED_VERSION,
    Applied,
    Document,
    Facet,
    Mode,
    ServerState,
    State,
    Unbuilt,
    tombstone,
)
from .key_types import DamagedKey, digests_without, is_of_type, set_of_chunk
from .keys import base_key
from .layout import IDS_DIGEST, Layout
from .reader import IndexReader
from .specs import TAILS

#: Objects a single run of the script takes: some milliseconds at most, so that Redis stays free.
OBJECTS_PER_SCRIPT = 100
#: The names of keys that every model has, whatever it declares; and those that are plain hashes.
_OWN_NAMES = ("ids", "del", "rec", "state", "job", "gone", "text", "run", "sum", "left")
_HASHES = ("rec", "state", "job", "sum")
#: Objects that are noted as left out; of more, the others are only logged.
MOST_LEFT_OUT = 10_000
#: Records that a single run of the script reads.
RECORDS_PER_SCRIPT = 1000
#: The field of a checkpoint in ``:state``, before its token.
_TOKEN = "token:"
_IS_TOKEN = re.compile(rb"token:[\x20-\x7e]+")
_IS_TIME = re.compile(rb"[0-9]{1,15}(\.[0-9]+)?")
#: Seconds for which a rebuild that was stopped can be gone on with. After a longer time too much
#: may have happened to the rows that it has passed.
_JOB_SECONDS = 3600


class IndexStore(IndexReader):
    """The index of ``layout`` for the database ``using``. Cheap to make; holds no connection."""

    def __init__(self, layout: Layout, using: str) -> None:
        super().__init__(base_key(layout.label, using))
        self.layout = layout
        self.using = using

    def apply(self, documents: Sequence[Document], mode: Mode = "") -> Applied:
        """Write documents: a round trip for 100 is begun while Redis works on the 100 before."""
        if not documents:
            return Applied(0, True, False)
        return _applied(lua.APPLY.stream(redis_client(), self.base, _Runs(self, documents, mode)))

    def send(
        self,
        documents: Sequence[Document],
        *,
        ready: Callable[[], None],
        done: Callable[[Applied | RedisError], None],
    ) -> None:
        """Write documents, as many as one run takes (``OBJECTS_PER_SCRIPT``), without waiting:
        ``done`` gets the result before this thread next uses Redis. See ``deferred.send``."""

        def read(reply: Any) -> None:
            done(reply if isinstance(reply, RedisError) else _applied([reply]))

        lua.APPLY.send(self.base, *self.call(documents, ""), ready=ready, done=read)

    def call(self, documents: Sequence[Document], mode: Mode) -> list[Any]:
        """The arguments of a run of the script."""
        call = [int(time.time()), mode, self.layout.fingerprint, self.layout.counted]
        for document in documents:
            call.extend(document.arguments(self.layout.has_text))
        return call

    def built(self) -> set[str]:
        """The digests of the declaration that are built: one round trip."""
        digests = self.layout.digests
        states = self._client.hmget(f"{self.base}:state", list(digests))
        return {digest for digest, state in zip(digests, states, strict=True) if state is not None}

    def mark_built(self, token: str = "") -> None:
        """Note that every index of the declaration holds every row: one round trip. ``token`` is
        that of the last checkpoint."""
        self._client.hset(f"{self.base}:state", mapping=self._built_marks(token))

    def _built_marks(self, token: str) -> dict[str, Any]:
        marks: dict[str, Any] = dict.fromkeys(self.layout.digests, "built")
        marks[f"all:{self.layout.fingerprint}"] = "built"
        if token:
            # Older than any snapshot: nothing is cleared by it where snapshots alone are kept.
            marks[_TOKEN + token] = 0
        return marks

    def forget_built(self) -> None:
        """Note that no index is built, and that no rebuild is under way: one round trip, and
        another if one was built."""
        states = self._client.hkeys(f"{self.base}:state")
        digests = [state for state in states if b":" not in state or state.startswith(b"all:")]
        pipeline = self._client.pipeline()
        if digests:
            pipeline.hdel(f"{self.base}:state", *digests)
        pipeline.delete(f"{self.base}:job")
        pipeline.execute()

    def records(
        self, low: int, high: int, limit: int = RECORDS_PER_SCRIPT
    ) -> Iterator[tuple[int, dict[int, tuple[int, bool]]]]:
        """id -> (version, live) of the records of low <= id <= high, tombstones of destroyed
        objects left out: in chunks, each with the id up to which it is complete. One round trip
        for ``limit`` objects."""
        while low <= high:
            last, *flat = lua.RECORDS(self._client, self.base, low, high, limit)
            if foreign := [id for id in (last, *flat[::3]) if not bytes(id).isdigit()]:
                raise DamagedKey(f"a set of ids of {self.base} contains {foreign[0]!r}")
            numbers = iter(flat)
            yield (
                int(last),
                {int(id): (int(next(numbers)), bool(next(numbers))) for id in numbers},
            )
            low = int(last) + 1

    def entries_of(self, ids: Sequence[int]) -> dict[int, tuple[int, set[tuple[bytes, bytes]]]]:
        """id -> (version, {(set name, prefix)}) as recorded: one round trip."""
        records = lua.ENTRIES(self._client, self.base, *ids) if ids else []
        return {
            id: (int(record[0]), set(zip(record[2::2], record[3::2], strict=True)))
            for id, record in zip(ids, records, strict=True)
            if record
        }

    def prune(self, ids: Sequence[int], sets: Sequence[bytes]) -> int:
        """Take objects out of those of the sets (of plain ids) that their records do not name;
        the number of entries removed: one round trip."""
        return int(lua.PRUNE(self._client, self.base, ",".join(map(str, ids)), *sets))

    def server(self) -> ServerState:
        """The data set of the server, which changes with a restart, a failover and another server,
        that of the last sweep, and the checkpoints: one round trip."""
        pipeline = self._client.pipeline(transaction=False)
        pipeline.info("replication")
        pipeline.info("persistence")
        pipeline.info("server")
        pipeline.config_get("save")
        pipeline.get(f"{self.base}:run")
        pipeline.hgetall(f"{self.base}:state")
        # Neither INFO nor CONFIG need be allowed.
        replies = pipeline.execute(raise_on_error=False)
        history, disk, facts, saves, swept, state = replies
        for reply in (swept, state):
            if isinstance(reply, Exception):
                raise reply
        return ServerState(
            data_set="" if isinstance(history, Exception) else str(history.get("master_replid")),
            swept=(swept or b"").decode(errors="replace"),
            now=_time_in(facts),
            snapshot_of=_snapshot_of(disk, saves),
            tokens={
                name.decode()[len(_TOKEN) :]: float(value)
                for name, value in state.items()
                if _IS_TOKEN.fullmatch(name) and _IS_TIME.fullmatch(value)
            },
        )

    def note_swept(self, data_set: str) -> None:
        """Note that what this data set may have lost has been applied again."""
        self._client.set(f"{self.base}:run", data_set)

    def swept(self) -> str:
        """The data set when a sweep last ended, or "": one round trip."""
        return (self._client.get(f"{self.base}:run") or b"").decode()

    def add_token(self, token: str, now: float) -> None:
        """Add a checkpoint: one round trip."""
        self._client.hset(f"{self.base}:state", _TOKEN + token, now)

    def remove_tokens(self, tokens: Iterable[str]) -> None:
        """Remove checkpoints: one round trip, if any."""
        names = [_TOKEN + token for token in tokens]
        if names:
            self._client.hdel(f"{self.base}:state", *names)

    def number_of_ids(self) -> int:
        """The number of live objects in the index, built or not: one round trip."""
        return int(lua.CARDINALITY(self._client, self.base, "ids")[0])

    def job(self) -> dict[str, str]:
        """The notes of an unfinished rebuild: one round trip."""
        notes = self._client.hgetall(f"{self.base}:job")
        return {
            key.decode(errors="replace"): value.decode(errors="replace")
            for key, value in notes.items()
        }

    def begin_job(self, run: str, after: int, done: int) -> None:
        """Begin a rebuild, or take an unfinished one over: one round trip. ``run`` is its name."""
        lua.BEGIN(self._client, self.base, run, self.layout.fingerprint, after, done, _JOB_SECONDS)

    def note_job(self, run: str, before: int, after: int, done: int) -> bool:
        """Note that a rebuild has come from an id to another; False if the index has lost its
        former note, or got one of another rebuild: one round trip."""
        reply = lua.PROGRESS(self._client, self.base, run, before, after, done, _JOB_SECONDS)
        return bool(reply)

    def end_job(self, run: str, after: int, token: str) -> bool:
        """``mark_built`` if the note of the rebuild is its last one; whether it was: one round
        trip."""
        marks = self._built_marks(token)
        flat = [item for pair in marks.items() for item in pair]
        return bool(lua.PROGRESS(self._client, self.base, run, after, "built", *flat))

    def has_other_writers(self) -> bool:
        """Whether code with another declaration has written since a rebuild was begun: one round
        trip."""
        writers = self._client.hmget(f"{self.base}:state", "writer", "former")
        return not {*writers} <= {None, self.layout.fingerprint.encode()}

    def queued_text(self, number: int) -> list[tuple[int, int]]:
        """(id, version) of the first objects whose full text is to be updated: one round trip. What
        is no id in the queue is removed."""
        queue = self._client.zrange(f"{self.base}:text", 0, number - 1, withscores=True)
        if foreign := [id for id, _ in queue if not id.isdigit()]:
            self._client.zrem(f"{self.base}:text", *foreign)
            return self.queued_text(number)
        return [(int(id), int(version)) for id, version in queue]

    def queue_text(self, objects: Sequence[tuple[int, int]]) -> None:
        """Queue objects (id, version) for full text: one round trip, if any."""
        if objects:
            self._client.zadd(f"{self.base}:text", dict(objects), gt=True)

    def done_text(self, done: Iterable[tuple[int, int]]) -> None:
        """Take objects (id, version) off the queue, unless queued for a later version since: one
        round trip, if any."""
        flat = [number for pair in done for number in pair]
        if flat:
            lua.DEQUEUE(self._client, self.base, *flat)

    def text_backlog(self) -> int:
        """The number of objects that wait for full text: one round trip."""
        return int(self._client.zcard(f"{self.base}:text"))

    def note_left_out(self, ids: Sequence[int]) -> None:
        """Note objects that no document can be made of, up to some thousands: two round trips."""
        if self._client.scard(f"{self.base}:left") < MOST_LEFT_OUT:
            self._client.sadd(f"{self.base}:left", *ids)

    def left_out(self, most: int = 2 * MOST_LEFT_OUT) -> list[int]:
        """The objects that were noted as left out and may be indexed by now: one round trip."""
        found = self._client.srandmember(f"{self.base}:left", most)
        return sorted(int(id) for id in found if id.isdigit())

    def forget_left_out(self, ids: Sequence[int] | None = None) -> None:
        """Note that these objects, or all, are no longer left out: one round trip, if any."""
        if ids is None:
            self._client.unlink(f"{self.base}:left")
        elif ids:
            self._client.srem(f"{self.base}:left", *ids)

    def orphaned_keys(self, batch: int = 500) -> Iterator[bytes]:
        """Keys of this model that no current declaration uses.

        One round trip where the declaration counts as built: the rebuild that came before it has
        removed them. Else a SCAN over the whole server: a write under a new declaration forgets
        the digests of the former one, so nothing names its keys any more.
        """
        if self._client.hexists(f"{self.base}:state", f"all:{self.layout.fingerprint}"):
            return
        current = {digest.encode() for digest in self.layout.digests}
        current |= {name.encode() for name in _OWN_NAMES}
        start = len(self.base) + 1
        for key in self.keys(batch):
            digest = key[start : start + 8]
            if re.split(b"[:#]", digest)[0] not in current:
                yield key

    def wrong_keys(self, names: Iterable[bytes] | None = None) -> list[tuple[bytes, str]]:
        """(name, type) of the keys whose type is not that of their names: of these names and of
        those that every class has, or of all keys. A SCAN over the whole server for all; one round
        trip for 500 keys."""
        base = self.base.encode() + b":"
        if names is None:
            found: Iterable[bytes] = (key[len(base) :] for key in self.keys())
        else:
            own = [name.encode() for name in _OWN_NAMES]
            own += [f"{one}{tail}".encode() for one in self.layout.digests for tail in TAILS]
            found = dict.fromkeys([*own, *names])
        wrong: list[tuple[bytes, str]] = []
        iterator = iter(found)
        while some := list(islice(iterator, 500)):
            pipeline = self._client.pipeline(transaction=False)
            for name in some:
                pipeline.type(base + name)
            for name, kind in zip(some, pipeline.execute(), strict=True):
                if not is_of_type(self.layout, name, kind):
                    wrong.append((name, kind.decode()))
        return wrong

    def drop_names(self, names: Sequence[bytes]) -> None:
        """Remove keys by their names, packed sets with their chunks. The indexes that need them no
        longer count as built. Three round trips, and one for each packed set."""
        base = self.base.encode() + b":"
        names = list(dict.fromkeys(set_of_chunk(name) or name for name in names))
        digests = {one for name in names for one in digests_without(self.layout, name)}
        if b"state" not in names and digests:
            states = self._client.hkeys(f"{self.base}:state")
            gone = [
                one
                for one in states
                if one.startswith(b"all:") or one.decode(errors="replace") in digests
            ]
            self._client.hdel(f"{self.base}:state", b"job", *gone)
        if digests:
            self._client.unlink(f"{self.base}:job")
        chunks: list[bytes] = []
        for name in names:
            if self._client.type(base + name) == b"hash" and name.decode() not in _HASHES:
                fields = self._client.hkeys(base + name)
                chunks += [base + name + b"#" + one for one in fields if one.isdigit()]
        self._client.unlink(*(base + name for name in names), *chunks)

    def wipe(self) -> None:
        """Remove every key of the class, whatever is in it. A SCAN over the whole server."""
        for key in list(self.keys()):
            self._client.unlink(key)

    def drop_key(self, key: bytes) -> None:
        """Remove a key: one round trip."""
        self._client.unlink(key)

    def keys(self, batch: int = 500) -> Iterator[bytes]:
        """All keys of this model; a SCAN over the whole server."""
        pattern = re.sub(r"([][*?\\])", r"\\\1", self.base) + ":*"
        yield from self._client.scan_iter(match=pattern, count=batch)

    def clear(self) -> None:
        """Remove every object, and the record of the indexes that are built: two round trips for a
        thousand objects.

        The records name the sets that the objects are in; the server's keys are not scanned.
        """
        cursor = -1
        while cursor != 0:
            cursor, some = self._client.hscan(f"{self.base}:rec", max(cursor, 0), count=1000)
            if some:
                self.apply([tombstone(int(id)) for id in some], "reset")
        states = self._client.hkeys(f"{self.base}:state")
        names = set(_OWN_NAMES)
        for digest in {*self.layout.digests, *(state.decode(errors="replace") for state in states)}:
            names.update(digest + tail for tail in TAILS)
        self._client.unlink(*(f"{self.base}:{name}" for name in names))

    def memory(self) -> int:
        """Bytes in Redis, estimated by the server key by key: a call a key.

        Where the server has more keys than this class has objects, the records name the keys: some
        four round trips for 1,000 objects. Else a SCAN over the server, which is then the shorter
        way; it counts orphaned keys too.
        """
        pipeline = self._client.pipeline(transaction=False)
        pipeline.dbsize()
        pipeline.hlen(f"{self.base}:rec")
        keys, objects = pipeline.execute()
        found = self.recorded_keys() if keys > objects else self.keys()
        total = 0
        while some := list(islice(found, 1000)):
            for key in some:
                pipeline.memory_usage(key, samples=20)
            total += sum(size or 0 for size in pipeline.execute())
        return total

    def recorded_keys(self) -> Iterator[bytes]:
        """The keys that the records and ``:state`` name, each once; some may not exist."""
        states = self._client.hkeys(f"{self.base}:state")
        digests = {*self.layout.digests, *(state.decode(errors="replace") for state in states)}
        tails = {f"{digest}{tail}" for digest in digests for tail in TAILS}
        seen: set[bytes] = set()
        yield from self._with_chunks({name.encode() for name in {*_OWN_NAMES, *tails}}, seen)
        cursor = -1
        while cursor != 0:
            cursor, some = self._client.hscan(f"{self.base}:rec", max(cursor, 0), count=1000)
            records = self.entries_of([int(id) for id in some]).values()
            names = {name for _, entries in records for name, _ in entries}
            yield from self._with_chunks(names, seen)

    def _with_chunks(self, names: set[bytes], seen: set[bytes]) -> Iterator[bytes]:
        """The keys of sets, and of the chunks of those that are packed: two round trips."""
        base = self.base.encode()
        new = sorted(names - seen)
        seen.update(new)
        keys = [base + b":" + name for name in new]
        yield from keys
        pipeline = self._client.pipeline(transaction=False)
        for key in keys:
            pipeline.type(key)
        kinds = pipeline.execute() if keys else []
        packed = [
            key
            for key, name, kind in zip(keys, new, kinds, strict=True)
            if kind == b"hash" and not name.endswith(b"$") and name.decode() not in _HASHES
        ]
        for key in packed:
            pipeline.hkeys(key)
        for key, fields in zip(packed, pipeline.execute() if packed else [], strict=True):
            yield from (key + b"#" + field for field in fields if field.isdigit())

    @property
    def _client(self) -> Any:
        # redis-py's types provide for replies as str, which this connection never gives.
        return redis_client()


class _Runs(Sequence[list[Any]]):
    """The arguments of each run of the script for these documents, made when they are sent."""

    def __init__(self, store: IndexStore, documents: Sequence[Document], mode: Mode) -> None:
        self._store = store
        self._documents = documents
        self._mode: Mode = mode
        self._starts = range(0, len(documents), OBJECTS_PER_SCRIPT)

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(len(self))[index]]
        start = self._starts[index]
        documents = self._documents[start : start + OBJECTS_PER_SCRIPT]
        return self._store.call(documents, self._mode)


def _time_in(facts: Any) -> float:
    """The server's time, ours if it does not tell."""
    told = None if isinstance(facts, Exception) else facts.get("server_time_usec")
    return float(told) / 1e6 if told else time.time()


def _snapshot_of(disk: Any, saves: Any) -> float | None:
    """When the last snapshot was begun, if snapshots alone are kept; in the server's time."""
    if isinstance(disk, Exception) or disk.get("aof_enabled"):
        return None
    if isinstance(saves, Exception) or not saves.get("save"):
        return None
    # The server gives whole seconds, and the time of the end.
    ended, seconds = float(disk["rdb_last_save_time"]), float(disk["rdb_last_bgsave_time_sec"])
    return ended - max(0.0, seconds) - 1


def _applied(replies: Sequence[Any]) -> Applied:
    if len(replies) == 1:
        number, complete, texts = replies[0]
        return Applied(number, bool(complete), bool(texts))
    return Applied(
        sum(reply[0] for reply in replies),
        bool(replies[-1][1]),
        any(reply[2] for reply in replies),
    )


__all__ = [
    "DESTROYED_VERSION",
    "IDS_DIGEST",
    "OBJECTS_PER_SCRIPT",
    "Applied",
    "Document",
    "Facet",
    "IndexStore",
    "Layout",
    "Mode",
    "ServerState",
    "State",
    "Unbuilt",
]
