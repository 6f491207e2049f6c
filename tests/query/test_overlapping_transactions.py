"""Objects that two transactions make at once, of which neither sees what the other commits."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction

from tests.query.test_writing_many import at_once
from tests.testapp.models import Author

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def what_was_committed_before() -> Iterator[None]:
    """A transaction that sees nothing of what others commit after its first statement."""
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    with transaction.atomic():
        yield


def test_get_or_create() -> None:
    began = threading.Barrier(2)

    def make() -> Any:
        with what_was_committed_before():
            assert Author.sql.count() == 0  # the snapshot of the transaction begins here
            began.wait(10)
            return Author.objects.get_or_create(username="ann")

    made = at_once(make, make)
    assert sorted(created for _, created in made) == [False, True]
    assert len({obj.id for obj, _ in made}) == 1


def test_bulk_create_that_ignores_conflicts() -> None:
    began = threading.Barrier(2)

    def make() -> Any:
        with what_was_committed_before():
            assert Author.sql.count() == 0
            began.wait(10)
            objects = [Author(username=f"n{i}") for i in range(10)]
            return Author.objects.bulk_create(objects, ignore_conflicts=True)

    made = at_once(make, make)
    assert sorted(sum(obj.id is not None for obj in some) for some in made) == [0, 10]
    assert Author.objects.count() == 10


def test_bulk_create_that_updates_conflicts() -> None:
    began = threading.Barrier(2)

    def make(nick: str) -> Any:
        with what_was_committed_before():
            assert Author.sql.count() == 0
            began.wait(10)
            return Author.objects.bulk_create(
                [Author(username=f"n{i}", nick=nick) for i in range(10)],
                update_conflicts=True,
                unique_fields=["username"],
                update_fields=["nick"],
            )

    one, other = at_once(partial(make, "one"), partial(make, "other"))
    assert [obj.id for obj in one] == [obj.id for obj in other]
    nicks = {author.nick for author in Author.objects.all()}
    assert nicks in ({"one"}, {"other"})
