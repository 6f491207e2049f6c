"""Saves while Redis hangs: one waits for the time-out, those that follow do not wait anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import transaction

from sonic_django.sync.sweep import sweep
from sonic_django.transport import circuit_breaker
from sonic_django.transport.circuit_breaker import Paused, pausing
from tests.failures.conftest import FailingRedis
from tests.failures.proxy import Proxy
from tests.sync.test_sweep import age
from tests.testapp.models import Author, Plain

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def long_pause(
    redis: FailingRedis, proxy: Proxy, point_at: Callable[..., None], settings: Any
) -> Iterator[None]:
    """A save waits for a fifth of a second, and a pause is longer than any test."""
    settings.SONIC = {"TIMEOUT": 3600.0}
    point_at(proxy.url, SOCKET_TIMEOUT=0.2, SOCKET_CONNECT_TIMEOUT=0.2)
    yield
    assert circuit_breaker.is_paused()


class TestSaves:
    def test_the_first_waits_and_the_others_do_not_ask(
        self, redis: FailingRedis, proxy: Proxy, long_pause: None, failures: list[Exception]
    ) -> None:
        redis.hang()
        Plain.objects.create(name="first")
        asked = proxy.connections
        for number in range(20):
            Plain.objects.create(name=str(number))
        assert proxy.connections == asked
        assert not isinstance(failures[0], Paused)
        assert [type(error) for error in failures[1:]] == [Paused] * 20
        assert "is not asked again for" in str(failures[-1])
        assert Plain.sql.count() == 21

    def test_a_transaction_waits_once(
        self, redis: FailingRedis, proxy: Proxy, long_pause: None, failures: list[Exception]
    ) -> None:
        redis.hang()
        with transaction.atomic():
            for number in range(3):
                Plain.objects.create(name=str(number))
                Author.objects.create(username=str(number))
        assert proxy.connections == 1
        assert len(failures) == 6

    def test_the_sweep_brings_them_back(
        self, redis: FailingRedis, long_pause: None, settings: Any
    ) -> None:
        redis.hang()
        plains = [Plain.objects.create(name="late") for _ in range(3)]
        redis.resume()
        while not redis.client(socket_timeout=60).ping():
            pass
        age(10)
        sweep(Plain._sonic.at("default"))
        assert sorted(Plain.objects.filter(name="late").ids()) == [one.pk for one in plains]

    def test_when_the_pause_is_over_saves_are_indexed_again(
        self, redis: FailingRedis, settings: Any
    ) -> None:
        Plain.objects.create(name="before")
        settings.SONIC = {"TIMEOUT": 0.2}
        redis.hang()
        Plain.objects.create(name="lost")
        assert circuit_breaker.is_paused()
        redis.resume()
        while not Plain.objects.filter(name="again").exists():
            Plain.objects.create(name="again")
        assert not circuit_breaker.is_paused()


class TestPausing:
    def test_a_redis_that_refuses_starts_none(
        self, redis: FailingRedis, failures: list[Exception]
    ) -> None:
        redis.stop()
        for _ in range(2):
            Plain.objects.create(name="a")
        assert not circuit_breaker.is_paused()
        assert not any(isinstance(error, Paused) for error in failures)
        redis.start()
        Plain.objects.create(name="b")
        assert len(failures) == 2

    def test_another_redis_is_not_concerned(
        self,
        redis: FailingRedis,
        make_redis: Callable[..., FailingRedis],
        point_at: Callable[..., None],
        settings: Any,
    ) -> None:
        settings.SONIC = {"TIMEOUT": 0.2}
        redis.hang()
        Plain.objects.create(name="a")
        point_at(make_redis("another").url)
        assert not circuit_breaker.is_paused()
        Plain.objects.create(name="b")
        assert Plain._sonic.store("default").number_of_ids() == 1

    def test_after_it_one_at_a_time(self, redis: FailingRedis, settings: Any) -> None:
        settings.SONIC = {"TIMEOUT": 0.2}
        redis.hang()
        Plain.objects.create(name="a")
        redis.resume()
        while circuit_breaker.is_paused():
            pass
        with pausing(), pytest.raises(Paused), pausing():
            raise AssertionError("not reached")
        with pausing():
            pass

    def test_an_error_of_another_kind_ends_it(self, redis: FailingRedis, settings: Any) -> None:
        settings.SONIC = {"TIMEOUT": 0.2}
        redis.hang()
        Plain.objects.create(name="a")
        while circuit_breaker.is_paused():
            pass
        with pytest.raises(ZeroDivisionError), pausing():
            raise ZeroDivisionError
        assert not circuit_breaker.is_paused()
