"""Random objects, random writes, random questions, against plain Python over the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import FieldError
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from sonic_django.index import queries
from sonic_django.query.verify import needed_predicate
from tests.packed import small_packs
from tests.profiles import examples
from tests.query.oracle import All, Not, Oracle, Test, equal, is_trivial, spelling, to_q
from tests.query.questions import Question, questions
from tests.query.worlds import BLOG, EVERYTHING, ORDER, PAIR, PERSON, PLAIN, Pools, World, values

pytestmark = pytest.mark.django_db


class Run:
    """One example: a model's objects and the oracle's rows, kept in step by the public API."""

    def __init__(self, world: World, data: st.DataObject, users: list[int]) -> None:
        self.world, self.data, self.users = world, data, users
        self.model = world.model
        self.oracle: Oracle = world.oracle()
        self.objects: dict[int, Any] = {}
        # Answers do not depend on how many runs of a script it takes to find them.
        queries.BUDGET = data.draw(st.sampled_from([3000, 3000, 1, 2, 5, 20]), label="budget")
        # Nor on how many alternatives and ids a run is given.
        queries.MOST_ALTERNATIVES = data.draw(st.sampled_from([500, 1, 2]), label="alternatives")
        queries.MOST_IDS = data.draw(st.sampled_from([5000, 1, 3]), label="ids")
        self.has_sparse_ids = world.has_sparse_ids and data.draw(st.booleans(), label="sparse ids")

    @property
    def ids(self) -> list[int]:
        return list(self.oracle.rows)

    @property
    def pools(self) -> Pools:
        return self.world.pools(self.ids, self.users)

    # Writing ------------------------------------------------------------------------------------

    def write(self, number: int) -> None:
        for _ in range(number):
            actions = [self.create, self.create, self.create_many]
            if self.objects:
                actions += [self.change, self.change_some, self.delete, self.undelete, self.destroy]
            self.data.draw(st.sampled_from(actions), label="write")()

    def _values(self) -> dict[str, Any]:
        return self.data.draw(values(self.world, self.pools), label="values")

    def _object(self) -> Any:
        return self.objects[self.data.draw(st.sampled_from(list(self.objects)), label="object")]

    def _set(self, obj: Any, given: dict[str, Any]) -> None:
        for name, value in given.items():
            setattr(obj, self.world.attnames.get(name, name), value)

    def _keep(self, obj: Any, row: dict[str, Any]) -> None:
        self.oracle.rows[obj.id] = row
        self.objects[obj.id] = obj

    def _violates(
        self, row: dict[str, Any], id: int | None = None, *others: dict[str, Any]
    ) -> bool:
        """Whether a live object (or one of the others) has the row's unique values."""
        live = [r for i, r in self.oracle.rows.items() if i != id and i not in self.oracle.deleted]
        return any(
            None not in [row[name] for name in fields]
            and any(
                all(equal(row[name], other[name]) for name in fields) for other in [*live, *others]
            )
            for fields in self.world.uniques
        )

    @contextmanager
    def _refused_if(self, violates: bool) -> Iterator[None]:
        """What the block writes is refused, or not, as the uniques say."""
        if not violates:
            yield
            return
        with pytest.raises(IntegrityError), transaction.atomic():
            yield

    def _new_id(self) -> int | None:
        """None for the next dense id, or one of 63 bits that begins with the time."""
        if not self.has_sparse_ids or self.data.draw(st.booleans(), label="dense id"):
            # Ids go on behind the largest: dense ones are given before it, as by a table that has
            # changed its way of giving ids.
            return (
                max([id for id in self.ids if id < 2**40], default=2**20) + 1
                if (self.has_sparse_ids)
                else None
            )
        gap = self.data.draw(st.integers(1, 2**30), label="gap")
        return max([2**61, *self.ids]) + gap

    def create(self) -> None:
        row, obj = self._values(), self.model(id=self._new_id())
        self._set(obj, row)
        violates = self._violates(row)
        with self._refused_if(violates):
            obj.save()
        if not violates:
            self._keep(obj, row)

    def create_many(self) -> None:
        rows = [self._values() for _ in range(2)]
        first = self._new_id()
        objects = [self.model(id=None if first is None else first + at) for at in range(len(rows))]
        for obj, row in zip(objects, rows, strict=True):
            self._set(obj, row)
        violates = self._violates(rows[0]) or self._violates(rows[1], None, rows[0])
        with self._refused_if(violates), transaction.atomic():
            if first is None:
                self.model.objects.bulk_create(objects)
            else:  # which gives the ids itself
                for obj in objects:
                    obj.save()
        if violates:
            return
        for obj, row in zip(objects, rows, strict=True):
            self._keep(obj, row)

    def change(self) -> None:
        self._write_values(self._object(), self._values())

    def change_some(self) -> None:
        # By a copy of its own, so that the next write of this one starts from its payload.
        obj, given = self._object(), self._values()
        some = self.data.draw(st.sets(st.sampled_from(list(given)), min_size=1), label="fields")
        self._write_values(self._loaded(obj.id), {name: given[name] for name in some})

    def _write_values(self, obj: Any, given: dict[str, Any]) -> None:
        row = {**self.oracle.rows[obj.id], **given}
        violates = obj.id not in self.oracle.deleted and self._violates(row, obj.id)
        self._set(obj, given)
        with self._refused_if(violates):
            obj.save()
        if violates:
            obj = self._loaded(obj.id)
        else:
            self.oracle.rows[obj.id] = row
        self.objects[obj.id] = obj

    def _loaded(self, id: int) -> Any:
        manager = self.model.objects
        return (manager.deleted() if id in self.oracle.deleted else manager.all()).get(pk=id)

    def delete(self) -> None:
        obj = self._object()
        obj.delete()
        self.oracle.deleted.add(obj.id)

    def undelete(self) -> None:
        obj = self._object()
        violates = obj.id in self.oracle.deleted and self._violates(
            self.oracle.rows[obj.id], obj.id
        )
        with self._refused_if(violates):
            obj.undelete()
        if not violates:
            self.oracle.deleted.discard(obj.id)

    def destroy(self) -> None:
        obj = self._object()
        id = obj.id
        obj.destroy()
        del self.oracle.rows[id], self.objects[id]
        self.oracle.deleted.discard(id)

    # Queries ------------------------------------------------------------------------------------

    def ask(self, number: int) -> None:
        for _ in range(number):
            question = self.data.draw(questions(self.world, self.pools, self.ids), label="question")
            check(self, question)
        self._check_deleted()
        check_querysets_as_values(self)
        check_many_alternatives(self)

    def _check_deleted(self) -> None:
        gone = sorted(self.oracle.deleted, reverse=True)
        assert list(self.model.objects.deleted().values_list("pk", flat=True)) == gone
        for id in gone[:1]:
            deleted = self.model.objects.deleted()
            assert deleted.filter(pk__gt=id).count() == 0
            assert [obj.id for obj in deleted.filter(pk__lte=id)] == gone
            assert not self.model.objects.filter(pk=id).exists()


