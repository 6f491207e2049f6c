"""A mixin for Django's test cases, which also work without it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..sync.testcase_rollbacks import undo_all_rollbacks
from .counting import RedisCalls, count_redis_calls

if TYPE_CHECKING:
    from django.test import TransactionTestCase as _Base
else:
    _Base = object


class SonicTestMixin(_Base):
    """``class BlogTests(SonicTestMixin, TestCase)``: the index is brought back right after each
    rollback instead of at its next use, and round trips to Redis can be asserted."""

    def _fixture_teardown(self) -> None:
        super()._fixture_teardown()  # type: ignore[misc] # not in the stubs
        undo_all_rollbacks()

    @classmethod
    def tearDownClass(cls) -> None:
        """Bring the index back after the rollback of the class's data."""
        super().tearDownClass()
        undo_all_rollbacks()

    @contextmanager
    def assertNumRedisCalls(self, number: int) -> Iterator[RedisCalls]:
        """Fail unless the block makes just so many round trips to Redis."""
        with count_redis_calls() as calls:
            yield calls
        self.assertEqual(len(calls), number, f"{len(calls)} round trips to Redis: {calls}")
