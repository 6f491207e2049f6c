"""Values given to lookups: querysets, lazy objects and one-shot iterables become plain values.

A queryset means in a lookup what it means in Django: the ids of its objects, or the values of the
one field that ``values()`` or ``values_list()`` names; sliced and ordered as it is. It is asked
when the lookup is made.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from operator import index
from typing import Any, Final

from django.core.exceptions import FieldError, ValidationError
from django.db import models
from django.db.models import Value
from django.db.models.manager import BaseManager
from django.utils.functional import LazyObject, Promise

from .state import QueryState

#: Stands for the value of a queryset that has none: it equals nothing.
NO_VALUE: Final = object()
#: Iterators that are remembered, so that one that is given again is not taken for an empty one.
_REMEMBERED = 64
_CASTING: Any = models.Field()
#: Types whose values are what they are; most values are of one of these.
_PLAIN = frozenset([int, str, bool, float, type(None)])


class _UsedUp(threading.local):
    """The iterators that lookups of this thread have read to their end."""

    def __init__(self) -> None:
        self.iterators: deque[Iterator[Any]] = deque(maxlen=_REMEMBERED)


_used_up = _UsedUp()


def plain(value: Any) -> Any:
    """The value that a lazy object stands for; the queryset of a manager; others as they are. A
    lazy object is evaluated."""
    if isinstance(value, Promise):
        # What each of Django's fields does with a lazy text or number.
        return _CASTING.get_prep_value(value)
    if issubclass(type(value), LazyObject):
        # isinstance() would ask the object that it wraps. Pickling gives that object.
        return value.__reduce__()[1][0]
    if isinstance(value, BaseManager):
        return value.all()
    return value.value if type(value) is Value else value


def is_queryset(value: Any) -> bool:
    """Whether it is a queryset, of Django or of Sonic."""
    if isinstance(value, (models.QuerySet, models.Model)):
        return isinstance(value, models.QuerySet)  # an object may have a field of that name
    return isinstance(getattr(value, "state", None), QueryState)


def single(name: str, lookup: str, value: Any, target: Any = None, *, objects: bool = False) -> Any:
    """The one value of a lookup; ``NO_VALUE`` for that of an empty queryset.

    ValueError for a queryset that is not sliced to one object, ValidationError for an iterator,
    FieldError for an SQL expression.
    """
    if type(value) in _PLAIN:
        return value
    value = plain(value)
    if is_queryset(value):
        if _limit(value) != 1:
            raise ValueError(
                f"{_label(name, lookup)}: the queryset must be limited to one result using "
                f"slicing, [:1]; for several values write {name}__in."
            )
        return next(iter(_values(_label(name, lookup), value, target, objects=objects)), NO_VALUE)
    if isinstance(value, Iterator):
        raise ValidationError(
            {name: [f"{_label(name, lookup)} takes one value; got the iterator {value!r}."]}
        )
    if hasattr(value, "resolve_expression"):
        raise FieldError(
            f"{_label(name, lookup)}={value!r}: an SQL expression is no value; the index compares "
            f"a field with values only."
        )
    return value


def several(
    name: str, lookup: str, value: Any, target: Any = None, *, objects: bool = False
) -> list[Any]:
    """The items of a lookup that takes several values.

    ValidationError for what is no list, ValueError for a queryset of several fields, for one of
    another class than ``target``, and for an iterator that an earlier lookup has read. With
    ``objects`` a queryset of objects gives those, and not their ids.
    """
    value = plain(value)
    label = _label(name, lookup)
    if is_queryset(value):
        return list(_values(label, value, target, objects=objects))
    if isinstance(value, (str, bytes, bytearray, memoryview)) or not isinstance(value, Iterable):
        raise ValidationError({name: [f"{label} takes a list; got {value!r}."]})
    return list(map(plain, read_once(label, value)))


def read_once(label: str, value: Iterable[Any]) -> Iterable[Any]:
    """The iterable, or the items of an iterator; ValueError for an iterator that was read
    before: what is left of it is not what was meant."""
    if not isinstance(value, Iterator):
        return value
    if any(one is value for one in _used_up.iterators):
        raise ValueError(
            f"{label}: the iterator {value!r} has been read to its end by an earlier lookup. Give "
            f"a list."
        )
    items = list(value)
    _used_up.iterators.append(value)
    return items


def lasting(lookups: Mapping[str, Any]) -> dict[str, Any]:
    """The lookups with lists in place of iterators, so that they can be used more than once."""
    return {
        name: read_once(name, value) if isinstance(value, Iterator) else value
        for name, value in lookups.items()
    }


def for_sql(name: str, value: Any) -> Any:
    """The value for a lookup of an ordinary model: with lists in place of iterators and of Sonic's
    querysets."""
    value = plain(value)
    if is_queryset(value) and not isinstance(value, models.QuerySet):
        return list(_values(name, value, None, objects=False))
    if isinstance(value, Iterator):
        return read_once(name, value)
    return value


def whole(label: str, value: Any) -> int:
    """A whole number. TypeError, which names the argument, for anything else."""
    value = plain(value)
    try:
        return index(value)
    except TypeError:
        raise TypeError(f"{label} takes a whole number; got {value!r}.") from None


def batch_size(label: str, value: Any, usual: int = 1000) -> int:
    """The size of a batch; the usual one for None. ValueError below 1."""
    if value is None:
        return usual
    size = whole(f"{label}: batch_size", value)
    if size <= 0:
        raise ValueError(f"{label}: batch_size must be strictly positive; got {value!r}.")
    return min(size, _LARGEST_BATCH)


#: No batch is larger; a count of rows beyond it would not fit a statement's LIMIT.
_LARGEST_BATCH = 2**31 - 1


def text(label: str, value: Any) -> str:
    """A text, such as a field's name. TypeError, which names the argument, for anything else."""
    value = plain(value)
    if not isinstance(value, str):
        raise TypeError(f"{label} takes a text; got {value!r}.")
    return value


