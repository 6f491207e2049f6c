"""``get_or_create()`` and ``update_or_create()``: one object, made if it is not there yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, transaction

from ..exceptions import StaleObjectError
from ..fields.lists import materialised
from ..persistence.retries import Overtaken, retry
from ..persistence.values import encode
from ..table import uniques
from ..table.rows import Row
from . import builder, execute, loading
from .arguments import lasting
from .state import QueryState
from .verify import predicate_of


def get_or_create(
    state: QueryState,
    create: Callable[..., Any],
    defaults: dict[str, Any],
    kwargs: dict[str, Any],
) -> tuple[Any, bool]:
    """(the object, whether it was made by ``create``). Of several writers at once the unique lets
    one create it, and the others get that one."""
    state = state.changed(alias=state.write_db)
    kwargs = lasting(kwargs)
    try:
        return loading.get(state, (), kwargs), False
    except state.model.DoesNotExist:
        pass
    given = {name: value for name, value in kwargs.items() if "__" not in name}
    given.update({n: value() if callable(value) else value for n, value in defaults.items()})
    try:
        with transaction.atomic(using=state.db):
            return create(**given), True
    except IntegrityError:
        found = _holder(state, given, kwargs)
        if found is None:
            raise
        return found, False


def _holder(state: QueryState, given: dict[str, Any], kwargs: dict[str, Any]) -> Any:
    """The object that holds a unique value (or the id) of the new one and satisfies the filter.

    By the rows and not by the index, which follows after the commit of the faster writer; also
    within a transaction that began before that commit: the reads lock.
    """
    schema, using = state.schema, state.db
    obj = state.model(**given)
    keys = list(schema.unique_keys(encode(obj)[0]))
    owners = uniques.owners(keys, using, locks=True) if keys else {}
    wanted = execute.bound(builder.filtered(state, builder.q_of((), kwargs)))
    matches = predicate_of(schema, wanted.conditions)
    for id in {*owners.values(), obj.id} - {None}:
        # Outside a transaction nothing is locked for longer than the statement.
        row = schema.table(using).fetch_latest(id)
        if row is None or row.is_deleted:
            continue
        if matches(schema.decode(row.payload, id), id) is not False:
            return schema.from_row(using, row, state.model)
    return None


def update_or_create(
    state: QueryState,
    create: Callable[..., Any],
    defaults: dict[str, Any],
    create_defaults: dict[str, Any] | None,
    kwargs: dict[str, Any],
) -> tuple[Any, bool]:
    """(the object, whether it was made). A change of the same fields by another writer meanwhile
    is overwritten: the last one wins."""
    # An iterator would be used up by the first attempt.
    defaults = {name: _rereadable(state, name, value) for name, value in defaults.items()}
    created_with = defaults if create_defaults is None else create_defaults
    obj, created = get_or_create(state, create, created_with, kwargs)
    if created:
        return obj, True
    schema, using = state.schema, state.write_db
    refused: StaleObjectError | None = None

    def assign_and_save(target: Any) -> Any:
        nonlocal refused
        for name, value in defaults.items():
            setattr(target, name, value() if callable(value) else value)
        try:
            target.save(using=using)
        except StaleObjectError as error:
            refused = error
            raise Overtaken from error
        return target

    def save_over(row: Row | None) -> Any:
        if row is None or row.is_deleted:
            assert refused is not None, "the first save was refused"
            raise refused
        return assign_and_save(schema.from_row(using, row, state.model))

    try:
        return assign_and_save(obj), False
    except Overtaken:
        return retry(obj, using, save_over), False


def _rereadable(state: QueryState, name: str, value: Any) -> Any:
    field = state.schema.fields.get(name)
    return materialised(value) if field is not None and field.many else value
