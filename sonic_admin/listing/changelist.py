"""The list page: filters and order as far as indexes answer them, a page without the rest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import build_q_object_from_lookup_parameters
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured, SuspiciousOperation
from django.core.paginator import InvalidPage

from ..capabilities import can_order_by, can_plan, sonic_fields
from .date_hierarchy import DatesBar
from .filters import IndexFilter, fill
from .prefetch import FirstAnswers, ask

if TYPE_CHECKING:
    from django.http import HttpRequest

#: The ends of parameters that an empty input of a filter sends along.
_INPUTS = ("__gte", "__lte", "__lt", "__startswith", "__exact")


class SonicChangeList(ChangeList):
    """Django's ChangeList, asking the index only what it can answer.

    A page costs one Redis call for the number of objects, the ids of the page and the edges of the
    bar of dates, one for the values of the filters and one for their numbers and the bar's periods;
    one statement for the rows, one for the bar and one for each model that columns or filters refer
    to. Values of objects that other filters leave may cost one Redis call more, and large sets of
    them one more for each thousands of entries.
    """

    def get_filters(self, request: HttpRequest) -> Any:
        self.request = request
        for name in [name for name in self.filter_params if name.endswith(_INPUTS)]:
            if not any(self.filter_params[name]):
                # An input that was left empty is no filter.
                del self.filter_params[name]
                self.params.pop(name, None)
        return super().get_filters(request)

    # Filters and order --------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> Any:
        if exclude_parameters is not None:
            return self.queryset_without(exclude_parameters)
        (
            self.filter_specs,
            self.has_filters,
            self.remaining_lookups,
            _,
            self.has_active_filters,
        ) = self.get_filters(request)
        queryset = self._filtered(())
        if not queryset.query.select_related:
            queryset = self.apply_select_related(queryset)
        queryset = queryset.order_by(*self.get_ordering(request, queryset))
        queryset, _ = self.model_admin.get_search_results(request, queryset, self.query)
        self.sortable_by = self._sortable(queryset)
        self.clear_all_filters_qs = self.get_query_string(
            new_params=self.remaining_lookups,
            remove=list(self.get_filters_params()),
        )
        return queryset

    def queryset_without(self, parameters: Iterable[str] = ()) -> Any:
        """The objects shown, were it not for the filter with these parameters."""
        queryset = self._filtered(tuple(parameters))
        return self.model_admin.get_search_results(self.request, queryset, self.query)[0]

    def _filtered(self, without: tuple[str, ...]) -> Any:
        queryset: Any = self.root_queryset
        for spec in self.filter_specs:
            if not without or tuple(spec.expected_parameters() or ()) != without:
                filtered = spec.queryset(self.request, queryset)
                queryset = queryset if filtered is None else filtered
        try:
            return queryset.filter(build_q_object_from_lookup_parameters(self.remaining_lookups))
        except (SuspiciousOperation, ImproperlyConfigured):
            raise
        except Exception as error:  # as Django does: parameters may be wrong in any way
            raise IncorrectLookupParameters(error) from error

    def apply_select_related(self, qs: Any) -> Any:
        """Load the references that are shown, not all there are."""
        if self.list_select_related is not False:
            return super().apply_select_related(qs)
        fields: Any = sonic_fields(self.model)
        shown = [
            name
            for name in self.list_display
            if isinstance(name, str) and name in fields and fields[name].is_relation
        ]
        return qs.select_related(*shown) if shown else qs

    # Order --------------------------------------------------------------------------------------

    def get_ordering(self, request: HttpRequest, queryset: Any) -> list[Any]:
        """Those of the orders asked for that an index gives; ids break ties the last one's way."""
        names = super().get_ordering(request, queryset)
        fields = [name for name in names if str(name).lstrip("-") not in ("pk", "id")]
        # Django puts the id behind an order that does not end in it, newest first.
        is_by_id = len(fields) < len(names) and not fields
        return [name for name in (names if is_by_id else fields) if can_plan(queryset, name)]

    def get_ordering_field(self, field_name: Any) -> Any:
        """The field that a column sorts by, or None where no index orders it."""
        order_field = super().get_ordering_field(field_name)
        if not isinstance(order_field, str):
            return order_field
        name = order_field.lstrip("-")
        known = name in ("pk", "id") or name in sonic_fields(self.model)
        return order_field if known and self._is_orderable(name) else None

    def _is_orderable(self, name: str) -> bool:
        """By an index over all objects, or by one over those of the present filters."""
        if can_order_by(self.model, name):
            return True
        if not hasattr(self, "filter_specs") or not hasattr(self, "remaining_lookups"):
            return False
        return can_plan(self._filtered(()), name)

    def _sortable(self, queryset: Any) -> list[Any]:
        wanted = self.list_display if self.sortable_by is None else self.sortable_by
        return [name for name in wanted if self._orders(name)]

    def _orders(self, column: Any) -> bool:
        if column == "action_checkbox":
            return False
        try:
            return self.get_ordering_field(column) is not None
        except (AttributeError, FieldDoesNotExist):
            return False

    def get_ordering_field_columns(self) -> Any:
        """Only the columns whose order is in force."""
        return {
            number: direction
            for number, direction in super().get_ordering_field_columns().items()
            if 0 <= number < len(self.list_display) and self._orders(self.list_display[number])
        }

    @property
    def is_sorted_by_user(self) -> bool:
        return bool(self.params.get(ORDER_VAR)) and bool(self.get_ordering_field_columns())

    # Results ------------------------------------------------------------------------------------

    def get_results(self, request: HttpRequest) -> None:
        """Count and load the page here, so that what the stores refuse is known in the view."""
        paginator = self.model_admin.get_paginator(request, self.queryset, self.list_per_page)
        self.paginator = paginator
        self.show_full_result_count = self.model_admin.show_full_result_count
        self.dates_bar: DatesBar | None = None
        if self.date_hierarchy:
            self.dates_bar = DatesBar(self.queryset, self.date_hierarchy, self.params)
        first = ask(self)
        if first is not None:
            paginator.count = first.count
        self.result_count = paginator.count
        self.full_result_count: int | None = None
        if self.show_full_result_count:
            self.full_result_count = self._full_count(first)
        self.show_admin_actions = not self.show_full_result_count or bool(self.full_result_count)
        self.can_show_all = self.result_count <= self.list_max_show_all
        self.multi_page = self.result_count > self.list_per_page
        self.result_list = self._page()
        if first is not None:
            self.result_list = first.hand_to(self.result_list)
        len(self.result_list)
        mine = [spec for spec in self.filter_specs if isinstance(spec, IndexFilter)]
        # The bar is rendered when it is late for a problem: it asks now.
        bar = self.dates_bar
        periods = [(each, "ids") for each in bar.period_questions()] if bar else []
        found = fill(self, mine, periods)
        if bar:
            bar.take_periods(found)
        all_mine = len(mine) == len(self.filter_specs)
        if all_mine and all(spec.is_counted for spec in mine):
            # All counts are there: nothing to show or hide.
            self.is_facets_optional = self.is_facets_optional and self.add_facets

    @property
    def is_narrowed(self) -> bool:
        """Whether the list may show less than all objects."""
        return bool(self.has_active_filters or self.query or self.remaining_lookups)

    def _full_count(self, first: FirstAnswers | None) -> int:
        if not self.is_narrowed:
            return int(self.result_count)
        if first is not None and first.full_count is not None:
            return first.full_count
        return int(self.root_queryset.count())

    def _page(self) -> Any:
        if not self.multi_page or (self.show_all and self.can_show_all):
            return self.queryset.all()
        try:
            return self.paginator.page(self.page_num).object_list
        except InvalidPage as error:
            raise IncorrectLookupParameters from error
