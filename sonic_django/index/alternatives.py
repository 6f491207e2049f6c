"""Filters of very many alternatives: their objects are looked up first, some at a time.

One run of a script opens every set of its filter, and tests each object by them. Of thousands of
sets that takes too long. If they have few objects together, the ids of these stand for them; and
for a long list of ids, those that there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

from . import queries
from .queries import And, Ids, IndexQuery, Leaf, Node, Not, Or, Scope

#: Objects whose ids may stand for the alternatives that they satisfy.
MOST_OBJECTS = 20_000

#: A query, what it is asked for, the offset, the limit.
Request: TypeAlias = "tuple[IndexQuery, str, int, int | None]"


def requests_of(part: Or | Ids, what: str, scope: Scope, needs: dict[str, str]) -> list[Request]:
    """The queries for "count" (an upper bound, if objects satisfy several) or "members" of a large
    part: their results together are those of the part."""
    filters: list[Node]
    if isinstance(part, Ids):
        size = max(1, queries.MOST_IDS // 2)
        filters = [Ids(part.ids[start : start + size]) for start in range(0, len(part.ids), size)]
    else:
        is_disjoint = part.disjoint or what == "count"
        size = queries.MOST_ALTERNATIVES
        starts = range(0, len(part.children), size)
        some = [part.children[start : start + size] for start in starts]
        filters = [Or(children, is_disjoint) for children in some]
    order = (Leaf(scope.set_name),)
    return [
        (IndexQuery(order, filter=filter, scope=scope, needs=needs), what, 0, None)
        for filter in filters
    ]


def replaced(node: Node, found: Sequence[tuple[Or | Ids, Ids]]) -> Node:
    """The filter with the ids in place of the large parts."""
    for part, ids in found:
        if node is part:
            return ids
    if isinstance(node, Not):
        return Not(replaced(node.child, found))
    if isinstance(node, (And, Or)):
        children = tuple([replaced(child, found) for child in node.children])
        return replace(node, children=children)
    return node
