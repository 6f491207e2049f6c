"""The request of a list as a value: its prefetch and its filters are given no more than this."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.contrib.admin.views.main import ChangeList
    from django.http import HttpRequest


@dataclass(frozen=True)
class ListRequest:
    """The objects of a list, and the parameters of the address that chose them."""

    #: All objects, before any filter.
    root_queryset: Any
    #: The objects of the list, in its order.
    queryset: Any
    #: The number of the page, from 1, and of the objects on each page.
    page_number: int
    page_size: int
    #: The words in the search box.
    search_term: str
    #: The parameters that filter, each with its values.
    parameters: Mapping[str, Sequence[Any]]
    #: Whether the user wants each number, however large the list.
    facets: bool
    #: The objects of the list without the filter of these parameters.
    queryset_without: Callable[[Sequence[str]], Any]
    #: The number of objects on all pages, once they are counted.
    result_count: int | None = None

    @classmethod
    def of(cls, changelist: ChangeList, request: HttpRequest) -> ListRequest:
        """The request of a list of Django's or of ours, whose queryset is known."""
        given: Any = changelist

        def queryset_without(parameters: Sequence[str]) -> Any:
            return given.get_queryset(request, parameters)

        return cls(
            root_queryset=given.root_queryset,
            queryset=given.queryset,
            page_number=given.page_num,
            page_size=given.list_per_page,
            search_term=given.query,
            parameters=given.get_filters_params(),
            facets=given.add_facets,
            queryset_without=queryset_without,
            result_count=getattr(given, "result_count", None),
        )

    def counted(self, result_count: int) -> ListRequest:
        """The same request, once its objects are counted."""
        return replace(self, result_count=result_count)

    def without(self, parameters: Iterable[str]) -> Any:
        """The objects that all but the filter of these parameters leave, without order; the root
        queryset itself if those are all objects."""
        own = list(parameters)
        if not self.search_term and all(name in own for name in self.parameters):
            return self.root_queryset
        return self.queryset_without(own).order_by("pk")
