"""``scan()`` against plain Python over the rows, and against the index: one meaning for both."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from django.db.models import Count, Max, Min
from hypothesis import given
from hypothesis import strategies as st

from tests.profiles import examples
from tests.query.oracle import Not, to_q
from tests.query.questions import Question, questions
from tests.query.test_oracle import Run, _filtered, _turned, users
from tests.query.worlds import BLOG, EVERYTHING, PERSON, PLAIN, World

pytestmark = pytest.mark.django_db

__all__ = ["users"]


def check_scan(run: Run, question: Question) -> None:
    oracle, tree, order = run.oracle, question.tree, question.order
    scan = run.model.objects.scan(batch_size=3)
    for part in question.filters:
        scan = scan.exclude(to_q(part.child)) if isinstance(part, Not) else scan.filter(to_q(part))
    expected = oracle.matching(tree)
    assert sorted(scan.ids()) == sorted(expected)
    assert scan.count() == len(expected)
    assert scan.exists() is bool(expected)
    scan = scan.order_by(*order)
    if question.is_reversed:
        scan, order = scan.reverse(), _turned(order)
    expected = oracle.sort(expected, order)
    high = None if question.high is None else max(question.low, question.high)
    assert scan.ids() == expected
    assert [obj.id for obj in scan[question.low : high]] == expected[question.low : high]
    assert [obj.id for obj in scan.iterator(chunk_size=2)] == expected
    indexed, refused = _filtered(run, question)
    if not refused:
        _check_alike(run, scan, indexed)


def _check_alike(run: Run, scan: Any, indexed: Any) -> None:
    """What both can answer is answered alike, summaries too."""
    assert set(indexed.ids()) == set(scan.ids())
    assert indexed.aggregate(n=Count("*"), low=Min("pk"), high=Max("pk")) == scan.aggregate(
        n=Count("*"), low=Min("pk"), high=Max("pk")
    )
    sorted_by = {by for chosen, by in run.world.indexes if not chosen}
    for name in sorted(run.world.ordered & sorted_by & set(run.model._sonic.fields)):
        asked = {
            "first": Min(name), "last": Max(name), "some": Count(name),
        }  # fmt: skip
        assert indexed.aggregate(**asked) == scan.aggregate(**asked)
        different = Count(name, distinct=True)
        assert indexed.aggregate(n=different) == scan.aggregate(n=different)
    if run.world is EVERYTHING:
        for kind in ("year", "month", "week", "day"):
            assert indexed.dates("day", kind) == scan.dates("day", kind)


def run_example(world: World, data: st.DataObject, users: list[int]) -> None:
    with transaction.atomic():
        run = Run(world, data, users)
        run.write(data.draw(st.integers(1, 8), label="writes"))
        for _ in range(4):
            check_scan(run, data.draw(questions(world, run.pools, run.ids), label="question"))
        transaction.set_rollback(True)


@examples(25)
@given(data=st.data())
def test_objects_of_all_field_kinds(data: st.DataObject, users: list[int]) -> None:
    run_example(EVERYTHING, data, users)


@examples(20)
@given(data=st.data())
def test_objects_with_few_indexes(data: st.DataObject, users: list[int]) -> None:
    run_example(PLAIN, data, users)
    run_example(BLOG, data, users)


@examples(15)
@given(data=st.data())
def test_paths_and_texts_without_case(data: st.DataObject, users: list[int]) -> None:
    run_example(PERSON, data, users)