def texts(label: str, values: Any) -> list[str]:
    """A list of texts. TypeError for a single text, and for anything else."""
    values = plain(values)
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise TypeError(f"{label} takes a list of texts; got {values!r}.")
    return [text(label, value) for value in values]


def instances(label: str, values: Any, kinds: type | tuple[type, ...], named: str) -> list[Any]:
    """A list of instances. TypeError, which names the argument, for anything else."""
    values = plain(values)
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise TypeError(f"{label} takes a list of {named}; got {values!r}.")
    found = list(map(plain, values))
    for value in found:
        if not isinstance(value, kinds):
            raise TypeError(f"{label} takes {named}; got {value!r}.")
    return found


def mapping(label: str, value: Any) -> dict[str, Any]:
    """A dict. TypeError, which names the argument, for anything else."""
    value = plain(value)
    if not isinstance(value, Mapping):
        raise TypeError(f"{label} takes a dict; got {value!r}.")
    return dict(value)


def reporter(label: str, value: Any) -> Any:
    """A callable, or None. TypeError, which names the argument, for anything else."""
    if value is not None and not callable(value):
        raise TypeError(f"{label}: progress is a callable; got {value!r}.")
    return value


def _label(name: str, lookup: str) -> str:
    return name if lookup == "exact" else f"{name}__{lookup}"


def _limit(queryset: Any) -> int | None:
    state = getattr(queryset, "state", None) or queryset.query
    low, high = (
        (state.low, state.high)
        if isinstance(state, QueryState)
        else (state.low_mark, state.high_mark)
    )
    return None if high is None else high - low


def _values(label: str, queryset: Any, target: Any, *, objects: bool) -> Iterable[Any]:
    """The values of a queryset: one round trip, or one statement."""
    state = getattr(queryset, "state", None)
    if isinstance(state, QueryState):
        if state.shape is None:
            _check_target(label, queryset, target)
            ids: Iterable[Any] = queryset if objects else queryset.ids()
            return ids
        if len(state.shape.names) != 1:
            raise _several_fields(label, state.shape.names)
        # A copy, which asks again, as Django's subquery does.
        values: Iterable[Any] = queryset.values_list(state.shape.names[0], flat=True)
        return values
    if not queryset.query.has_select_fields:
        _check_target(label, queryset, target)
        found: Iterable[Any] = queryset.all() if objects else queryset.values_list("pk", flat=True)
        return found
    return _column(label, queryset)


def _column(label: str, queryset: Any) -> Iterator[Any]:
    query = queryset.query
    names = [*query.extra_select, *query.values_select, *query.annotation_select]
    if len(names) != 1:
        raise _several_fields(label, names)
    # However the queryset shapes them, the rows of the statement are tuples.
    for row in query.get_compiler(queryset.db).results_iter(tuple_expected=True):
        yield row[0]


def _several_fields(label: str, names: Iterable[str]) -> ValueError:
    names = list(names)
    return ValueError(
        f"{label}: the queryset gives {len(names)} values for each object ({', '.join(names)}); a "
        f"lookup takes those of one field, as values_list({names[0]!r}, flat=True) gives."
    )


def _check_target(label: str, queryset: Any, target: Any) -> None:
    """ValueError, as in Django, for objects of a class that the reference does not refer to."""
    if target is None:
        return
    one, other = queryset.model._meta.concrete_model, target._meta.concrete_model
    if not (issubclass(one, other) or issubclass(other, one)):
        raise ValueError(
            f'{label}: Cannot use QuerySet for "{one._meta.object_name}": Use a QuerySet for '
            f'"{other._meta.object_name}".'
        )
