# SPDX-License-Identifier: GPL-2.0-or-later
# Part of an engine that is derived from xapian-haystack, whose licence this is.
"""One search as Haystack asks for it: a page of results, facets, highlighting, spelling."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import xapian
from haystack import connections
from haystack.models import SearchResult
from xapian_backend import InvalidIndexError

from .documents import load
from .facets import date_counts, value_counts, watch
from .highlighting import Highlighter
from .lookups import Query, any_of
from .parsing import TextParser
from .ranking import enquire
from .spelling import suggestion

# Greater than every value, so that documents without one come last in either order.
LAST = b"\xff" * 12
# This many of a document's most telling words find others like it.
SIMILAR_TERMS = 30


@dataclass(frozen=True)
class SearchRequest:
    """The options of a SearchQuerySet beside the query, named as in Haystack's back ends."""

    sort_by: Sequence[str] = ()
    start_offset: int = 0
    end_offset: int | None = None
    highlight: bool = False
    highlight_texts: Sequence[str] = ()
    facets: Iterable[str] = ()
    date_facets: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    query_facets: Sequence[tuple[str, str]] = ()
    spelling_query: str | None = None
    result_class: Any = SearchResult


class Search:
    """Runs queries on the documents of one connection."""

    def __init__(
        self, parser: TextParser, connection_alias: str, suggests_spelling: bool = False
    ) -> None:
        self.parser = parser
        self.connection_alias = connection_alias
        self.suggests_spelling = suggests_spelling

    def run(self, database: Any, query: Any, request: SearchRequest) -> dict[str, Any]:
        """The answer in Haystack's shape: results, hits, facets, spelling_suggestion.

        Hits and facets are exact: every match is looked at, 63,000 in about 7 ms.
        InvalidIndexError for a field that is not there or has no order.
        """
        run = enquire(database, query)
        sorter = self.sorter(request.sort_by)
        if request.sort_by:
            run.set_sort_by_key_then_relevance(sorter, False)
        named = self.parser.layout.named
        spies = {name: watch(run, named(name)) for name in request.facets}
        date_spies = {name: watch(run, named(name)) for name in request.date_facets}
        everything = database.get_doccount()
        start = request.start_offset
        end = everything if request.end_offset is None else request.end_offset
        mset = run.get_mset(start, max(0, end - start), everything)
        results = [load(match.document.get_data()) for match in mset]
        if request.highlight:
            self.highlighter(database, query, request.highlight_texts).add_to(results)
        return {
            "results": [
                request.result_class(app_label, model_name, pk, match.percent, **fields)
                for match, (app_label, model_name, pk, fields) in zip(mset, results, strict=True)
            ],
            "hits": mset.get_matches_estimated(),
            "facets": {
                "fields": {name: value_counts(spy) for name, spy in spies.items()},
                "dates": {
                    name: date_counts(spy, request.date_facets[name])
                    for name, spy in date_spies.items()
                },
                "queries": self.query_counts(database, query, request.query_facets),
            },
            "spelling_suggestion": (
                suggestion(database, request.spelling_query) if self.suggests_spelling else None
            ),
        }

    def sorter(self, sort_by: Sequence[str]) -> Any:
        """The order by these fields, ``-`` before a name for descending, missing values last."""
        sorter = xapian.MultiValueKeyMaker()
        for name in sort_by:
            descending = name.startswith("-")
            for column in self.parser.layout.named(name.lstrip("-")):
                if column.many or not column.slot:
                    raise InvalidIndexError(f"'{column.name}' has no order to sort by.")
                sorter.add_value(column.slot, descending, b"" if descending else LAST)
        return sorter

    def query_counts(
        self, database: Any, query: Any, query_facets: Sequence[tuple[str, str]]
    ) -> dict[str, Any]:
        """(query, matches) by field; a list of these where a field is asked more than once."""
        counts: dict[str, list[tuple[str, int]]] = {}
        for name, text in query_facets:
            # Haystack has put the facet's field, of whole values, in place of the field.
            column = self.parser.layout.named(self.facet_source(name))[0]
            if column.has_words:
                counted = self.parser.typed(text, (column.words,))
            else:
                counted = self.parser.syntax(f"{name}:{text}")
            run = enquire(database, Query(Query.OP_FILTER, query, counted))
            mset = run.get_mset(0, 0, database.get_doccount())
            counts.setdefault(name, []).append((text, mset.get_matches_estimated()))
        return {name: one[0] if len(one) == 1 else one for name, one in counts.items()}

    def facet_source(self, name: str) -> str:
        """The field whose values a facet field has."""
        unified = connections[self.connection_alias].get_unified_index()
        source = getattr(unified.all_searchfields().get(name), "facet_for", None)
        return str(unified.get_index_fieldname(source)) if source else name

    def highlighter(self, database: Any, query: Any, texts: Sequence[str]) -> Highlighter:
        """Marks the words of the texts; without texts, those of the query."""
        if texts:
            query = any_of([self.parser.typed(text) for text in texts])
        mset = enquire(database, query).get_mset(0, 0)
        return Highlighter(mset, self.parser.language, self.connection_alias)


def telling_terms(database: Any, document: Any) -> list[bytes]:
    """The words of a document that are frequent in it and rare elsewhere."""
    total = database.get_doccount()
    scores = {}
    for item in document.termlist():
        term = item.term.removeprefix(b"Z")
        # Prefixes begin with a capital; a term of this document alone leads to no other.
        if not b"A" <= term[:1] <= b"Z" and item.termfreq > 1 and item.wdf:
            scores[item.term] = item.wdf * math.log(1 + total / item.termfreq)
    return sorted(scores, key=lambda term: (-scores[term], term))[:SIMILAR_TERMS]
