"""A Redis that answers and refuses: read-only, full, evicting, forbidden, or empty."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from sonic_django.exceptions import IndexNotBuilt, IndexUnavailable, UniqueViolation
from sonic_django.sync.sweep import sweep
from tests.failures.conftest import FailingRedis
from tests.failures.proxy import Proxy
from tests.sync.test_sweep import age
from tests.testapp.models import Author, Blog, Plain
from tests.versions import writes

pytestmark = pytest.mark.django_db(transaction=True)

MakeRedis = Callable[..., FailingRedis]

#: What a user of Redis needs beside the keys.
RIGHTS = (
    *("~sonic:*", "+@read", "+@write", "+@scripting", "+@connection", "-@dangerous"),
    *("+info", "+config|get"),
)


def fill(server: FailingRedis) -> None:
    """Let the server have reached its ``maxmemory``."""
    server.client().config_set("maxmemory", 1)


class TestReadOnly:
    @pytest.fixture
    def replica(self, redis: FailingRedis) -> FailingRedis:
        """Sonic's Redis, which has become the replica of another."""
        Plain.objects.create(name="before")
        redis.client().replicaof("127.0.0.1", 1)
        return redis

    def test_queries_go_on(self, replica: FailingRedis) -> None:
        assert Plain.objects.filter(name="before").count() == 1

    def test_saves_go_on_and_are_applied_when_it_can_write_again(
        self, replica: FailingRedis, failures: list[Exception], caplog: Any
    ) -> None:
        plain = Plain.objects.create(name="after")
        assert "read only replica" in str(failures[0])
        assert "their rows stay marked" in caplog.text
        assert Plain.objects.filter(name="after").ids() == []
        replica.client().replicaof("NO", "ONE")
        age(10)
        sweep(Plain._sonic.at("default"))
        assert Plain.objects.filter(name="after").ids() == [plain.pk]

    def test_a_bulk_as_well(self, replica: FailingRedis, failures: list[Exception]) -> None:
        Plain.objects.bulk_create([Plain(name="after") for _ in range(250)])
        assert len(failures) == 1
        assert Plain.sql.count() == 251

    def test_a_failover_behind_the_address(
        self,
        redis: FailingRedis,
        proxy: Proxy,
        make_redis: MakeRedis,
        failures: list[Exception],
    ) -> None:
        """The open connections lead to the former primary, new ones to the new primary."""
        Plain.objects.create(name="before")
        redis.client().save()
        promoted = make_redis("promoted", "--appendonly", "no", "--dir", str(redis.directory))
        redis.client().replicaof("127.0.0.1", 1)
        proxy.server = promoted.socket
        plain = Plain.objects.create(name="after")
        Plain.objects.bulk_create([Plain(name="many") for _ in range(250)])
        assert failures == []
        assert Plain.objects.filter(name="after").ids() == [plain.pk]
        assert Plain.objects.count() == 252

    def test_too_few_replicas(self, redis: FailingRedis, failures: list[Exception]) -> None:
        Plain.objects.create(name="before")
        redis.client().config_set("min-replicas-to-write", 1)
        Plain.objects.create(name="after")
        assert "NOREPLICAS" in str(failures[0])
        assert Plain.objects.filter(name="before").count() == 1

    def test_a_disk_that_cannot_be_written(
        self, redis: FailingRedis, failures: list[Exception]
    ) -> None:
        """Redis then refuses writes by itself (``stop-writes-on-bgsave-error``)."""
        Plain.objects.create(name="before")
        client = redis.client()
        client.config_set("save", "3600 1")
        (redis.directory / "dump.rdb").mkdir()
        client.bgsave()
        while client.info("persistence")["rdb_last_bgsave_status"] == "ok":
            pass
        Plain.objects.create(name="after")
        assert "MISCONF" in str(failures[0])
        assert Plain.objects.filter(name="before").count() == 1


