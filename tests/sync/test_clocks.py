"""Hosts whose clocks are wrong: they cost time, never an object.

A host is played by patching every clock of this process that Python code can set.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from sonic_django.index.store import Document
from sonic_django.persistence import expiry
from sonic_django.persistence.expiry import expire
from sonic_django.sync.sweep import sweep
from sonic_django.table import clock, tombstones
from tests.sync.checking import kinds
from tests.sync.marking import age, write_behind_the_index
from tests.testapp.lookups import Session
from tests.testapp.models import Plain

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = 3600
SKEWS = [-HOUR, 0, HOUR]


@contextmanager
def host(skew: float) -> Iterator[None]:
    """A host whose clock is so many seconds ahead, in a process that has just begun."""
    really, really_ns, django = time.time, time.time_ns, timezone.now
    patched = pytest.MonkeyPatch()
    patched.setattr(time, "time", lambda: really() + skew)
    patched.setattr(time, "time_ns", lambda: really_ns() + int(skew * 10**9))
    patched.setattr(timezone, "now", lambda: django() + timedelta(seconds=skew))
    clock.forget()
    try:
        yield
    finally:
        patched.undo()
        clock.forget()


def stores() -> Any:
    return Plain._sonic.at("default")


@pytest.mark.parametrize("skew", SKEWS)
def test_the_time_is_the_databases(skew: int) -> None:
    before = timezone.now()
    with host(skew):
        told = clock.now("default")
    assert abs(told - before) < timedelta(seconds=30)


@pytest.mark.parametrize("writer", SKEWS)
@pytest.mark.parametrize("sweeper", SKEWS)
class TestMarks:
    def test_a_mark_stays_for_the_retention(self, writer: int, sweeper: int) -> None:
        with host(writer):
            plain = Plain.objects.create(name="x")
        with host(sweeper):
            assert sweep(stores()).cleared == 0
        assert Plain._sonic.table("default").count_dirty() == 1
        stores().index.apply([Document(plain.pk, 0, "destroyed")], "reset")  # lost by Redis
        age(30)
        with host(sweeper):
            sweep(stores())
        assert Plain.objects.filter(name="x").ids() == [plain.pk]

    def test_what_was_left_behind_is_applied_after_the_grace(
        self, writer: int, sweeper: int
    ) -> None:
        with host(writer):
            id = write_behind_the_index("x")
        age(10)
        with host(sweeper):
            assert sweep(stores()).applied == 1
        assert Plain.objects.filter(name="x").ids() == [id]

    def test_a_tombstone_stays_for_the_retention(self, writer: int, sweeper: int) -> None:
        plain = Plain.objects.create(name="x")
        with host(writer):
            plain.destroy()
        with host(sweeper):
            sweep(stores())
        assert tombstones.count("testapp.plain", "default") == 1


@pytest.mark.parametrize("first", SKEWS)
@pytest.mark.parametrize("second", SKEWS)
@pytest.mark.parametrize("sweeper", SKEWS)
def test_an_id_that_is_given_again_on_another_host(first: int, second: int, sweeper: int) -> None:
    with host(first):
        Plain(id=77, name="first").save()
        Plain.objects.get(pk=77).destroy()
    with host(second):
        Plain(id=77, name="second").save()
    assert Plain.objects.filter(name="second").ids() == [77]
    for seconds in (10, 70, HOUR + 70):
        age(seconds)
        with host(sweeper):
            sweep(stores())
        assert Plain.objects.filter(name="second").ids() == [77]
    assert kinds(Plain, deep=True) == {}
    Plain.objects.get(pk=77).destroy()


class TestTombstones:
    """Versions as hosts with older code gave them, by their own clocks."""

    @pytest.fixture
    def later(self) -> Plain:
        """An object whose id had another one before, with a later version."""
        plain = Plain(id=77, name="living")
        plain.save()
        with transaction.atomic():
            tombstones.record("testapp.plain", 77, 10**18, "default")
        return plain

    def test_an_id_that_is_given_again_gets_a_later_version(self) -> None:
        with transaction.atomic():
            tombstones.record("testapp.plain", 78, 10**16, "default")
        plain = Plain(id=78, name="x")
        plain.save()
        assert plain.sonic_version > 10**16

    def test_a_tombstone_does_not_win_over_the_row(self, later: Plain) -> None:
        table = Plain._sonic.table("default")
        table.clear_dirty([(later.pk, later.sonic_version)])
        age(10)
        sweep(stores())
        assert Plain.objects.filter(name="living").ids() == [77]
        assert tombstones.count("testapp.plain", "default") == 0

    def test_nor_one_that_came_late_to_the_index(self, later: Plain) -> None:
        stores().index.apply([Plain._sonic.tombstone(77, 10**18)])
        table = Plain._sonic.table("default")
        table.clear_dirty([(later.pk, later.sonic_version)])
        age(70)
        sweep(stores())
        assert Plain.objects.filter(name="living").ids() == [77]
        assert tombstones.count("testapp.plain", "default") == 0

    def test_with_both_marks(self, later: Plain) -> None:
        stores().index.apply([Plain._sonic.tombstone(77, 10**18)])
        for seconds in (10, 70, 140):
            age(seconds)
            sweep(stores())
            assert Plain.objects.filter(name="living").ids() == [77]
        assert kinds(Plain, deep=True) == {}


class TestExpiry:
    @pytest.mark.parametrize("writer", SKEWS)
    @pytest.mark.parametrize("sweeper", SKEWS)
    def test_a_clock_does_not_end_an_object(self, writer: int, sweeper: int) -> None:
        with host(writer):
            session = Session.objects.create(token="a")
        with host(sweeper):
            assert sweep(Session._sonic.at("default")).expired == 0
        assert list(Session.objects.all()) == [session]

    @pytest.mark.parametrize("how", ["saved", "deleted", "destroyed"])
    def test_the_row_is_looked_at_as_it_is_now(
        self, how: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Another process writes it between the query and the end."""
        session = Session.objects.create(token="a")
        moment = timezone.now() - timedelta(minutes=1)
        Session.objects.filter(pk=session.pk).update(expires_at=moment)
        decide = expiry._destroy_if_due

        def meanwhile(*args: Any) -> bool:
            other = Session.objects.get(pk=session.pk)
            if how == "saved":
                other.visits += 1
                other.save()
            else:
                getattr(other, {"deleted": "delete", "destroyed": "destroy"}[how])()
            return decide(*args)

        monkeypatch.setattr(expiry, "_destroy_if_due", meanwhile)
        assert expire(Session._sonic.at("default")) == 0
        assert Session.sql.count() == (0 if how == "destroyed" else 1)
        if how == "saved":
            assert Session.objects.get(pk=session.pk).visits == session.visits + 1
