"""The query tree that ``query.lua`` reads: a filter over sets, and the sets that give the order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from itertools import islice
from typing import TypeAlias

from .encoding import Bound, redis_score
from .specs import BY_ID, BY_TEXT

Token: TypeAlias = "str | bytes | int"


class Scope(Enum):
    """The scope of a query. The values are the names of the sets of ids."""

    LIVE = "ids"
    DELETED = "del"
    ALL = "all"

    def __init__(self, value: str) -> None:
        #: The name of the set of ids; ``value`` is slow to read, and every query asks.
        self.set_name = value.encode()


_NO_BOUND: tuple[Token, Token] = ("", b"")


def _tokens_of(bound: Bound) -> tuple[Token, Token]:
    return redis_score(bound.score), bound.member


@dataclass(frozen=True)
class Leaf:
    """The entries of one set, or those between two bounds of it."""

    name: bytes
    kind: str = BY_ID
    low: Bound | None = None
    high: Bound | None = None

    @property
    def is_part(self) -> bool:
        """Whether it is less than the whole set."""
        return self.low is not None or self.high is not None

    def tokens(self) -> Iterator[Token]:
        """The node in ARGV, see ``tree.lua``."""
        yield from (b"p", self.name, self.kind)
        yield from _NO_BOUND if self.low is None else _tokens_of(self.low)
        yield from _NO_BOUND if self.high is None else _tokens_of(self.high)


@dataclass(frozen=True)
class Ids:
    """Objects given by id; ids of no live object are left out."""

    ids: tuple[int, ...]

    def tokens(self) -> Iterator[Token]:
        """The node in ARGV, see ``tree.lua``."""
        # One argument, however many: Redis 6.2 takes a million arguments at most.
        yield from ("i", ",".join(map(str, self.ids)))


@dataclass(frozen=True)
class Within:
    """Objects whose point in a geo set is within so many metres; tested one by one."""

    name: bytes
    longitude: float
    latitude: float
    metres: float

    def tokens(self) -> Iterator[Token]:
        """The node in ARGV, see ``tree.lua``."""
        yield from (b"d", self.name, repr(self.longitude), repr(self.latitude), repr(self.metres))


@dataclass(frozen=True)
class All:
    """Every live object."""

    def tokens(self) -> Iterator[Token]:
        """The node in ARGV, see ``tree.lua``."""
        yield "a"


@dataclass(frozen=True)
class Not:
    """The objects that do not satisfy a node."""

    child: Node

    def tokens(self) -> Iterator[Token]:
        """The node in ARGV, see ``tree.lua``."""
        yield "!"
        yield from self.child.tokens()


@dataclass(frozen=True)
class And:
    """The objects that satisfy all of the nodes."""

    children: tuple[Node, ...]

    def tokens(self) -> Iterator[Token]:
        """The node in ARGV, see ``tree.lua``."""
        yield from ("&", len(self.children))
        for child in self.children:
            yield from child.tokens()


@dataclass(frozen=True)
class Or:
    """The objects that satisfy at least one of the nodes."""

    children: tuple[Node, ...]
    #: Whether no object can satisfy two of them: their number is then the sum of theirs.
    disjoint: bool = False

    def tokens(self) -> Iterator[Token]:
        """The node in ARGV, see ``tree.lua``."""
        yield from ("+" if self.disjoint else "|", len(self.children))
        for child in self.children:
            yield from child.tokens()


Node: TypeAlias = "Leaf | Ids | Within | All | Not | And | Or"
NOTHING = Ids(())


@dataclass(frozen=True)
class FurtherKey:
    """The order of objects that are equal in the keys before: sets one after the other."""

    sets: tuple[Leaf, ...]
    descending: bool


#: Entries that one run of a script may touch: some milliseconds, in which others wait.
BUDGET = 3000


@dataclass(frozen=True)
class IndexQuery:
    """A whole query. ``order`` lists the sets whose concatenation is the order."""

    order: tuple[Leaf, ...]
    descending: bool = True
    ties_descending: bool = True
    filter: Node | None = None
    scope: Scope = Scope.LIVE
    #: digest -> the name of that index for people; all must be built.
    needs: dict[str, str] = field(default_factory=dict)
    #: The keys of the order behind the first, before the id.
    further: tuple[FurtherKey, ...] = ()
    #: The point (longitude, latitude) whose distance orders the one set of the order, a geo set;
    #: the farthest first if ``descending``.
    centre: tuple[float, float] | None = None

    @property
    def by_id(self) -> bool:
        """Whether the order is that of the ids alone."""
        return not self.further and [leaf.name for leaf in self.order] == [self.scope.set_name]

    @cached_property
    def has_large_parts(self) -> bool:
        """Whether the filter has more sets, or ids, than one run of a script is given."""
        return bool(large_parts(self.filter))

    def plain_sets(self) -> set[bytes]:
        """The names of the sets of the query whose members are plain ids."""
        found = {leaf.name for leaf in self.order if leaf.kind != BY_TEXT}

        def collect(node: Node | None) -> None:
            if isinstance(node, Leaf):
                if node.kind != BY_TEXT:
                    found.add(node.name)
            elif isinstance(node, Not):
                collect(node.child)
            elif isinstance(node, (And, Or)):
                for child in node.children:
                    collect(child)

        collect(self.filter)
        return found

    def untested(self) -> tuple[Leaf, ...] | None:
        """The sets whose concatenation is the result; None if objects must be tested or sorted."""
        if self.further or self.centre or self.descending != self.ties_descending:
            return None
        if self.filter is None:
            return self.order
        if isinstance(self.filter, Leaf) and self.filter.kind == BY_ID and self.by_id:
            return None if self.order[0].is_part else (self.filter,)
        return None

    def page_arguments(self, sets: Iterable[Leaf], offset: int, limit: int) -> list[Token]:
        """The ARGV of ``page.lua``, for ``untested`` sets."""
        head: list[Token] = [",".join(self.needs), offset, limit]
        head.append("desc" if self.descending else "asc")
        for leaf in sets:
            head += islice(leaf.tokens(), 1, None)
        return head

    def arguments(
        self, what: str, offset: int, limit: int | None, token: bytes = b"", budget: int = 0
    ) -> list[Token]:
        """The ARGV of ``query.lua``."""
        return [
            "nearest" if what == "ids" and self.centre else what,
            ",".join(self.needs),
            offset,
            -1 if limit is None else limit,
            "desc" if self.descending else "asc",
            "desc" if self.ties_descending else "asc",
            self.scope.value,
            budget or BUDGET,
            token,
            *self._set_tokens,
        ]

    @cached_property
    def _set_tokens(self) -> list[Token]:
        """The sets of the order and of the filter, which are the same in each run."""
        tokens: list[Token] = [len(self.order)]
        for leaf in self.order:
            tokens.extend(leaf.tokens())
        tokens.append(len(self.further))
        for key in self.further:
            tokens.append(len(key.sets))
            for leaf in key.sets:
                tokens.extend(leaf.tokens())
        if self.filter is not None:
            tokens.extend(self.filter.tokens())
        return tokens


@dataclass(frozen=True)
class FacetQuery:
    """A query for the values of an index, among all objects or those of a filter."""

    digest: str
    #: "postings", or how a sorted index is ordered.
    kind: str
    filter: Node | None = None
    needs: dict[str, str] = field(default_factory=dict)

    def arguments(
        self, limit: int, most: int | None, token: bytes = b"", budget: int = 0
    ) -> list[Token]:
        """The ARGV of ``facet.lua``."""
        digests = dict.fromkeys((self.digest, *self.needs))
        head: list[Token] = [",".join(digests), self.kind, limit]
        head += [-1 if most is None else most, budget or BUDGET, token]
        return [*head, *(self.filter.tokens() if self.filter else ())]


#: Sets that a disjunction may have, for one run of a script to open them.
MOST_ALTERNATIVES = 500


#: Ids that one run of a script may be given.
MOST_IDS = 5000


def large_parts(node: Node | None) -> list[Or | Ids]:
    """The disjunctions of more than ``MOST_ALTERNATIVES`` sets in a filter, and the lists of more
    than ``MOST_IDS`` ids."""
    if node is None or isinstance(node, Leaf):
        return []
    found: list[Or | Ids] = []
    _collect_large_parts(node, found)
    return found


def _collect_large_parts(node: Node, found: list[Or | Ids]) -> None:
    if isinstance(node, Ids):
        if len(node.ids) > MOST_IDS:
            found.append(node)
    elif isinstance(node, Not):
        _collect_large_parts(node.child, found)
    elif isinstance(node, (And, Or)):
        if (
            isinstance(node, Or)
            and len(node.children) > MOST_ALTERNATIVES
            and all(isinstance(child, Leaf) for child in node.children)
        ):
            found.append(node)
            return
        for child in node.children:
            _collect_large_parts(child, found)


def all_of(nodes: Sequence[Node]) -> Node | None:
    """The conjunction, without needless nesting; None for no condition."""
    flat: list[Node] = []
    for node in nodes:
        flat.extend(node.children if isinstance(node, And) else (node,))
    if NOTHING in flat:
        return NOTHING
    flat = [node for node in flat if not isinstance(node, All)]
    if not flat:
        return None
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def any_of(nodes: Sequence[Node], *, disjoint: bool = False) -> Node:
    """The disjunction; of nothing, nothing."""
    flat: list[Node] = []
    for node in nodes:
        is_alike = isinstance(node, Or) and (node.disjoint or not disjoint)
        flat.extend(node.children if is_alike and isinstance(node, Or) else (node,))
    if any(isinstance(node, All) for node in flat):
        return All()
    flat = [node for node in flat if node != NOTHING]
    if not flat:
        return NOTHING
    return flat[0] if len(flat) == 1 else Or(tuple(flat), disjoint)


def negation(node: Node | None) -> Node:
    """The complement; None stands for everything."""
    if node is None or isinstance(node, All):
        return NOTHING
    if node == NOTHING:
        return All()
    return node.child if isinstance(node, Not) else Not(node)
