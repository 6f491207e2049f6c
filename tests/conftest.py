"""Fixtures for all tests."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.servers import MariaDB, PrivateRedis


@pytest.fixture
def private_directory() -> Iterator[Path]:
    """An empty directory beside the test run's servers: in memory where there is room."""
    directory = Path(tempfile.mkdtemp(dir=os.environ["SONIC_TEST_DIR"]))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def private_redis(private_directory: Path) -> Iterator[PrivateRedis]:
    """A Redis for this test alone, which keeps its data on disk and may be killed."""
    from tests.servers import PrivateRedis

    with PrivateRedis(private_directory / "redis") as server:
        yield server


@pytest.fixture
def private_mariadb(private_directory: Path) -> Iterator[MariaDB]:
    """A MariaDB for this test alone, which may be killed."""
    from tests.servers import MariaDB

    with MariaDB(private_directory / "mariadb") as server:
        yield server


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The payloads that are decoded from now on."""
    from sonic_django.payload.codec import Codec

    found: list[bytes] = []
    decode = Codec.decode

    def noted(codec: Codec, payload: bytes) -> dict[str, Any]:
        found.append(payload)
        return decode(codec, payload)

    monkeypatch.setattr(Codec, "decode", noted)
    return found
