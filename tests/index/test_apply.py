"""The apply script: whatever comes in whatever order and number, the last version stands."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis
from redis.exceptions import ResponseError

from sonic_django.index import lua
from sonic_django.index.encoding import id_bounds, member
from sonic_django.index.queries import And, FacetQuery, Ids, IndexQuery, Leaf, Not
from sonic_django.index.store import Document, IndexStore, Layout, Mode, Unbuilt
from sonic_django.query.bounds import bounds
from sonic_django.query.conditions import Condition
from sonic_django.test import count_redis_calls
from sonic_django.transport.client import redis_client
from tests.index.dump import (
    BY_NAME,
    COLOURS,
    GROUPED,
    NUMBERS,
    SPECS,
    Expected,
    content_of,
    document,
)
from tests.packed import entries_of, take_out
from tests.profiles import examples
from tests.servers import PrivateRedis

LONG = "x" * 300
COLOUR = st.sampled_from(["red", "green", "", "a|b", LONG])
NUMBER = st.none() | st.sampled_from([-1, 0, 1, 2**53 + 1, 2**53 + 2, 10**30, -(10**30)])
NAME = st.none() | st.sampled_from(["", "-x", "~", "a", "a\x00b", LONG])


@st.composite
def histories(draw: st.DrawFn) -> list[Document]:
    """Each version of each of a few objects once."""
    found = []
    for id in (1, 2, 1000, 10**18):
        for version in range(1, draw(st.integers(0, 4)) + 1):
            state = draw(st.sampled_from(["live", "live", "live", "deleted", "destroyed"]))
            found.append(
                document(
                    id,
                    version,
                    state,
                    colours=draw(st.none() | st.lists(COLOUR, max_size=3)),
                    number=draw(NUMBER),
                    name=draw(NAME),
                    group=draw(st.sampled_from([None, "a", "b"])),
                )
            )
    return found


def in_batches(documents: Sequence[Document], sizes: Sequence[int]) -> list[Sequence[Document]]:
    batches, rest = [], list(documents)
    for size in sizes:
        batches.append(rest[:size])
        rest = rest[size:]
    return [batch for batch in [*batches, rest] if batch]


@examples(200)
@given(st.data())
def test_any_order_with_repetitions_ends_in_the_same_index(
    store: IndexStore, data: st.DataObject
) -> None:
    store.clear()
    history = data.draw(histories())
    again = data.draw(st.lists(st.sampled_from(history), max_size=5)) if history else []
    sizes = data.draw(st.lists(st.integers(1, 4), max_size=4))
    for batch in in_batches(data.draw(st.permutations([*history, *again])), sizes):
        store.apply(batch)
    expected = Expected()
    for one in sorted(history, key=lambda document: document.version):
        expected.apply(one, "")
    assert content_of(store) == expected.content()


@examples(200)
@given(st.data())
def test_all_modes(store: IndexStore, data: st.DataObject) -> None:
    store.clear()
    expected = Expected()
    history = data.draw(histories())
    for one in data.draw(st.lists(st.sampled_from(history), max_size=12)) if history else []:
        mode: Mode = data.draw(st.sampled_from(["", "", "rebuild", "reset"]))
        store.apply([one], mode)
        expected.apply(one, mode)
    assert content_of(store) == expected.content()


@examples(50)
@given(histories())
def test_clearing_leaves_nothing(store: IndexStore, history: list[Document]) -> None:
    store.apply(history or [document(1, 1)])
    store.mark_built()
    store.begin_job("run", 1, 1)
    store.clear()
    assert list(store.keys()) == []


def test_the_number_written_and_whether_all_is_built(store: IndexStore) -> None:
    assert store.apply([document(1, 1), document(2, 1)])[:2] == (2, False)
    store.mark_built()
    assert store.apply([document(1, 1), document(2, 2)])[:2] == (1, True)


def test_sets_that_the_record_names_are_not_written_again(store: IndexStore) -> None:
    """Which is two thirds of the work of a usual update; a rebuild writes all."""
    key = f"{store.base}:{COLOURS.posting_name({'colours': 'red'}).decode()}"
    store.apply([document(1, 1, colours=["red"])])
    take_out(redis_client(), key, 1)
    store.apply([document(1, 2, colours=["red", "blue"])])
    assert not redis_client().exists(key)
    store.apply([document(1, 2, colours=["red", "blue"])], "rebuild")
    assert entries_of(redis_client(), key) == [(member(1), 1.0)]


def test_more_objects_than_one_run_of_the_script_takes(store: IndexStore) -> None:
    many = [document(id, 1, number=id, colours=["red"]) for id in range(1, 1001)]
    assert store.apply(many)[0] == 1000
    assert store.number_of_ids() == 1000
    assert store.apply([document(id, 2, "destroyed") for id in range(1, 1001)])[0] == 1000
    assert set(content_of(store)) == {"rec", "gone"}


def test_an_object_of_very_many_entries(store: IndexStore) -> None:
    colours = [f"colour {i}" for i in range(9000)]  # over what Lua's unpack takes
    store.apply([document(1, 1, colours=colours)])
    assert len(store.entries_of([1])[1][1]) == 2 * 9000 + 3
    store.apply([document(1, 2, colours=colours[:1])])
    expected = Expected({1: document(1, 2, colours=colours[:1])})
    assert content_of(store) == expected.content()


class TestTombstones:
    """A destroyed object is not brought back by what comes late."""

    def test_late_writes_are_refused(self, store: IndexStore) -> None:
        store.apply([document(1, 5, "destroyed")])
        assert store.apply([document(1, 4)])[0] == 0
        assert store.apply([document(1, 5)], "rebuild")[0] == 1

    def test_they_are_forgotten_after_a_day(self, store: IndexStore) -> None:
        store.apply([document(1, 5, "destroyed"), document(2, 5, "destroyed")])
        redis_client().zadd(f"{store.base}:gone", {"1": time.time() - 90_000})
        store.apply([document(3, 1)])
        store.apply([document(4, 1, "destroyed")])  # a destroy removes old tombstones
        assert set(store.entries_of([1, 2, 3, 4])) == {2, 3, 4}

    def test_an_id_that_lives_again_is_not_forgotten(self, store: IndexStore) -> None:
        store.apply([document(1, 5, "destroyed")])
        store.apply([document(1, 6, colours=["red"])])
        client = redis_client()
        assert client.zcard(f"{store.base}:gone") == 0
        client.zadd(f"{store.base}:gone", {"2": 0})
        store.apply([document(3, 1, "destroyed")])
        assert store.entries_of([1])[1][0] == 6


class TestValueCounts:
    """The number of objects of each value is exact, and long values are not lost."""

    def facet(self, store: IndexStore) -> list[tuple[bytes, int, bytes]]:
        found = store.facets([(FacetQuery(COLOURS.digest, "postings"), 100, 100)])[0]
        assert not isinstance(found, Unbuilt)
        return list(found.values)

    def test_they_follow_every_change(self, store: IndexStore) -> None:
        store.mark_built()
        store.apply([document(1, 1, colours=["red", LONG]), document(2, 1, colours=["red"])])
        hashed = [(n, original) for part, n, original in self.facet(store) if part[:1] == b"h"]
        assert hashed == [(1, b"s" + LONG.encode())]
        assert (b"sred", 2, b"") in self.facet(store)
        store.apply([document(1, 2, colours=["red"])])
        assert self.facet(store) == [(b"sred", 2, b"")]
        store.apply([document(2, 2, "deleted")])
        assert self.facet(store) == [(b"sred", 1, b"")]
        store.apply([document(1, 3)])
        assert self.facet(store) == [(b"e", 1, b"")]
        assert not redis_client().exists(f"{store.base}:{COLOURS.digest}$")

    def test_the_limit_takes_the_most_frequent(self, store: IndexStore) -> None:
        store.mark_built()
        some = [document(i, 1, colours=[f"c{j}" for j in range(i)]) for i in range(1, 6)]
        store.apply(some)
        found = store.facets([(FacetQuery(COLOURS.digest, "postings"), 2, 100)])[0]
        assert not isinstance(found, Unbuilt)
        assert [value[:2] for value in found.values] == [(b"sc0", 5), (b"sc1", 4)]
        assert not found.complete


class TestDeclarations:
    """An index that other code did not write does not count as built."""

    def other(self, store: IndexStore, *specs: Any) -> IndexStore:
        other = IndexStore(Layout(store.layout.label, specs), store.using)
        assert other.base == store.base
        return other

    def test_a_writer_that_lacks_an_index_makes_it_unbuilt(self, store: IndexStore) -> None:
        store.mark_built()
        store.apply([document(1, 1, number=1)])
        assert store.built() == set(store.layout.digests)
        older = self.other(store, COLOURS, BY_NAME)
        older.apply([document(2, 1)])
        assert store.built() == {"ids", COLOURS.digest, BY_NAME.digest}
        assert store.apply([document(3, 1)])[1] is False
        query = IndexQuery((Leaf(b"ids"),), needs={"ids": "", NUMBERS.digest: ""})
        assert store.count(query) == Unbuilt((NUMBERS.digest,))

    def test_a_write_that_changes_nothing_leaves_the_marks(self, store: IndexStore) -> None:
        store.mark_built()
        store.apply([document(1, 2)])
        self.other(store, COLOURS).apply([document(1, 1)])
        assert store.built() == set(store.layout.digests)

    def test_keys_of_former_declarations_are_found(self, store: IndexStore) -> None:
        store.apply([document(1, 1, colours=["red", LONG], number=None, group="a")])
        assert list(store.orphaned_keys()) == []
        orphaned = {
            key[len(store.base) + 1 :][:8] for key in self.other(store, COLOURS).orphaned_keys()
        }
        assert orphaned == {spec.digest.encode() for spec in SPECS if spec is not COLOURS}


class TestKeySpace:
    """Nothing outside the model's own keys is read or written."""

    def test_all_keys_share_the_hash_tag(self, store: IndexStore) -> None:
        store.apply([document(1, 1, colours=[LONG, "{x}"], number=2**60 + 1)])
        store.apply([document(2, 1, "deleted"), document(3, 1, "destroyed")])
        keys = list(store.keys())
        assert len(keys) > 8
        tag = store.base[store.base.index("{") : store.base.index("}") + 1].encode()
        for key in keys:
            assert key.startswith(store.base.encode() + b":")
            assert key.count(b"{") == key.count(b"}") == 1
            assert tag in key

    def test_a_user_who_may_touch_these_keys_only(self, store: IndexStore) -> None:
        """Redis itself refuses any other key (and any command that is not among these)."""
        client, user = redis_client(), store.layout.label
        client.execute_command(
            "ACL", "SETUSER", user, "on", ">narrow", "resetkeys", "resetchannels",
            f"~{store.base}:*", f"~{store.base}", "-@all", "+@connection", "+eval", "+evalsha",
            "+@sortedset", "+@hash", "+@set", "+@string", "+@bitmap", "+type",
        )  # fmt: skip
        options = dict(client.connection_pool.connection_kwargs)
        options.update(username=user, password="narrow")
        pool = type(client.connection_pool)(
            connection_class=client.connection_pool.connection_class, **options
        )
        narrow = Redis(connection_pool=pool)
        try:
            self._run_all(narrow, store)
            with pytest.raises(ResponseError, match="NOPERM|can't run|permission"):
                narrow.zadd("elsewhere", {"x": 1})
        finally:
            narrow.close()
            pool.disconnect()
            client.execute_command("ACL", "DELUSER", user)

    def _run_all(self, client: Redis, store: IndexStore) -> None:
        store.mark_built()
        head = [1, "", store.layout.fingerprint, COLOURS.digest]
        documents = [document(1, 1, colours=[LONG], number=2**60 + 1), document(2, 1, "destroyed")]
        flat = [argument for one in documents for argument in one.arguments()]
        assert lua.APPLY(client, store.base, *head, *flat)[0] == 2
        order = (Leaf(NUMBERS.digest.encode(), "score"), Leaf(NUMBERS.digest.encode() + b"~"))
        for what in ("ids", "count", "random", "explain ids"):
            arguments = IndexQuery(order, needs={"ids": ""}).arguments(what, 0, 5)
            assert lua.QUERY(client, store.base, *arguments)[0] == b"built"
        facet = FacetQuery(COLOURS.digest, "postings").arguments(5, 5)
        assert lua.FACET(client, store.base, *facet)[0] == b"built"
        assert lua.RECORDS(client, store.base, 0, 5, 9) == [b"5", b"1", 1, 1]
        assert len(lua.ENTRIES(client, store.base, 1, 2)) == 2
        assert lua.VERSIONS(client, store.base, 1, 2) == [1, 1, -1, 0]
        assert lua.CENSUS(client, store.base, 0, 9) == [b"0", b"1"]
        compared = lua.COMPARE(client, store.base, COLOURS.digest, *documents[0].arguments())
        assert compared == []
        assert lua.WALK(client, store.base, "ids", "id", 0, 9, "", "1") == [b"0", 1, 0]
        counts = lua.COUNTS(client, store.base, COLOURS.digest, 0, 0, 9, "1")
        assert counts == [b"", b""]
        kept, given = lua.DIGEST(client, store.base, 0, 0, 999, "1")
        assert kept == given != b"0"

    def test_two_models_do_not_meet(self, store: IndexStore) -> None:
        neighbour = IndexStore(Layout(f"{store.layout.label}2", SPECS), "default")
        neighbour.apply([document(1, 1, colours=["red"])])
        before = content_of(neighbour)
        store.apply([document(1, 7, colours=["green"])])
        store.clear()
        assert content_of(neighbour) == before
        neighbour.clear()


