"""One model's index in one key space: apply, ask, and know what is built. Every method says its
round trips; errors of Redis come out as redis-py raises them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from .answers import Answer, FacetAnswer
from .client import Script, redis_client
from .documents import (
    DESTROYED_VERSION,
    IDS_DIGEST,
    Applied,
    Document,
    Facet,
    Mode,
    Schema,
    State,
    Unbuilt,
)
from .keys import base_key
from .nodes import FacetQuery, Ids, IndexQuery, Leaf
from .specs import TAILS

_APPLY, _QUERY, _FACET = Script("apply"), Script("query"), Script("facet")
_RECORDS, _HELD, _PRUNE = Script("records"), Script("held"), Script("prune")

#: Objects a single run of the script takes: some milliseconds at most, so that Redis stays free.
OBJECTS_PER_SCRIPT = 100
#: Objects whose records one run of a facet reads, beside what it costs to find them.
_IDS_PER_FACET = 500
#: Records that a single run of the script reads.
RECORDS_PER_SCRIPT = 1000


class IndexStore:
    """The index of ``schema`` for the database ``using``. Cheap to make; holds no connection."""

    def __init__(self, schema: Schema, using: str) -> None:
        self.schema = schema
        self.using = using
        self.base = base_key(schema.label, using)

    def apply(self, documents: Sequence[Document], mode: Mode = "") -> Applied:
        """Write documents: one round trip."""
        if not documents:
            return Applied(0, True, False)
        counted = ",".join(spec.digest for spec in self.schema.specs if spec.counts_values)
        head = [int(time.time()), mode, self.schema.fingerprint, counted]
        calls = []
        for start in range(0, len(documents), OBJECTS_PER_SCRIPT):
            call = list(head)
            for document in documents[start : start + OBJECTS_PER_SCRIPT]:
                call.extend(document.arguments(self.schema.has_text))
            calls.append(call)
        replies = _APPLY.many(redis_client(), self.base, calls)
        return Applied(
            sum(reply[0] for reply in replies),
            bool(replies[-1][1]),
            any(reply[2] for reply in replies),
        )

    def ids(self, query: IndexQuery, offset: int, limit: int | None) -> list[int] | Unbuilt:
        """The ids of a page, in order: one round trip, and one more for each ``BUDGET`` entries."""
        found: list[int] | Unbuilt = self.ask_many([(query, "ids", offset, limit)])[0]
        return found

    def count(self, query: IndexQuery) -> int | Unbuilt:
        """How many: one round trip, and one more for each ``BUDGET`` entries."""
        number: int | Unbuilt = self.ask_many([(query, "count", 0, None)])[0]
        return number

    def random_ids(self, query: IndexQuery, number: int, seed: int) -> list[int] | Unbuilt:
        """Up to ``number`` different ids in random order, each as likely as any other: one round
        trip; of a filter by several sets all ids are fetched."""
        found: list[int] | Unbuilt = self.ask_many([(query, "random", seed, number)])[0]
        return found

    def ask_many(
        self, questions: Sequence[tuple[IndexQuery, str, int, int | None]]
    ) -> list[Any | Unbuilt]:
        """Several questions (query, "ids", "count" or "random", offset or seed, limit): one round
        trip for all, and more for those that touch more than ``BUDGET`` entries."""
        return [
            answer if isinstance(answer, Unbuilt) else answer.result(what, offset, limit)
            for answer, (_, what, offset, limit) in zip(
                self._answers(questions), questions, strict=True
            )
        ]

    def explain(
        self, query: IndexQuery, offset: int, limit: int | None, what: str
    ) -> Answer | Unbuilt:
        """The answer to "ids" or "count" itself, which knows how it was found."""
        return self._answers([(query, what, offset, limit)])[0]

    def _answers(
        self, questions: Sequence[tuple[IndexQuery, str, int, int | None]]
    ) -> list[Answer | Unbuilt]:
        answers: list[Answer | Unbuilt] = [Answer(query) for query, *_ in questions]
        client = redis_client(write=False)
        while True:
            open_ones = [
                (number, answer, answer.query.arguments(*questions[number][1:], answer.token))
                for number, answer in enumerate(answers)
                if isinstance(answer, Answer) and not answer.is_complete
            ]
            if not open_ones:
                return answers
            replies = _QUERY.many(client, self.base, [call for *_, call in open_ones])
            for (number, answer, _), reply in zip(open_ones, replies, strict=True):
                unbuilt = _unbuilt(reply)
                if unbuilt:
                    answers[number] = unbuilt
                else:
                    answer.add(reply)

    def facets(
        self, questions: Sequence[tuple[FacetQuery, int, int | None]]
    ) -> list[Facet | Unbuilt]:
        """For each (query, limit, most) the ``limit`` values with most objects: one round trip for
        all, and more for those that touch more than ``BUDGET`` entries. ``most`` limits the objects
        of the filter, or the values of a sorted index, that are walked through."""
        client = redis_client(write=False)
        calls = [query.arguments(limit, most) for query, limit, most in questions]
        replies = _FACET.many(client, self.base, calls) if calls else []
        return [
            self._finished(FacetAnswer(limit), query, most, reply)
            for (query, limit, most), reply in zip(questions, replies, strict=True)
        ]

    def _finished(
        self, answer: FacetAnswer, query: FacetQuery, most: int | None, reply: Any
    ) -> Facet | Unbuilt:
        """Go on from a first reply to the end."""
        client = redis_client(write=False)
        while reply[0] == b"built":
            answer.add(reply)
            if answer.is_complete:
                return answer.result()
            arguments = query.arguments(answer.limit, most, answer.token)
            reply = _FACET(client, self.base, *arguments)
        return _unbuilt(reply) or self._facet_of_members(answer, query, most)

    def _facet_of_members(
        self, answer: FacetAnswer, query: FacetQuery, most: int | None
    ) -> Facet | Unbuilt:
        """The facet of a filter that may give an object in several runs: first all ids."""
        members = IndexQuery((Leaf(b"ids"),), filter=query.filter, needs=query.needs)
        ids = self.ask_many([(members, "members", 0, None)])[0]
        if isinstance(ids, Unbuilt):
            return ids
        if most is not None and len(ids) > most:
            return Facet((), False)
        client = redis_client(write=False)
        for start in range(0, len(ids), _IDS_PER_FACET):
            some = replace(query, filter=Ids(tuple(ids[start : start + _IDS_PER_FACET])))
            reply = _FACET(client, self.base, *some.arguments(answer.limit, None))
            found = self._finished(answer, some, None, reply)
            if isinstance(found, Unbuilt):
                return found
        return answer.result()

    def built(self) -> set[str]:
        """The digests of the declaration that are built: one round trip."""
        digests = self.schema.digests
        states = self._client.hmget(f"{self.base}:state", list(digests))
        return {digest for digest, state in zip(digests, states, strict=True) if state is not None}

    def mark_built(self) -> None:
        """Note that every index of the declaration holds every row: one round trip."""
        marks = dict.fromkeys(self.schema.digests, "built")
        marks[f"all:{self.schema.fingerprint}"] = "built"
        self._client.hset(f"{self.base}:state", mapping=marks)

    def records(
        self, low: int, high: int, limit: int = RECORDS_PER_SCRIPT
    ) -> Iterator[tuple[int, dict[int, tuple[int, bool]]]]:
        """id -> (version, live) of the records of low <= id <= high, tombstones of destroyed
        objects left out: in pieces, each with the id up to which it is complete. One round trip
        for ``limit`` objects."""
        while low <= high:
            last, *flat = _RECORDS(self._client, self.base, low, high, limit)
            numbers = iter(flat)
            yield (
                int(last),
                {int(id): (int(next(numbers)), bool(next(numbers))) for id in numbers},
            )
            low = int(last) + 1

    def entries_of(self, ids: Sequence[int]) -> dict[int, tuple[int, set[tuple[bytes, bytes]]]]:
        """id -> (version, {(set name, prefix)}) as recorded: one round trip."""
        held = _HELD(self._client, self.base, *ids) if ids else []
        return {
            id: (int(record[0]), set(zip(record[2::2], record[3::2], strict=True)))
            for id, record in zip(ids, held, strict=True)
            if record
        }

    def prune(self, ids: Sequence[int], sets: Sequence[bytes]) -> int:
        """Take objects out of those of the sets (of plain ids) that their records do not name;
        the number of entries removed: one round trip."""
        return int(_PRUNE(self._client, self.base, ",".join(map(str, ids)), *sets))

    def runs(self) -> tuple[str, str]:
        """(the server's run id, that of the server when a sweep last ended, or ""): one round
        trip. They differ after a restart, a failover and a change of the server."""
        pipeline = self._client.pipeline(transaction=False)
        pipeline.info("server")
        pipeline.get(f"{self.base}:run")
        facts, swept = pipeline.execute()
        return str(facts["run_id"]), (swept or b"").decode()

    def note_swept(self, run: str) -> None:
        """Note that what this run of the server may have lost has been applied again."""
        self._client.set(f"{self.base}:run", run)

    def number_of_ids(self) -> int:
        """How many live objects the index knows, built or not: one round trip."""
        return int(self._client.zcard(f"{self.base}:ids"))

    def job(self) -> dict[str, str]:
        """The notes of an unfinished rebuild: one round trip."""
        notes = self._client.hgetall(f"{self.base}:job")
        return {key.decode(): value.decode() for key, value in notes.items()}

    def note_job(self, notes: dict[str, str] | None) -> None:
        """Replace the notes of a rebuild; None ends it: one round trip."""
        if notes is None:
            self._client.delete(f"{self.base}:job")
        else:
            self._client.hset(f"{self.base}:job", mapping=notes)

    def queued_text(self, number: int) -> list[tuple[int, int]]:
        """(id, version) of the first objects whose full text is to be updated: one round trip."""
        queue = self._client.zrange(f"{self.base}:text", 0, number - 1, withscores=True)
        return [(int(id), int(version)) for id, version in queue]

    def queue_text(self, objects: Sequence[tuple[int, int]]) -> None:
        """Queue objects (id, version) for full text: one round trip, if any."""
        if objects:
            self._client.zadd(f"{self.base}:text", dict(objects), gt=True)

    def done_text(self, done: Iterable[tuple[int, int]]) -> None:
        """Take objects off the queue unless queued anew since: one round trip."""
        pipeline = self._client.pipeline(transaction=False)
        for id, version in done:
            pipeline.eval(_DEQUEUE, 1, f"{self.base}:text", id, version)
        pipeline.execute()

    def text_backlog(self) -> int:
        """How many objects wait for full text: one round trip."""
        return int(self._client.zcard(f"{self.base}:text"))

    def stray_keys(self, batch: int = 500) -> Iterator[bytes]:
        """Keys of this model that no current declaration uses; a SCAN over the whole server."""
        current = {digest.encode() for digest in self.schema.digests}
        current |= {b"del", b"rec", b"state", b"job", b"gone", b"text", b"run", b"sum"}
        start = len(self.base) + 1
        for key in self.keys(batch):
            digest = key[start : start + 8]
            if digest.split(b":")[0] not in current:
                yield key

    def drop_key(self, key: bytes) -> None:
        """Remove a key: one round trip."""
        self._client.unlink(key)

    def keys(self, batch: int = 500) -> Iterator[bytes]:
        """All keys of this model; a SCAN over the whole server."""
        pattern = re.sub(r"([][*?\\])", r"\\\1", self.base) + ":*"
        yield from self._client.scan_iter(match=pattern, count=batch)

    def clear(self) -> None:
        """Forget every object and what is built: two round trips a thousand objects.

        The records name the sets that the objects are in; the server's keys are not scanned.
        """
        cursor = -1
        while cursor != 0:
            cursor, some = self._client.hscan(f"{self.base}:rec", max(cursor, 0), count=1000)
            if some:
                self.apply([Document(int(id), DESTROYED_VERSION, "gone") for id in some], "reset")
        states = self._client.hkeys(f"{self.base}:state")
        names = {"ids", "del", "rec", "state", "job", "gone", "text", "run", "sum"}
        for digest in {*self.schema.digests, *(state.decode() for state in states)}:
            names.update(digest + tail for tail in TAILS)
        self._client.unlink(*(f"{self.base}:{name}" for name in names))

    def memory(self) -> int:
        """Bytes in Redis, estimated by the server key by key; a SCAN and a call a key."""
        keys = list(self.keys())
        pipeline = self._client.pipeline(transaction=False)
        for key in keys:
            pipeline.memory_usage(key, samples=20)
        return sum(size or 0 for size in pipeline.execute())

    @property
    def _client(self) -> Any:
        # redis-py's types provide for replies as str, which this connection never gives.
        return redis_client()


def _unbuilt(reply: Any) -> Unbuilt | None:
    is_unbuilt = reply[0] == b"unbuilt"
    return Unbuilt(tuple(name.decode() for name in reply[1:])) if is_unbuilt else None


#: Remove an id from the queue if it still waits for the version that was done.
_DEQUEUE = """
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if score and tonumber(score) <= tonumber(ARGV[2]) then redis.call('ZREM', KEYS[1], ARGV[1]) end
"""

__all__ = [
    "DESTROYED_VERSION",
    "IDS_DIGEST",
    "OBJECTS_PER_SCRIPT",
    "Applied",
    "Document",
    "Facet",
    "IndexStore",
    "Mode",
    "Schema",
    "State",
    "Unbuilt",
]
