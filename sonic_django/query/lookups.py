"""Q objects and keyword arguments to conditions: names, lookups and values are checked here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeAlias

from django.core.exceptions import FieldError, ValidationError
from django.db.models import Q
from django.db.models.constants import LOOKUP_SEP

from ..fields.dynamic import AnyValue
from ..fields.names import FOLDED, LOOKUPS, RANGES, WITHOUT_CASE
from ..index.specs import BY_TEXT
from ..schema.ids import as_id
from .arguments import NO_VALUE, for_sql, plain, several, single
from .conditions import (
    EVERYTHING,
    MOST_DEPTH,
    NOTHING,
    Condition,
    Logic,
    conjoin,
    disjoin,
    negate,
    too_deep,
)
from .joins import Targets, join_targets, target_of
from .planner import Planner

if TYPE_CHECKING:
    from ..fields.derived import Indexed
    from ..schema.schema import Schema

#: What makes a condition of one (name, value).
Pairs: TypeAlias = "Callable[[Schema, Any], Logic]"


_CONNECTORS = (Q.AND, Q.OR, Q.XOR)


def resolve(schema: Schema, node: Q, pair: Pairs | None = None, depth: int = 0) -> Logic:
    """The conditions of a Q, each name and value by ``pair``, else by ``resolve_pair``.

    FieldError for an unknown field or lookup, ValidationError for a value that the field cannot
    have, NotSupportedError for Q objects nested deeper than ``MOST_DEPTH``.
    """
    if depth > MOST_DEPTH:
        raise too_deep(schema.label)
    if node.connector not in _CONNECTORS:
        raise ValueError(
            f"{schema.label}: a Q object joins by AND, OR or XOR, not by {node.connector!r}."
        )
    one = pair or resolve_pair
    children = [
        resolve(schema, child, pair, depth + 1) if isinstance(child, Q) else one(schema, child)
        for child in node.children
        if not (isinstance(child, Q) and _is_empty(child))
    ]
    if not children:
        return EVERYTHING  # as in Django, also when negated: exclude() excludes nothing
    if node.connector == Q.XOR:
        raise FieldError("Q objects combined by ^ are not supported; write (a & ~b) | (~a & b).")
    if len(children) == 1:
        logic = children[0]
    elif node.connector == Q.OR:
        logic = disjoin(*children)
    else:
        logic = conjoin(*join_targets(children))
    return negate(logic) if node.negated else logic


def _is_empty(node: Q) -> bool:
    return all(isinstance(child, Q) and _is_empty(child) for child in node.children)


def resolve_pair(schema: Schema, child: Any) -> Logic:
    """The condition of one (name, value)."""
    if not (isinstance(child, tuple) and len(child) == 2 and isinstance(child[0], str)):
        raise FieldError(
            f"{child!r} is an SQL expression; the index answers name=value lookups only. "
            f"Use {schema.model.__name__}.sql for SQL."
        )
    name, value = child
    indexed, lookup, beyond = _read(schema, name)
    if indexed is None:
        return _on_id(schema, lookup, value)
    if beyond:
        return _on_targets(schema, indexed, beyond, value)
    return _on_field(schema, indexed, lookup, value)


@lru_cache(maxsize=1024)
def _read(schema: Schema, name: str) -> tuple[Indexed | None, str, tuple[str, ...]]:
    """What a lookup is on (None is the id), which one it is, and the rest of the name where that
    goes across a reference. Kept, since a class's declaration does not change."""
    path = name.split(LOOKUP_SEP)
    if path[0] in ("pk", "id"):
        lookup = path.pop() if len(path) > 1 and path[-1] in LOOKUPS else "exact"
        _refuse_rest(schema, name, path[1:])
        return None, lookup, ()
    indexed, rest = _longest(schema, path)
    target = target_of(indexed)
    if target and rest and rest[0] in ("pk", "id") and (rest[1:] == [] or rest[1] in LOOKUPS):
        rest = rest[1:]
    if target and rest and rest[0] not in LOOKUPS:
        return indexed, "related", tuple(rest)
    lookup = rest.pop() if rest and rest[-1] in LOOKUPS else "exact"
    if rest and (keys := schema.fields.get(path[0])) and keys.at_path(rest):
        indexed, rest = schema.indexed(LOOKUP_SEP.join([path[0], *rest])), []
    _refuse_rest(schema, name, rest)
    return indexed, lookup, ()


