"""Ids to objects or values: one SQL statement a batch, references in one more for each model."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import FieldError
from django.db.models.constants import LOOKUP_SEP

from ..exceptions import PayloadError

if TYPE_CHECKING:
    from .verify import Verdict


#: Ids that one IN takes; more are fetched in steps.
_CHUNK = 2000


def load_one(model: Any, using: str, id: int, *, deleted: bool | None = False) -> list[Any]:
    """``load_all`` of one id: its object, or none."""
    row = model._sonic.table(using).fetch_one(id) if _is_possible(id) else None
    if row is None or (deleted is not None and row.is_deleted != deleted):
        return []
    return [model._sonic.from_row(using, row, model)]


def load_all(
    model: Any, using: str, ids: Sequence[int], *, deleted: bool | None = False
) -> list[Any]:
    """The objects of these ids in any order, each once; rows that are missing are left out, and
    those that are deleted (or, with ``deleted``, are not; with None, neither). One statement for
    900 ids."""
    if not ids:
        return []
    rows = model._sonic.table(using).fetch_plain(_possible(ids))
    if deleted is not None:
        rows = [row for row in rows if row[2] == deleted]
    objects: list[Any] = model._sonic.from_rows(using, rows, model)
    return objects


def verified(
    model: Any,
    using: str,
    ids: Sequence[int],
    verdict: Verdict | None,
    *,
    deleted: bool | None = False,
) -> tuple[list[Any], list[int]]:
    """(the objects of these ids whose rows satisfy the filter, in their order; the other ids).

    A payload that is decoded to be judged is not decoded again when the object is read; one that
    cannot be decoded is given, and says so when it is read.
    """
    schema = model._sonic
    found: list[Any] = []
    stale: list[int] = []
    for start in range(0, len(ids), _CHUNK):
        some = ids[start : start + _CHUNK]
        rows = {row[0]: row for row in schema.table(using).fetch_plain(_possible(some))}
        kept = []
        for id in some:
            row = rows.get(id)
            if row is None or (deleted is not None and row[2] != deleted):
                stale.append(id)
            else:
                kept.append(row)
        objects = model._sonic.from_rows(using, kept, model)
        if verdict is None:
            found += objects
            continue
        decode = schema.codec.decode
        for (id, payload, *_), obj in zip(kept, objects, strict=True):
            try:
                stored = decode(payload)
            except PayloadError:
                found.append(obj)
                continue
            if verdict(stored, id) is False:
                stale.append(id)
                continue
            obj.__dict__["_sonic_decoded"] = stored
            found.append(obj)
    return found, stale


def _possible(ids: Sequence[int]) -> Sequence[int]:
    """Those that a BIGINT can be: SQLite refuses to be asked for larger ones."""
    if min(ids) > 0 and max(ids) < 2**63:
        return ids
    return [id for id in ids if _is_possible(id)]


def _is_possible(id: int) -> bool:
    return 0 < id < 2**63


def attach_references(objects: Sequence[Any], paths: Iterable[str], using: str) -> None:
    """Load the objects that references point to: one statement for each reference on a path."""
    grouped: dict[str, list[str]] = {}
    for path in paths:
        name, _, rest = path.partition(LOOKUP_SEP)
        grouped.setdefault(name, [])
        if rest:
            grouped[name].append(rest)
    for name, rests in grouped.items():
        if not objects:
            return
        field = type(objects[0])._meta.get_field(name)
        if not field.is_relation or field.many_to_many or field.one_to_many:
            raise FieldError(
                f"select_related({name!r}): {field.model._meta.label}.{name} is no reference."
            )
        target = field.remote_field.model
        wanted = {getattr(obj, field.attname) for obj in objects} - {None}
        found = target._base_manager.using(using).in_bulk(list(wanted)) if wanted else {}
        for obj in objects:
            key = getattr(obj, field.attname)
            if key is None:
                field.set_cached_value(obj, None)
            elif key in found:
                field.set_cached_value(obj, found[key])
        if rests:
            attach_references(list(found.values()), rests, using)


class ValueShape:
    """What ``values`` and ``values_list`` give instead of objects."""

    def __init__(
        self, model: Any, names: Sequence[str], kind: str, *, flat: bool, named: bool
    ) -> None:
        schema = model._sonic
        if flat and len(names) != 1:
            raise TypeError("'flat' is not valid when values_list is called with several fields.")
        if flat and named:
            raise TypeError("'flat' and 'named' can't be used together.")
        self.kind = kind
        self.flat = flat
        shown = [field for field in schema.fields.values() if not field.is_secret]
        given = list(names) or ["id", *(field.attname for field in shown)]
        self.names = given
        self.getters = [self._getter(schema, name) for name in given]
        self.row_class = namedtuple("Row", given) if named else None

    @property
    def only_ids(self) -> bool:
        """Whether the index alone can answer."""
        return all(name in ("pk", "id") for name in self.names)

    @staticmethod
    def _getter(schema: Any, name: str) -> Any:
        if name in ("pk", "id"):
            return lambda obj: obj.id
        if name in ("is_deleted", "sonic_version", "sonic_dirty_at"):
            return lambda obj: getattr(obj, name)
        field = schema.field(name)
        if field.is_secret:
            raise FieldError(
                f"{schema.model._meta.label}.{name} is a password, which values() does not give."
            )
        return field.value_from_object

    def shape(self, objects: Iterable[Any]) -> Iterator[Any]:
        """The values of each object (or, if only ids are asked for, of each id)."""
        for obj in objects:
            values = [obj if self.only_ids else getter(obj) for getter in self.getters]
            if self.kind == "dict":
                yield dict(zip(self.names, values, strict=True))
            elif self.flat:
                yield values[0]
            else:
                yield self.row_class(*values) if self.row_class else tuple(values)
