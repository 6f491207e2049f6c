"""Testing a project that uses Sonic: for pytest there is nothing to do, for unittest a mixin.

The names are imported when first asked for (PEP 562): pytest loads the plugin beside them in each
run of a project that has Sonic installed, also in runs that use neither Django nor Redis.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .counting import RedisCalls, count_redis_calls
    from .testcases import SonicTestMixin

__all__ = ["RedisCalls", "SonicTestMixin", "count_redis_calls"]

_MODULES = {
    "RedisCalls": "counting",
    "SonicTestMixin": "testcases",
    "count_redis_calls": "counting",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
