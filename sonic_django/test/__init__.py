"""Testing a project that uses Sonic: for pytest there is nothing to do, for unittest a mixin."""

from .counting import RedisCalls, count_redis_calls
from .testcases import SonicTestMixin

__all__ = ["RedisCalls", "SonicTestMixin", "count_redis_calls"]
