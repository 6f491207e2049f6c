"""Index declarations as data, and the entries that an object has under them.

A spec distinguishes one index from another in Redis. It has the fields whose values choose the
ordered set (the posting), and the field that orders it. Its digest is part of every key, so a
changed declaration can never read the entries of the old one, and two declarations of the same
index share their entries.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from itertools import product
from typing import Any, NamedTuple

from ..payload.primitives import CONTAINERS
from .encoding import EMPTY, distinct, key_part, key_part_and_original, position, redis_score

#: How an ordered set is ordered: by id, by score (numbers and times), by text.
BY_ID, BY_SCORE, BY_TEXT = "id", "score", "text"


@dataclass(frozen=True)
class Part:
    """A field in an index: its name, whether it is a list, and the kind of its order."""

    name: str
    many: bool = False
    order: str | None = None
    #: Whether values may be of any type; only single values are then in the index.
    mixed: bool = False
    #: What the values depend on beside the payload (defaults, conversion, code): if it changes,
    #: the entries of rows do, so the index has another digest.
    origin: str = field(default="", repr=False)

    def elements(self, value: Any) -> list[Any]:
        """The values under which an object with this field value is found."""
        if self.many and isinstance(value, (list, tuple, set, frozenset)):
            if self.mixed and value:
                # Only the single values of a mixed field are in the index.
                single = (item for item in value if type(item) not in CONTAINERS)
                return distinct(item for item in single if item is not None)
            return distinct(value) or [EMPTY]
        if self.mixed and isinstance(value, (list, tuple, set, frozenset, dict)):
            return []
        return [value]


class Entry(NamedTuple):
    """One membership: the set's name within the model, the score ("" is the id), the prefix.

    ``original`` is the value whose hash is in the name; only where values are counted.
    """

    name: bytes
    score: str
    prefix: bytes
    original: bytes = b""


@dataclass(frozen=True)
class IndexSpec:
    """An index: postings by the values of ``parts``, each ordered by ``order`` or by id."""

    parts: tuple[Part, ...]
    order: Part | None = None
    #: The name of the index in Redis.
    digest: str = field(init=False, default="", compare=False)
    #: The digest as bytes: names of sets begin with it.
    _name: bytes = field(init=False, default=b"", compare=False, repr=False)

    def __post_init__(self) -> None:
        # Parts are sorted, so that [author, tags] and [tags, author] are one index.
        object.__setattr__(self, "parts", tuple(sorted(self.parts, key=lambda p: p.name)))
        canonical = repr((self.parts, self.order))
        origins = [part.origin for part in self.parts]
        origins += [self.order.origin] if self.order else []
        if any(origins):
            canonical += repr(origins)
        raw = blake2b(canonical.encode(), digest_size=5).digest()
        object.__setattr__(self, "digest", base64.b32encode(raw).lower().decode())
        object.__setattr__(self, "_name", self.digest.encode())

    @property
    def ordering(self) -> str:
        """BY_ID, BY_SCORE or BY_TEXT."""
        return (self.order and self.order.order) or BY_ID

    @property
    def label(self) -> str:
        """The declaration for people."""
        fields = ", ".join(part.name for part in self.parts)
        return f"[{fields}]" + (f" ordered by {self.order.name}" if self.order else "")

    @cached_property
    def counts_values(self) -> bool:
        """Whether each value's number of objects is kept, for facets (``<digest>#``)."""
        return len(self.parts) == 1 and self.order is None

    def posting_name(self, values: Mapping[str, Any]) -> bytes:
        """The name of the posting for these values, one for each part."""
        if not self.parts:
            return self._name
        return self._name + b":" + b"|".join(key_part(values[part.name]) for part in self.parts)

    def entries(self, values: Mapping[str, Any]) -> list[Entry]:
        """The entries of an object with these field values (primitives, by field name)."""
        if self.order is None:
            score, prefix, tail = "", b"", b""
        elif values[self.order.name] is None:
            # Objects without an order value are in a set of their own, listed last.
            score, prefix, tail = "", b"", NULLS
        else:
            number, prefix = position(values[self.order.name])
            score, tail = redis_score(number), b""
        if not self.parts:
            return [Entry(self._name + tail, score, prefix)]
        if self.counts_values:
            part = self.parts[0]
            start = self._name + b":"
            found = []
            for element in part.elements(values[part.name]):
                key, original = key_part_and_original(element)
                found.append(Entry(start + key, score, prefix, original))
            return found
        choices = [part.elements(values[part.name]) for part in self.parts]
        names = (self.posting_name(self._named(chosen)) for chosen in product(*choices))
        return [Entry(name + tail, score, prefix) for name in names]

    def _named(self, values: Sequence[Any]) -> dict[str, Any]:
        return {part.name: value for part, value in zip(self.parts, values, strict=True)}


#: The end of the name of the set that holds the ids without an order value.
NULLS = b"~"
#: The suffixes of a digest in names: none, its objects without an order value, its values with
#: their counts, and the values that are hashed in names.
TAILS = ("", "~", "#", "$")

__all__ = ["BY_ID", "BY_SCORE", "BY_TEXT", "NULLS", "TAILS", "Entry", "IndexSpec", "Part"]
