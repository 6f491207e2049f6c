"""What the index knows of values and numbers: for all filters of a page in one round trip each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import FieldError

from sonic_django.exceptions import IndexNotBuilt
from sonic_django.index.client import Script, redis_client, translated_errors
from sonic_django.query import facets
from sonic_django.query.logic import EVERYTHING
from sonic_django.query.plan import Planner
from sonic_django.sync import state
from sonic_django.sync.journal import undo_rollbacks

_FACET, _QUERY = Script("facet"), Script("query")

#: Different values of a sorted index that are walked through: one look-up each, well under a
#: millisecond together.
MOST_DISTINCT = 200
#: Objects of a filtered list that are counted, for each field: some milliseconds together.
MOST_OBJECTS = 1000


@dataclass(frozen=True)
class Values:
    """(value, number of objects) pairs of one field, most objects first."""

    pairs: tuple[tuple[Any, int], ...] = ()
    #: Whether all values were looked at, and all objects of the filter.
    complete: bool = True
    #: Why nothing is known, if so.
    problem: IndexNotBuilt | None = None


def values_of(wanted: Mapping[str, tuple[Any, int]]) -> dict[str, Values]:
    """The values of fields and how many objects have each.

    ``wanted`` says for each field among which queryset of one class, and how many values. One round
    trip for all. A field whose index cannot list its values is left out; one whose index is not
    built says so in ``problem`` and does not keep the others from answering. IndexUnavailable if
    Redis is away.
    """
    calls, readers, sorted_names = [], {}, set()
    for name, (queryset, limit) in wanted.items():
        options = queryset.model._sonic
        try:
            spec = facets._spec(options, options.field(name))
        except FieldError:
            continue
        query = Planner(options).facet(spec, queryset._logic)
        most = MOST_DISTINCT if queryset._logic == EVERYTHING else MOST_OBJECTS
        calls.append(query.arguments(limit, most))
        if spec.order is not None:
            sorted_names.add(name)
        readers[name] = facets._reader(options.field(name), spec)
    if not calls:
        return {}
    model, using = queryset.model, queryset.db
    found: dict[str, Values] = {}
    for (name, read), reply in zip(readers.items(), _ask(_FACET, model, using, calls), strict=True):
        if reply[0] == b"unbuilt":
            digests = tuple(digest.decode() for digest in reply[1:])
            found[name] = Values(problem=state.not_built(model, using, digests))
            continue
        _, flat, complete, hashed = reply
        originals = dict(zip(hashed[::2], hashed[1::2], strict=True))
        pairs = [
            (read(value, originals.get(value, b"")), int(number))
            for value, number in zip(flat[::2], flat[1::2], strict=True)
        ]
        # Of values too many to be walked through, those met first say nothing.
        is_walk_cut = not complete and name in sorted_names
        found[name] = Values(() if is_walk_cut else tuple(pairs), bool(complete))
    return found


def counts_of(querysets: Sequence[Any]) -> list[int | None]:
    """How many objects each queryset of one model holds; None where an index is not built.

    One round trip for all.
    """
    if not querysets:
        return []
    queries = [queryset._plan(("id",)) for queryset in querysets]
    calls = [query.arguments("count", 0, None) for query in queries]
    replies = _ask(_QUERY, querysets[0].model, querysets[0].db, calls)
    return [None if reply[0] == b"unbuilt" else int(reply[1]) for reply in replies]


def _ask(script: Script, model: Any, using: str, calls: Sequence[Sequence[Any]]) -> list[Any]:
    undo_rollbacks(using)
    with translated_errors(f"The list of {model._meta.verbose_name_plural}"):
        return script.many(redis_client(write=False), model._sonic.store(using).base, calls)