def _on_targets(schema: Schema, indexed: Indexed, rest: tuple[str, ...], value: Any) -> Logic:
    """A lookup across a reference. The target's own FieldError if it cannot answer its part."""
    target = target_of(indexed)
    name = LOOKUP_SEP.join(rest)
    lookups = ((name, value),)
    theirs = getattr(target, "_sonic", None)
    if theirs is None:
        q = Q((name, for_sql(f"{indexed.name}__{name}", value)))
        target._base_manager.filter(q)  # refuses what the target does not have
        targets = Targets(target, lookups, q=q)
    else:
        logic = resolve(theirs, Q((name, value)))
        Planner(theirs).check(logic)
        targets = Targets(target, lookups, logic)
    found = Condition(indexed.name, "related", targets)
    is_missing = value is True if rest[-1] == "isnull" else value is None
    if not is_missing or indexed.many:
        return found
    # As in Django, where there is no target, nothing of it is there.
    return disjoin(Condition(indexed.name, "isnull", None), found)


def _longest(schema: Schema, path: list[str]) -> tuple[Indexed, list[str]]:
    """What the longest beginning of the path names that an index is of, and the rest of it: a
    declared path may end in a key that is called like a lookup."""
    for length in range(len(path), 0, -1):
        found = schema.derived.get(LOOKUP_SEP.join(path[:length]))
        if getattr(found, "is_looked_up", False):
            return schema.derived[LOOKUP_SEP.join(path[:length])], path[length:]
    return schema.indexed(path[0]), path[1:]


def _refuse_rest(schema: Schema, name: str, rest: list[str]) -> None:
    if rest:
        raise FieldError(
            f"{schema.label}: the lookup {name!r} is not supported. "
            f"Lookups are {', '.join(sorted(LOOKUPS))}."
        )


_OF_SEVERAL = frozenset(["in", "contains", "all", "range"])


def _on_field(schema: Schema, field: Indexed, lookup: str, value: Any) -> Logic:
    if lookup in WITHOUT_CASE:
        field = schema.indexed(field.name + FOLDED)
        lookup = "exact" if lookup == "iexact" else "startswith"
    name, target = field.name, target_of(field)
    has_objects = isinstance(field, AnyValue)

    def primitive(item: Any) -> Any:
        return None if item is None else field.lookup_value(item)

    def items() -> list[Any]:
        return several(name, lookup, value, target, objects=has_objects)

    place = getattr(field, "ordered_as", None)
    if place is not None and lookup in _OF_SEVERAL:
        return _on_place(schema, field, place, lookup, value)
    if lookup == "in":
        # As in Django, None is among no values: isnull asks for it.
        return disjoin(*(_equal(name, primitive(item)) for item in items() if item is not None))
    if lookup in ("contains", "all"):
        if not field.many:
            raise FieldError(
                f"{schema.label}.{name} is not a list, so it has no {lookup}. "
                f"For words in a text declare fulltext_indexes and use search()."
            )
        if lookup == "contains" and not _is_several(value):
            return _equal(name, primitive(plain(value)))
        return conjoin(*(_equal(name, primitive(item)) for item in items()))
    if lookup == "range":
        bounds = _pair(name, value)
    else:
        value = single(name, lookup, value, target, objects=has_objects)
        bounds = [(lookup, value)]
    if any(bound is NO_VALUE for _, bound in bounds):
        return NOTHING
    if place is not None or lookup == "near":
        return _on_place(schema, field, place, lookup, value)
    if lookup == "exact":
        if field.many and isinstance(value, (list, tuple)):
            if not value:
                return Condition(name, "empty", None)
            raise FieldError(
                f"{schema.label}.{name} is looked up by one element; for all of "
                f"{value!r} write {name}__all, for any {name}__in."
            )
        return _equal(name, primitive(value))
    if lookup == "isnull":
        return Condition(name, "isnull" if _boolean(name, value) else "notnull", None)
    if lookup == "startswith":
        if field.order_kind != "text":
            raise FieldError(f"{schema.label}.{name} is not a text field, so it has no startswith.")
        if value is None:
            raise ValueError(f"{name}: None begins with no text; use {name}__isnull.")
        return Condition(name, "startswith", field.lookup_value(value))
    if field.order_kind is None:
        raise FieldError(f"{schema.label}.{name} has no order, so no {lookup}.")
    return conjoin(*(Condition(name, bound, _bound(field, item)) for bound, item in bounds))


def _is_several(value: Any) -> bool:
    """Whether ``contains`` is given several elements, and not one."""
    value = plain(value)
    return isinstance(value, Iterable) and not isinstance(
        value, (str, bytes, bytearray, memoryview, dict)
    )


def _on_place(schema: Schema, field: Indexed, place: Any, lookup: str, value: Any) -> Logic:
    label = f"{schema.label}.{field.name}"
    if place is None:
        raise FieldError(f"{label} is not a geo_field, so it has no near.")
    if lookup == "near":
        return Condition(place.name, "near", place.near_value(value))
    if lookup == "isnull" or (lookup == "exact" and value is None):
        is_null = value is None or _boolean(field.name, value)
        return Condition(place.name, "isnull" if is_null else "notnull", None)
    raise FieldError(
        f"{label} is a place, which has no {lookup}; write "
        f"{field.name}__near=(longitude, latitude, metres)."
    )


