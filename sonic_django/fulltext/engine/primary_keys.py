# SPDX-License-Identifier: GPL-2.0-or-later
# Part of an engine that is derived from xapian-haystack, whose licence this is.
"""Searching for primary keys, without the rest of Haystack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import xapian
from xapian_backend import InvalidIndexError

from .columns import Column
from .documents import load
from .lookups import EVERYTHING, NOTHING, Query, all_of, any_of, filtering, lacking, one_of
from .parsing import TextParser
from .query import of_types, type_names
from .ranking import enquire
from .store import Store
from .values import text_of

# A search counts exactly up to here and estimates beyond.
COUNTED = 10_000
# Where not all words are found, each matching word is worth this much: more than BM25 can give to
# a document, so that more words always come before better ones.
PER_WORD = 1e6
# At most this many words are weighed one by one where not all are found.
WORDS = 50


class PrimaryKeySearch:
    """Searches one index. The back end's ``search_ids`` documents the arguments and results."""

    def __init__(self, store: Store, parser: TextParser) -> None:
        self.store = store
        self.parser = parser

    def search(
        self,
        models: Any,
        text: str,
        fields: Iterable[str] | None = None,
        weights: Mapping[str, float] | None = None,
        start: int = 0,
        end: int | None = 10,
        partial: bool = False,
        filter_terms: Mapping[str, Any] | None = None,
    ) -> tuple[list[tuple[str, str, Any]], int]:
        """((app label, model name, primary key) of the matches, best first; their number)."""
        text = text_of(text)
        start = max(0, start)
        names = list(fields) if fields is not None else list(weights or ())
        prefixes = [column.words for name in names for column in self.word_columns(name)]
        filters = [
            filter_query(self.parser.layout.named(name), value)
            for name, value in (filter_terms or {}).items()
        ]
        types = type_names(models)

        def within(query: Any) -> Any:
            return of_types(all_of([query, *filters]), types)

        def read(database: Any) -> tuple[list[tuple[str, str, Any]], int]:
            for query in self.attempts(text, prefixes, weights, partial, bool(filters)):
                run = enquire(database, within(query))
                run.set_docid_order(xapian.Enquire.DESCENDING)
                count = database.get_doccount() if end is None else max(0, end - start)
                mset = run.get_mset(start, count, max(COUNTED, start + count))
                if total := mset.get_matches_estimated():
                    return [load(match.document.get_data())[:3] for match in mset], total
            return [], 0

        found: tuple[list[tuple[str, str, Any]], int] = self.store.read(read)
        return found

    def attempts(
        self,
        text: str,
        prefixes: Sequence[str],
        weights: Mapping[str, float] | None,
        partial: bool,
        filtered: bool,
    ) -> Iterator[Any]:
        """The queries to try until one has a match."""
        prefixes = prefixes or ("",)
        query = self.parser.typed(text, prefixes, Query.OP_AND, partial)
        if query.empty():
            if filtered and not text.strip():
                yield EVERYTHING
            return
        scores = self.scores(text, weights or {}, partial)
        yield scored(query, scores)
        words = text.split()[:WORDS]
        if len(words) > 1:
            last = len(words) - 1
            queries = [
                self.parser.words(word, prefixes, partial=partial and number == last)
                for number, word in enumerate(words)
            ]
            bonus = Query(xapian.FixedWeightPostingSource(PER_WORD))
            some = [
                Query(Query.OP_AND, filtering(one) if scores else one, bonus)
                for one in queries
                if not one.empty()
            ]
            query = any_of(some) if some else NOTHING
            yield Query(Query.OP_AND_MAYBE, query, any_of(scores)) if scores else query

    def scores(self, text: str, weights: Mapping[str, float], partial: bool) -> list[Any]:
        """The score of the text in each field, times the weight given for the field."""
        return [
            Query(
                Query.OP_SCALE_WEIGHT,
                self.parser.words(text, (column.words,), Query.OP_OR, partial),
                float(weight),
            )
            for name, weight in weights.items()
            for column in self.word_columns(name)
        ]

    def word_columns(self, name: str) -> list[Column]:
        """The columns of a field that have words. InvalidIndexError if none has."""
        columns = [column for column in self.parser.layout.named(name) if column.has_words]
        if not columns:
            raise InvalidIndexError(f"The field '{name}' has no words to search for.")
        return columns


def scored(query: Any, scores: list[Any]) -> Any:
    """The matches of a query, ranked by the scores; by its own if there are none."""
    if not scores:
        return query
    return Query(Query.OP_AND_MAYBE, filtering(query), any_of(scores))


def filter_query(columns: list[Column], value: Any) -> Any:
    """The whole value, any value of a list, or for None no value, in any of the columns."""
    if value is None:
        return lacking(columns)
    values = value if isinstance(value, list | tuple | set | frozenset) else [value]
    queries = []
    for column in columns:
        try:
            queries.append(one_of(column, values))
        except ValueError:
            continue  # a value of another kind is in no document
    return any_of(queries) if queries else NOTHING
