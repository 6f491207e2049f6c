"""Fields of a SonicObj in SQL: ``Comment.objects.filter(blog__score=3)`` from an ordinary model.

SQL cannot see into payloads. A condition on a field becomes ``blog.id IN (...)`` with the ids that
the index gives, in one Redis call, when the statement is made.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.core.exceptions import EmptyResultSet, FieldError
from django.db import NotSupportedError
from django.db.models import Lookup, Q
from django.db.models.expressions import Col
from django.db.models.sql import Query

from .names import LOOKUPS

if TYPE_CHECKING:
    _Lookup = Lookup[Any]
else:
    _Lookup = Lookup

#: Ids that a statement may list.
MOST = 10_000


class VirtualCol(Col):
    """A virtual field in a statement: good for a condition, and for nothing else."""

    def get_lookup(self, lookup: str) -> type[Lookup[Any]] | None:
        """A lookup that refuses SQL."""
        return index_lookup(lookup)

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """Raise: the field has no column."""
        raise no_column(self.target)


def no_column(field: Any) -> FieldError:
    """The error for what needs a column."""
    return FieldError(
        f"{field.model._meta.label}.{field.name} lives in the payload and has no column, so SQL "
        f"cannot use it. Ask {field.model.__name__}.objects, which uses the index in Redis."
    )


class IndexLookup(_Lookup):
    """A condition that the index answers."""

    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """``id IN (...)``, or where fewer objects do not satisfy it, ``NOT IN``.

        One Redis call, two for the latter. FieldError where no index answers, NotSupportedError
        for more ids than a statement may list.
        """
        column: Any = self.lhs
        field = column.target
        condition = Q(**{f"{field.name}__{self.lookup_name}": self._value(compiler)})
        objects = field.model._sonic.objects(compiler.using)
        quote = compiler.quote_name_unless_alias
        alias = quote(column.alias)
        id = f"{alias}.{connection.ops.quote_name('id')}"
        # Of an outer join without a partner a condition is false and not NULL, so that exclude()
        # keeps it; it has no value, as in Django.
        is_null = self.lookup_name == "isnull" and self.rhs
        partner = f" OR {id} IS NULL" if is_null else f" AND {id} IS NOT NULL"
        ids = objects.filter(condition)[: MOST + 1].ids()
        if not ids:
            if is_null:
                return f"{id} IS NULL", ()
            raise EmptyResultSet
        if len(ids) <= MOST:
            return f"({id} IN ({_listed(ids)}){partner})", ()
        others = objects.exclude(condition)[: MOST + 1].ids()
        if len(others) > MOST:
            raise NotSupportedError(
                f"{field.model._meta.label}: more than {MOST} objects satisfy "
                f"{field.name}__{self.lookup_name}={self.rhs!r}, and more than {MOST} do not; a "
                f"statement cannot list them. Narrow the condition, or ask "
                f"{field.model.__name__}.objects first."
            )
        live = f"{alias}.{connection.ops.quote_name('is_deleted')} = %s"
        some = f"{id} NOT IN ({_listed(others)}) AND " if others else ""
        return f"(({some}{live}){partner})", (False,)

    def _value(self, compiler: Any) -> Any:
        """The value of the lookup; of a queryset, its values."""
        value = self.rhs
        if not isinstance(value, Query):
            return value
        if not value.has_select_fields:
            value = value.clone()
            value.clear_select_clause()
            value.add_fields(["pk"])
        return [row[0] for row in value.get_compiler(compiler.using).results_iter()]


def _listed(ids: list[int]) -> str:
    # Numbers, and not parameters: SQLite takes 32,766 of those in some builds.
    return ", ".join(map(str, ids))


@lru_cache(maxsize=64)
def index_lookup(name: str) -> type[IndexLookup] | None:
    """The class of a lookup; None for one that no index answers."""
    if name not in LOOKUPS:
        return None
    return type(f"Index{name.title()}", (IndexLookup,), {"lookup_name": name})


class NoColumn:
    """Stands for the field and the column of a reference in a join. Django makes joins that it
    then does without; one that it needs comes to quote the column."""

    def __init__(self, field: Any) -> None:
        self.field = field
        self.column = self

    def startswith(self, prefix: str) -> bool:
        """Raise ``FieldError``: SQL cannot join by a field of the payload."""
        raise FieldError(
            f"{self.field.model._meta.label}.{self.field.name} lives in the payload and has no "
            f"column, so SQL cannot join by it. Look up the ids first: "
            f"...__in={self.field.model.__name__}.objects.filter({self.field.name}__...)."
        )