class TestFull:
    def test_queries_and_saves_go_on_and_room_brings_the_rest(
        self, redis: FailingRedis, failures: list[Exception]
    ) -> None:
        kept = Plain.objects.create(name="before")
        fill(redis)
        plain = Plain.objects.create(name="after")
        assert "maxmemory" in str(failures[0])
        assert Plain.objects.all().ids() == [kept.pk]
        redis.client().config_set("maxmemory", 0)
        age(10)
        sweep(Plain._sonic.at("default"))
        assert Plain.objects.filter(name="after").ids() == [plain.pk]

    def test_an_object_is_applied_whole_or_not_at_all(
        self, redis: FailingRedis, failures: list[Exception]
    ) -> None:
        """Redis lets a script that has begun to write go on, however full it is."""
        plains = [Plain.objects.create(name="n", group="g", number=n) for n in range(3)]
        fill(redis)
        plains[0].name = "renamed"
        plains[0].save()
        plains[1].delete()
        Plain.objects.create(name="n", group="g")
        redis.client().config_set("maxmemory", 0)
        for plain, name, live in ((plains[0], "renamed", True), (plains[1], "n", False)):
            version, entries = Plain._sonic.store("default").entries_of([plain.pk])[plain.pk]
            if writes(version) == 1:
                name, live = "n", True
            assert (plain.pk in Plain.objects.filter(name=name).ids()) is live
            assert (plain.pk in Plain.objects.filter(group="g").ids()) is live
            assert bool(entries) is live

    def test_commands_say_so(self, redis: FailingRedis) -> None:
        Plain.objects.create(name="a")
        redis.client().flushall()
        fill(redis)
        with pytest.raises(CommandError, match=r"testapp.Plain: Redis refused: .*maxmemory"):
            call_command("sonic_reindex", "testapp.Plain", verbosity=0)


class TestEvicting:
    def test_what_was_evicted_is_an_error_and_rebuilt(self, redis: FailingRedis) -> None:
        """Eviction takes whole keys; one that says what is built makes queries fail loudly."""
        Plain.objects.bulk_create([Plain(name=f"n{n}", group="g") for n in range(50)])
        base = Plain._sonic.store("default").base
        redis.client().delete(f"{base}:state")
        with pytest.raises(IndexNotBuilt, match="sonic_reindex testapp.Plain"):
            Plain.objects.count()
        call_command("sonic_reindex", "testapp.Plain", verbosity=0)
        assert Plain.objects.filter(group="g").count() == 50

    def test_a_server_that_evicts_everything(self, redis: FailingRedis) -> None:
        Plain.objects.bulk_create([Plain(name=f"n{n}", group="g") for n in range(50)])
        assert Plain.objects.filter(group="g").count() == 50
        client = redis.client()
        client.config_set("maxmemory-policy", "allkeys-random")
        client.config_set("maxmemory", 1)
        while client.dbsize():
            client.ping()  # the server evicts ahead of each command
        client.config_set("maxmemory", 0)
        with pytest.raises(IndexNotBuilt):
            Plain.objects.filter(group="g").count()
        call_command("sonic_reindex", "testapp.Plain", verbosity=0)
        assert Plain.objects.filter(group="g").count() == 50


