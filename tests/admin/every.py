"""One value of every kind."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID


def every_value(friend: Any, owner: Any) -> dict[str, Any]:
    return {
        "text": " spaces inside ".strip(),
        "long_text": "two\nlines",
        "email": "a@example.org",
        "url": "http://example.org/",
        "whole": 2**70,
        "real": 1.5,
        "exact": Decimal("12.340"),
        "flag": True,
        "moment": datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc),
        "day": date(2026, 1, 2),
        "clock": time(3, 4, 5),
        "span": timedelta(days=1, seconds=5),
        "code": UUID(int=7),
        "raw": b"\x00\xff",
        "anything": {"a": [1, None, "x"]},
        "words": ["a", "b c"],
        "numbers": [3, 1],
        "friends": [friend],
        "parent": friend,
        "owner": owner,
    }
