"""Packed sets: the same answers in less room, whatever is added and removed, in any order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonic_django.index import queries
from sonic_django.index.encoding import id_bounds, member
from sonic_django.index.inspection import Inspection
from sonic_django.index.queries import All, And, IndexQuery, Leaf, Not, Or
from sonic_django.index.store import IndexStore, Unbuilt
from sonic_django.test import count_redis_calls
from sonic_django.transport.client import redis_client
from tests.index.dump import COLOURS, Expected, content_of, document
from tests.packed import entries_of, is_packed, small_packs
from tests.profiles import examples

SMALL = (1, 3)  # digits and fan of small packs


@pytest.fixture
def small(store: IndexStore) -> Iterator[IndexStore]:
    with small_packs():
        yield store


def ids_key(store: IndexStore) -> str:
    return f"{store.base}:ids"


IDS = st.integers(1, 60) | st.integers(1, 2000) | st.integers(10**6, 10**6 + 50)


@examples(150)
@given(
    batches=st.lists(st.lists(st.tuples(IDS, st.sampled_from("LLLDG")), max_size=30), max_size=8)
)
def test_every_set_and_count_is_as_expected(small: IndexStore, batches: Any) -> None:
    small.clear()
    expected, version = Expected(), 0
    for batch in batches:
        documents = []
        for id, letter in batch:
            version += 1
            state = {"L": "live", "D": "deleted", "G": "destroyed"}[letter]
            colours = ["red", "blue"][: 1 + id % 2] if state == "live" else []
            documents.append(document(id, version, state, colours=colours, group="g"))
        small.apply(documents)
        for one in documents:
            expected.apply(one, "")
    assert content_of(small, SMALL) == expected.content()


def leaf(colour: str) -> Leaf:
    return Leaf(COLOURS.posting_name({"colours": colour}))


def query(*filters: Any, descending: bool = False) -> IndexQuery:
    chosen = And(filters) if len(filters) > 1 else (filters[0] if filters else None)
    return IndexQuery(
        (Leaf(b"ids"),),
        descending=descending,
        ties_descending=descending,
        filter=chosen,
        needs={COLOURS.digest: "colours"},
    )


@examples(100)
@given(
    ids=st.sets(IDS, min_size=4),
    removed=st.sets(IDS),
    low=st.none() | IDS,
    high=st.none() | IDS,
    page=st.tuples(st.integers(0, 70), st.integers(1, 70)),
    descending=st.booleans(),
)
def test_pages_counts_and_ranges(
    small: IndexStore, ids: Any, removed: Any, low: Any, high: Any, page: Any, descending: bool
) -> None:
    small.clear()
    small.mark_built()
    red = {id for id in ids if id % 3}
    large = {id for id in ids if id % 4}
    small.apply(
        [
            document(id, 1, colours=["red" if id in red else "blue", *["large"] * (id in large)])
            for id in ids
        ]
    )
    small.apply([document(id, 2, "destroyed") for id in removed])
    live = {id for id in ids - removed if (low is None or id >= low)}
    live = {id for id in live if (high is None or id <= high)}
    first, last = id_bounds(low, high)
    between = Leaf(b"ids", low=first, high=last)
    is_red, is_blue = leaf("red"), leaf("blue")
    # A combination of whole sets is counted by parts.
    everything = ids - removed
    for number, condition in (
        (len(everything & red), And((is_red, Not(Not(is_red))))),
        (len(everything - red), Not(is_red)),
        (len(everything), Or((is_red, Not(is_red)))),
        (len(everything - red), And((All(), Not(is_red), is_blue))),
        (0, And((is_red, is_blue))),
        (len(everything), Or((is_red, is_blue))),
    ):
        assert small.count(query(condition)) == number
    for found, filters in (
        (everything, []),
        (everything & red, [is_red]),
        (live, [between]),
        (live & red, [between, is_red]),
        (live - red, [between, Not(is_red)]),
        # Only whole sets: walked by parts.
        ((ids - removed) & red & large, [is_red, leaf("large")]),
    ):
        listed = sorted(found, reverse=descending)
        question = query(*filters, descending=descending)
        assert small.count(question) == len(listed)
        assert small.ids(question, 0, None) == listed
        assert small.ids(question, page[0], page[1]) == listed[page[0] :][: page[1]]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(
    "ids",
    [
        pytest.param([1, 2, 3, 9, 11, 14, 15, 16, 23, 25, 31, 32], id="all near"),
        pytest.param([5, 7, 11, 12, 13, 14, 42, 44], id="few of one digit"),
        pytest.param([1, 2, 3, 11, 12, 31, 200, 203, 205, 207, 411, 412], id="far apart"),
    ],
)
def test_every_page_of_a_set(small: IndexStore, ids: list[int], descending: bool) -> None:
    small.mark_built()
    small.apply([document(id, 1, colours=["red"]) for id in ids])
    assert is_packed(redis_client(), f"{small.base}:{leaf('red').name.decode()}")
    listed = sorted(ids, reverse=descending)
    question = query(leaf("red"), descending=descending)
    for offset in range(len(ids) + 2):
        for limit in range(1, len(ids) + 2):
            assert small.ids(question, offset, limit) == listed[offset : offset + limit]


@pytest.mark.parametrize("number", [2, 20])
@pytest.mark.parametrize("descending", [False, True])
def test_a_page_far_behind_the_end(small: IndexStore, number: int, descending: bool) -> None:
    small.mark_built()
    small.apply([document(id, 1, colours=["red"]) for id in range(1, number + 1)])
    question = query(leaf("red"), descending=descending)
    for offset in (number, 2**53 + 1, 10**25):
        assert small.ids(question, offset, 5) == []


def colours_of(id: int) -> list[str]:
    """Red are most, blue one in fifty, green a handful."""
    return ["red"] * (id % 10 > 0) + ["blue"] * (id % 50 == 1) + ["green"] * (id % 9000 == 0)


@pytest.fixture
def large(store: IndexStore) -> IndexStore:
    """25,000 objects, with the limits as they are."""
    store.mark_built()
    store.apply([document(id, 1, colours=colours_of(id)) for id in range(1, 25_001)])
    return store


class TestLayout:
    def kind(self, store: IndexStore, name: str) -> bytes:
        kind: bytes = redis_client().type(f"{store.base}:{name}")  # type: ignore[assignment]
        return kind

    def test_dense_parts_are_bitmaps_and_sparse_ones_sets(self, large: IndexStore) -> None:
        red, blue, green = (leaf(name).name.decode() for name in ("red", "blue", "green"))
        assert self.kind(large, red) == self.kind(large, blue) == b"hash"
        assert self.kind(large, green) == b"zset"  # two entries
        assert self.kind(large, f"{red}#1") == b"string"
        assert redis_client().strlen(f"{large.base}:{red}#1") == 1250
        few = [id for id in range(1, 25_001) if id % 100 == 0]
        large.apply([document(id, 2, colours=["few"]) for id in few])
        name = leaf("few").name.decode()
        assert self.kind(large, f"{name}#1") == b"set"
        assert redis_client().object("encoding", f"{large.base}:{name}#1") == b"intset"
        assert self.kind(large, f"{name}#0") == b"set"
        backwards = query(leaf("few"), descending=True)
        assert large.ids(backwards, 237, 20) == [*range(1300, 0, -100)]

    def test_the_last_of_all(self, large: IndexStore) -> None:
        backwards = query(leaf("red"), descending=True)
        assert (
            large.ids(backwards, 0, 12)
            == [id for id in range(25_000, 24_980, -1) if id % 10 > 0][:12]
        )
        assert large.ids(backwards, 22_500 - 12, 20) == [
            id for id in range(13, 0, -1) if id % 10 > 0
        ]

    def test_takes_little_room(self, large: IndexStore) -> None:
        name = leaf("red").name.decode()
        keys = [f"{large.base}:{name}", *(f"{large.base}:{name}#{part}" for part in range(3))]
        room = sum(redis_client().memory_usage(key) or 0 for key in keys)
        assert room / 22_500 < 1  # bytes an entry; a sorted set takes a hundred

    def test_ids_far_apart_are_not_packed(self, store: IndexStore) -> None:
        store.apply([document(id * 10_000, 1) for id in range(1, 1000)])
        assert not is_packed(redis_client(), ids_key(store))
        assert store.number_of_ids() == 999

    def test_ids_of_64_bits(self, store: IndexStore) -> None:
        first = 2**63 - 1000
        store.apply([document(first + i, 1) for i in range(1000)])
        assert is_packed(redis_client(), ids_key(store))
        store.mark_built()
        assert store.ids(query(), 990, 5) == [first + 990 + i for i in range(5)]
        assert store.count(query(Leaf(b"ids", low=id_bounds(first + 7, None)[0]))) == 993
        assert entries_of(redis_client(), ids_key(store))[0][0] == member(first)

    def test_nothing_is_left_of_an_empty_set(self, large: IndexStore) -> None:
        for start in range(1, 25_001, 1000):
            large.apply([document(id, 9, "destroyed") for id in range(start, start + 1000)])
        keys = list(large.keys())
        names = {key[len(large.base) + 1 :].split(b"#")[0] for key in keys}
        assert names == {b"rec", b"gone", b"state"}

    def test_clear_leaves_nothing(self, large: IndexStore) -> None:
        large.clear()
        assert list(large.keys()) == []

    def test_parts_are_no_strays(self, large: IndexStore) -> None:
        assert list(large.orphaned_keys()) == []

    def test_a_walk_visits_every_entry_once(self, large: IndexStore) -> None:
        inspection = Inspection(large, large.built())
        walked: dict[bytes, int] = {}
        for part in inspection.walk(repair=False):
            assert not part.stale
            walked[part.name] = walked.get(part.name, 0) + part.entries
        assert walked[b"ids"] == 25_000
        assert walked[leaf("red").name] == 22_500

    def test_a_walk_mends_bitmaps_and_sets(self, large: IndexStore) -> None:
        client, red = redis_client(), f"{large.base}:{leaf('red').name.decode()}"
        client.setbit(f"{red}#1", 20, 1)  # 10020 is not red, and the counts do not know of it
        client.hincrby(red, "1", -1)  # bitmaps are counted below zero
        client.hincrby(red, "n", 1)
        inspection = Inspection(large, large.built())
        found = {part.name: part.stale for part in inspection.walk(repair=True) if part.stale}
        assert found == {leaf("red").name: ("10020",)}
        assert len(entries_of(client, red)) == 22_500

    @pytest.mark.parametrize("field", ["n", "1", "m"])
    def test_a_walk_finds_and_repairs_wrong_counts(self, large: IndexStore, field: str) -> None:
        client, red = redis_client(), f"{large.base}:{leaf('red').name.decode()}"
        client.hincrby(red, field, -1)
        walk = Inspection(large, large.built()).walk
        assert [part.name for part in walk(repair=False) if part.is_uncounted] == [leaf("red").name]
        assert [part.name for part in walk(repair=True) if part.is_uncounted] == [leaf("red").name]
        assert not any(part.is_uncounted for part in walk(repair=False))
        assert len(entries_of(client, red)) == large.count(query(leaf("red"))) == 22_500

    @pytest.mark.parametrize("number", [1, 100])
    def test_what_is_left_of_a_lost_count_is_replaced(self, large: IndexStore, number: int) -> None:
        """By single objects, and by several in one run."""
        client, red = redis_client(), f"{large.base}:{leaf('red').name.decode()}"
        client.hdel(red, "1")
        assert {
            p.name for p in Inspection(large, large.built()).walk(repair=True) if p.is_uncounted
        }
        again = [document(id, 1, colours=colours_of(id)) for id in range(10_000, 20_000)]
        for start in range(0, 10_000, 100):
            for first in range(start, start + 100, number if start < 300 else 100):
                size = number if start < 300 else 100
                large.apply(again[first : first + size], "rebuild")
        assert len(entries_of(client, red)) == large.count(query(leaf("red"))) == 22_500


class TestCountingByParts:
    def test_one_call_and_no_entry_touched(self, large: IndexStore) -> None:
        question = query(And((leaf("red"), Not(leaf("blue")))))
        assert large.count(question) == 22_000
        with count_redis_calls() as calls:
            answer = large.explain(question, 0, None, "count")
        assert not isinstance(answer, Unbuilt)
        assert (len(calls), answer.strategy, answer.runs) == (1, "parts", 1)
        assert answer.count() == 22_000
        assert answer.touched == 3 * 3  # parts of two sets and, for the complement, of all ids

    def test_few_are_looked_up(self, large: IndexStore) -> None:
        answer = large.explain(query(And((leaf("blue"), leaf("red")))), 0, None, "count")
        assert not isinstance(answer, Unbuilt)
        assert (answer.strategy, answer.count()) == ("number", 500)


class TestManyInOneRun:
    """What one run of the script adds to a part is written together, and counted once."""

    @pytest.mark.parametrize(
        "ids",
        [
            range(12_001, 12_101),  # in few bytes of a bitmap
            range(10_007, 19_999, 101),  # all over it
            range(9_950, 10_050),  # in two parts
            [*range(24_950, 25_001), *range(30_000, 30_040)],  # in a new part
            [15_000] * 3,
        ],
    )
    def test_those_that_are_there_are_not_counted_again(
        self, large: IndexStore, ids: Sequence[int]
    ) -> None:
        client, red = redis_client(), f"{large.base}:{leaf('red').name.decode()}"
        before = dict(entries_of(client, red))
        large.apply([document(id, version, colours=["red"]) for version, id in enumerate(ids, 2)])
        expected = before | {member(id): float(id) for id in ids}
        assert dict(entries_of(client, red)) == expected
        assert large.count(query(leaf("red"))) == len(expected)

    def test_an_object_that_comes_twice(self, large: IndexStore) -> None:
        ids = range(12_001, 12_041)
        first = [document(id, 2, colours=["red", "new"]) for id in ids]
        large.apply([*first, *(document(id, 3, colours=["blue"]) for id in ids)])
        client = redis_client()
        for colour, is_member in (("red", False), ("blue", True), ("new", False)):
            key = f"{large.base}:{leaf(colour).name.decode()}"
            members = dict(entries_of(client, key))
            assert [member(id) in members for id in ids] == [is_member] * 40


class TestOneRun:
    """What one run of the script does is bounded, however many parts there are."""

    @pytest.fixture
    def many_parts(self, small: IndexStore) -> IndexStore:
        small.mark_built()
        both = ["red", "large"]
        small.apply([document(id, 1, colours=both[: 1 + id % 2]) for id in range(1, 90)])
        return small

    def test_of_a_count(self, many_parts: IndexStore) -> None:
        condition = And((leaf("red"), leaf("large")))
        answer = many_parts.explain(query(condition), 0, None, "count")
        assert not isinstance(answer, Unbuilt)
        assert (answer.strategy, answer.count()) == ("parts", 45)
        # Five chunks, and up to four reads of counts for them: see tests/packed.py
        assert answer.touched / answer.runs <= 5 + 4 * 50

    def test_of_a_page_without_tests(self, large: IndexStore) -> None:
        with count_redis_calls() as calls:
            assert len(large.ids(query(leaf("red")), 0, 3 * queries.BUDGET)) == 3 * queries.BUDGET
        assert len(calls) == 3

    def test_of_a_page(self, many_parts: IndexStore, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(queries, "BUDGET", 1)
        condition = And((leaf("red"), leaf("large")))
        answer = many_parts.explain(query(condition), 0, None, "ids")
        assert not isinstance(answer, Unbuilt)
        assert answer.page(0, None) == list(range(1, 90, 2))
        assert answer.runs == 9  # a part of ten ids each


def test_memory_is_that_of_all_keys(large: IndexStore) -> None:
    """Also on a server with more keys than there are objects, where no SCAN is made."""
    client = redis_client()
    keys = list(large.keys())
    wanted = sum(client.memory_usage(key, samples=20) or 0 for key in keys)
    assert large.memory() == wanted
    assert set(keys) <= set(large.recorded_keys())


class TestMixedDensities:
    """Ids one after the other, then ids of 63 bits by time, as after a change to such ids."""

    DENSE = range(1, 2001)
    APART = range(2**60, 2**60 + 300 * 10**12, 10**12)

    @pytest.fixture
    def mixed(self, store: IndexStore) -> IndexStore:
        store.mark_built()
        for ids in (self.DENSE, self.APART):
            store.apply([document(id, 1, colours=["red", "large"]) for id in ids])
        return store

    def test_a_set_is_packed_only_while_its_ids_are_close_together(self, store: IndexStore) -> None:
        store.mark_built()
        key = f"{store.base}:{leaf('red').name.decode()}"
        store.apply([document(id, 1, colours=["red"]) for id in self.DENSE])
        assert is_packed(redis_client(), key)
        store.apply([document(id, 1, colours=["red"]) for id in self.APART])
        assert not is_packed(redis_client(), key)
        assert not list(redis_client().scan_iter(f"{key}#*", count=1000))
        members = [entry for entry, _ in entries_of(redis_client(), key)]
        assert members == [member(id) for id in (*self.DENSE, *self.APART)]

    def test_results_and_work(self, mixed: IndexStore) -> None:
        everything = [*self.DENSE, *self.APART]
        both = query(leaf("red"), leaf("large"))
        with count_redis_calls() as calls:
            assert mixed.count(both) == len(everything)
            assert mixed.ids(both, 0, None) == everything
            assert mixed.ids(both, 1990, 20) == everything[1990:2010]
            assert mixed.count(query(Not(leaf("red")))) == 0
        assert len(calls) <= 12

    @pytest.mark.parametrize("number", [3, 40, 120])
    def test_some_that_are_far_apart_among_many(self, store: IndexStore, number: int) -> None:
        """Too few to unpack the set: all is right, in runs that are bounded."""
        store.mark_built()
        apart = self.APART[:number]
        for ids in (self.DENSE, apart):
            store.apply([document(id, 1, colours=["red", "large"]) for id in ids])
        gone = [1, 1000, apart[0]]
        store.apply([document(id, 2, "destroyed") for id in gone])
        left = [id for id in (*self.DENSE, *apart) if id not in gone]
        for descending in (False, True):
            listed = left[::-1] if descending else left
            both = query(leaf("red"), leaf("large"), descending=descending)
            assert store.count(both) == len(left)
            assert store.ids(both, 0, None) == listed
            assert store.ids(both, 0, number + 5) == listed[: number + 5]
            either = query(Or((leaf("red"), Not(leaf("large")))), descending=descending)
            assert store.count(either) == len(left)
