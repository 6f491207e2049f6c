"""A store that comes back older than the other: what was lost is applied, or queries are loud."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from sonic_django.exceptions import IndexNotBuilt, RebuildUndone
from sonic_django.schema.schema import Schema
from sonic_django.sync import background, built
from sonic_django.sync.check.quick import check
from sonic_django.sync.checkpoints import Clearing
from sonic_django.sync.rebuild import rebuild
from sonic_django.sync.sweep import sweep
from sonic_django.table.checkpoints import Checkpoint
from sonic_django.transport.client import redis_client
from tests.servers import PrivateRedis
from tests.sync.marking import age
from tests.testapp.models import Author, Plain
from tests.versions import writes

pytestmark = pytest.mark.django_db(transaction=True)

#: The save points of Redis' own configuration.
SAVE_POINTS = "3600 1 300 100 60 10000"


class SnapshotRedis(PrivateRedis):
    """A Redis as it is without a configuration file: snapshots now and then, nothing else."""

    def start(self) -> None:
        super().start()
        self.client().config_set("save", SAVE_POINTS)

    def client(self) -> Any:
        import redis  # the library, not the fixture

        return redis.Redis.from_url(self.url)

    def snapshot(self) -> None:
        """What BGSAVE does, waited for."""
        self.client().save()

    def keep(self) -> None:
        self.snapshot()
        shutil.copy(self.directory / "dump.rdb", self.directory / "kept.rdb")

    def set_back(self) -> None:
        """Come back with the snapshot that was kept."""
        self.kill()
        shutil.copy(self.directory / "kept.rdb", self.directory / "dump.rdb")
        self.start()


@pytest.fixture
def redis(tmp_path: Any, settings: Any) -> Iterator[SnapshotRedis]:
    server = SnapshotRedis(tmp_path / "redis", persist=False)
    server.start()
    cache = {**settings.CACHES["sonic"], "LOCATION": server.url}
    settings.CACHES = {**settings.CACHES, "sonic": cache}
    built.forget()
    background.forget()
    yield server
    server.stop()
    built.forget()
    background.forget()


def stores(model: Any = Plain) -> Any:
    return model._sonic.at("default")


def make(number: int, start: int = 0) -> list[int]:
    return [Plain.objects.create(name=f"n{start + n}", group="g").pk for n in range(number)]


def sweep_until_clear() -> None:
    """A sweep that sees the marks, one that gives Redis a checkpoint, and one that clears."""
    age(10)
    sweep(stores())
    sweep(stores())
    age(3600)
    assert sweep(stores()).cleared > 0


class TestSnapshotsAlone:
    """``kill -9`` of a Redis with its own defaults: minutes of writes are gone from it."""

    def test_all_is_found_again_by_the_first_query(self, redis: SnapshotRedis) -> None:
        Plain.objects.create(name="first")
        redis.snapshot()
        ids = make(120)
        redis.kill()
        redis.start()
        assert Plain.objects.filter(group="g").count() == 120
        assert sorted(Plain.objects.filter(group="g").ids()) == ids

    def test_by_a_query_within_a_transaction_too(self, redis: SnapshotRedis) -> None:
        Plain.objects.create(name="first")
        redis.snapshot()
        make(120)
        redis.kill()
        redis.start()
        with transaction.atomic():
            assert Plain.objects.filter(group="g").count() == 120

    def test_old_marks_stay_until_a_snapshot_has_their_writes(self, redis: SnapshotRedis) -> None:
        table = Plain._sonic.table("default")
        Plain.objects.create(name="first")
        redis.snapshot()
        make(120)
        age(3600)
        for _ in range(3):
            assert sweep(stores()).cleared == 0
        redis.kill()
        redis.start()
        assert Plain.objects.filter(group="g").count() == 120
        assert table.count_dirty() == 121

    def test_they_are_cleared_once_one_has(self, redis: SnapshotRedis, settings: Any) -> None:
        settings.SONIC = {"GRACE": 0.0, "RETENTION": 0.1}
        make(5)
        sweep(stores())
        sweep(stores())
        time.sleep(2.5)  # snapshots have times of whole seconds
        assert sweep(stores()).cleared == 0
        redis.snapshot()
        assert sweep(stores()).cleared == 5
        redis.kill()
        redis.start()
        assert Plain.objects.filter(group="g").count() == 5

    def test_destroyed_objects_too(self, redis: SnapshotRedis) -> None:
        ids = make(3)
        redis.snapshot()
        Plain.objects.get(pk=ids[0]).destroy()
        age(3600)
        sweep(stores())
        sweep(stores())
        redis.kill()
        redis.start()
        assert sorted(Plain.objects.all().ids()) == ids[1:]


class TestSetBack:
    def test_the_loss_of_the_last_writes_is_none(self, redis: SnapshotRedis) -> None:
        """Redis loses a second, or what its replica lags; with it a checkpoint that is as young."""
        make(30)
        redis.client().config_set("save", "")
        sweep_until_clear()
        redis.keep()
        make(30, 30)
        age(50)
        sweep(stores())
        sweep(stores())
        redis.set_back()
        assert Plain.objects.filter(group="g").count() == 60
        assert Plain._sonic.store("default").built()

    def test_an_older_snapshot_is_not_built(self, redis: SnapshotRedis, caplog: Any) -> None:
        self._forget_marks(redis, 130)
        redis.set_back()
        with pytest.raises(IndexNotBuilt, match="sonic_reindex testapp.Plain"):
            Plain.objects.filter(group="g").count()
        assert (
            "testapp.Plain: its index in Redis and its rows in 'default' are not of the same"
            in caplog.text
        )
        with pytest.raises(IndexNotBuilt):
            Plain.objects.all()[:5].ids()
        rebuild(stores())
        assert Plain.objects.filter(group="g").count() == 260
        sweep(stores())
        assert Plain.objects.filter(group="g").count() == 260

    def test_the_sweep_finds_it_where_nobody_asks(self, redis: SnapshotRedis) -> None:
        self._forget_marks(redis, 130)
        redis.set_back()
        sweep(stores())
        assert Plain._sonic.store("default").built() == set()

    def test_so_does_a_writers_background_job(self, redis: SnapshotRedis, settings: Any) -> None:
        self._forget_marks(redis, 130)
        redis.set_back()
        settings.SONIC = {"SWEEP_EVERY": 0.0}
        for number in range(40):
            Author.objects.create(username=str(number))
        assert Plain._sonic.store("default").built() == set()

    def test_a_database_set_back_is_found_by_the_sweep(self, redis: SnapshotRedis) -> None:
        make(130)
        self._sweep_until_clear(redis)
        kept = Checkpoint.objects.get(label="testapp.plain").token
        make(130, 130)
        self._sweep_until_clear(redis)
        Checkpoint.objects.filter(label="testapp.plain").update(token=kept)
        sweep(stores())
        with pytest.raises(IndexNotBuilt):
            Plain.objects.count()

    def test_a_server_that_is_as_it_was_is_trusted(self, redis: SnapshotRedis) -> None:
        self._forget_marks(redis, 30)
        redis.snapshot()
        redis.kill()
        redis.start()
        assert Plain.objects.filter(group="g").count() == 60
        assert Plain._sonic.store("default").built()

    def test_a_slow_process_does_not_bring_a_former_checkpoint_back(
        self, redis: SnapshotRedis
    ) -> None:
        redis.client().config_set("save", "")
        store = Plain._sonic.store("default")
        make(3)
        now = store.server().now
        store.add_token("first", now - 300)
        slow = Clearing(stores(), store.server())
        store.add_token("second", now - 200)
        assert Clearing(stores(), store.server()).clear(lambda: 1) == 1
        assert slow.clear(lambda: 1) == 0
        sweep(stores())
        assert store.built(), "SQL has the token that Redis has"

    def test_many_processes_that_clear_at_once_raise_no_alarm(self, redis: SnapshotRedis) -> None:
        redis.client().config_set("save", "")

        def work(start: int) -> None:
            for round in range(6):
                make(3, start + 10 * round)
                age(3600)
                sweep(stores())
            connection.close()

        threads = [threading.Thread(target=work, args=(1000 * n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        sweep(stores())
        assert Plain._sonic.store("default").built()
        assert Plain.objects.filter(group="g").count() == 72
        age(3600)
        sweep(stores())
        assert len(Plain._sonic.store("default").server().tokens) <= 6

    def _forget_marks(self, redis: SnapshotRedis, number: int) -> None:
        """Objects of which the snapshot that is kept has half, all of them without dirty marks."""
        make(number)
        redis.keep()
        make(number, number)
        self._sweep_until_clear(redis)

    def _sweep_until_clear(self, redis: SnapshotRedis) -> None:
        redis.client().config_set("save", "")
        sweep_until_clear()
        assert Plain._sonic.table("default").count_dirty() == 0
        redis.client().config_set("save", SAVE_POINTS)


class TestRebuildUndone:
    def test_redis_is_emptied_meanwhile(self, redis: SnapshotRedis) -> None:
        make(200)
        emptied: list[int] = []

        def empty_once(done: int, total: int) -> None:
            if done >= 100 and not emptied:
                emptied.append(done)
                redis.client().flushall()

        assert rebuild(stores(), batch_size=20, progress=empty_once) == 200
        assert Plain.objects.filter(group="g").count() == 200

    def test_redis_is_emptied_after_the_last_row(self, redis: SnapshotRedis) -> None:
        make(200)
        emptied: list[int] = []

        def empty_once(done: int, total: int) -> None:
            if done == 200 and not emptied:
                emptied.append(done)
                redis.client().flushall()

        rebuild(stores(), batch_size=20, progress=empty_once)
        assert Plain.objects.filter(group="g").count() == 200

    def test_redis_is_emptied_again_and_again(self, redis: SnapshotRedis) -> None:
        make(200)
        with pytest.raises(RebuildUndone, match="testapp.Plain: Redis was emptied or set back"):
            rebuild(stores(), batch_size=20, progress=lambda done, total: redis.client().flushall())
        with pytest.raises(IndexNotBuilt):
            Plain.objects.count()

    def test_redis_comes_back_older_meanwhile(self, redis: SnapshotRedis) -> None:
        make(200)
        struck: list[int] = []

        def strike(done: int, total: int) -> None:
            if done == 40:
                redis.keep()
            if done == 160 and not struck:
                struck.append(done)
                redis.set_back()

        redis.client().flushall()
        rebuild(stores(), batch_size=20, progress=strike)
        assert struck
        assert Plain.objects.filter(group="g").count() == 200

    def test_another_rebuild_takes_over(self) -> None:
        make(200)

        taken: list[int] = []

        def take_over(done: int, total: int) -> None:
            if done == 40 and not taken:
                taken.append(done)
                assert rebuild(stores(), batch_size=20) == 200

        # The other one has ended, and with it its notes: all is built, and this one begins again.
        assert rebuild(stores(), batch_size=20, progress=take_over) == 200

        def begin(done: int, total: int) -> None:
            if done == 40:
                Plain._sonic.store("default").begin_job("another", 0, 0)

        with pytest.raises(RebuildUndone, match="another sonic_reindex of this class has begun"):
            rebuild(stores(), batch_size=20, progress=begin)
        assert Plain.objects.filter(group="g").count() == 200

    def test_a_rebuild_that_was_stopped_is_not_gone_on_with_after_a_loss(
        self, redis: SnapshotRedis
    ) -> None:
        make(200)
        redis.keep()
        make(100, 200)
        redis.client().config_set("save", "")
        sweep_until_clear()
        self._stop_a_rebuild(lambda: None)
        # The notes come back too, and with them an index that lacks a hundred objects.
        notes = Plain._sonic.store("default").job()
        redis.set_back()
        redis.client().hset(f"{Plain._sonic.store('default').base}:job", mapping=notes)
        done: list[int] = []
        rebuild(stores(), batch_size=50, progress=lambda number, total: done.append(number))
        assert done[0] == 50, "from the first row on"
        assert Plain.objects.filter(group="g").count() == 300

    def test_the_notes_of_a_stopped_one_expire(self) -> None:
        make(200)
        self._stop_a_rebuild(lambda: None)
        base = Plain._sonic.store("default").base
        assert 0 < redis_client().ttl(f"{base}:job") <= 3600

    def _stop_a_rebuild(self, meanwhile: Callable[[], None]) -> None:
        class Stop(Exception):
            pass

        def stop(done: int, total: int) -> None:
            if done >= 100:
                raise Stop

        with pytest.raises(Stop):
            rebuild(stores(), batch_size=50, progress=stop)
        meanwhile()


class TestRollingDeployment:
    """Processes with the former declaration go on writing while the new index is built."""

    @pytest.fixture
    def new(self) -> Iterator[Callable[[], Any]]:
        """Makes the class one that has another index; called again, the former one."""
        from sonic_django import Index

        before, indexes = Plain._sonic, Plain.indexes

        def switch() -> Any:
            if Plain._sonic is before:
                Plain.indexes = {**indexes, "number": Index(order_by="number")}
                Plain._sonic = Schema(Plain)
            else:
                Plain.indexes, Plain._sonic = indexes, before
            return Plain._sonic

        yield switch
        Plain.indexes, Plain._sonic = indexes, before

    def test_a_save_by_former_code_behind_the_position(self, new: Callable[[], Any]) -> None:
        ids = make(200)
        new()

        def former_code_saves(done: int, total: int) -> None:
            if done == 100:
                new()
                plain = Plain.objects.get(pk=ids[3])
                plain.number = 77
                plain.save()
                Plain.objects.filter(group="g").count()
                new()

        with pytest.raises(RebuildUndone, match="code with another declaration of its indexes has"):
            rebuild(stores(), batch_size=20, progress=former_code_saves)
        with pytest.raises(IndexNotBuilt):
            Plain.objects.filter(number=77).ids()
        # The former processes have ended.
        rebuild(stores(), batch_size=20)
        assert Plain.objects.filter(number=77).ids() == [ids[3]]

    def test_a_save_by_former_code_before_the_first_batch(self, new: Callable[[], Any]) -> None:
        ids = make(30)
        store = new().store("default")
        store.begin_job("run", 0, 0)
        new()
        plain = Plain.objects.get(pk=ids[3])
        plain.number = 77
        plain.save()
        new()
        assert store.job() == {}

    def test_former_code_writes_after_the_end(self, new: Callable[[], Any]) -> None:
        ids = make(200)
        new()
        rebuild(stores(), batch_size=20)
        assert Plain.objects.filter(number=None).count() == 200
        new()
        plain = Plain.objects.get(pk=ids[3])
        plain.number = 77
        plain.save()
        assert Plain.objects.filter(group="g").count() == 200, "it has what it needs"
        new()
        with pytest.raises(IndexNotBuilt):
            Plain.objects.filter(number=77).ids()

    def test_the_same_declaration_goes_on(self) -> None:
        make(200)

        def save(done: int, total: int) -> None:
            Plain.objects.create(name="meanwhile", group="g")

        rebuild(stores(), batch_size=20, progress=save)
        assert Plain.objects.filter(name="meanwhile").count() > 0


class TestVersionsGivenAgain:
    """A database is set back, and goes on: the numbers of the lost writes are given again."""

    @pytest.fixture(autouse=True)
    def short_grace(self, settings: Any) -> None:
        settings.SONIC = {"GRACE": 0.05}

    def test_the_check_finds_rows_written_since(self) -> None:
        ids = make(30)
        backup = [(row.payload, row.version, row.id) for row in self._rows(ids)]
        for plain in Plain.objects.filter(group="g"):
            plain.group = "lost"
            plain.save()
        self._restore(backup)
        for id in ids:
            plain = Plain.objects.get(pk=id)
            plain.group = "after"
            plain.save()
            assert writes(plain) == 2, "as often as the write that was lost"
        check(stores(), repair=True)
        assert Plain.objects.filter(group="lost").count() == 0
        assert sorted(Plain.objects.filter(group="after").ids()) == ids

    def test_the_sweep_brings_them_into_the_index(self) -> None:
        ids = make(30)
        backup = [(row.payload, row.version, row.id) for row in self._rows(ids)]
        Plain.objects.filter(group="g").update(group="lost")
        self._restore(backup)
        Plain.objects.in_bulk(ids)[ids[0]].delete()
        plain = Plain.objects.get(pk=ids[1])
        plain.group = "after"
        plain.save()
        age(10)
        sweep(stores())
        assert Plain.objects.filter(group="after").ids() == [ids[1]]
        assert ids[0] not in Plain.objects.filter(group="lost").ids()

    @pytest.mark.parametrize("repair", [rebuild, lambda stores: check(stores, repair=True), sweep])
    @pytest.mark.parametrize("is_deleted", [False, True])
    def test_objects_that_were_destroyed_since(
        self, repair: Callable[[Any], Any], is_deleted: bool
    ) -> None:
        """The index knows of their removal, which never was."""
        ids = make(30)
        if is_deleted:
            Plain.objects.filter(group="g").delete()
        backup = list(self._rows(ids))
        age(3600)
        sweep(stores())
        sweep(stores())
        for plain in Plain.sql.all():
            plain.destroy()
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM sonic_gone")
            for row in backup:
                cursor.execute(
                    "INSERT INTO testapp_plain (id, data, is_deleted, version, dirty_at) "
                    "VALUES (%s, %s, %s, %s, %s)",
                    [row.id, row.payload, row.is_deleted, row.version, "2026-01-01 00:00:00"],
                )
        repair(stores())
        objects = Plain.objects.deleted() if is_deleted else Plain.objects.filter(group="g")
        assert sorted(obj.pk for obj in objects) == ids

    def test_ids_that_are_given_again(self) -> None:
        """Of objects that the backup lacks."""
        first = Plain.objects.create(name="lost", group="lost")
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM testapp_plain")
        again = Plain(id=first.pk, name="new", group="new")
        Plain._sonic.table("default").insert(Plain._sonic.codec.encode({"name": "x", "group": "y"}))
        with connection.cursor() as cursor:
            cursor.execute("UPDATE testapp_plain SET id = %s", [first.pk])
        assert again.pk == first.pk
        check(stores(), repair=True)
        assert Plain.objects.filter(group="y").ids() == [first.pk]
        assert Plain.objects.filter(group="lost").ids() == []

    def _rows(self, ids: list[int]) -> Any:
        return Plain._sonic.table("default").fetch(ids).values()

    def _restore(self, backup: list[Any]) -> None:
        with connection.cursor() as cursor:
            for row in backup:
                cursor.execute(
                    "UPDATE testapp_plain SET data = %s, version = %s WHERE id = %s", row
                )
