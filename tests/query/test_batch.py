"""Several answers in one round trip; ids and orders that are given from outside."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sonic_django.exceptions import IndexNotBuilt
from sonic_django.query.batch import CountOf, FacetOf, IdsOf
from sonic_django.test import count_redis_calls
from tests.testapp.models import Plain

pytestmark = pytest.mark.django_db


@pytest.fixture
def plains() -> list[Plain]:
    return Plain.objects.bulk_create(
        [Plain(name=f"n{n}", group="ab"[n % 2], number=n) for n in range(6)]
    )


class TestBatch:
    def test_numbers_ids_and_values_in_one_round_trip(self, plains: list[Plain]) -> None:
        objects = Plain.objects.all()
        items = [
            CountOf(objects),
            IdsOf(objects.order_by("name")[1:3]),
            FacetOf(objects, "group"),
            CountOf(objects.filter(group="a")[1:]),
            IdsOf(objects.none()),
        ]
        objects.batch(items)  # the server knows the scripts from now on
        with count_redis_calls() as calls:
            number, ids, values, sliced, none = objects.batch(items)
        assert len(calls) == 1
        assert (number, ids, sliced, none) == (6, [plains[1].id, plains[2].id], 2, [])
        assert dict(values.pairs) == {"a": 3, "b": 3}
        assert (values.complete, values.is_walk) == (True, False)

    def test_what_the_index_does_not_answer_alone_is_answered_too(
        self, plains: list[Plain]
    ) -> None:
        plains[0].delete()
        objects = Plain.objects.all()
        items = [
            CountOf(objects.with_deleted()),
            CountOf(objects.scan().filter(name__endswith="3")),
            IdsOf(objects.deleted()),
            CountOf(objects),
        ]
        assert objects.batch(items) == [6, 1, [plains[0].id], 5]
        assert not objects.scan().is_batchable
        assert objects.deleted().is_batchable

    def test_an_index_that_is_not_built(self, plains: list[Plain]) -> None:
        store = Plain._sonic.store("default")
        store.clear()
        objects = Plain.objects.all()
        with pytest.raises(IndexNotBuilt):
            objects.batch([CountOf(objects)])
        found = objects.batch([CountOf(objects), CountOf(objects.none())], return_exceptions=True)
        assert isinstance(found[0], IndexNotBuilt)
        assert found[1] == 0

    def test_nothing(self) -> None:
        assert Plain.objects.batch([]) == []


class TestGivenIds:
    def test_one_statement_and_no_round_trip(self, plains: list[Plain]) -> None:
        ids = [plains[4].id, plains[0].id]
        with count_redis_calls() as calls, CaptureQueriesContext(connection) as queries:
            assert list(Plain.objects.all().with_ids(ids)) == [plains[4], plains[0]]
        assert (len(calls), len(queries)) == (0, 1)

    def test_rows_are_verified(self, plains: list[Plain]) -> None:
        found = Plain.objects.filter(group="a").with_ids([plains[1].id, plains[2].id])
        assert list(found) == [plains[2]]

    def test_a_slice_is_filled_up(self, plains: list[Plain]) -> None:
        page = Plain.objects.order_by("name")[:2]
        Plain.objects.filter(pk=plains[0].pk).delete()
        found = page.with_ids([plains[0].id, plains[1].id])
        assert [obj.number for obj in found] == [1, 3]

    def test_it_comes_last(self, plains: list[Plain]) -> None:
        given = Plain.objects.all().with_ids([plains[0].id, plains[1].id, plains[2].id])
        assert (given.count(), given.exists(), given.is_sliced) == (3, True, True)
        assert given[1:].ids() == [plains[1].id, plains[2].id]
        with pytest.raises(TypeError, match="with_ids.. comes last"):
            given.filter(group="a")
        with pytest.raises(TypeError, match="with_ids.. comes last"):
            given.order_by("name")


class TestGivenOrder:
    def test_pages_numbers_and_filters(self, plains: list[Plain]) -> None:
        ranks = [plain.id for plain in (plains[3], plains[0], plains[5])]
        found: Any = Plain.objects.filter(pk__in=ranks).in_order_of(ranks)
        assert found.ids() == ranks
        assert [obj.id for obj in found[1:3]] == ranks[1:]
        assert found.reverse().ids() == ranks[::-1]
        assert found.filter(group="b").ids() == [plains[3].id, plains[5].id]
        assert found.count() == 3
        assert [obj.id for obj in found.iterator(2)] == ranks
        assert found.order_by("name").ids() == sorted(ranks)

    def test_objects_that_have_no_rank_come_last(self, plains: list[Plain]) -> None:
        ids = Plain.objects.all().in_order_of([plains[2].id]).ids()
        assert (ids[0], len(ids)) == (plains[2].id, 6)

    def test_it_has_no_cursors(self, plains: list[Plain]) -> None:
        with pytest.raises(TypeError, match="need an order by a field, not in_order_of"):
            Plain.objects.all().in_order_of([1]).after(plains[0])


def test_what_the_index_can_answer() -> None:
    objects = Plain.objects.all()
    assert objects.can_plan()
    assert objects.can_plan("-name")
    assert not objects.can_plan(["group", "number"])
    assert not objects.deleted().can_plan("name")
    assert objects.has_values_index("group")
    assert not objects.can_plan("nope")
