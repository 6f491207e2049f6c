"""Uniques under concurrency: the database decides, one wins."""

from __future__ import annotations

import threading

import pytest
from django.db import IntegrityError, connection

from tests.testapp.models import Author, Pair

ROUNDS = 200


@pytest.mark.django_db(transaction=True)
def test_two_threads_saving_the_same_value_one_wins_each_time() -> None:
    barrier = threading.Barrier(2)
    outcomes: list[list[str]] = [[], []]
    unexpected: list[BaseException] = []

    def save_all(own: list[str]) -> None:
        try:
            for number in range(ROUNDS):
                barrier.wait()
                try:
                    Author(username=f"u{number}", nick=str(number)).save()
                    own.append("won")
                except IntegrityError:
                    own.append("lost")
        except BaseException as error:
            unexpected.append(error)
            barrier.abort()
        finally:
            connection.close()

    threads = [threading.Thread(target=save_all, args=(own,)) for own in outcomes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert unexpected == []
    pairs = [tuple(sorted(pair)) for pair in zip(*outcomes, strict=True)]
    assert pairs == [("lost", "won")] * ROUNDS
    assert Author.objects.count() == ROUNDS
    assert Author.sql.count() == ROUNDS


@pytest.mark.django_db
def test_swapping_two_values_in_one_transaction_by_way_of_none() -> None:
    one, two = Pair.objects.create(code="1"), Pair.objects.create(code="2")
    one.code = None
    one.save()
    two.code = "1"
    two.save()
    one.code = "2"
    one.save()
    assert Pair.objects.get(code="1") == two
    assert Pair.objects.get(code="2") == one