class TestReading:
    def test_records_of_a_range(self, store: IndexStore) -> None:
        store.apply([document(1, 3), document(2, 1, "deleted"), document(3, 9, "destroyed")])
        store.apply([document(20, 4)])
        assert list(store.records(1, 19)) == [(19, {1: (3, True), 2: (1, False)})]
        assert list(store.records(2, 2**62)) == [(2**62, {2: (1, False), 20: (4, True)})]

    def test_records_come_in_pieces_of_bounded_size(self, store: IndexStore) -> None:
        first = 2**62 - 60  # beyond 2^53, where many ids share one double
        states = ["live", "deleted"]
        store.apply([document(first + i, 1, states[i % 3 == 0]) for i in range(100)])
        chunks = list(store.records(first + 5, first + 94, limit=7))
        assert all(len(found) <= 14 for _, found in chunks)
        together = [id for _, found in chunks for id in sorted(found)]
        assert together == list(range(first + 5, first + 95))
        assert chunks[-1][0] == first + 94

    def test_a_composite_of_group_and_number(self, store: IndexStore) -> None:
        store.mark_built()
        store.apply([document(i, 1, group="a", number=-i) for i in range(1, 6)])
        name = GROUPED.posting_name({"group": "a"})
        query = IndexQuery((Leaf(name, "score"),), descending=False, needs={"ids": ""})
        assert store.ids(query, 1, 3) == [4, 3, 2]


