"""Objects the model tests share."""

from __future__ import annotations

import uuid
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal

import pytest

from tests.testapp.models import Everything


@pytest.fixture
def everything(db) -> Everything:
    """An object with a value of every kind."""
    return Everything.objects.create(
        text='quote " and \x00 NUL',
        whole=-(2**70),
        real=0.1,
        exact=Decimal("1.50"),
        flag=False,
        moment=datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=timezone.utc),
        day=date(1, 1, 1),
        clock=time(23, 59, 59, 999999),
        span=timedelta(days=-1, microseconds=5),
        code=uuid.UUID(int=7),
        raw=b"\x00\xff",
        anything={"a": [1, (2, {3})], ("k", 1): Decimal("2"), "$x": b"y"},
        words=["a", "b", "a"],
        numbers=[3, 1],
    )
