"""Unique values: claimed and given up with the row, and the errors for those that are taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError

from ..exceptions import UniqueViolation
from ..table import uniques
from . import old_rows

if TYPE_CHECKING:
    from ..schema.schema import StoredObject, Stores, UniqueConstraint

Keys = dict[bytes, "UniqueConstraint"]


def fields_of(obj: StoredObject) -> set[str]:
    """The names of all fields of the class's uniques."""
    return {name for constraint in obj._sonic.uniques for name in constraint.fields}


def key_changes(
    obj: StoredObject, original: Mapping[str, Any], by_name: Mapping[str, Any], changed: set[str]
) -> tuple[Keys, Keys]:
    """(keys to give up, keys to claim) when the payload ``original`` becomes these primitives.

    ``changed`` names the fields that differ.
    """
    schema = obj._sonic
    if obj.is_deleted or not fields_of(obj) & changed:
        return {}, {}
    old = schema.unique_keys(schema.by_name(original))
    new = schema.unique_keys(by_name)
    return (
        {key: constraint for key, constraint in old.items() if key not in new},
        {key: constraint for key, constraint in new.items() if key not in old},
    )


def take(obj: StoredObject, keys: Keys, id: int, by_name: Mapping[str, Any], using: str) -> None:
    """Claim the keys; IntegrityError names the fields and the values. One statement, if any."""
    if not keys:
        return
    try:
        uniques.take([(key, id) for key in keys], using)
    except IntegrityError as error:
        raise violation(type(obj), keys.values(), by_name) from error
    check_old_rows(
        obj._sonic.at(using),
        [old_rows.Claim(key, constraint, id, by_name) for key, constraint in keys.items()],
    )


def check_old_rows(stores: Stores, claims: Sequence[old_rows.Claim]) -> None:
    """IntegrityError if a row written before the unique was declared has one of the values. See
    ``old_rows.check``."""
    try:
        old_rows.check(stores, claims)
    except old_rows.Taken as taken:
        claim = taken.claim
        raise violation(stores.schema.model, [claim.constraint], claim.by_name) from taken


def violation(
    model: type[StoredObject], constraints: Iterable[UniqueConstraint], by_name: Mapping[str, Any]
) -> IntegrityError:
    """The error for values that another object holds."""
    constraints = list(constraints)
    shown = " or ".join(
        ", ".join(f"{name}={by_name[name]!r}" for name in constraint.fields)
        for constraint in constraints
    )
    fields = [name for constraint in constraints for name in constraint.fields]
    message = f"There is already another {model._meta.label} with {shown}."
    return UniqueViolation(message, dict.fromkeys(fields))


def errors(obj: StoredObject, excluded: set[str], using: str) -> dict[str, list[Any]]:
    """The validation errors for unique values that other objects hold, by field.

    Constraints with an excluded field are left out. One statement, if there is anything to look up.
    """
    schema = obj._sonic
    if not schema.uniques:
        return {}
    by_name: dict[str, Any] = {}
    for name, field in schema.fields.items():
        try:
            by_name[name] = field.to_primitive(getattr(obj, field.attname))
        except ValidationError:
            by_name[name] = None  # clean_fields reports it; here it is exempt
    keys = schema.unique_keys(by_name)
    owners = uniques.owners(list(keys), using) if keys else {}
    found: dict[str, list[Any]] = {}
    for key, constraint in keys.items():
        if key not in owners or owners[key] == obj.id or excluded & set(constraint.fields):
            continue
        where = constraint.fields[0] if len(constraint.fields) == 1 else "__all__"
        found.setdefault(where, []).append(obj.unique_error_message(type(obj), constraint.fields))
    return found
