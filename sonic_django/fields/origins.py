"""The origin of indexed values: all that their index entries depend on beside the payload.

An origin is a text. It is part of the digest of each index that holds the values, so a change of it
makes a new index, which must be built, and no other index.

Code of the project is known by its bytecode, not by its file: a deployment may replace the file
under a process that runs. So comments and layout do not count, and another version of Python does.
Code of Django, of Sonic and of Python is known by its name.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from hashlib import blake2b
from types import CodeType, FunctionType
from typing import Any
from uuid import UUID

#: Packages whose code is known by its name.
_KNOWN_BY_NAME = frozenset(["django", "sonic_django", "sonic_admin", *sys.stdlib_module_names])
#: Hooks of a field class whose results reach the index.
_HOOKS = (
    *("to_primitive", "from_primitive", "to_python", "get_prep_value"),
    *("of", "of_stored", "lookup_value", "range_value", "get_default"),
)
_PLAIN = (
    *(str, bytes, bool, int, float, complex, Decimal, UUID),
    *(date, datetime, time, timedelta, type(None), type(Ellipsis)),
)


def digest_of(*parts: str) -> str:
    """A short text for long ones."""
    return blake2b(repr(parts).encode(errors="backslashreplace"), digest_size=8).hexdigest()


def described(value: Any) -> str:
    """A value as a text that is the same in every process: sets and dicts in one order, and objects
    that are no primitives by their class."""
    if isinstance(value, Mapping):
        pairs = sorted((described(key), described(item)) for key, item in value.items())
        return f"{{{', '.join(': '.join(pair) for pair in pairs)}}}"
    if isinstance(value, (set, frozenset)):
        return f"{type(value).__name__}({', '.join(sorted(map(described, value)))})"
    if isinstance(value, (list, tuple)):
        return f"{type(value).__name__}({', '.join(map(described, value))})"
    if isinstance(value, _PLAIN):
        return f"{type(value).__name__} {value!r}"
    if isinstance(value, (FunctionType, functools.partial)):
        return code_of(value)
    return _name_of(value if isinstance(value, type) else type(value))


def code_of(function: Any) -> str:
    """A callable by its name and, if it is the project's, by its code."""
    return Code(function).described


def hooks_of(field_class: type) -> str:
    """The class of a field, and the project's own hooks in it that reach the index."""
    own = []
    for name in _HOOKS:
        hook = getattr(field_class, name, None)
        if isinstance(hook, FunctionType) and is_of_project(hook):
            own.append(code_of(hook))
    return f"{_name_of(field_class)} {digest_of(*own)}" if own else _name_of(field_class)


def is_of_project(function: Any) -> bool:
    """Whether the code is the project's own, and no library's that is known by its name."""
    module = getattr(function, "__module__", None) or ""
    return module.partition(".")[0] not in _KNOWN_BY_NAME


def _name_of(thing: Any) -> str:
    name = getattr(thing, "__qualname__", None) or type(thing).__qualname__
    return f"{getattr(thing, '__module__', '')}.{name}"


class Code:
    """The code of a callable, and of the functions of the same package that it names.

    ``names`` holds each name and text in it: those of the attributes that it may read.
    ``member`` gives the member of a class by a name that the code reads of an object.
    """

    def __init__(self, function: Any, member: Callable[[str], Any] = lambda name: None) -> None:
        self.names: set[str] = set()
        #: Whether code that is known by its name is given the object, and may read any field.
        self.is_open = False
        self._member = member
        self._seen: set[CodeType] = set()
        self._parts: list[str] = []
        self._take(function)

    @property
    def described(self) -> str:
        """The name of the callable, and a digest of the code."""
        first, *others = self._parts
        return f"{first} {digest_of(*others)}" if others else first

    def _take(self, function: Any) -> None:
        function = self._unwrapped(function)
        self._parts.append(_name_of(function))
        if not isinstance(function, FunctionType) or not is_of_project(function):
            self.is_open = True
            return
        if function.__code__ in self._seen:
            return
        self._seen.add(function.__code__)
        self._parts.append(described([list(function.__defaults__ or ()), function.__kwdefaults__]))
        for cell in function.__closure__ or ():
            self._take_content(cell)
        for code in _with_inner(function.__code__):
            self._take_code(code, function)

    def _unwrapped(self, function: Any) -> Any:
        """The function or class behind a partial, a method or a callable object, whose values are
        noted."""
        while not isinstance(function, (FunctionType, type)):
            if isinstance(function, functools.partial):
                self._parts.append(described([list(function.args), function.keywords]))
                function = function.func
            elif type(function).__module__ == "operator":
                self._parts.append(repr(function))  # attrgetter("name")
                return function
            elif hasattr(function, "__wrapped__"):
                function = function.__wrapped__  # of a cache
            elif hasattr(function, "__func__"):
                function = function.__func__
            elif isinstance(call := _call_of(function), FunctionType):
                self._parts.append(described(getattr(function, "__dict__", {})))
                function = call
            else:
                return function
        return function

    def _take_content(self, cell: Any) -> None:
        try:
            content = cell.cell_contents
        except ValueError:
            return  # not bound yet
        if isinstance(content, FunctionType):
            self._take(content)
        else:
            self._parts.append(described(content))

    def _take_code(self, code: CodeType, function: FunctionType) -> None:
        texts = [one for one in code.co_consts if isinstance(one, str)]
        self.names.update(code.co_names, texts)
        constants = [one for one in code.co_consts if not isinstance(one, CodeType)]
        self._parts += [
            code.co_code.hex(), described(constants), described(code.co_names),
            described(code.co_varnames), described(code.co_freevars),
        ]  # fmt: skip
        for name in code.co_names:
            named = function.__globals__.get(name)
            if isinstance(named, FunctionType) and _package(named) == _package(function):
                self._take(named)
            elif name.isupper() and isinstance(named, (*_PLAIN, tuple, frozenset)):
                self._parts.append(described(named))
            self._take_member(self._member(name))

    def _take_member(self, member: Any) -> None:
        for attribute in ("fget", "func", "__func__"):
            member = getattr(member, attribute, member)
        if isinstance(member, FunctionType):
            self._take(member)


def _package(function: FunctionType) -> str:
    return (function.__module__ or "").partition(".")[0]


def _with_inner(code: CodeType) -> Iterator[CodeType]:
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _with_inner(inner)


def _call_of(thing: Any) -> Any:
    return type(thing).__call__ if callable(thing) else None