def check(run: Run, question: Question) -> None:
    """Ask the engine and the oracle, and compare in one of many ways."""
    oracle, tree = run.oracle, question.tree
    queryset, refused = _filtered(run, question)
    if refused:
        assert not oracle.answerable(tree), f"an index answers this, but: {refused}"
        return
    assert oracle.answerable(tree) or is_trivial(tree), "no index answers this"
    found = queryset.ids()
    assert set(found) == set(oracle.matching(tree))
    assert queryset.count() == len(found)
    assert queryset.exists() is bool(found)
    _check_needed_predicate(run, queryset, set(found))
    _check_order(run, question, queryset)


def _check_needed_predicate(run: Run, queryset: Any, expected: set[int]) -> None:
    """Each row, compared by itself, is among the answers exactly if the index gives it."""
    options = run.model._sonic
    matches = needed_predicate(options, queryset.state.conditions)
    if matches is not None:
        rows = options.table("default").fetch(run.ids).values()
        live = {row.id: options.decode(row.payload, row.id) for row in rows if not row.is_deleted}
        assert {id for id, stored in live.items() if matches(stored, id)} == expected


def _filtered(run: Run, question: Question) -> tuple[Any, FieldError | None]:
    try:
        queryset = run.model.objects.all()
        for part in question.filters:
            if isinstance(part, Not):
                queryset = queryset.exclude(to_q(part.child))
            else:
                queryset = queryset.filter(to_q(part))
        queryset.ids()
    except FieldError as error:
        return None, error
    return queryset, None


def _ordered(queryset: Any, order: tuple[str, ...]) -> tuple[Any, FieldError | None]:
    try:
        queryset = queryset.order_by(*order)
        queryset.ids()
    except FieldError as error:
        return None, error
    return queryset, None


