"""The list page: filters and orders that indexes answer, and the rows of one page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import build_q_object_from_lookup_parameters
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.core.exceptions import (
    FieldDoesNotExist,
    FieldError,
    ImproperlyConfigured,
    SuspiciousOperation,
    ValidationError,
)
from django.core.paginator import InvalidPage, Paginator
from django.utils.translation import gettext as _

from ..capabilities import can_order_by, sonic_fields
from .date_hierarchy import DateHierarchy
from .filters import IndexFilter, fill
from .list_request import ListRequest
from .prefetch import Prefetched, prefetch

if TYPE_CHECKING:
    from django.http import HttpRequest

#: The ends of parameters that an empty input of a filter sends along.
_INPUTS = ("__gte", "__lte", "__lt", "__startswith", "__exact")


class SonicChangeList(ChangeList):
    """Django's ChangeList over the indexes of a class.

    A page costs one Redis call for the number of objects, the ids of the page and the first and
    the last date, one for the values of the filters, and one for their numbers and the periods of
    the date hierarchy; one statement for the rows, one for the two dates, and one for each model
    that columns or filters refer to. Filters within other filters may cost one Redis call more,
    and large sets of their values one more for each thousands of entries.
    """

    def get_filters(self, request: HttpRequest) -> Any:
        """Django's filters, without those whose inputs were left empty."""
        self.request = request
        for name in [name for name in self.filter_params if name.endswith(_INPUTS)]:
            if not any(self.filter_params[name]):
                del self.filter_params[name]
                self.params.pop(name, None)
        return super().get_filters(request)

    # Filters and order --------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> Any:
        """The objects of the list in its order, or those without one filter in no order."""
        if exclude_parameters is not None:
            return self.queryset_without(exclude_parameters)
        (
            self.filter_specs,
            self.has_filters,
            self.remaining_lookups,
            _may_have_duplicates,
            self.has_active_filters,
        ) = self.get_filters(request)
        queryset = self._filtered(())
        if not queryset.query.select_related:
            queryset = self.apply_select_related(queryset)
        queryset = queryset.order_by(*self.get_ordering(request, queryset))
        queryset = self.model_admin.get_search_results(request, queryset, self.query)[0]
        self.sortable_by = self._sortable(queryset)
        self.clear_all_filters_qs = self.get_query_string(
            new_params=self.remaining_lookups,
            remove=list(self.get_filters_params()),
        )
        return queryset

    def queryset_without(self, parameters: Iterable[str] = ()) -> Any:
        """The objects of the list without the filter of these parameters."""
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
        """Load only the references that columns show."""
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
        """The orders that were asked for and that an index gives; ids decide last."""
        names = super().get_ordering(request, queryset)
        fields = [name for name in names if str(name).lstrip("-") not in ("pk", "id")]
        # Django puts the id behind an order that does not end in it, newest first.
        is_by_id = len(fields) < len(names) and not fields
        return [name for name in (names if is_by_id else fields) if queryset.can_plan([name])]

    def get_ordering_field(self, field_name: Any) -> Any:
        """The field that a column sorts by, or None where no index orders it."""
        order_field = super().get_ordering_field(field_name)
        if not isinstance(order_field, str):
            return order_field
        name = order_field.lstrip("-")
        known = name in ("pk", "id") or name in sonic_fields(self.model)
        return order_field if known and self._is_orderable(name) else None

    def _is_orderable(self, name: str) -> bool:
        """Whether an index orders all objects by a field, or those of the present filters."""
        if can_order_by(self.model, name):
            return True
        if not hasattr(self, "filter_specs") or not hasattr(self, "remaining_lookups"):
            return False
        return bool(self._filtered(()).can_plan([name]))

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
        """The columns that the list is sorted by, as an index gives their order."""
        return {
            number: direction
            for number, direction in super().get_ordering_field_columns().items()
            if 0 <= number < len(self.list_display) and self._orders(self.list_display[number])
        }

    @property
    def is_sorted_by_user(self) -> bool:
        """Whether the user has chosen a column that an index orders."""
        return bool(self.params.get(ORDER_VAR)) and bool(self.get_ordering_field_columns())

    # Results ------------------------------------------------------------------------------------

    def get_results(self, request: HttpRequest) -> None:
        """Count and load the page here, so that the view answers an error of the stores."""
        self.paginator = self.model_admin.get_paginator(request, self.queryset, self.list_per_page)
        self.show_full_result_count = self.model_admin.show_full_result_count
        self.hierarchy: DateHierarchy | None = None
        if self.date_hierarchy:
            self.hierarchy = DateHierarchy(self.queryset, self.date_hierarchy, self.params)
        listing = ListRequest.of(self, request)
        try:
            prefetched = self._prefetch(listing)
        except FieldError as error:
            if not self.remaining_lookups:
                raise
            # No index answers the parameters together, which is known only with all of them.
            raise IncorrectLookupParameters(error) from error
        if prefetched is not None:
            self.paginator.count = prefetched.count
        self.result_count = self.paginator.count
        self.full_result_count: int | None = None
        if self.show_full_result_count:
            self.full_result_count = self._full_count(prefetched)
        self.show_admin_actions = not self.show_full_result_count or bool(self.full_result_count)
        self.can_show_all = self.result_count <= self.list_max_show_all
        self.multi_page = self.result_count > self.list_per_page
        page = self._page()
        self.result_list = page if prefetched is None else prefetched.with_ids(page)
        len(self.result_list)  # loads it
        self._fill_filters(listing.counted(self.result_count))

    def _prefetch(self, listing: ListRequest) -> Prefetched | None:
        """The round trip before any row; None where the project's paginator counts by itself."""
        if type(self.paginator).count is not Paginator.count:
            return None
        prefetched = prefetch(
            listing,
            with_full_count=self.show_full_result_count and self.is_narrowed,
            edges=self.hierarchy.edge_querysets() if self.hierarchy else (),
        )
        if self.hierarchy and prefetched is not None and prefetched.edges:
            self.hierarchy.read_edges(prefetched.edges)
        return prefetched

    @property
    def is_narrowed(self) -> bool:
        """Whether the list may show less than all objects."""
        return bool(self.has_active_filters or self.query or self.remaining_lookups)

    def _full_count(self, prefetched: Prefetched | None) -> int:
        if not self.is_narrowed:
            return int(self.result_count)
        if prefetched is not None and prefetched.full_count is not None:
            return prefetched.full_count
        return int(self.root_queryset.count())

    def _page(self) -> Any:
        if not self.multi_page or (self.show_all and self.can_show_all):
            return self.queryset.all()
        try:
            return self.paginator.page(self.page_num).object_list
        except InvalidPage as error:
            raise IncorrectLookupParameters from error

    def _fill_filters(self, listing: ListRequest) -> None:
        """Read the filters' values and numbers, and the periods of the date hierarchy with them.

        The template shows the date hierarchy when it is too late to answer an error.
        """
        index_filters = [spec for spec in self.filter_specs if isinstance(spec, IndexFilter)]
        periods = self.hierarchy.period_items() if self.hierarchy else []
        results = fill(listing, index_filters, periods)
        if self.hierarchy:
            self.hierarchy.read_periods(results)
        are_all_ours = len(index_filters) == len(self.filter_specs)
        if are_all_ours and all(spec.is_counted for spec in index_filters):
            # All numbers are there: the link that asks for them has no use.
            self.is_facets_optional = self.is_facets_optional and self.add_facets


def explained(error: IncorrectLookupParameters) -> str:
    """The mistake in the parameters of a list, as a sentence."""
    cause = error.args[0] if error.args else None
    if isinstance(cause, ValidationError):
        return " ".join(cause.messages)
    if cause is None:
        return _("There is no such page of this list.")
    return _("The list cannot be filtered this way: %(error)s") % {"error": cause}
