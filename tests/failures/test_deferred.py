"""Replies that are read later: a save does not wait for the index, and nobody notices.

Redis hangs where a test must see who waits for it: what waits hears of a time-out.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.signals import request_finished
from django.db import close_old_connections, connection, transaction
from redis import Redis
from redis.exceptions import ConnectionError, TimeoutError

from sonic_django.exceptions import IndexUnavailable
from sonic_django.index import lua
from sonic_django.signals import index_failed, post_index
from sonic_django.sync import background
from sonic_django.sync.sweep import sweep
from sonic_django.test import count_redis_calls
from sonic_django.transport import deferred
from sonic_django.transport.client import redis_client
from sonic_django.transport.redis_circuit import RedisCircuitOpen
from tests.failures.conftest import FailingRedis
from tests.sync.test_sweep import age
from tests.testapp.models import Author, Plain

pytestmark = pytest.mark.django_db(transaction=True)

#: Of saves whose replies are not read at once; see ``warm``.
COMPLETE_AFTER = 3
#: Seconds. Long enough for a Redis that has to wait for the processor.
TIMEOUT = 0.5


@pytest.fixture(autouse=True)
def warm(redis: FailingRedis, settings: Any) -> None:
    """The first saves of a process are waited for: until the index is known to be complete, and
    the connection to lead to a Redis that knows the script."""
    settings.SONIC = {"TIMEOUT": TIMEOUT}
    save_some(COMPLETE_AFTER)
    deferred.await_replies()


def save_some(number: int) -> None:
    for _ in range(number):
        Plain.objects.create(name="warm")


def in_a_thread(run: Callable[[], None]) -> None:
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def known_elsewhere(redis: FailingRedis) -> int:
    """The number of objects in the index, as another client sees it."""
    return int(redis.client().hlen(f"{Plain._sonic.store('default').base}:rec"))


class TestSaving:
    def test_does_not_wait(self, redis: FailingRedis, failures: list[Exception]) -> None:
        redis.hang()
        plain = Plain.objects.create(name="a")
        assert failures == []
        redis.resume()
        assert Plain.objects.filter(name="a").ids() == [plain.pk]
        assert failures == []

    def test_nor_does_changing_and_deleting(
        self, redis: FailingRedis, failures: list[Exception]
    ) -> None:
        changed, deleted = Plain.objects.create(name="a"), Plain.objects.create(name="b")
        deferred.await_replies()
        redis.hang()
        changed.name = "c"
        changed.save()
        assert failures == []
        redis.resume()
        assert Plain.objects.filter(name="c").ids() == [changed.pk]
        redis.hang()
        deleted.delete()
        assert failures == []
        redis.resume()
        assert not Plain.objects.filter(name="b").ids()

    def test_nor_a_commit(self, redis: FailingRedis, failures: list[Exception]) -> None:
        redis.hang()
        with transaction.atomic():
            pks = [Plain.objects.create(name="a").pk for _ in range(3)]
        assert failures == []
        redis.resume()
        assert Plain.objects.filter(name="a").order_by("id").ids() == pks

    def test_is_one_round_trip(self) -> None:
        with count_redis_calls() as calls:
            Plain.objects.create(name="a")
            deferred.await_replies()
        assert calls == ["EVALSHA"]

    def test_one_after_the_other(self) -> None:
        pks = [Plain.objects.create(name="a").pk for _ in range(20)]
        assert Plain.objects.filter(name="a").order_by("id").ids() == pks

    def test_one_object_time_and_again(self) -> None:
        plain = Plain.objects.create(name="0")
        for number in range(1, 20):
            plain.name = str(number)
            plain.save()
        assert Plain.objects.filter(name="19").ids() == [plain.pk]
        assert Plain.objects.filter(name="18").count() == 0

    def test_leaves_no_reply_in_the_pool(self, redis: FailingRedis) -> None:
        for _ in range(5):
            Plain.objects.create(name="a")
            assert redis_client().echo("mine") == b"mine"
        assert len(redis.client().client_list()) <= 3


def by_a_query() -> None:
    with pytest.raises(IndexUnavailable):
        Plain.objects.count()


def by_the_client() -> None:
    redis_client()


def by_another_save() -> None:
    Plain.objects.create(name="another")


def by_a_bulk() -> None:
    Plain.objects.bulk_create([Plain(name="another")] * 2)


def by_the_end_of_the_request() -> None:
    request_finished.disconnect(close_old_connections)
    try:
        request_finished.send(sender=None)
    finally:
        request_finished.connect(close_old_connections)


class TestTheReplyIsRead:
    @pytest.mark.parametrize(
        "use",
        [by_a_query, by_the_client, by_another_save, by_a_bulk, by_the_end_of_the_request],
        ids=lambda use: use.__name__,
    )
    def test_at_the_latest(
        self, redis: FailingRedis, use: Callable[[], None], failures: list[Exception]
    ) -> None:
        redis.hang()
        Plain.objects.create(name="a")
        assert failures == []
        use()
        assert isinstance(failures[0], TimeoutError)
        assert not isinstance(failures[0], RedisCircuitOpen)

    def test_by_a_script_of_a_client_that_was_kept(
        self, redis: FailingRedis, failures: list[Exception]
    ) -> None:
        client, script = redis_client(), lua.CENSUS
        redis.hang()
        Plain.objects.create(name="a")
        with pytest.raises(TimeoutError):
            script(client, "key")
        assert len(failures) == 1

    def test_at_the_end_of_the_thread(self, redis: FailingRedis, failures: list[Exception]) -> None:
        before = threading.Event()

        def save() -> None:
            Plain.objects.create(name="a")
            deferred.await_replies()
            before.set()
            redis.hang()
            Plain.objects.create(name="b")
            assert failures == []
            connection.close()

        in_a_thread(save)
        assert before.is_set()
        assert [type(error) for error in failures] == [TimeoutError]
        assert not deferred.outstanding()

    def test_before_another_thread_goes_on(self, redis: FailingRedis) -> None:
        saved, looked = threading.Event(), threading.Event()

        def save() -> None:
            save_some(2)
            deferred.await_replies()
            redis.hang()
            Plain.objects.create(name="a")
            saved.set()
            looked.wait()
            connection.close()

        def look() -> None:
            saved.wait()
            [reply] = deferred.outstanding()
            redis_client()
            assert isinstance(reply.value, TimeoutError)
            looked.set()

        thread = threading.Thread(target=save)
        thread.start()
        try:
            look()
        finally:
            looked.set()
            thread.join()

    def test_at_once_for_code_that_is_awaited(
        self, redis: FailingRedis, failures: list[Exception]
    ) -> None:
        def save() -> None:
            save_some(2)
            deferred.await_replies()
            redis.hang()
            Plain.objects.create(name="a")
            connection.close()

        asyncio.run(sync_to_async(save)())
        assert len(failures) == 1

    def test_at_once_where_connections_are_few(
        self, redis: FailingRedis, point_at: Callable[..., None], failures: list[Exception]
    ) -> None:
        point_at(redis.url + "&client_name=few", CONNECTION_POOL_KWARGS={"max_connections": 3})
        save_some(COMPLETE_AFTER)
        deferred.await_replies()
        redis.hang()
        Plain.objects.create(name="a")
        assert len(failures) == 1

    def test_at_once_where_calls_are_traced(
        self, redis: FailingRedis, failures: list[Exception], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Plain.objects.count()
        traced: list[str] = []
        execute = Redis.execute_command

        def tracing(self: Redis, *args: Any, **options: Any) -> Any:
            traced.append(args[0])
            return execute(self, *args, **options)

        monkeypatch.setattr(Redis, "execute_command", tracing)
        Plain.objects.create(name="a")
        assert Plain.objects.count() == COMPLETE_AFTER + 1
        assert traced == ["EVALSHA", "EVALSHA"]

    def test_at_once_where_something_listens(self, redis: FailingRedis) -> None:
        seen: list[int] = []

        def receiver(**kwargs: Any) -> None:
            seen.append(known_elsewhere(redis))

        post_index.connect(receiver, sender=Plain)
        try:
            Plain.objects.create(name="a")
        finally:
            post_index.disconnect(receiver, sender=Plain)
        assert seen == [COMPLETE_AFTER + 1]

    def test_at_once_where_there_is_full_text(self) -> None:
        Author.objects.create(username="first", intro="sailing")
        for number in range(COMPLETE_AFTER):
            author = Author.objects.create(username=str(number), intro="flying")
        assert author in Author.search("flying")

    def test_at_once_where_a_background_job_is_due(self, settings: Any) -> None:
        settings.SONIC = {"SWEEP_EVERY": 0.0}
        background.forget()
        position = None
        for _ in range(3):
            Plain.objects.create(name="a")
            before, position = position, background._schedules["default"].position
            assert position != before
        background.forget()


class TestFailures:
    """Each of them leaves the row dirty, and is reported like that of a save that waits."""

    def test_a_server_that_was_killed_is_asked_again(
        self, redis: FailingRedis, failures: list[Exception]
    ) -> None:
        redis.hang()
        plain = Plain.objects.create(name="a")
        redis.resume()
        redis.stop()
        redis.start()
        assert Plain.objects.filter(name="a").ids() == [plain.pk]
        assert failures == []

    def test_a_server_that_stays_away(
        self, redis: FailingRedis, caplog: pytest.LogCaptureFixture
    ) -> None:
        received: list[dict[str, Any]] = []

        def receiver(**kwargs: Any) -> None:
            received.append(kwargs)

        redis.hang()
        plain = Plain.objects.create(name="a")
        index_failed.connect(receiver)
        try:
            assert redis.pid is not None
            redis.kill()
            deferred.await_replies()
        finally:
            index_failed.disconnect(receiver)
        [failure] = received
        assert (failure["sender"], failure["ids"], failure["using"]) == (
            Plain,
            [plain.pk],
            "default",
        )
        assert isinstance(failure["exception"], ConnectionError)
        assert "1 committed object(s) in 'default' could not be updated" in caplog.text
        redis.resume()
        redis.start()
        # The first save that reaches it makes up for it.
        Plain.objects.create(name="b")
        assert Plain.objects.filter(name="a").ids() == [plain.pk]

    def test_a_server_that_hangs_is_waited_for_once(
        self,
        redis: FailingRedis,
        point_at: Callable[..., None],
        failures: list[Exception],
        settings: Any,
    ) -> None:
        settings.SONIC = {"TIMEOUT": 3600.0}  # the circuit stays open longer than any test
        limits = {"SOCKET_TIMEOUT": TIMEOUT, "SOCKET_CONNECT_TIMEOUT": TIMEOUT}
        point_at(redis.url + "&client_name=hasty", **limits)
        save_some(COMPLETE_AFTER)
        deferred.await_replies()
        redis.hang()
        for _ in range(5):
            Plain.objects.create(name="b")
        assert [type(error) for error in failures] == [TimeoutError, *[RedisCircuitOpen] * 4]
        point_at(redis.url + "&client_name=patient")
        redis.resume()
        age(10)
        sweep(Plain._sonic.at("default"))
        assert Plain.objects.filter(name="b").count() == 5

    def test_a_server_that_forgot_the_script(
        self, redis: FailingRedis, failures: list[Exception]
    ) -> None:
        redis.client().script_flush()
        plain = Plain.objects.create(name="a")
        assert Plain.objects.filter(name="a").ids() == [plain.pk]
        assert failures == []

    def test_a_new_server_is_waited_for(self, redis: FailingRedis) -> None:
        """It does not know the script, and must not wait for it."""
        redis.stop()
        redis.start()
        save_some(1)
        assert known_elsewhere(redis) == COMPLETE_AFTER + 1

    def test_a_server_that_refuses(self, redis: FailingRedis, failures: list[Exception]) -> None:
        redis.client().config_set("maxmemory", 1)
        Plain.objects.create(name="a")
        assert failures == []
        deferred.await_replies()
        assert "command not allowed when used memory" in str(failures[0])
        redis.client().config_set("maxmemory", 0)
        Plain.objects.create(name="b")
        assert Plain.objects.filter(name="a").count() == 1

    def test_an_index_that_was_emptied_is_noticed_by_the_next_save(
        self, redis: FailingRedis
    ) -> None:
        Plain.objects.all().destroy()
        deferred.await_replies()
        redis.client().flushall()
        save_some(1)
        # Its reply says that the index is not built; the next save waits for Redis and adopts it.
        deferred.await_replies()
        save_some(1)
        assert Plain.objects.filter(name="warm").count() == 2


class TestProcesses:
    def test_a_child_leaves_the_reply_to_its_parent(
        self, redis: FailingRedis, failures: list[Exception]
    ) -> None:
        plain = Plain.objects.create(name="a")
        child = os.fork()
        if child == 0:
            try:
                self.reconnect()
                redis_client().ping()
                save_some(2)
            finally:
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert Plain.objects.filter(name="a").ids() == [plain.pk]
        assert failures == []
        assert Plain.objects.count() == COMPLETE_AFTER + 3

    @staticmethod
    def reconnect() -> None:
        """In a child, while the connection that it inherited stays the parent's."""
        connection.inherited, connection.connection = connection.connection, None

    def test_a_process_that_ends_without_reading(self, redis: FailingRedis) -> None:
        before = known_elsewhere(redis)
        child = os.fork()
        if child == 0:
            try:
                self.reconnect()
                save_some(2)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert known_elsewhere(redis) == before + 2
