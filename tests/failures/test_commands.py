"""The commands while Redis fails: words, no trace, and an exit code."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.failures.conftest import FailingRedis
from tests.testapp.models import Plain

pytestmark = pytest.mark.django_db(transaction=True)

COMMANDS = pytest.mark.parametrize("command", ["sonic_status", "sonic_sync", "sonic_reindex"])
ROOT = Path(__file__).resolve().parents[2]


def refusal(*command: str) -> str:
    """Return the error with which a command gives up."""
    with pytest.raises(CommandError) as caught:
        call_command(*command, stdout=io.StringIO())
    return str(caught.value)


@COMMANDS
class TestRedis:
    def test_away(self, redis: FailingRedis, command: str) -> None:
        redis.stop()
        text = refusal(command, "testapp.Plain")
        assert text.startswith("testapp.Plain: Redis does not answer (Error ")
        assert text.endswith("Nothing is lost; run the command again.")

    def test_hung(self, redis: FailingRedis, settings: Any, command: str) -> None:
        settings.SONIC = {"TIMEOUT": 0.2}
        redis.hang()
        assert "testapp.Plain: Redis does not answer (Timeout" in refusal(command, "testapp.Plain")

    def test_forbidden(self, redis: FailingRedis, command: str) -> None:
        redis.client().execute_command("ACL", "SETUSER", "default", "-@read", "-@scripting")
        try:
            assert "testapp.Plain: Redis refused: " in refusal(command, "testapp.Plain")
        finally:
            redis.client().execute_command("ACL", "SETUSER", "default", "+@all")


def test_a_sync_asks_a_silent_redis_once(redis: FailingRedis, settings: Any) -> None:
    settings.SONIC = {"TIMEOUT": 0.2}
    redis.hang()
    assert refusal("sonic_sync").count("does not answer") == 1


@pytest.mark.parametrize("spoil", ["read-only", "full"])
def test_a_rebuild_that_cannot_write(redis: FailingRedis, spoil: str) -> None:
    Plain.objects.create(name="a")
    client = redis.client()
    client.flushall()
    if spoil == "read-only":
        client.replicaof("127.0.0.1", 1)
    else:
        client.config_set("maxmemory", 1)
    assert "testapp.Plain: Redis refused: " in refusal("sonic_reindex", "testapp.Plain")
    client.replicaof("NO", "ONE")
    client.config_set("maxmemory", 0)
    call_command("sonic_reindex", "testapp.Plain", stdout=io.StringIO())
    assert Plain.objects.filter(name="a").exists()


@contextmanager
def running(
    *arguments: str, redis: FailingRedis, **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """``django-admin`` with these arguments, as a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "django", *arguments],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "PYTHONPATH": str(ROOT),
            "SONIC_TEST_REDIS_URL": redis.url,
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@COMMANDS
def test_as_a_process(redis: FailingRedis, command: str) -> None:
    redis.stop()
    with running(command, "testapp.Plain", redis=redis) as process:
        _, said = process.communicate()
    assert process.returncode == 1
    assert said.startswith("CommandError: testapp.Plain: Redis does not answer (")
    assert "Traceback" not in said


def wait_for(condition: Callable[[], bool]) -> None:
    """The test runner's own limit ends a wait in vain."""
    while not condition():
        pass
