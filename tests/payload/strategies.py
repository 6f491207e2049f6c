"""Random primitives, nested."""

from __future__ import annotations

from datetime import timedelta, timezone
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

OFFSETS = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone) | st.just(
    timezone.utc
)
#: hypothesis leaves out lone surrogates by default; users' data does not.
TEXTS = st.text(st.characters(codec=None))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**600), 2**600),
    st.floats(),
    TEXTS,
    st.binary(),
    st.decimals(),
    st.dates(),
    st.times(timezones=st.none() | OFFSETS),
    st.datetimes(timezones=st.none() | OFFSETS),
    st.timedeltas(),
    st.uuids(),
)


def _has_hash(value: Any) -> bool:
    return not (isinstance(value, Decimal) and value.is_snan())  # TypeError of Python's own


_HASHABLE = SCALARS.filter(_has_hash)
_KEYS = _HASHABLE | st.tuples(_HASHABLE) | st.frozensets(_HASHABLE, max_size=2)
PRIMITIVES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.sets(_KEYS, max_size=3),
        st.frozensets(_KEYS, max_size=3),
        st.dictionaries(_KEYS, inner, max_size=3),
    ),
    max_leaves=12,
)
PAYLOADS = st.dictionaries(TEXTS, PRIMITIVES, max_size=6)