def test_ids_that_one_double_stands_for(store: IndexStore) -> None:
    """Bounds, cursors and orders by id are exact up to the end of BIGINT."""
    store.mark_built()
    ids = [2**62 + i for i in range(4)]
    store.apply([document(id, 1, name="x", colours=["red"], number=1) for id in ids])
    everything, red = Leaf(b"ids"), Leaf(COLOURS.posting_name({"colours": "red"}))
    by_name = Leaf(BY_NAME.digest.encode(), "text", *bounds([Condition("name", "exact", "x")]))
    above = Leaf(b"ids", "id", *id_bounds(ids[2], None))
    below = Leaf(b"ids", "id", *id_bounds(None, ids[1]))
    for filter in (None, red, by_name):
        for part, expected in ((above, ids[2:]), (below, ids[:2])):
            node = part if filter is None else And((filter, part))
            up = IndexQuery((everything,), False, False, node, needs={"ids": ""})
            down = IndexQuery((everything,), True, True, node, needs={"ids": ""})
            assert store.ids(up, 0, None) == expected
            assert store.ids(down, 0, None) == expected[::-1]
            assert store.count(up) == 2
    number = Leaf(NUMBERS.digest.encode(), "score")
    for ties_descending in (False, True):
        for node in (None, And((red, Not(Ids((1,)))))):
            query = IndexQuery((number,), False, ties_descending, node, needs={"ids": ""})
            expected = sorted(ids, reverse=ties_descending)
            assert store.ids(query, 0, None) == expected
            assert store.ids(query, 1, 2) == expected[1:3]


