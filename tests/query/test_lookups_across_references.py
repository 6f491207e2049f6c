"""Lookups across references: what they mean, what they cost, what they refuse."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import FieldError, ValidationError
from django.db import NotSupportedError, connection
from django.db.models import Count, Q
from django.test.utils import CaptureQueriesContext

from sonic_django.query import joins
from sonic_django.test import count_redis_calls
from tests.testapp.lookups import Company, Worker

pytestmark = pytest.mark.django_db


@pytest.fixture
def workers() -> dict[str, Worker]:
    """ann works for acme, which beta owns; bob for beta; cy for a company without a name; dan for
    none."""
    beta = Company.objects.create(name="Beta", is_large=True)
    acme = Company.objects.create(name="Acme", owner=beta)
    nameless = Company.objects.create(name=None)
    user, other = (User.objects.create_user(name) for name in ("ann", "bob"))
    ann = Worker.objects.create(name="ann", company=acme, user=user, clients=[acme, beta])
    bob = Worker.objects.create(
        name="bob", company=beta, user=other, chief=ann, friends=[ann], users=[user, other]
    )
    cy = Worker.objects.create(name="cy", company=nameless, chief=bob, clients=[beta])
    dan = Worker.objects.create(name="dan", friends=[ann, bob, cy])
    return {"ann": ann, "bob": bob, "cy": cy, "dan": dan}


def names(queryset: Any) -> list[str]:
    return sorted(worker.name for worker in queryset)


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        (Q(company__name="Acme"), ["ann"]),
        (Q(company__name__in=["Acme", "Beta", "None"]), ["ann", "bob"]),
        (Q(company__name__startswith="B"), ["bob"]),
        (Q(company__is_large=False), ["ann", "cy"]),
        (Q(company__owner__name="Beta"), ["ann"]),
        (Q(chief__company__owner__name="Beta"), ["bob"]),
        (Q(chief__chief__name="ann"), ["cy"]),
        (Q(company__name="nobody"), []),
        # Where there is no company it has no name either, as in Django.
        (Q(company__name__isnull=True), ["cy", "dan"]),
        (Q(company__name=None), ["cy", "dan"]),
        (Q(company__name__isnull=False), ["ann", "bob"]),
        (~Q(company__name="Acme"), ["bob", "cy", "dan"]),
        (~Q(company__name=None), ["ann", "bob"]),
        (Q(company__name="Acme") | Q(chief__name="bob"), ["ann", "cy"]),
        (Q(company__name="Beta") & ~Q(name="bob"), []),
        (Q(company__name="Acme", company__is_large=True), []),
        (Q(company__name="Beta", company__is_large=True), ["bob"]),
        (Q(company__pk__isnull=True), ["dan"]),
        (Q(user__username="ann"), ["ann"]),
        (Q(user__username__icontains="B", user__is_active=True), ["bob"]),
        (Q(user__groups__name="x"), []),
        (~Q(user__username="ann"), ["bob", "cy", "dan"]),
        (Q(user__email__isnull=True), ["cy", "dan"]),
        (Q(friends__name="ann"), ["bob", "dan"]),
        (Q(friends__company__name="Beta"), ["dan"]),
        (Q(users__username="bob"), ["bob"]),
        # Of a list one element satisfies all that is asked for together.
        (Q(clients__name="Acme", clients__is_large=True), []),
        (Q(clients__name="Beta", clients__is_large=True), ["ann", "cy"]),
        (~Q(clients__name="Beta"), ["bob", "dan"]),
    ],
)
def test_answers(workers: dict[str, Worker], filter: Q, expected: list[str]) -> None:
    found = Worker.objects.filter(filter)
    assert names(found) == expected
    assert found.count() == len(expected)
    assert found.exists() is bool(expected)
    assert sorted(found.ids()) == sorted(workers[name].pk for name in expected)
    assert names(found.iterator(chunk_size=1)) == expected
    assert names(found.order_by("name")[:1]) == expected[:1]


def test_exclude_and_chains(workers: dict[str, Worker]) -> None:
    assert names(Worker.objects.exclude(company__name="Acme")) == ["bob", "cy", "dan"]
    both = Worker.objects.filter(clients__name="Acme").filter(clients__is_large=True)
    assert names(both) == ["ann"]  # different elements may satisfy filters given one by one
    either = Worker.objects.filter(company__name="Acme") | Worker.objects.filter(name="dan")
    assert names(either) == ["ann", "dan"]
    assert Worker.objects.get(company__name="Acme") == workers["ann"]
    assert Worker.objects.filter(company__name="Acme").facet("name") == [("ann", 1)]


def test_a_queryset_asks_anew_when_it_is_evaluated(workers: dict[str, Worker]) -> None:
    queryset = Worker.objects.filter(company__name="Gamma")
    assert queryset.count() == 0
    company = workers["ann"].company
    company.name = "Gamma"
    company.save()
    assert queryset.count() == 1
    assert list(queryset) == [workers["ann"]]
    company.delete()
    assert queryset.all().count() == 0


def test_updates_and_deletes(workers: dict[str, Worker]) -> None:
    assert Worker.objects.filter(company__is_large=False).update(name="new") == 2
    assert Worker.objects.filter(company__name="Beta").delete()[0] == 1
    assert names(Worker.objects.all()) == ["dan", "new", "new"]


@pytest.mark.parametrize(
    ("lookup", "statements", "calls"),
    [
        ({"company__name": "Acme"}, 1, 2),
        ({"company__name": "Acme", "company__is_large": False}, 1, 2),
        ({"chief__company__name": "Acme"}, 1, 3),
        ({"user__username": "ann"}, 2, 1),
        ({"company__name": "nobody"}, 0, 1),
    ],
)
def test_each_reference_costs_one_call_or_one_statement(
    workers: dict[str, Worker], lookup: dict[str, Any], statements: int, calls: int
) -> None:
    list(Worker.objects.filter(**lookup))
    with CaptureQueriesContext(connection) as queries, count_redis_calls() as redis:
        list(Worker.objects.filter(**lookup))
    assert (len(queries), len(redis)) == (statements, calls)


def test_stale_entries_are_no_answer(workers: dict[str, Worker]) -> None:
    ann = workers["ann"]
    table, codec = Worker._sonic.table("default"), Worker._sonic.codec
    row = table.fetch([ann.pk])[ann.pk]
    moved = {**codec.decode(row.payload), "company": workers["bob"].company_id}
    table.update(ann.pk, row.version, codec.encode(moved), is_deleted=False)
    acme = Worker.objects.filter(company__name="Acme")
    assert acme.ids() == [ann.pk]
    assert acme.random(5) == []
    assert list(acme) == []
    assert list(acme.iterator()) == []


def test_several_questions_ask_for_the_targets_once(workers: dict[str, Worker]) -> None:
    acme = Worker.objects.filter(company__name="Acme")
    with count_redis_calls() as redis:
        assert acme.counts([Q(name="ann"), Q(name="bob"), Q(company__isnull=False)]) == [1, 0, 1]
    assert len(redis) == 2
    with count_redis_calls() as redis:
        assert acme.aggregate(all=Count("pk"), ann=Count("pk", filter=Q(name="ann"))) == {
            "all": 1, "ann": 1,
        }  # fmt: skip
    assert len(redis) == 2


def test_in_scans(workers: dict[str, Worker]) -> None:
    assert names(Worker.objects.scan().filter(company__name="Acme")) == ["ann"]
    found = Worker.objects.scan().filter(name__contains="a", company__name__isnull=True)
    assert names(found) == ["dan"]


class TestErrors:
    def test_a_field_of_the_target_without_an_index(self) -> None:
        with pytest.raises(FieldError) as error:
            Worker.objects.filter(company__town="x")
        assert "testapp.Company: no index answers town='x'." in str(error.value)

    def test_a_reference_without_an_index(self) -> None:
        with pytest.raises(FieldError) as error:
            Worker.objects.filter(former__name="x")
        assert "testapp.Worker: no index answers former__name='x'." in str(error.value)
        assert '"former": [former]' in str(error.value)

    def test_names_that_are_not_there(self) -> None:
        with pytest.raises(FieldError, match="testapp.Company has no field 'nope'"):
            Worker.objects.filter(company__nope=1)
        with pytest.raises(FieldError, match="Cannot resolve keyword 'nope' into field"):
            Worker.objects.filter(user__nope=1)
        with pytest.raises(ValidationError):
            Worker.objects.filter(company__is_large="perhaps")

    def test_too_many_targets(
        self, workers: dict[str, Worker], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(joins, "MOST", 2)
        with pytest.raises(NotSupportedError) as error:
            Worker.objects.filter(company__is_large__in=[True, False]).count()
        assert str(error.value) == (
            "testapp.Worker: company__is_large__in=[True, False] has more than 2 targets of "
            "testapp.Company. Narrow the lookup, or keep what is looked up in a field of Worker "
            "itself, with an index."
        )
