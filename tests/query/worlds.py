"""Random objects of the test models, with values that have gone wrong somewhere before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from tests.query.oracle import Oracle
from tests.testapp.models import Blog, Everything, Order, Pair, Person, Plain

UTC = timezone.utc
HUGE = 10**400  # beyond what any double holds

TEXTS = [
    "", "a", "A", "a\x00", "a\x00b", "a\x01", "\x00", "~", "-", "~1", "-5", "0", "None", "a:b",
    "a|b", "%3a", "{x}", "é", "\uffff", "\U0001f600", "\ud800", "z" * 300, "z" * 300 + "y",
    "z" * 6000,
]  # fmt: skip
INTS = [0, 1, -1, 2, 7, 2**53 - 1, 2**53, 2**53 + 1, 2**53 + 2, -(2**53) - 1, 2**63, 10**25,
        10**25 + 1, -(10**25), HUGE, HUGE + 1, -HUGE]  # fmt: skip
FLOATS = [0.0, -0.0, 1.0, 0.1, -0.1, 1e-320, 5e-324, -5e-324, 1e308, -1e308, float("inf"),
          float("-inf"), 2.0**60, 0.30000000000000004]  # fmt: skip
DECIMALS = list(map(Decimal, [
    "0", "-0", "1", "1.0", "0.1", "0.10", "0.1000000000000000055511151231257827", "0.30", "-0.1",
    "0.09999999999999999999999999999", "1E+30", "1E+400", "-1E+400", "1E-400", "2E-400", "-1E-400",
    "9007199254740993", "9007199254740993.5", "12345678901234567890.123456789",
]))  # fmt: skip
MOMENTS = [
    datetime(1970, 1, 1, tzinfo=UTC), datetime(1969, 12, 31, 23, 59, 59, 999999, UTC),
    datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999998, UTC), datetime(2024, 2, 29, 12, tzinfo=UTC),
    datetime(2024, 2, 29, 17, tzinfo=timezone(timedelta(hours=5))),
    datetime(2024, 2, 29, 12, 0, 0, 1, UTC),
]  # fmt: skip
DAYS = [date(1, 1, 1), date(1970, 1, 1), date(2024, 2, 29), date(2024, 3, 1), date(9999, 12, 31)]
CLOCKS = [time(0), time(0, 0, 0, 1), time(12), time(23, 59, 59, 999999)]
SPANS = [timedelta(0), timedelta(microseconds=1), timedelta(-1), timedelta.max, timedelta.min,
         timedelta(days=400), timedelta.max - timedelta(microseconds=1)]  # fmt: skip
CODES = [UUID(int=0), UUID(int=1), UUID(int=2**128 - 1)]
RAWS = [b"", b"\x00", b"a", b"\xff" * 3, b"n", b"x" * 100, b"x" * 101]
ANYTHING = [
    *TEXTS[:4], *INTS[:5], *FLOATS[:4], *DECIMALS[:6], True, False, b"a", date(1970, 1, 1),
    MOMENTS[0], datetime(1970, 1, 1), time(12), timedelta(0), CODES[0], HUGE, float("nan"),
    Decimal("NaN"), Decimal("Infinity"), float("inf"), [], ["a"], {}, {"a": 1},
]  # fmt: skip

#: Field -> the pool that its values and the values asked for come from.
Pools = dict[str, list[Any]]


@dataclass(frozen=True)
class World:
    """A class, how its objects vary, and what can be asked of it."""

    model: Any
    #: Given the ids of the objects made before and of two users.
    pools: Callable[[list[int], list[int]], Pools]
    lists: frozenset[str]
    ordered: frozenset[str]
    #: (fields that choose a set, field that orders it), written down by hand.
    indexes: tuple[tuple[frozenset[str], str | None], ...]
    #: Attribute that takes the primitive, where it is not the field's name.
    attnames: dict[str, str]
    uniques: tuple[tuple[str, ...], ...] = ()
    #: Paths into fields, and the values that are asked for there.
    paths: dict[str, list[Any]] = field(default_factory=dict)
    #: Fields that are looked up by paths only.
    unasked: frozenset[str] = frozenset()
    #: Fields and paths with texts that may be looked up without their case.
    caseless: frozenset[str] = frozenset()
    #: Whether some ids may be given that begin with the time; the table then goes on behind them.
    has_sparse_ids: bool = False

    def oracle(self) -> Oracle:
        return Oracle(list(self.indexes), self.ordered)


def _index(*chosen: str, by: str | None = None) -> tuple[frozenset[str], str | None]:
    return frozenset(chosen), by


_SORTED = ["text", "email", "whole", "real", "exact", "moment", "day", "clock", "span"]
_POSTED = ["flag", "code", "raw", "anything", "words", "numbers", "friends", "parent", "owner"]

EVERYTHING = World(
    Everything,
    lambda ids, users: {
        "text": TEXTS, "long_text": TEXTS[:3], "email": ["", "a@b.c", "A@b.c"], "url": [""],
        "whole": INTS, "real": FLOATS, "exact": DECIMALS, "flag": [True, False],
        "moment": MOMENTS, "day": DAYS, "clock": CLOCKS, "span": SPANS, "code": CODES,
        "raw": RAWS, "anything": ANYTHING, "words": TEXTS, "numbers": INTS,
        "friends": [*ids, 2**40], "parent": [*ids, 2**40], "owner": users,
    },
    lists=frozenset(["words", "numbers", "friends"]),
    ordered=frozenset([*_SORTED, "long_text", "url"]),
    indexes=(*(_index(by=name) for name in _SORTED), *map(_index, _POSTED)),
    attnames={"parent": "parent_id", "owner": "owner_id"},
)  # fmt: skip

PLAIN = World(
    Plain,
    lambda ids, users: {"name": TEXTS[:8], "group": ["", "a", "a:b"], "number": INTS},
    lists=frozenset(),
    ordered=frozenset(["name", "group", "number"]),
    indexes=(_index(by="name"), _index("group"), _index("group", by="number")),
    attnames={},
)

BLOG = World(
    Blog,
    lambda ids, users: {
        "title": TEXTS[:3], "author": [1, 2, 2**40], "tags": ["", "a", "b", "a|b", "z" * 300],
        "score": [-1, 0, 1, 2], "created": MOMENTS[:4],
    },
    lists=frozenset(["tags"]),
    ordered=frozenset(["title", "content", "score", "created"]),
    indexes=(
        _index("author"), _index("author", "tags"), _index("tags", by="created"),
        _index(by="created"), _index(by="score"),
    ),
    attnames={"author": "author_id"},
)  # fmt: skip

PAIR = World(
    Pair,
    lambda ids, users: {"left": ["", "a", "a|b"], "right": [0, 1, 2**60], "code": TEXTS[:6]},
    lists=frozenset(),
    ordered=frozenset(["left", "right", "code"]),
    indexes=(_index("left", "right"), _index(by="code")),
    attnames={},
    uniques=(("left", "right"), ("code",)),
    has_sparse_ids=True,
)

CASES = [
    "", "a", "A", "ab", "aB", "Straße", "STRASSE", "strasse", "ß", "ẞ", "ss", "é", "e\u0301", "É",
    "e", "İ", "i̇", "i", "\u0131", "Σ", "\u03c3", "ς", "ǅ", "ΐ", "Ϊ\u0301", "\x00", "K", "\u212a",
    "ﬁ", "FI", "\ud800", "Ж" * 90, "ж" * 90,
]  # fmt: skip
PLACES = ["Oslo", "oslo", "", 0, False, None, 1.0, "n", [], ["Oslo", "Bergen"], ["oslo", {}, None],
          {}, {"street": "x"}, [[]], "z" * 300]  # fmt: skip
STREETS = ["Gate 1", "", 5, None, ["a", "b"], [], {"street": "x"}]

PERSON = World(
    Person,
    lambda ids, users: {
        "nick": CASES, "team": CASES[:6], "words": CASES, "score": [-1, 0, 1],
        "meta": [
            {}, [], "Oslo", *({"city": place} for place in PLACES),
            *({"city": "Oslo", "home": {"street": street}} for street in STREETS),
            {"home": [{"street": "Gate 1"}, {"street": None}, {}, 5, {"street": ["a", "b"]}]},
            {"home": [{}]}, {"home": []}, {"home": "x"}, [{"city": "Oslo"}, {"city": "Bergen"}],
        ],
    },
    lists=frozenset(["words", "meta__city", "meta__home__street"]),
    ordered=frozenset(["nick", "nick__iexact", "team", "team__iexact", "score"]),
    indexes=(
        _index(by="nick"), _index(by="nick__iexact"), _index("team__iexact", by="score"),
        _index("words__iexact"), _index("meta__city"), _index("meta__city__iexact"),
        _index("meta__home__street"), _index("meta__city", by="score"),
    ),
    attnames={},
    paths={"meta__city": PLACES, "meta__home__street": STREETS, "meta__nowhere": ["x"]},
    caseless=frozenset(["nick", "team", "words", "meta__city"]),
)  # fmt: skip

STREETS_OF_ORDERS = ["", "Gate", "gate 1", "GATE 2"]
NUMBERS = [0, 1, -1, 2**60, 2**60 + 1]
SKUS = ["", "a", "b", "a|b"]


def _addresses() -> list[Any]:
    country = {"code": "no", "facts": {"capital": "Oslo"}}
    return [
        {
            "street": street, "city": ["Oslo", "Bergen", ""][at % 3], "number": number,
            "country": [None, country, {"code": "", "facts": {}}][at % 3],
            "tags": [[], ["x"], ["x", "y", "x"]][at % 3], "renamed": "",
        }
        for at, (street, number) in enumerate(
            (street, number) for street in STREETS_OF_ORDERS for number in [None, *NUMBERS]
        )
    ]  # fmt: skip


ORDER = World(
    Order,
    lambda ids, users: {
        "address": _addresses(), "total": [0, 1, 2],
        "lines": [[], *([{"sku": one, "price": None}, {"sku": other, "price": None}]
                        for one in SKUS for other in SKUS)],
    },
    lists=frozenset(["address__tags", "lines__sku"]),
    ordered=frozenset(["total", "address__number", "address__street__iexact"]),
    indexes=(
        _index("address__city"), _index(by="address__number"),
        _index(by="address__street__iexact"), _index("address__country__code"),
        _index("address__country__facts__capital"), _index("address__tags"),
        _index("lines__sku"), _index("address__city", by="total"),
    ),
    attnames={},
    paths={
        "address__city": ["Oslo", "Bergen", "", "oslo"], "address__number": NUMBERS,
        "address__street": STREETS_OF_ORDERS, "address__country__code": ["no", "", "se"],
        "address__country__facts__capital": ["Oslo", 5], "address__tags": ["x", "y", "z"],
        "lines__sku": SKUS,
    },
    unasked=frozenset(["address", "lines"]),
    caseless=frozenset(["address__street"]),
)  # fmt: skip


def values(world: World, pools: Pools) -> st.SearchStrategy[dict[str, Any]]:
    """A value for each field: None, one of its pool, or a list of those."""
    fields = {}
    for name, pool in pools.items():
        one = st.sampled_from(pool)
        many = st.lists(one, max_size=3)
        fields[name] = st.none() | (many if name in world.lists else one)
    return st.fixed_dictionaries(fields)
