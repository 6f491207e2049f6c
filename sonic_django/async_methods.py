"""The async variants of methods: ``aget`` for ``get``. All of them are made here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, TypeVar

from asgiref.sync import sync_to_async

_T = TypeVar("_T", bound=type)


def with_async_methods(*names: str) -> Callable[[_T], _T]:
    """Give a class an async variant of each of the methods, with an ``a`` before its name.

    A variant runs the method in the thread of all synchronous code of its request, so that it sees
    the same connections and transactions.
    """

    def decorate(cls: _T) -> _T:
        for name in names:
            setattr(cls, f"a{name}", _async_method(cls, name))
        return cls

    return decorate


def _async_method(cls: type, name: str) -> Callable[..., Awaitable[Any]]:
    method = getattr(cls, name)

    # The method's name, signature and marks for Django: alters_data, queryset_only.
    @wraps(method)
    async def variant(self: Any, *args: Any, **kwargs: Any) -> Any:
        # By name, so that a class that overrides the method overrides its variant.
        return await sync_to_async(getattr(self, name), thread_sensitive=True)(*args, **kwargs)

    variant.__name__ = f"a{name}"
    variant.__qualname__ = f"{cls.__qualname__}.a{name}"
    variant.__doc__ = f"The async variant of ``{name}``."
    return variant