class TestForbidden:
    @pytest.fixture
    def allow(self, redis: FailingRedis, point_at: Any) -> Callable[..., None]:
        """Connects as a user with these rights."""

        def as_user(*rights: str) -> None:
            client = redis.client()
            client.execute_command("ACL", "SETUSER", "site", "reset", "on", ">secret", *rights)
            # An address of its own: django-redis shares connections by address.
            point_at(
                redis.url.replace("redis.sock", "./redis.sock"), USERNAME="site", PASSWORD="secret"
            )

        return as_user

    def test_no_rights(self, allow: Callable[..., None], failures: list[Exception]) -> None:
        allow("+ping")
        with pytest.raises(IndexUnavailable, match=r"refused: .*permission"):
            Plain.objects.count()
        plain = Plain.objects.create(name="a")
        assert "permission" in str(failures[0])
        assert Plain.get(plain.pk).name == "a"

    def test_a_wrong_password(
        self, redis: FailingRedis, allow: Callable[..., None], failures: list[Exception]
    ) -> None:
        allow("+@all", "~*")
        redis.client().execute_command("ACL", "SETUSER", "site", "resetpass", ">changed")
        with pytest.raises(
            IndexUnavailable, match=r"refused: (WRONGPASS|invalid username-password)"
        ):
            Plain.objects.count()
        Plain.objects.create(name="a")
        assert len(failures) == 1

    def test_other_keys_only(self, allow: Callable[..., None]) -> None:
        allow("+@all", "~cache:*")
        with pytest.raises(IndexUnavailable, match=r"refused: .*permission"):
            Plain.objects.count()

    def test_the_rights_that_suffice(self, allow: Callable[..., None]) -> None:
        """The rights named in docs/operations.md suffice."""
        allow(*RIGHTS)
        author = Author.objects.create(username="ada", intro="sailing")
        blogs = Blog.objects.bulk_create([Blog(title=f"t{n}", author=author) for n in range(5)])
        assert Blog.objects.filter(author=author).count() == 5
        blogs[0].delete()
        blogs[1].destroy()
        assert Blog.objects.all().order_by("-created").count() == 3
        age(300)
        call_command("sonic_sync", verbosity=0, stdout=io.StringIO())
        call_command("sonic_reindex", "testapp", verbosity=0, stdout=io.StringIO())
        call_command("sonic_status", verbosity=0, stdout=io.StringIO())
        call_command("flush", interactive=False, verbosity=0)


class TestReplacedByAnEmptyOne:
    def test_queries_are_loud_saves_go_on_and_a_rebuild_brings_all_back(
        self, redis: FailingRedis, make_redis: MakeRedis, point_at: Any
    ) -> None:
        Plain.objects.bulk_create([Plain(name=f"n{n}", group="g") for n in range(150)])
        point_at(make_redis("empty").url)
        with pytest.raises(IndexNotBuilt, match="sonic_reindex testapp.Plain"):
            Plain.objects.count()
        Plain.objects.create(name="new", group="g")
        with pytest.raises(IndexNotBuilt):
            Plain.objects.filter(group="g").count()
        call_command("sonic_reindex", "testapp.Plain", verbosity=0)
        assert Plain.objects.filter(group="g").count() == 151

    def test_a_row_that_cannot_be_read_fails_no_save(
        self, redis: FailingRedis, caplog: pytest.LogCaptureFixture
    ) -> None:
        damaged = Plain.objects.create(name="a")
        with connection.cursor() as cursor:
            cursor.execute("UPDATE testapp_plain SET data = %s", [b"junk"])
        redis.client().flushall()
        assert Plain(name="b").save()
        assert f"testapp.plain {damaged.pk}" in caplog.text.lower()
        assert "cannot see whether its index is complete" in caplog.text

    def test_uniques_hold_meanwhile(
        self, redis: FailingRedis, make_redis: MakeRedis, point_at: Any
    ) -> None:
        Author.objects.create(username="ada")
        point_at(make_redis("empty").url)
        with pytest.raises(UniqueViolation):
            Author.objects.create(username="ada")


class TestRestartedWithoutItsData:
    def test_a_server_that_keeps_nothing(self, redis: FailingRedis, tmp_path: Path) -> None:
        redis.persist = False
        redis.restart()
        Plain.objects.bulk_create([Plain(name=f"n{n}") for n in range(150)])
        assert Plain.objects.count() == 150
        redis.restart()
        with pytest.raises(IndexNotBuilt):
            Plain.objects.count()

    def test_a_server_that_was_killed_and_kept_its_file(self, redis: FailingRedis) -> None:
        Plain.objects.bulk_create([Plain(name=f"n{n}") for n in range(150)])
        redis.client().config_set("appendfsync", "always")
        last = Plain.objects.create(name="last")
        redis.kill()
        redis.start()
        assert Plain.objects.filter(name="last").ids() == [last.pk]
        assert Plain.objects.count() == 151
