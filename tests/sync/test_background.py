"""Background jobs of the sweep in writing processes: changes left behind reach the index as long
as any process writes, and a writer pays next to nothing for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from redis.exceptions import ConnectionError

from sonic_django.exceptions import IndexUnavailable
from sonic_django.sync import background
from sonic_django.test import count_redis_calls
from tests.servers import PrivateRedis
from tests.sync.marking import age, destroy_behind_the_index, write_behind_the_index
from tests.testapp.models import Author, Blog, Plain

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def often(settings) -> Iterator[None]:
    """Run a background job with every write; by default they run now and then."""
    settings.SONIC = {"SWEEP_EVERY": 0.0}
    background.forget()
    yield
    background.forget()


def write_something(times: int) -> None:
    for number in range(times):
        Blog.objects.create(title=str(number))


#: Writes after which every class has had its turn, rows and tombstones.
ALL_TURNS = 40


class TestQuietTimes:
    def test_a_killed_writers_row_is_found_while_another_writes_anything(self) -> None:
        write_something(ALL_TURNS)
        id = write_behind_the_index("left behind")
        age(61)
        assert not Plain.objects.filter(name="left behind").exists()
        write_something(ALL_TURNS)
        assert Plain.objects.filter(name="left behind").ids() == [id]

    def test_what_a_killed_process_destroyed_is_forgotten(self) -> None:
        plain = Plain.objects.create(name="x")
        write_something(ALL_TURNS)
        destroy_behind_the_index(plain)
        age(61)
        write_something(ALL_TURNS)
        assert Plain.objects.count() == 0

    def test_marks_are_taken_off(self) -> None:
        Plain.objects.create(name="x")
        write_something(ALL_TURNS)
        age(61)
        write_something(ALL_TURNS)
        assert Plain._sonic.table("default").count_dirty() == 0

    def test_full_text_that_waits_is_done(self, settings) -> None:
        write_something(ALL_TURNS)
        Author.objects.create(username="first")
        settings.SONIC = {"SWEEP_EVERY": 0.0, "FULLTEXT": "queue"}
        author = Author.objects.create(username="a", intro="sailing")
        settings.SONIC = {"SWEEP_EVERY": 0.0}
        write_something(ALL_TURNS)
        assert Author.search("sailing") == [author]

    def test_it_costs_one_statement_and_one_call(self) -> None:
        write_something(ALL_TURNS)
        background._schedules["default"].position = 0
        number = len(background._turns("default", set()))
        for _ in range(number):
            with CaptureQueriesContext(connection) as statements, count_redis_calls() as calls:
                background.do_job("default")
            assert len(statements) == 1
            assert len(calls) <= 2, "the server's run; the queue of full text"


class TestWhen:
    def test_now_and_then_only(self, settings) -> None:
        settings.SONIC = {"SWEEP_EVERY": 3600.0}
        Plain.objects.create(name="the first write does one")
        with CaptureQueriesContext(connection) as statements:
            Plain.objects.create(name="the second does not")
        assert len(statements) == 1

    def test_not_at_all_where_a_worker_runs(self, settings) -> None:
        settings.SONIC = {"SWEEP_EVERY": None}
        with CaptureQueriesContext(connection) as statements:
            Plain.objects.create(name="x")
        assert len(statements) == 1

    def test_not_by_default_in_a_test_run(self, settings) -> None:
        settings.SONIC = {}
        with CaptureQueriesContext(connection) as statements:
            Plain.objects.create(name="x")
        assert len(statements) == 1

    def test_after_the_commit_and_not_before(self) -> None:
        write_something(1)
        with CaptureQueriesContext(connection) as statements, transaction.atomic():
            Plain.objects.create(name="x")
            within = len(statements)
        assert within <= 2, "the row, and the BEGIN where it is one"

    def test_a_job_that_fails_leaves_the_write_alone(self, caplog) -> None:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE sonic_gone RENAME TO sonic_gone_away")
        try:
            write_something(ALL_TURNS)
        finally:
            with connection.cursor() as cursor:
                cursor.execute("ALTER TABLE sonic_gone_away RENAME TO sonic_gone")
        assert Blog.objects.count() == ALL_TURNS
        assert "sonic_gone" in caplog.text


class TestOutages:
    @pytest.fixture
    def redis(self, private_redis: PrivateRedis, settings) -> PrivateRedis:
        sonic = {**settings.CACHES["sonic"], "LOCATION": private_redis.url}
        settings.CACHES = {**settings.CACHES, "sonic": sonic}
        return private_redis

    def test_all_is_found_again_once_redis_is_back_while_a_writer_lives(
        self, redis: PrivateRedis
    ) -> None:
        before = Plain.objects.create(name="before")
        redis.stop()
        during = Plain.objects.create(name="during")
        before.name = "changed"
        before.save()
        with pytest.raises(IndexUnavailable):
            Plain.objects.filter(name="during").ids()
        redis.start()
        write_something(ALL_TURNS)
        assert Plain.objects.filter(name="during").ids() == [during.pk]
        assert Plain.objects.filter(name="changed").ids() == [before.pk]

    def test_one_write_is_enough_also_in_a_test_run(self, redis: PrivateRedis, settings) -> None:
        settings.SONIC = {}
        Plain.objects.create(name="before")
        Blog.objects.create(title="before")
        redis.stop()
        plain = Plain.objects.create(name="during")
        blog = Blog.objects.create(title="during", score=5)
        redis.start()
        Blog.objects.create(title="after")
        assert Plain.objects.filter(name="during").ids() == [plain.pk]
        assert Blog.objects.filter(score=5).ids() == [blog.pk]
        with CaptureQueriesContext(connection) as statements:
            Plain.objects.create(name="then nothing more")
        assert len(statements) == 1

    def test_what_a_killed_redis_had_not_on_disk_is_applied_again(
        self, redis: PrivateRedis
    ) -> None:
        kept = Plain.objects.create(name="kept")
        store = Plain._sonic.store("default")
        documents = [Plain._sonic.document(row) for row in _rows(kept)]
        write_something(ALL_TURNS)
        # As if the server had come back without the newest write: it is another data set.
        lost = Plain.objects.create(name="lost")
        redis.restart()
        store.apply([*documents], "reset")
        _forget(store, lost.pk)
        write_something(ALL_TURNS)
        assert Plain.objects.filter(name="lost").ids() == [lost.pk]

    def test_a_redis_that_goes_away_again_is_waited_for(self, redis: PrivateRedis) -> None:
        write_something(ALL_TURNS)
        redis.stop()
        id = Plain.objects.create(name="during").pk
        redis.start()
        store = Plain._sonic.store("default")
        write_something(1)
        redis.stop()
        write_something(3)
        with pytest.raises(ConnectionError):
            store.server()
        redis.start()
        write_something(ALL_TURNS)
        assert Plain.objects.filter(name="during").ids() == [id]
        assert Blog.objects.count() == 2 * ALL_TURNS + 4


def _rows(plain: Plain):
    return Plain._sonic.table("default").fetch([plain.pk]).values()


def _forget(store, id: int) -> None:
    from sonic_django.index.store import Document

    store.apply([Document(id, 0, "destroyed")], "reset")
