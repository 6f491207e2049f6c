"""What a list must know before any row is read, in one round trip: how many objects there are, the
ids of the page, and where the dates begin and end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.paginator import Paginator

from sonic_django.exceptions import IndexNotBuilt

from .facet_counts import answers_of, is_askable

if TYPE_CHECKING:
    from .changelist import SonicChangeList

#: A page behind these is asked for only when it is known that there is one.
MOST_PAGES = 10**9


@dataclass(frozen=True)
class FirstAnswers:
    """What the index said."""

    count: int
    #: Of all objects, if that was asked for.
    full_count: int | None
    #: Of the page, if its order is the index's.
    ids: list[int] | None
    #: The slice that the ids are of.
    low: int
    high: int

    def hand_to(self, page: Any) -> Any:
        """The page with its ids, if they are among those that were asked for."""
        low, high = page.slice_bounds
        end = self.count if high is None else high
        if self.ids is not None and self.low == low and end <= self.high:
            return page.with_ids(self.ids[: end - self.low])
        return page


def ask(changelist: SonicChangeList) -> FirstAnswers | None:
    """The first answers for a list, its bar of dates included; None where the list is not the
    index's alone, or counted in a way of the project's own. One Redis call, and one statement for
    the bar."""
    queryset, root, bar = changelist.queryset, changelist.root_queryset, changelist.dates_bar
    is_counted_here = type(changelist.paginator).count is not Paginator.count
    if is_counted_here or queryset.is_sliced or not 1 <= changelist.page_num <= MOST_PAGES:
        return None
    if not is_askable(queryset.order_by("pk")) or not is_askable(root):
        return None
    low = (changelist.page_num - 1) * changelist.list_per_page
    high = low + changelist.list_per_page
    questions = {"count": (queryset, "count")}
    if is_askable(queryset):
        questions["ids"] = queryset[low:high], "ids"
    if changelist.show_full_result_count and changelist.is_narrowed:
        questions["full_count"] = root, "count"
    edges = {
        f"edge {n}": (edge, "ids") for n, edge in enumerate(bar.edge_questions() if bar else ())
    }
    replies = answers_of([*questions.values(), *edges.values()])
    for reply in replies:
        if isinstance(reply, IndexNotBuilt):
            raise reply
    found = dict(zip([*questions, *edges], replies, strict=True))
    if bar and edges:
        bar.take_edges([found[edge] for edge in edges])
    return FirstAnswers(found["count"], found.get("full_count"), found.get("ids"), low, high)
