"""Saves while Redis hangs: one waits for the time-out, and those that follow do not wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import transaction

from sonic_django.sync.sweep import sweep
from sonic_django.transport.circuit_breaker import CircuitBreaker, CircuitOpen
from sonic_django.transport.redis_circuit import RedisCircuitOpen, redis_circuit
from tests.failures.conftest import FailingRedis
from tests.failures.proxy import Proxy
from tests.sync.test_sweep import age
from tests.testapp.models import Author, Plain

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def long_circuit(
    redis: FailingRedis, proxy: Proxy, point_at: Callable[..., None], settings: Any
) -> Iterator[None]:
    """A save waits for a fifth of a second, and the circuit stays open longer than any test."""
    settings.SONIC = {"TIMEOUT": 3600.0}
    point_at(proxy.url, SOCKET_TIMEOUT=0.2, SOCKET_CONNECT_TIMEOUT=0.2)
    yield
    assert redis_circuit().is_open


class TestSaves:
    def test_the_first_waits_and_the_others_do_not_ask(
        self, redis: FailingRedis, proxy: Proxy, long_circuit: None, failures: list[Exception]
    ) -> None:
        redis.hang()
        Plain.objects.create(name="first")
        asked = proxy.connections
        for number in range(20):
            Plain.objects.create(name=str(number))
        assert proxy.connections == asked
        assert not isinstance(failures[0], RedisCircuitOpen)
        assert [type(error) for error in failures[1:]] == [RedisCircuitOpen] * 20
        assert "is not asked again for" in str(failures[-1])
        assert Plain.sql.count() == 21

    def test_a_transaction_waits_once(
        self, redis: FailingRedis, proxy: Proxy, long_circuit: None, failures: list[Exception]
    ) -> None:
        redis.hang()
        with transaction.atomic():
            for number in range(3):
                Plain.objects.create(name=str(number))
                Author.objects.create(username=str(number))
        assert proxy.connections == 1
        assert len(failures) == 6

    def test_the_sweep_brings_them_back(
        self, redis: FailingRedis, long_circuit: None, settings: Any
    ) -> None:
        redis.hang()
        plains = [Plain.objects.create(name="late") for _ in range(3)]
        redis.resume()
        while not redis.client(socket_timeout=60).ping():
            pass
        age(10)
        sweep(Plain._sonic.at("default"))
        assert sorted(Plain.objects.filter(name="late").ids()) == [one.pk for one in plains]

    def test_when_the_circuit_closes_saves_are_indexed_again(
        self, redis: FailingRedis, settings: Any
    ) -> None:
        Plain.objects.create(name="before")
        settings.SONIC = {"TIMEOUT": 0.2}
        redis.hang()
        Plain.objects.create(name="lost")
        assert redis_circuit().is_open
        redis.resume()
        while not Plain.objects.filter(name="again").exists():
            Plain.objects.create(name="again")
        assert not redis_circuit().is_open


class TestRedisCircuit:
    def test_a_redis_that_refuses_opens_none(
        self, redis: FailingRedis, failures: list[Exception]
    ) -> None:
        redis.stop()
        for _ in range(2):
            Plain.objects.create(name="a")
        assert not redis_circuit().is_open
        assert not any(isinstance(error, RedisCircuitOpen) for error in failures)
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
        assert not redis_circuit().is_open
        Plain.objects.create(name="b")
        assert Plain._sonic.store("default").number_of_ids() == 1

    def test_half_open_lets_one_call_through(self, redis: FailingRedis, settings: Any) -> None:
        settings.SONIC = {"TIMEOUT": 0.2}
        redis.hang()
        Plain.objects.create(name="a")
        redis.resume()
        circuit = redis_circuit()
        while circuit.is_open:
            pass
        with circuit.guard(), pytest.raises(RedisCircuitOpen), circuit.guard():
            raise AssertionError("not reached")
        with circuit.guard():
            pass

    def test_an_error_of_another_kind_closes_it(self, redis: FailingRedis, settings: Any) -> None:
        settings.SONIC = {"TIMEOUT": 0.2}
        redis.hang()
        Plain.objects.create(name="a")
        while redis_circuit().is_open:
            pass
        with pytest.raises(ZeroDivisionError), redis_circuit().guard():
            raise ZeroDivisionError
        assert not redis_circuit().is_open


class TestCircuitBreaker:
    """The class by itself, as any store may use it."""

    def test_it_is_closed_at_first(self) -> None:
        breaker = CircuitBreaker(lambda: 3600.0, TimeoutError)
        assert breaker.is_closed
        assert not breaker.is_open
        breaker.raise_if_open()

    def test_a_time_out_opens_it_and_names_the_seconds_that_are_left(self) -> None:
        breaker = CircuitBreaker(lambda: 3600.0, TimeoutError)
        with pytest.raises(TimeoutError), breaker.guard():
            raise TimeoutError
        assert breaker.is_open
        assert not breaker.is_closed
        with pytest.raises(CircuitOpen) as raised:
            breaker.raise_if_open()
        assert 3590 < raised.value.args[0] <= 3600

    def test_only_a_time_out_that_is_noted_opens_it(self) -> None:
        breaker = CircuitBreaker(lambda: 3600.0, TimeoutError)
        breaker.note(ValueError())
        assert breaker.is_closed
        breaker.note(TimeoutError())
        assert breaker.is_open

    def test_its_own_error_does_not_open_it(self) -> None:
        breaker = CircuitBreaker(lambda: 3600.0, Exception)
        breaker.note(CircuitOpen(1.0))
        assert breaker.is_closed

    def test_half_open_after_its_time(self) -> None:
        breaker = CircuitBreaker(lambda: 0.0, TimeoutError)
        breaker.open()
        assert not breaker.is_open
        assert not breaker.is_closed
        with breaker.guard():
            pass
        assert breaker.is_closed

    def test_a_store_may_open_and_close_it_by_its_own_measure(self) -> None:
        breaker = CircuitBreaker(lambda: 3600.0)
        breaker.open()
        assert breaker.is_open
        breaker.close()
        assert breaker.is_closed
