"""Items of ``queryset.batch()``: answers that are given together in one round trip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from typing import Any


@dataclass(frozen=True)
class CountOf:
    """The number of objects of a queryset, as it is sliced. Answer: an int."""

    queryset: Any


@dataclass(frozen=True)
class IdsOf:
    """The ids of a queryset, as it is ordered and sliced. Answer: a list of ints."""

    queryset: Any


@dataclass(frozen=True)
class FacetOf:
    """The ``limit`` most frequent values of a field. Answer: ``FieldValues``.

    ``most`` limits the objects of the filter, or the different values of a sorted index, that are
    looked at; None: all of them.
    """

    queryset: Any
    name: str
    limit: int = 20
    most: int | None = None


Item: TypeAlias = "CountOf | IdsOf | FacetOf"
