"""The part of a declaration that the store needs: the indexes of one model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from .specs import IndexSpec

#: The digest under which the set of all ids is known to be built or not.
IDS_DIGEST = "ids"


@dataclass(frozen=True)
class Layout:
    """A model's indexes, and whether it has full text."""

    label: str
    specs: tuple[IndexSpec, ...]
    #: Whether the model has full text.
    has_text: bool = False

    @cached_property
    def digests(self) -> tuple[str, ...]:
        """The digests of all indexes, the set of ids first."""
        return (IDS_DIGEST, *(spec.digest for spec in self.specs))

    @cached_property
    def fingerprint(self) -> str:
        """The digests of the whole declaration as one text."""
        return "-".join(sorted(self.digests))

    @cached_property
    def counted(self) -> str:
        """The digests of the indexes whose values are counted, as ``apply.lua`` reads them."""
        return ",".join(spec.digest for spec in self.specs if spec.counts_values)