def _check_order(run: Run, question: Question, queryset: Any) -> None:
    oracle, order = run.oracle, question.order
    expected = oracle.matching(question.tree)
    queryset, refused = _ordered(queryset, order)
    if refused:
        assert not oracle.can_order(question.tree, order), f"an index orders this, but: {refused}"
        return
    assert oracle.can_order(question.tree, order) or is_trivial(question.tree), "no such order"
    if question.cursor:
        cursor, behind = question.cursor
        queryset = queryset.after(cursor) if behind else queryset.before(cursor)
        expected = oracle.beside(expected, order, cursor, behind)
        assert queryset.count() == len(expected)
        assert queryset.exists() is bool(expected)
    expected, backwards = _both_ways(oracle, expected, order, question.cursor)
    if question.is_reversed:
        queryset, expected, backwards = queryset.reverse(), backwards, expected
    assert queryset.ids() == expected
    _check_ends(queryset, expected, backwards)
    low, high = question.low, question.high
    high = None if high is None else max(low, high)
    page = queryset[low:high]
    assert [obj.id for obj in page] == expected[low:high]
    assert queryset[low:high].count() == len(expected[low:high])
    _check_other_ways(run, queryset, expected)


def _both_ways(
    oracle: Oracle, ids: list[int], order: tuple[str, ...], cursor: tuple[int, bool] | None
) -> tuple[list[int], list[int]]:
    """The ids in the order and in the opposite one. Objects without a value are last in both, but
    of the objects ahead of a cursor the nearest is first."""
    expected = oracle.sort(ids, order)
    if cursor and not cursor[1]:
        return expected, expected[::-1]
    return expected, oracle.sort(ids, _turned(order))


def _turned(order: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name[1:] if name.startswith("-") else f"-{name}" for name in order)


def _check_ends(queryset: Any, expected: list[int], backwards: list[int]) -> None:
    first, last = queryset.first(), queryset.last()
    assert (first and first.id) == (expected[0] if expected else None)
    assert (last and last.id) == (backwards[0] if backwards else None)


def _check_other_ways(run: Run, queryset: Any, expected: list[int]) -> None:
    assert [obj.id for obj in queryset.iterator(chunk_size=2)] == expected
    assert set(queryset.in_bulk(run.ids)) == set(expected)
    for id in run.ids[:2]:
        assert queryset.contains(run.objects[id]) is (id in expected)
        if id in expected:
            assert queryset.get(pk=id).id == id
        else:
            with pytest.raises(run.model.DoesNotExist):
                queryset.get(pk=id)
    assert sorted(obj.id for obj in queryset.random(100)) == sorted(expected)
    if queryset.state.cursor is None:
        assert sorted(queryset.order_by("?").ids()) == sorted(expected)


def _plain_fields(run: Run) -> list[str]:
    """The fields of one value each that an index answers by themselves."""
    world = run.world
    alone = {name for chosen, by in world.indexes if not chosen - {by} for name in (by,) if name}
    alone |= {next(iter(chosen)) for chosen, by in world.indexes if len(chosen) == 1 and not by}
    return sorted(alone & set(run.pools) - world.lists - world.unasked - {"anything"})


def check_querysets_as_values(run: Run) -> None:
    """A queryset, shaped, ordered and sliced, is as good as the list of its values."""
    oracle, data, ids = run.oracle, run.data, run.ids
    if not ids:
        return
    some = data.draw(st.lists(st.sampled_from(ids), unique=True), label="objects of the argument")
    name = data.draw(st.sampled_from(["pk", *_plain_fields(run)]), label="field")
    order = data.draw(st.sampled_from([("pk",), ("-pk",)]), label="order of the argument")
    low, high = data.draw(st.tuples(st.integers(0, 2), st.integers(2, 5)), label="slice")
    live = [id for id in some if id not in oracle.deleted]
    chosen = oracle.sort(live, order)[low:high]
    given = run.model.objects.filter(pk__in=some).order_by(*order)[low:high]
    values: list[Any] = chosen
    if name != "pk":
        values = [oracle.rows[id][name] for id in chosen]
        given = data.draw(st.sampled_from([
            given.values_list(name, flat=True), given.values_list(name), given.values(name),
        ]), label="shape")  # fmt: skip
    test = Test(name, "in", [value for value in values if value is not None])
    expected = set(oracle.matching(test))
    live_ids = set(oracle.matching(All(())))
    assert set(run.model.objects.filter(**{f"{name}__in": given}).ids()) == expected
    assert set(run.model.objects.exclude(**{f"{name}__in": given}).ids()) == live_ids - expected
    found = run.model.objects.filter(pk__in=live).order_by("-pk")
    if name != "pk":
        every = [spelling(oracle.rows[id][name]) for id in sorted(live, reverse=True)]
        different = found.order_by().values_list(name, flat=True).distinct()
        assert different.count() == len(different) == len(set(every))


