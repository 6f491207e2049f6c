"""Searching one class by words: ids by relevance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import FieldError
from django.db import router

from ..exceptions import IndexNotBuilt
from .availability import search_connection, term_field

if TYPE_CHECKING:
    from ..schema.schema import Schema


#: Called with the database's alias before each search, by name.
PREPARATIONS: dict[str, Callable[[str], None]] = {}


def register(name: str, prepare: Callable[[str], None]) -> None:
    """Let each search call ``prepare`` first; one of the same name is replaced."""
    PREPARATIONS[name] = prepare


def search_ids(
    schema: Schema,
    text: str,
    start: int,
    count: int,
    terms: dict[str, Any] | None = None,
    *,
    fields: Sequence[Any] | None = None,
    partial: bool = False,
) -> list[int]:
    """The ids of a page by relevance; ``partial`` also finds words that begin like the last one.

    One read of Xapian, no SQL, no Redis. FieldError where the class declares no full text, or not
    of these fields; FullTextUnavailable where Haystack is missing.
    """
    return search(schema, text, start, count, terms, fields=fields, partial=partial)[0]


def search(
    schema: Schema,
    text: str,
    start: int,
    count: int,
    terms: dict[str, Any] | None = None,
    *,
    fields: Sequence[Any] | None = None,
    partial: bool = False,
) -> tuple[list[int], int]:
    """``search_ids`` and the estimated number of all objects found."""
    for prepare in PREPARATIONS.values():
        prepare(router.db_for_write(schema.model))
    if not schema.text_weights:
        raise FieldError(
            f"{schema.label} declares no full text. Add fulltext_indexes = {{field: weight}} "
            f"and run sonic_reindex --fulltext."
        )
    # Not "all text": the groups are there to filter on, and their values are no words.
    names = list(schema.text_weights)
    if fields is not None:
        names = [field if isinstance(field, str) else field.name for field in fields]
        _check(schema, names, schema.text_weights, "full text")
    if terms:
        _check(schema, terms, schema.text_groups, '"groups" of full text')
    backend = search_connection().get_backend()
    wanted = {
        term_field(name, schema.text_weights): _term(schema.fields[name], value)
        for name, value in (terms or {}).items()
    }
    _refuse_missing_index(schema, backend)
    found, total = backend.search_ids(
        [schema.model],
        text,
        fields=names,
        start=start,
        end=start + count,
        partial=partial,
        filter_terms=wanted or None,
    )
    return [int(pk) for _, _, pk in found], total


def _refuse_missing_index(schema: Schema, backend: Any) -> None:
    """A missing directory looks like an empty index; raise if there are objects."""
    if backend.store.current() is None:
        using = router.db_for_read(schema.model)
        if not schema.at(using).table.is_empty():
            raise IndexNotBuilt(
                f"{schema.label}: full text is not built: {backend.store.path} holds no "
                f"index. Run: python manage.py sonic_reindex --fulltext {schema.label}",
                ["full text"],
            )


def _check(schema: Schema, names: Any, known: Any, what: str) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise FieldError(
            f"{schema.label}: {', '.join(unknown)} is not in the {what}; "
            f"there are {', '.join(known) or 'none'}."
        )


def _term(field: Any, value: Any) -> str:
    primitive = field.lookup_value(value)
    return "" if primitive is None else str(primitive)
