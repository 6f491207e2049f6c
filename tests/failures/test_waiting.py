"""Redis away or silent: how long who waits, and how often it is tried."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from redis.backoff import NoBackoff
from redis.retry import Retry

from sonic_django.conf import SonicSettings
from sonic_django.exceptions import IndexUnavailable
from sonic_django.transport.client import redis_client
from tests.failures.conftest import FailingRedis
from tests.failures.proxy import Proxy
from tests.testapp.models import Plain

pytestmark = pytest.mark.django_db(transaction=True)


def timeouts() -> tuple[float, float]:
    """The time-outs of the connection that the next query uses: for the reply, for connecting."""
    pool: Any = redis_client().connection_pool
    connection = pool.get_connection()
    try:
        return connection.socket_timeout, connection.socket_connect_timeout
    finally:
        pool.release(connection)


class TestStopped:
    def test_a_query_says_so(self, redis: FailingRedis) -> None:
        Plain.objects.create(name="a")
        redis.stop()
        for _ in range(2):
            with pytest.raises(IndexUnavailable, match=r"Redis, which does not answer \(Error"):
                Plain.objects.filter(name="a").ids()

    def test_it_is_tried_twice_at_most(self, redis: FailingRedis, proxy: Proxy) -> None:
        redis.stop()
        with pytest.raises(IndexUnavailable):
            Plain.objects.count()
        assert 1 <= proxy.connections <= 2

    def test_also_where_a_connection_is_open(self, redis: FailingRedis, proxy: Proxy) -> None:
        Plain.objects.count()
        before = proxy.connections
        redis.stop()
        with pytest.raises(IndexUnavailable):
            Plain.objects.count()
        assert 1 <= proxy.connections - before <= 2

    def test_a_socket_that_is_not_there(self, point_at: Any) -> None:
        point_at("unix:///nonexistent/redis.sock?db=0")
        with pytest.raises(IndexUnavailable, match=r'correct CACHES\["sonic"\]'):
            Plain.objects.count()

    def test_a_port_where_nobody_listens(self, point_at: Any) -> None:
        point_at("redis://127.0.0.1:1/0")
        with pytest.raises(IndexUnavailable, match="does not answer"):
            Plain.objects.count()


class TestRestarted:
    def test_a_query_notices_nothing(self, redis: FailingRedis) -> None:
        plain = Plain.objects.create(name="a")
        redis.restart()
        assert Plain.objects.filter(name="a").ids() == [plain.pk]

    def test_a_connection_that_breaks_under_a_question(self, proxy: Proxy) -> None:
        plain = Plain.objects.create(name="a")
        proxy.lose_request(b"EVALSHA")
        assert Plain.objects.filter(name="a").ids() == [plain.pk]

    def test_a_connection_that_breaks_under_a_save(self, proxy: Proxy, failures: Any) -> None:
        Plain.objects.create(name="a")
        proxy.lose_request(b"EVALSHA")
        plain = Plain.objects.create(name="b")
        assert Plain.objects.filter(name="b").ids() == [plain.pk]
        assert failures == []

    def test_an_answer_that_was_lost_is_asked_for_again(self, proxy: Proxy, failures: Any) -> None:
        Plain.objects.create(name="a")
        proxy.lose_reply(b"EVALSHA")
        plain = Plain.objects.create(name="b")
        assert failures == []
        assert Plain.objects.filter(name="b").ids() == [plain.pk]
        assert Plain.objects.count() == 2

    def test_a_bulk_is_asked_for_again(self, proxy: Proxy, failures: Any) -> None:
        Plain.objects.create(name="a")
        proxy.lose_reply(b"EVALSHA")
        Plain.objects.bulk_create([Plain(name="b") for _ in range(250)])
        assert failures == []
        assert Plain.objects.filter(name="b").count() == 250


class TestHung:
    """These end, which they would not without a time-out."""

    def test_a_query(self, redis: FailingRedis, settings: Any) -> None:
        settings.SONIC = {"TIMEOUT": 0.2}
        Plain.objects.count()
        redis.hang()
        with pytest.raises(IndexUnavailable, match=r"does not answer \(Timeout"):
            Plain.objects.count()

    def test_a_new_connection(self, redis: FailingRedis, settings: Any) -> None:
        settings.SONIC = {"TIMEOUT": 0.2}
        redis.hang()
        with pytest.raises(IndexUnavailable, match=r"does not answer \(Timeout"):
            Plain.objects.count()

    def test_it_is_waited_for_once(self, redis: FailingRedis, proxy: Proxy, settings: Any) -> None:
        settings.SONIC = {"TIMEOUT": 0.2}
        redis.hang()
        with pytest.raises(IndexUnavailable):
            Plain.objects.count()
        assert proxy.connections == 1

    def test_the_options_of_the_cache_win(
        self, redis: FailingRedis, point_at: Any, settings: Any
    ) -> None:
        settings.SONIC = {"TIMEOUT": 3600.0}
        point_at(redis.url, SOCKET_TIMEOUT=0.2, SOCKET_CONNECT_TIMEOUT=0.3)
        assert timeouts() == (0.2, 0.3)
        redis.hang()
        with pytest.raises(IndexUnavailable):
            Plain.objects.count()

    def test_when_it_goes_on_so_do_queries(self, redis: FailingRedis, settings: Any) -> None:
        settings.SONIC = {"TIMEOUT": 0.2}
        redis.hang()
        with pytest.raises(IndexUnavailable):
            Plain.objects.count()
        redis.resume()
        # The server has yet to be given the processor.
        settings.SONIC = {"TIMEOUT": 60.0}
        assert Plain.objects.count() == 0


class TestSetting:
    def test_it_bounds_connections_that_another_cache_has_opened(
        self, redis: FailingRedis, settings: Any
    ) -> None:
        """Caches of one address share their connections in django-redis."""
        settings.SONIC = {"TIMEOUT": 0.2}
        caches["sonic"].get("key")
        assert timeouts() == (0.2, 0.2)

    def test_it_can_be_changed(self, redis: FailingRedis, settings: Any) -> None:
        assert timeouts() == (5.0, 5.0)
        settings.SONIC = {"TIMEOUT": 2.0}
        assert timeouts() == (2.0, 2.0)

    def test_it_is_in_seconds_above_0(self) -> None:
        for wrong in (0, -1.0):
            with pytest.raises(ImproperlyConfigured, match=r"\"TIMEOUT\"\] is .*above 0 seconds"):
                SonicSettings(TIMEOUT=wrong)

    def test_a_policy_of_the_project_is_left_alone(
        self, redis: FailingRedis, point_at: Any
    ) -> None:
        retry = Retry(NoBackoff(), 3)
        point_at(f"{redis.url}&client_name=own", CONNECTION_POOL_KWARGS={"retry": retry})
        assert Plain.objects.count() == 0
        assert redis_client().connection_pool.connection_kwargs["retry"] is retry
