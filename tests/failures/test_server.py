"""System checks and ``sonic_status`` report the settings of the Redis server."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core import checks
from django.core.management import CommandError, call_command
from redis import Redis

from sonic_django.embedded import EmbeddedRedis
from sonic_django.transport.server_info import ServerFacts, server_facts, server_problems
from tests.failures.conftest import FailingRedis
from tests.testapp.models import Plain

pytestmark = pytest.mark.django_db(transaction=True)


def found(databases: Any = ("default",)) -> dict[str, str]:
    """The checks of the server that complain, and what they say."""
    messages = checks.run_checks(tags=[checks.Tags.database], databases=databases)
    return {m.id: f"{m.msg} {m.hint}" for m in messages if m.id.startswith("sonic.")}


def status(*arguments: str) -> str:
    stream = io.StringIO()
    call_command("sonic_status", "testapp.Plain", *arguments, stdout=stream)
    return stream.getvalue()


class TestChecks:
    def test_a_server_that_keeps_its_data(self, redis: FailingRedis) -> None:
        assert found() == {}

    def test_no_process_asks_redis_when_it_starts(self, redis: FailingRedis) -> None:
        redis.stop()
        assert found(databases=None) == {}
        assert [m for m in checks.run_checks() if m.id == "sonic.W012"] == []

    def test_no_answer_is_a_warning(self, redis: FailingRedis) -> None:
        redis.stop()
        assert found().keys() == {"sonic.W012"}
        assert "Redis does not answer (Error" in found()["sonic.W012"]

    def test_no_answer_in_time(self, redis: FailingRedis, settings: Any) -> None:
        settings.SONIC = {"TIMEOUT": 0.2}
        redis.hang()
        assert found().keys() == {"sonic.W012"}

    def test_migrate_and_check_show_it(self, redis: FailingRedis) -> None:
        redis.client().config_set("maxmemory-policy", "allkeys-lru")
        redis.client().config_set("maxmemory", "100mb")
        stream = io.StringIO()
        call_command("check", databases=["default"], stderr=stream)
        assert "sonic.W010" in stream.getvalue()
        stream = io.StringIO()
        call_command("migrate", skip_checks=False, verbosity=0, stderr=stream)
        assert "sonic.W010" in stream.getvalue()
        stream = io.StringIO()
        call_command("check", stderr=stream)
        assert "sonic.W010" not in stream.getvalue()

    @pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-lfu", "allkeys-random"])
    def test_eviction(self, redis: FailingRedis, policy: str) -> None:
        redis.client().config_set("maxmemory-policy", policy)
        assert found() == {}  # without a limit nothing is evicted
        redis.client().config_set("maxmemory", "100mb")
        assert found().keys() == {"sonic.W010"}
        assert f"maxmemory-policy is {policy}." in found()["sonic.W010"]

    @pytest.mark.parametrize("policy", ["noeviction", "volatile-lru", "volatile-ttl"])
    def test_policies_that_leave_keys_alone_that_never_expire(
        self, redis: FailingRedis, policy: str
    ) -> None:
        redis.client().config_set("maxmemory-policy", policy)
        redis.client().config_set("maxmemory", "100mb")
        assert found() == {}

    def test_the_keys_of_sonic_never_expire(self, redis: FailingRedis) -> None:
        plain = Plain.objects.create(name="a", group="g", number=1)
        Plain.objects.create(name="b").delete()
        plain.destroy()
        client = redis.client()
        assert {key: client.ttl(key) for key in client.scan_iter()} == dict.fromkeys(
            client.scan_iter(), -1
        )

    def test_nothing_on_disk(self, redis: FailingRedis) -> None:
        redis.client().config_set("appendonly", "no")
        assert found().keys() == {"sonic.W011"}
        redis.client().config_set("save", "3600 1")
        assert found().keys() == {"sonic.W015"}

    def test_snapshots_alone(self, redis: FailingRedis) -> None:
        redis.client().config_set("save", "3600 1 300 100 60 10000")
        redis.client().config_set("appendonly", "no")
        assert "Redis keeps snapshots alone on disk (RDB)" in found()["sonic.W015"]
        (problem,) = server_problems()
        assert "--appendonly yes" in problem.hint
        redis.client().config_set("appendonly", "yes")
        assert found() == {}

    def test_as_the_readme_and_the_demo_start_it(self, tmp_path: Path) -> None:
        root = Path(__file__).resolve().parents[2]
        (line,) = re.findall(r"^redis-server .*$", (root / "README.md").read_text("utf-8"), re.M)
        assert "--appendonly yes" in line
        with EmbeddedRedis(tmp_path) as server, Redis.from_url(server.url) as client:
            assert client.info()["aof_enabled"] == 1

    def test_a_replica(self, redis: FailingRedis) -> None:
        redis.client().replicaof("127.0.0.1", 1)
        assert found().keys() == {"sonic.W013"}
        redis.client().config_set("replica-read-only", "no")
        assert found() == {}

    def test_an_old_server_is_an_error(self, redis: FailingRedis) -> None:
        facts = server_facts()
        assert facts.version is not None
        assert facts.version >= (6, 2)
        (problem,) = replace(facts, version=(6, 0, 16)).problems()
        assert (problem.id, problem.is_error) == ("sonic.E012", True)
        assert problem.message == "Redis is 6.0.16; Sonic needs 6.2 or later."

    def test_a_setting_that_is_wrong_is_told_once(self, settings: Any) -> None:
        settings.SONIC = {"NOPE": 1}
        assert found() == {}

    def test_what_may_not_be_asked_is_not_guessed(
        self, redis: FailingRedis, point_at: Callable[..., None]
    ) -> None:
        client = redis.client()
        client.config_set("appendonly", "no")
        client.execute_command("ACL", "SETUSER", "default", "-config")
        try:
            assert server_facts().is_persistent is None
            assert found() == {}
            client.execute_command("ACL", "SETUSER", "default", "-info")
            assert server_facts() == ServerFacts()
            assert found() == {}
        finally:
            client.execute_command("ACL", "SETUSER", "default", "+@all")


class TestStatus:
    def test_all_well(self, redis: FailingRedis) -> None:
        assert "sonic.W" not in status()
        assert json.loads(status("--json"))[0]["problems"] == []

    def test_what_the_checks_say(self, redis: FailingRedis) -> None:
        redis.client().config_set("appendonly", "no")
        assert "sonic.W011: Redis keeps nothing on disk" in status()
        (problem,) = json.loads(status("--json"))[0]["problems"]
        assert (problem["id"], problem["is_error"]) == ("sonic.W011", False)

    def test_evicted_keys_are_counted_with_the_cure(self, redis: FailingRedis) -> None:
        client = redis.client()
        client.set("another", "x")
        client.config_set("maxmemory-policy", "allkeys-random")
        client.config_set("maxmemory", 1)
        while not client.info("stats")["evicted_keys"]:
            client.ping()
        client.config_set("maxmemory", 0)
        text = status()
        assert re.search(r"Redis has evicted \d+ key\(s\) since it was started", text)
        assert "sonic_check --deep --repair, or sonic_reindex" in text
        assert [one["id"] for one in json.loads(status("--json"))[0]["problems"]] == ["sonic.W014"]

    def test_redis_away(self, redis: FailingRedis) -> None:
        redis.stop()
        with pytest.raises(CommandError, match=r"testapp.Plain: Redis does not answer \(Error"):
            status()