def test_what_answers_questions_is_taught_together(
    store: IndexStore, private_redis: PrivateRedis, settings: Any
) -> None:
    sonic = {**settings.CACHES["sonic"], "LOCATION": private_redis.url}
    settings.CACHES = {**settings.CACHES, "sonic": sonic}
    store.mark_built()
    store.apply([document(id, 1, colours=["red"]) for id in (1, 2, 3)])
    everything = IndexQuery((Leaf(b"ids"),), needs={"ids": ""})
    with count_redis_calls() as calls:
        assert store.count(everything) == 3
    assert len(calls) == 2
    with count_redis_calls() as calls:
        assert store.ids(everything, 0, 2) == [3, 2]
        assert store.ids(everything, 0, None) == [3, 2, 1]
        store.facets([(FacetQuery(COLOURS.digest, "postings", needs={"ids": ""}), 5, None)])
    assert len(calls) == 3


def test_a_server_that_lost_its_scripts_gets_them_again(
    store: IndexStore, private_redis: PrivateRedis
) -> None:
    arguments = [1, "", store.layout.fingerprint, ""]
    with Redis.from_url(private_redis.url) as client:
        apply = lua.APPLY
        assert apply(client, store.base, *arguments, *document(1, 1).arguments())[:2] == [1, 0]
        client.script_flush()
        calls = [[*arguments, *document(id, 1).arguments()] for id in (2, 3, 4)]
        assert apply.many(client, store.base, calls) == [[1, 0, 0]] * 3
        client.script_flush()
        assert apply(client, store.base, *arguments, *document(5, 1).arguments())[:2] == [1, 0]
        assert client.zcard(f"{store.base}:ids") == 5
