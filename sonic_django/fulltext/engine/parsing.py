# SPDX-License-Identifier: GPL-2.0-or-later
# Part of an engine that is derived from xapian-haystack, whose licence this is.
"""Text as Xapian queries. Text that a user types never raises, and only ever searches."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import xapian
from xapian_backend import InvalidIndexError

from ..limits import limited
from .columns import Column, Layout
from .lookups import EVERYTHING, NOTHING, Query, any_of, compare, exact, filtering, holds_ngrams
from .values import text_of

Parser = xapian.QueryParser
WORDS = Parser.FLAG_CJK_NGRAM
# AND, OR, NOT and brackets, "phrases", +wanted and -unwanted, and beginnings*.
OPERATORS = (
    WORDS
    | Parser.FLAG_PHRASE
    | Parser.FLAG_BOOLEAN
    | Parser.FLAG_LOVEHATE
    | Parser.FLAG_WILDCARD
    | Parser.FLAG_PURE_NOT
)
# A beginning stands for at most so many words, the commonest first: one letter typed into a search
# box would otherwise read half of the index.
EXPANSIONS = 200

UNWANTED = r'-(?:"[^"]*"|[^\s"()]+)'
ONLY_UNWANTED = re.compile(rf"\s*{UNWANTED}(?:\s+{UNWANTED})*\s*")
# All but operators and the values of fields.
CASED = re.compile(r'(?P<kept>\b(?:AND|OR|NOT|XOR|NEAR|ADJ)\b|\w+:(?:"[^"]*"|\S+))|\w+')


class TextParser:
    """Parses with the language and the columns of one connection."""

    def __init__(self, layout: Layout, language: str, stemming: Any, operator: int) -> None:
        self.layout = layout
        self.language = language
        self.stemming = stemming
        self.operator = operator

    def words(
        self,
        text: Any,
        prefixes: Sequence[str] = ("",),
        operator: int | None = None,
        partial: bool = False,
    ) -> Any:
        """All words of the text, each in any of the prefixes; nothing in it is an operator.

        ``partial``: the last word may be the beginning of one.
        """
        flags = WORDS | Parser.FLAG_PARTIAL if partial else WORDS
        return self.parse(self.parser(prefixes, operator), text_of(text).lower(), flags)

    def phrase(self, text: Any, prefixes: Sequence[str] = ("",)) -> Any:
        """The words of the text next to each other and in that order, as they are spelt."""
        quoted = '"' + text_of(text).replace('"', " ") + '"'
        return self.parse(self.parser(prefixes), quoted, WORDS | Parser.FLAG_PHRASE)

    def typed(
        self,
        text: Any,
        prefixes: Sequence[str] = ("",),
        operator: int | None = None,
        partial: bool = False,
    ) -> Any:
        """A user's text with its operators; if they cannot be parsed, its words alone."""
        flags = OPERATORS | Parser.FLAG_PARTIAL if partial else OPERATORS
        try:
            return self.parse(self.parser(prefixes, operator), text, flags)
        except xapian.QueryParserError:
            return self.words(text, prefixes, operator, partial)

    def syntax(self, text: Any) -> Any:
        """As ``typed``, with ``field:value`` and ``field:from..to`` as well."""
        text = text_of(text)
        if text == "*":
            return EVERYTHING
        parser = self.parser(("",))
        # Xapian calls these while it parses: they must live until it is done.
        processors: list[Any] = [FieldRange(self.layout)]
        parser.add_rangeprocessor(processors[0])
        for name, columns in self.layout.columns.items():
            if f"{name}:" not in text:
                continue
            if columns[0].kind == "text":
                parser.add_prefix(name, columns[0].words)
            else:
                processors.append(FieldValue(columns))
                parser.add_boolean_prefix(name, processors[-1])
        try:
            return self.parse(parser, text, OPERATORS)
        except xapian.QueryParserError:
            return self.words(text)

    def parser(self, prefixes: Sequence[str], operator: int | None = None) -> Any:
        """A parser of Xapian for words in any of the prefixes."""
        parser = Parser()
        parser.set_stemmer(xapian.Stem(self.language))
        parser.set_stemming_strategy(self.stemming)
        parser.set_default_op(self.operator if operator is None else operator)
        parser.set_max_expansion(
            EXPANSIONS,
            Query.WILDCARD_LIMIT_MOST_FREQUENT,
            Parser.FLAG_WILDCARD | Parser.FLAG_PARTIAL,
        )
        for prefix in prefixes:
            if prefix or len(prefixes) > 1:
                parser.add_prefix("", prefix)
        return parser

    @staticmethod
    def parse(parser: Any, text: Any, flags: int) -> Any:
        """Raises QueryParserError where operators stand wrong, never without operators."""
        # Beyond its limits a text is cut, whichever way it came.
        text = limited(text_of(text)).text
        # Xapian does not look for other forms of a word with a capital: users do.
        text = CASED.sub(lambda part: part["kept"] or part[0].lower(), text)
        if flags & Parser.FLAG_PURE_NOT and ONLY_UNWANTED.fullmatch(text):
            # Xapian takes a text of nothing but -words as if they were wanted.
            text = " ".join("NOT " + part[1:] for part in re.findall(UNWANTED, text))
        return parser.parse_query(text, flags)


class FieldValue(xapian.FieldProcessor):  # type: ignore[misc]  # Xapian has no types
    """``name:value`` for columns that are no text: the whole value."""

    def __init__(self, columns: list[Column]) -> None:
        super().__init__()
        self.columns = columns

    def __call__(self, data: bytes) -> Any:
        """The query on one value."""
        return typed_value(self.columns, data.decode("utf-8", "replace"), value_query)


class FieldRange(xapian.RangeProcessor):  # type: ignore[misc]  # Xapian has no types
    """``name:from..to``, either end may be missing, ``*`` is the same as a missing end."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.layout = layout

    def __call__(self, begin: bytes, end: bytes) -> Any:
        """The query on a range; OP_INVALID for text that is none."""
        name, colon, low = begin.decode("utf-8", "replace").partition(":")
        columns = self.layout.columns.get(name)
        if not colon or not columns or columns[0].many or not columns[0].slot:
            return Query(Query.OP_INVALID)  # then it was no range, but three words
        high = end.decode("utf-8", "replace")
        bounds = [None if bound in ("", "*") else bound for bound in (low, high)]
        return typed_value(columns, bounds, lambda one, value: compare(one, "range", value))


def value_query(column: Column, text: str) -> Any:
    """The whole value; of an n-gram column, the text within it."""
    if column.kind in ("ngram", "edge_ngram"):
        return filtering(holds_ngrams(column, text))
    return exact(column, text)


def typed_value(columns: list[Column], value: Any, query: Callable[[Column, Any], Any]) -> Any:
    """The query on those of the columns that the text is a value of."""
    queries = []
    for column in columns:
        try:
            queries.append(query(column, value))
        except (ValueError, InvalidIndexError):
            continue
    return any_of(queries) if queries else NOTHING
