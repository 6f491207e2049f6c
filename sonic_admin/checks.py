"""System checks: ``list_filter``, ``ordering`` and ``search_fields`` that no index answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.admin.checks import ModelAdminChecks
from django.core.checks import CheckMessage, Error
from django.db.models import F, OrderBy

from .capabilities import (
    can_filter_by,
    can_order_by,
    has_ranges,
    index_hint,
    is_sonic,
    sonic_fields,
    text_weights,
)


class SonicModelAdminChecks(ModelAdminChecks):
    """Django's checks, and sonic_admin.E001 to E004 for an admin of a SonicObj class."""

    def check(self, admin_obj: Any, **kwargs: Any) -> list[CheckMessage]:
        """The messages of one admin. No round trip."""
        found = super().check(admin_obj, **kwargs)
        if is_sonic(admin_obj.model):
            found.extend(self._check_filters(admin_obj))
            found.extend(self._check_ordering_index(admin_obj))
            found.extend(self._check_date_hierarchy_index(admin_obj))
            found.extend(self._check_search_index(admin_obj))
        return found

    def _check_filters(self, admin_obj: Any) -> Iterator[CheckMessage]:
        for item in admin_obj.list_filter:
            name = item[0] if isinstance(item, (list, tuple)) else item
            if isinstance(name, str) and not self._filters(admin_obj.model, name):
                yield self._error(
                    admin_obj, "E001", f"list_filter names {name!r}, which no index filters by.",
                    index_hint(name, ordered=False),
                )  # fmt: skip

    def _filters(self, model: Any, path: str) -> bool:
        name, _, rest = path.partition("__")
        field = sonic_fields(model).get(name)
        if field is None:
            return True  # a column of the row, or a mistake that Django's own check reports
        return can_filter_by(model, name) and (not rest or rest in ("pk", "id"))

    def _check_ordering_index(self, admin_obj: Any) -> Iterator[CheckMessage]:
        names = [_order_name(item) for item in admin_obj.ordering or ()]
        for name in names:
            if name not in (None, "?", "pk", "id") and not can_order_by(admin_obj.model, name):
                yield self._error(
                    admin_obj, "E002", f"ordering names {name!r}, which no index orders by.",
                    index_hint(name, ordered=True),
                )  # fmt: skip

    def _check_date_hierarchy_index(self, admin_obj: Any) -> Iterator[CheckMessage]:
        name = admin_obj.date_hierarchy
        if name and name in sonic_fields(admin_obj.model) and not has_ranges(admin_obj.model, name):
            yield self._error(
                admin_obj, "E003", f"date_hierarchy names {name!r}, which no index orders by.",
                index_hint(name, ordered=True),
            )  # fmt: skip

    def _check_search_index(self, admin_obj: Any) -> Iterator[CheckMessage]:
        model = admin_obj.model
        for item in admin_obj.search_fields:
            kind, name = (item[0], item[1:]) if item[:1] in "^=@" else ("", item)
            answered = {
                "^": name in sonic_fields(model) and has_ranges(model, name),
                "=": name in ("pk", "id") or can_filter_by(model, name),
                "": name in text_weights(model),
            }.get(kind, False)
            if not answered:
                hint = (
                    f"Add it to fulltext_indexes = {{{name}: 1}}, or search by its beginning with "
                    f'"^{name}" and an Index(order_by="{name}").'
                )
                yield self._error(
                    admin_obj,
                    "E004",
                    f"search_fields names {item!r}, which nothing searches.",
                    hint,
                )

    def _error(self, admin_obj: Any, number: str, message: str, hint: str) -> CheckMessage:
        return Error(message, hint=hint, obj=admin_obj.__class__, id=f"sonic_admin.{number}")


def _order_name(item: Any) -> Any:
    """The field that an item of ``ordering`` names; None for an expression."""
    if isinstance(item, OrderBy):
        item = item.expression
    if isinstance(item, F):
        item = getattr(item, "name", None)
    return item.lstrip("-") if isinstance(item, str) else None
