"""The async twins of methods: ``aget`` for ``get``. All of them come through here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, TypeVar

from asgiref.sync import sync_to_async

_T = TypeVar("_T", bound=type)


def with_twins(*names: str) -> Callable[[_T], _T]:
    """Give a class an async twin of each of the methods, called so with an ``a`` before.

    A twin runs the method in the thread of all synchronous code of its request, so that it sees
    the same connections and transactions.
    """

    def decorate(cls: _T) -> _T:
        for name in names:
            setattr(cls, f"a{name}", _twin(cls, name))
        return cls

    return decorate


def _twin(cls: type, name: str) -> Callable[..., Awaitable[Any]]:
    method = getattr(cls, name)

    # The method's name, signature and marks for Django: alters_data, queryset_only.
    @wraps(method)
    async def twin(self: Any, *args: Any, **kwargs: Any) -> Any:
        # By name, so that a class that overrides the method overrides its twin.
        return await sync_to_async(getattr(self, name), thread_sensitive=True)(*args, **kwargs)

    twin.__name__ = f"a{name}"
    twin.__qualname__ = f"{cls.__qualname__}.a{name}"
    twin.__doc__ = f"The async twin of ``{name}``."
    return twin
