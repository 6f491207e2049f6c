"""Random questions: filters nested to some depth, orders, and what is done with the queryset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.query.oracle import All, Any_, Not, Test
from tests.query.worlds import Pools, World

DEPTH = 3


@dataclass(frozen=True)
class Question:
    """``filters`` are given one after the other to filter() or, where they are Not, exclude()."""

    filters: tuple[Any, ...]
    order: tuple[str, ...]
    is_reversed: bool
    cursor: tuple[int, bool] | None
    low: int
    high: int | None

    @property
    def tree(self) -> All:
        return All(self.filters)


def tests(world: World, pools: Pools, ids: list[int]) -> st.SearchStrategy[Test]:
    """One lookup that the fields allow, indexed or not."""
    # Mostly fields with an index: the others are errors, which say little.
    pools = {**pools, **world.paths, "pk": [*ids, 0, -1, 2**70]}
    fields = st.sampled_from([*(name for name in pools if name not in world.unasked), "pk"])
    return fields.flatmap(lambda name: _test(world, name, pools[name]))


def _test(world: World, name: str, pool: list[Any]) -> st.SearchStrategy[Test]:
    # What a var_field's index does not hold cannot be asked for.
    pool = [value for value in pool if not isinstance(value, (list, dict, type(None)))]
    one, many = st.sampled_from(pool), st.lists(st.sampled_from(pool), max_size=3)
    forms = [
        st.builds(Test, st.just(name), st.just("exact"), one),
        st.builds(Test, st.just(name), st.just("in"), many),
        st.builds(Test, st.just(name), st.just("isnull"), st.booleans()),
    ]
    if name in world.lists:
        forms.append(st.builds(Test, st.just(name), st.sampled_from(["contains", "all"]), many))
        forms.append(st.just(Test(name, "exact", [])))
    elif name in world.ordered or name == "pk":
        bounds = st.sampled_from(["gt", "gte", "lt", "lte"])
        forms.append(st.builds(Test, st.just(name), bounds, one))
        pairs = st.lists(one, min_size=2, max_size=2)
        forms.append(st.builds(Test, st.just(name), st.just("range"), pairs))
        if isinstance(pool[0], str):
            starts = one.map(lambda text: text[:2])
            forms.append(st.builds(Test, st.just(name), st.just("startswith"), starts))
    if name in world.caseless:
        forms.append(st.builds(Test, st.just(name), st.just("iexact"), one))
        if f"{name}__iexact" in world.ordered:
            starts = one.map(lambda text: text[:2])
            forms.append(st.builds(Test, st.just(name), st.just("istartswith"), starts))
    if name != "pk":
        forms.append(st.just(Test(name, "exact", None)))
    return st.one_of(forms)


def _narrow(name: str, pools: Pools) -> st.SearchStrategy[Test]:
    """An equality with the field (or, by the index's own name for it, its text without case)."""
    field = name.removesuffix("__iexact")
    lookup = "exact" if field == name else "iexact"
    pool = [v for v in pools[field] if not isinstance(v, (list, dict, type(None)))]
    return st.builds(Test, st.just(field), st.just(lookup), st.sampled_from(pool))


def trees(leaves: st.SearchStrategy[Any], depth: int = DEPTH) -> st.SearchStrategy[Any]:
    """Lookups joined by and, or, not."""
    if depth == 0:
        return leaves
    inner = trees(leaves, depth - 1)
    several = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        leaves,
        leaves,
        st.builds(All, several),
        st.builds(Any_, several),
        st.builds(Not, inner),
    )


def questions(world: World, pools: Pools, ids: list[int]) -> st.SearchStrategy[Question]:
    """A whole question."""
    orders = [("-pk",), ("pk",)]
    known = pools.keys() | world.paths.keys()
    for name in sorted(world.ordered & known & {by for _, by in world.indexes if by}):
        for first in (name, f"-{name}"):
            orders += [(first,), (first, "pk"), (first, "-pk")]
    filters = st.lists(trees(tests(world, pools, ids)), max_size=2).map(tuple)
    if any(len(chosen) for chosen, by in world.indexes if by):
        # Orders of an index that needs a value first are rarely met by chance.
        chosen = {name for fields, by in world.indexes if by for name in fields}
        narrow = st.one_of(_narrow(name, {**pools, **world.paths}) for name in sorted(chosen))
        filters = filters | st.tuples(narrow) | st.tuples(narrow, trees(tests(world, pools, ids)))
    return st.builds(
        Question,
        filters=filters,
        order=st.sampled_from(orders),
        is_reversed=st.booleans(),
        cursor=st.none() | st.tuples(st.sampled_from(ids), st.booleans()) if ids else st.none(),
        low=st.integers(0, 3),
        high=st.none() | st.integers(0, 8),
    )
