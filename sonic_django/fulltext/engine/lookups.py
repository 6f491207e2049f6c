# SPDX-License-Identifier: GPL-2.0-or-later
# Part of an engine that is derived from xapian-haystack, whose licence this is.
"""The lookups on one column, as Xapian queries.

All but those on words and n-grams only filter: values, and terms that count nought times in their
documents, add nothing to a score.
"""

from __future__ import annotations

from typing import Any

import xapian
from xapian_backend import NGRAM_MAX_LENGTH, NGRAM_MIN_LENGTH, InvalidIndexError

from .columns import Column
from .values import KEYWORD_BYTES, TEXT_BYTES, encode, folded, text_of

Query = xapian.Query

COMPARISONS = frozenset({"gt", "gte", "lt", "lte", "range"})
# The least value there is: a missing value is the empty string, which comes before it.
LEAST = b"\0"
# No byte of UTF-8 is this great.
GREATEST = b"\xff"
TEXT_KINDS = frozenset({"text", "keyword", "ngram", "edge_ngram"})

EVERYTHING = Query("")
NOTHING = Query()


def filtering(query: Any) -> Any:
    """The same matches, weighing nothing."""
    return Query(Query.OP_SCALE_WEIGHT, query, 0)


def any_of(queries: list[Any]) -> Any:
    """The matches of any query. The list is not empty."""
    return queries[0] if len(queries) == 1 else Query(Query.OP_OR, queries)


def all_of(queries: list[Any]) -> Any:
    """The matches of all queries. The list is not empty."""
    return queries[0] if len(queries) == 1 else Query(Query.OP_AND, queries)


def without(query: Any, unwanted: Any) -> Any:
    """The matches of a query that are none of another."""
    return Query(Query.OP_AND_NOT, query, unwanted)


def exact(column: Column, value: Any) -> Any:
    """The whole value, or for a multi-valued field one of its values. None is no value at all."""
    if value is None:
        return lacking([column])
    return Query(column.whole(value))


def one_of(column: Column, values: Any) -> Any:
    """Any of the values; nothing when there are none."""
    queries = [exact(column, value) for value in values]
    return any_of(queries) if queries else NOTHING


def lacking(columns: list[Column]) -> Any:
    """Documents without a value in any of the columns."""
    return without(EVERYTHING, any_of([has_value(column) for column in columns]))


def has_value(column: Column) -> Any:
    """Documents with a value in the column."""
    return Query(Query.OP_VALUE_GE, column.slot, LEAST)


def compare(column: Column, lookup: str, value: Any) -> Any:
    """``gt gte lt lte range``: documents without the value never match.

    Texts are compared by their first 64 bytes. Costs a look at the value of each document that
    the rest of the query leaves.
    """
    if column.many or not column.slot:
        raise InvalidIndexError(
            f"'{column.name}__{lookup}': only a field of one value has an order;"
            f" '{column.name}' can be filtered by `exact` and `in`."
        )
    if lookup == "range":
        low, high = value
        parts = [] if low is None else [compare(column, "gte", low)]
        parts += [] if high is None else [compare(column, "lte", high)]
        return all_of(parts) if parts else has_value(column)
    data = encode(column.kind, value)
    if not data and column.kind not in TEXT_KINDS:
        return NOTHING  # nothing is greater or less than NaN
    if lookup == "gte":
        return at_least(column, max(data, LEAST))
    if lookup == "gt":
        # The next greater string of bytes: nothing lies between.
        return at_least(column, data + LEAST)
    if not data:
        return NOTHING
    up_to = Query(Query.OP_VALUE_RANGE, column.slot, LEAST, data)
    if lookup == "lte":
        return up_to
    return without(up_to, Query(Query.OP_VALUE_RANGE, column.slot, data, data))


def at_least(column: Column, data: bytes) -> Any:
    """Documents whose value is these bytes or greater."""
    return Query(Query.OP_VALUE_GE, column.slot, data)


def starts_with(column: Column, value: Any) -> Any:
    """The whole value begins so: of texts regardless of case, of keywords letter by letter."""
    if column.kind not in TEXT_KINDS:
        raise InvalidIndexError(f"'{column.name}__startswith': '{column.name}' holds no text.")
    text = text_of(value)
    if column.many:
        return Query(Query.OP_WILDCARD, column.exact + text.encode())
    data = (text if column.verbatim else folded(text)).encode()
    size = KEYWORD_BYTES if column.verbatim else TEXT_BYTES
    if len(data) > size:
        raise InvalidIndexError(f"'{column.name}__startswith' compares at most {size} bytes.")
    return Query(Query.OP_VALUE_RANGE, column.slot, data or LEAST, data + GREATEST)


def holds_ngrams(column: Column, value: Any) -> Any:
    """All words of the text as beginnings (edge n-grams) or parts (n-grams) of words.

    Words longer than the longest n-gram must have all parts of that length. Single letters are
    no n-grams; text of nothing else matches nothing.
    """
    terms = []
    for word in text_of(value).lower().split():
        if len(word) < NGRAM_MIN_LENGTH:
            continue
        last = 0 if column.kind == "edge_ngram" else max(0, len(word) - NGRAM_MAX_LENGTH)
        for start in range(last + 1):
            terms.append(Query(column.words + word[start : start + NGRAM_MAX_LENGTH]))
    return all_of(terms) if terms else NOTHING
