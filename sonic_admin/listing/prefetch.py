"""What a list must know before it reads a row, in one round trip: the number of its objects, the
ids of the page, and the first and the last date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sonic_django.query.batch import CountOf, IdsOf
from sonic_django.query.queryset import SonicQuerySet

from .list_request import ListRequest

#: A page behind these is asked for only when it is known to exist.
MOST_PAGES = 10**9


@dataclass(frozen=True)
class Prefetched:
    """The results of the round trip."""

    count: int
    #: The number of all objects, if it was asked for.
    full_count: int | None
    #: The ids from position ``low`` to ``high``; None if their order is not one of the index.
    ids: list[int] | None
    low: int
    high: int
    #: The ids of each queryset of ``edges``.
    edges: list[list[int]]

    def with_ids(self, page: Any) -> Any:
        """The page, which loads these ids if they are its own, without asking the index again."""
        low, high = page.slice_bounds
        end = self.count if high is None else high
        if self.ids is None or low != self.low or end > self.high:
            return page
        return page.with_ids(self.ids[: end - low])


def prefetch(
    listing: ListRequest, *, with_full_count: bool, edges: Sequence[Any] = ()
) -> Prefetched | None:
    """Count the list, and read the ids of its page and of the querysets ``edges``. One Redis call.

    None for a page that cannot exist, or if the index alone does not answer: the list is then
    counted and loaded by its own methods.
    """
    queryset, root_queryset = listing.queryset, listing.root_queryset
    if not 1 <= listing.page_number <= MOST_PAGES:
        return None
    if not _is_answered_by_index(queryset, root_queryset):
        return None
    low = (listing.page_number - 1) * listing.page_size
    high = low + listing.page_size
    items: dict[str, CountOf | IdsOf] = {"count": CountOf(queryset)}
    if queryset.is_batchable:
        items["ids"] = IdsOf(queryset[low:high])
    if with_full_count:
        items["full count"] = CountOf(root_queryset)
    results = root_queryset.batch([*items.values(), *map(IdsOf, edges)])
    found = dict(zip(items, results, strict=False))
    return Prefetched(
        count=found["count"],
        full_count=found.get("full count"),
        ids=found.get("ids"),
        low=low,
        high=high,
        edges=results[len(items) :],
    )


def _is_answered_by_index(queryset: Any, root_queryset: Any) -> bool:
    """Whether the list and all objects are counted by the index; the order does not matter."""
    if not isinstance(queryset, SonicQuerySet) or not isinstance(root_queryset, SonicQuerySet):
        return False
    if queryset.is_sliced:
        return False
    return bool(queryset.order_by("pk").is_batchable and root_queryset.is_batchable)
