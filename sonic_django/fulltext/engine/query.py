# SPDX-License-Identifier: GPL-2.0-or-later
# Part of an engine that is derived from xapian-haystack, whose licence this is.
"""Haystack's SQ trees as Xapian queries.

========================  ==================================================================
lookup                    matches
========================  ==================================================================
``content=...``           all words of the text (HAYSTACK_DEFAULT_OPERATOR), in any text field
``title=...``,            all words of the text, in this field; on fields without words
``title__contains``       (numbers, dates, facet fields) the same as ``exact``
``title__exact``, ``in``  the whole value: of text without regard to case and white space, of
                          facet and multi-valued fields letter by letter
``tags=...``              multi-valued: one of the values, whole; ``contains``: by its words
``title__startswith``     the whole value begins so; ``content__startswith``: a word does
``gt gte lt lte range``   in the order of the values; never a document without the value, also
                          when negated
``score=None``            documents without the value; an empty text is none
========================  ==================================================================

Words are found in all their grammatical forms, and Chinese, Japanese and Korean text by any part
of it.
"""

from __future__ import annotations

from typing import Any

from haystack.backends import SearchNode
from haystack.inputs import AutoQuery, BaseInput, Exact, Not, Raw
from haystack.utils import get_model_ct
from xapian_backend import InvalidIndexError, XapianSearchQuery

from .columns import RESERVED, Column, type_term
from .lookups import (
    COMPARISONS,
    EVERYTHING,
    NOTHING,
    Query,
    all_of,
    any_of,
    compare,
    exact,
    has_value,
    holds_ngrams,
    lacking,
    one_of,
    starts_with,
    without,
)

# Input types that are parsed, not taken as they stand.
TYPED = (AutoQuery, Exact, Raw)
WORD_LOOKUPS = frozenset({"content", "contains"})
UNSUPPORTED = {
    "endswith": (
        "Xapian keeps words from their beginning, so '{name}__endswith' has no index to use. Give"
        " the search index an NgramField and filter on that: it finds any part of a word."
    ),
    "fuzzy": (
        "'{name}__fuzzy' has no index to use. Ask spelling_suggestion() (with INCLUDE_SPELLING)"
        " for the word that was meant, or filter on an NgramField."
    ),
}