def _equal(name: str, value: Any) -> Condition:
    return Condition(name, "isnull", None) if value is None else Condition(name, "exact", value)


def _on_id(schema: Schema, lookup: str, value: Any) -> Logic:
    if lookup == "in":
        given = [item for item in several("pk", lookup, value) if item is not None]
        ids = tuple([as_id(schema, item) for item in given])
        return Condition("id", "in", ids) if ids else NOTHING
    is_range = lookup == "range"
    bounds = _pair("pk", value) if is_range else [(lookup, single("pk", lookup, value))]
    if any(bound is NO_VALUE for _, bound in bounds):
        return NOTHING
    value = bounds[0][1]
    if lookup == "isnull":
        return NOTHING if _boolean("pk", value) else EVERYTHING
    if lookup == "exact":
        # As in Django: no object has the id None.
        return NOTHING if value is None else Condition("id", "in", (as_id(schema, value),))
    if lookup in RANGES or is_range:
        return conjoin(*(Condition("id", bound, as_id(schema, item)) for bound, item in bounds))
    raise FieldError(f"{schema.label}: an id has no lookup {lookup!r}.")


def _pair(name: str, value: Any) -> list[tuple[str, Any]]:
    """The two bounds of a range."""
    value = plain(value)
    if isinstance(value, (set, frozenset, dict)):
        raise ValueError(
            f"{name}__range takes the first and the last value in order; got {value!r}."
        )
    pair = several(name, "range", value)
    if len(pair) != 2:
        raise ValueError(f"{name}__range takes two values, the first and the last; got {value!r}.")
    return [
        ("gte", single(name, "range", pair[0])),
        ("lte", single(name, "range", pair[1])),
    ]


def _bound(field: Indexed, value: Any) -> Any:
    if value is None:
        raise ValueError(f"{field.name}: None has no place in an order; use {field.name}__isnull.")
    bound = field.range_value(value)
    # A float among whole numbers stands for itself, not for the shortest decimal that rounds to it.
    if type(bound) is float and field.native_type is int and isfinite(bound):
        return Decimal(bound)
    if bound != bound:
        raise ValueError(f"{field.name}: NaN has no position in an order.")
    return bound


def _boolean(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name}__isnull takes True or False; got {value!r}.")
    return value


# For scan() -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class TextCondition(Condition):
    """A condition on a text that no index answers; the value is a str, or a compiled pattern."""


_PATTERNS = ("regex", "iregex")

#: Lookups of a text that only a scan can answer: each tests (text, value of the condition).
TEXT_TESTS: dict[str, Callable[[str, Any], bool]] = {
    "contains": lambda text, wanted: wanted in text,
    "icontains": lambda text, wanted: wanted.casefold() in text.casefold(),
    "endswith": lambda text, wanted: text.endswith(wanted),
    "iendswith": lambda text, wanted: text.casefold().endswith(wanted.casefold()),
    "regex": lambda text, wanted: wanted.search(text) is not None,
    "iregex": lambda text, wanted: wanted.search(text) is not None,
}


def resolve_any(schema: Schema, child: Any) -> Logic:
    """``resolve_pair``, with the lookups that need a scan."""
    if not (isinstance(child, tuple) and len(child) == 2 and isinstance(child[0], str)):
        return resolve_pair(schema, child)
    name, value = child[0], plain(child[1])
    path, _, lookup = name.rpartition(LOOKUP_SEP)
    if lookup not in TEXT_TESTS or path in ("", "pk", "id"):
        return resolve_pair(schema, child)
    indexed = schema.indexed(path)
    if lookup == "contains" and indexed.many:
        return resolve_pair(schema, child)
    element: Any = getattr(indexed, "element", indexed)
    if not (indexed.mixed or element.order_kind == BY_TEXT):
        raise FieldError(f"{schema.label}.{path} is not a text field, so it has no {lookup}.")
    if not isinstance(value, (re.Pattern, str) if lookup in _PATTERNS else str):
        raise ValidationError({path: [f"{name} takes a text; got {value!r}."]})
    if lookup in _PATTERNS:
        value = _compiled(name, value, re.IGNORECASE if lookup == "iregex" else re.RegexFlag(0))
    return TextCondition(indexed.name, lookup, value)


def _compiled(name: str, pattern: Any, flags: int) -> re.Pattern[str]:
    try:
        compiled: re.Pattern[str] = re.compile(pattern, flags)
    except re.error as error:
        raise ValidationError(
            {name: [f"{pattern!r} is no regular expression: {error}."]}
        ) from error
    return compiled