def check_many_alternatives(run: Run) -> None:
    """Hundreds of alternatives and long lists of ids, most of which no object has."""
    oracle, data = run.oracle, run.data
    live = set(oracle.matching(All(())))
    is_quick = min(queries.BUDGET, queries.MOST_ALTERNATIVES, queries.MOST_IDS) > 20
    number = data.draw(st.sampled_from([3, 3, 40, 700]) if is_quick else st.just(6), label="number")
    ids = [*run.ids, *range(10, 10 + 8 * number)]
    assert set(run.model.objects.filter(pk__in=ids).ids()) == live & set(ids)
    assert run.model.objects.exclude(pk__in=ids).count() == len(live - set(ids))
    names = _plain_fields(run)
    for name in names and data.draw(st.sets(st.sampled_from(names), max_size=2), label="fields"):
        pool = run.pools[name]
        more = {str: [f"x{at}" for at in range(number)], int: list(range(10**6, 10**6 + number))}
        values = [*pool, *more.get(type(pool[0]) if pool else str, [])]
        values = values[data.draw(st.integers(0, 3), label="without") :]
        expected = set(oracle.matching(Test(name, "in", values)))
        found = run.model.objects.filter(**{f"{name}__in": values})
        assert set(found.ids()) == expected
        assert found.count() == len(expected)
        assert [obj.id for obj in found[:3]] == sorted(expected, reverse=True)[:3]
        others = run.model.objects.exclude(**{f"{name}__in": values})
        assert set(others.ids()) == live - expected


def check_facets(run: Run, names: list[str]) -> None:
    """Facets of all objects and of filtered ones, against counting."""
    live = [id for id in run.ids if id not in run.oracle.deleted]
    for name in names:
        expected = run.oracle.facet(live, name)
        found = run.model.objects.facet(name, limit=1000)
        got = Counter({spelling(value): number for value, number in found})
        assert got == expected, (name, got - expected, expected - got)
        numbers = [number for _, number in found]
        assert numbers == sorted(numbers, reverse=True)
        for id in run.ids[:1]:
            some = [other for other in live if other > id]
            found = run.model.objects.filter(pk__gt=id).facet(name, limit=1000)
            assert Counter({spelling(v): n for v, n in found}) == run.oracle.facet(some, name)


@pytest.fixture
def users(db: None) -> list[int]:
    return [User.objects.create_user(name).pk for name in ("ann", "bob")]


def run_example(world: World, data: st.DataObject, users: list[int], facets: list[str]) -> None:
    # Nor on whether sets are large enough to be packed.
    packs = small_packs() if data.draw(st.booleans(), label="small packs") else nullcontext()
    with packs:
        try:
            _run_example(world, data, users, facets)
        finally:
            # What was rolled back is taken out of the index now, also where hypothesis gives an
            # example up: sets that are packed small are misread by scripts that pack as usual.
            world.model.objects.count()


def _run_example(world: World, data: st.DataObject, users: list[int], facets: list[str]) -> None:
    with transaction.atomic():
        run = Run(world, data, users)
        run.write(data.draw(st.integers(1, 8), label="writes"))
        run.ask(4)
        check_facets(run, facets)
        run.write(data.draw(st.integers(1, 4), label="more writes"))
        run.ask(3)
        check_facets(run, facets)
        transaction.set_rollback(True)


@examples(16)
@given(data=st.data())
def test_objects_of_all_field_kinds(data: st.DataObject, users: list[int]) -> None:
    facets = ["text", "whole", "exact", "real", "moment", "day", "clock", "span", "flag", "code",
              "raw", "words", "numbers", "friends", "parent"]  # fmt: skip
    run_example(EVERYTHING, data, users, facets)


@examples(12)
@given(data=st.data())
def test_objects_with_an_index_of_two_fields(data: st.DataObject, users: list[int]) -> None:
    run_example(PLAIN, data, users, ["name", "group"])


@examples(10)
@given(data=st.data())
def test_objects_with_ordered_postings_of_a_list(data: st.DataObject, users: list[int]) -> None:
    run_example(BLOG, data, users, ["author", "score", "created"])


@examples(8)
@given(data=st.data())
def test_objects_with_uniques(data: st.DataObject, users: list[int]) -> None:
    run_example(PAIR, data, users, ["code"])


@examples(12)
@given(data=st.data())
def test_objects_looked_up_without_case_and_by_path(data: st.DataObject, users: list[int]) -> None:
    run_example(PERSON, data, users, ["nick"])


@examples(12)
@given(data=st.data())
def test_objects_that_embed_others(data: st.DataObject, users: list[int]) -> None:
    run_example(ORDER, data, users, ["address__city", "address__number", "lines__sku"])