class SonicXapianQuery(XapianSearchQuery):  # type: ignore[misc]  # xapian-haystack has no types
    """The query of one SearchQuerySet."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.texts: list[str] = []

    def __str__(self) -> str:
        return str(self.build_query())

    # Building

    def build_query(self) -> Any:
        """The query without regard to order and slice. Touches no disk."""
        self.texts = []
        query = self.compile(self.query_filter, False) if self.query_filter else EVERYTHING
        if self.boost:
            boosts = [
                Query(Query.OP_SCALE_WEIGHT, self.backend.parser.words(word), factor)
                for word, factor in self.boost.items()
            ]
            query = Query(Query.OP_AND_MAYBE, query, any_of(boosts))
        if self.models:
            query = of_types(query, type_names(self.models))
        return query

    def compile(self, node: Any, negated: bool) -> Any:
        """Negation is carried down to the lookups: there, a comparison needs a value to fail."""
        negated ^= node.negated
        parts = []
        for child in node.children:
            if isinstance(child, SearchNode):
                parts.append(self.compile(child, negated))
            else:
                field, lookup = node.split_expression(child[0])
                parts.append(self.lookup(field, lookup, child[1], negated))
        if not parts:
            return NOTHING if negated else EVERYTHING
        return all_of(parts) if (node.connector == "AND") != negated else any_of(parts)

    def lookup(self, field: str, lookup: str, value: Any, negated: bool) -> Any:
        """One lookup. NotImplementedError or InvalidIndexError if it has no index."""
        if lookup in UNSUPPORTED:
            raise NotImplementedError(UNSUPPORTED[lookup].format(name=field))
        if isinstance(value, Not):
            # A Not is a cleaned value, negated.
            negated, value = not negated, value.query_string
        elif isinstance(value, BaseInput) and not isinstance(value, TYPED):
            value = value.prepare(self)
        if hasattr(value, "values_list"):
            value = list(value)
        if field == "content":
            return negate(self.content(lookup, value, negated), negated)
        columns = self.backend.layout.named(field)
        if value is None:
            return negate(lacking(columns), negated)
        # Not greater still means that there is a value, so such a negation is made here.
        compared = negated and lookup in COMPARISONS
        queries, errors = [], []
        for column in columns:
            try:
                query = self.on_column(column, lookup, value, negated)
            except ValueError as error:
                errors.append(error)
            else:
                queries.append(without(has_value(column), query) if compared else query)
        if not queries:
            raise InvalidIndexError(f"'{field}__{lookup}': {errors[0]}") from errors[0]
        return any_of(queries) if compared else negate(any_of(queries), negated)

    def content(self, lookup: str, value: Any, negated: bool) -> Any:
        """A lookup on ``content``, in any text field."""
        if lookup in COMPARISONS:
            raise InvalidIndexError(f"'content__{lookup}': the content has no order.")
        if lookup == "in":
            parts = [self.content("content", one, negated) for one in value]
            return any_of(parts) if parts else NOTHING
        return self.text(lookup, value, "", negated)

    def on_column(self, column: Column, lookup: str, value: Any, negated: bool) -> Any:
        """A lookup on one column. ValueError for a value of another kind."""
        if lookup in COMPARISONS:
            return compare(column, lookup, value)
        if lookup == "in":
            return one_of(column, value)
        if lookup == "startswith" and column not in RESERVED:
            return starts_with(column, value)
        if column.kind in ("ngram", "edge_ngram") and lookup in WORD_LOOKUPS:
            return holds_ngrams(column, value)
        typed = isinstance(value, TYPED)
        # A multi-valued field is a list of keywords: they match whole, unless asked for words.
        words = {"contains"} if column.many else WORD_LOOKUPS
        if column.has_words and (typed or lookup in words):
            return self.text(lookup, value, column.words, negated)
        return exact(column, str(value) if typed else value)

    def text(self, lookup: str, value: Any, prefix: str, negated: bool) -> Any:
        """Text in one field, or with an empty prefix in any."""
        parser = self.backend.parser
        if not negated:
            self.texts.append(str(value))
        if isinstance(value, AutoQuery | Raw):
            # AutoQuery's own preparation parts the minus from a phrase; Xapian knows both.
            text = str(value) if type(value) is AutoQuery else value.prepare(self)
            # In one field, no word of a user's text may lead to another field.
            return parser.typed(text, (prefix,)) if prefix else parser.syntax(text)
        if isinstance(value, Exact) or lookup == "exact":
            return parser.phrase(value, (prefix,))
        return parser.words(value, (prefix,), partial=lookup == "startswith")

    # Text that AutoQuery and narrow() build

    def build_not_query(self, query_string: str) -> str:
        """Xapian's ``a NOT b c`` takes c for unwanted as well; a minus binds to one word."""
        return f'-"{query_string}"' if " " in query_string else f"-{query_string}"

    def build_query_fragment(self, field: str, filter_type: str, value: Any) -> str:
        """One lookup in the syntax of raw_search() and narrow()."""
        value = value.query_string if isinstance(value, BaseInput) else value
        if filter_type in ("gte", "lte", "range"):
            low, high = value if filter_type == "range" else (value, "*")
            if filter_type == "lte":
                low, high = "", value
            return f"{field}:{low}..{high}"
        if filter_type not in ("content", "contains", "exact"):
            raise NotImplementedError(
                f"narrow() cannot write '{field}__{filter_type}' as text: use filter()."
            )
        quoted = str(value).replace('"', '""')
        return f'"{quoted}"' if field == "content" else f'{field}:"{quoted}"'

    # Running

    def build_params(self, spelling_query: str | None = None) -> dict[str, Any]:
        """The arguments of ``search``, with the texts to highlight and to correct."""
        # Skips the parent's, which passes a number of results as the end of the slice.
        params: dict[str, Any] = super(XapianSearchQuery, self).build_params(spelling_query)
        if self.highlight:
            params["highlight_texts"] = list(self.texts)
        if self.texts:
            params.setdefault("spelling_query", " ".join(self.texts))
        return params

    def get_facet_counts(self) -> Any:
        """The facets, with a single result."""
        self.limit_to_counts()
        return super().get_facet_counts()

    def get_spelling_suggestion(self, preferred_query: str | None = None) -> Any:
        """The suggestion, with a single result."""
        self.limit_to_counts()
        return super().get_spelling_suggestion(preferred_query)

    def limit_to_counts(self) -> None:
        """Ask for one result: facets and suggestions cover all matches anyway."""
        if not self.has_run() and not self.end_offset:
            self.set_limits(high=1)

    def run_mlt(self, **kwargs: Any) -> None:
        """Run ``more_like_this`` for the slice."""
        # Haystack's own leaves out the slice and would give page 1 as every page.
        kwargs.setdefault("start_offset", self.start_offset)
        if self.end_offset is not None:
            kwargs.setdefault("end_offset", self.end_offset)
        super().run_mlt(**kwargs)


def negate(query: Any, negated: bool) -> Any:
    """The query, or if negated all documents without its matches."""
    return without(EVERYTHING, query) if negated else query


def type_names(models: Any) -> list[str]:
    """Content types of model classes, of names, or of a single one of either."""
    if isinstance(models, str) or hasattr(models, "_meta"):
        models = [models]
    return [one.lower() if isinstance(one, str) else get_model_ct(one) for one in models]


def of_types(query: Any, content_types: list[str]) -> Any:
    """Only the documents of these models, whatever the query says."""
    types = [Query(type_term(one)) for one in content_types]
    return Query(Query.OP_FILTER, query, any_of(types) if types else NOTHING)
