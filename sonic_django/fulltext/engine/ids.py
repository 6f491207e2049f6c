# SPDX-License-Identifier: GPL-2.0-or-later
# Part of an engine that is derived from xapian-haystack, whose licence this is.
"""Searching for primary keys, without the rest of Haystack."""

from __future__ import annotations

import operator
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import xapian
from xapian_backend import InvalidIndexError

from .columns import Column, document_term, type_term
from .documents import DIGEST_SLOT, digest, load
from .lookups import EVERYTHING, NOTHING, Query, all_of, any_of, filtering, lacking, one_of
from .query import of_types, type_names
from .values import text_of

# search_ids() counts exactly up to here and estimates beyond.
COUNTED = 10_000
# Each matching word is worth this much where not all words are found: more than all that BM25
# can give to a document, so that more words always come before better ones.
PER_WORD = 1e6
# No more words than these are told apart where not all are found.
WORDS = 50


class IdsMixin:
    """The part of the back end that Sonic's own search calls."""

    store: Any
    parser: Any
    columns: Any
    enquire: Any

    def search_ids(
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
        """((app label, model name, primary key) of the matches, best first; how many there are).

        ``models``: model classes or "app_label.model_name"; nothing outside of them is found,
        whatever the text says. ``text``: words, "phrases", -unwanted, AND, OR and beginnings*;
        it never raises. Documents with all words are found; only where there is none, those with
        some of them, more words first. Without words in the text, nothing is found, unless there
        are ``filter_terms``, which then decide alone, newest first.

        ``fields``: only these fields are searched. ``weights`` (field: number) are multiplied
        with the weights of the index. ``partial``: the last word may be a beginning.
        ``filter_terms`` (field: value, or a list of which one must match): as ``exact``.

        The number is exact up to 10,000, beyond an estimate. ``end=None`` is all matches.
        Primary keys are int where they are int, and else str. Raises InvalidIndexError for a
        field that is not there or an index that cannot be read. Costs 0.2 to 3 ms, a
        beginning of one letter 12 ms, among 63,000 documents.
        """
        text = text_of(text)
        start = max(0, start)
        names = list(fields) if fields is not None else list(weights or ())
        prefixes = [column.words for name in names for column in self.word_columns(name)]
        filters = [
            filter_query(self.columns(name), value) for name, value in (filter_terms or {}).items()
        ]
        types = type_names(models)

        def within(query: Any) -> Any:
            return of_types(all_of([query, *filters]), types)

        def read(database: Any) -> tuple[list[tuple[str, str, Any]], int]:
            for query in self.attempts(text, prefixes, weights, partial, bool(filters)):
                enquire = self.enquire(database, within(query))
                enquire.set_docid_order(xapian.Enquire.DESCENDING)
                count = database.get_doccount() if end is None else max(0, end - start)
                mset = enquire.get_mset(start, count, max(COUNTED, start + count))
                if total := mset.get_matches_estimated():
                    return [load(match.document.get_data())[:3] for match in mset], total
            return [], 0

        found: tuple[list[tuple[str, str, Any]], int] = self.store.read(read)
        return found

    def indexed_pks(self, model: Any) -> set[Any]:
        """The primary keys of all documents of a model. Costs 6 microseconds for each."""
        term = type_term(type_names(model)[0])

        def read(database: Any) -> set[Any]:
            return {
                load(database.get_document(posting.docid).get_data())[2]
                for posting in database.postlist(term)
            }

        found: set[Any] = self.store.read(read)
        return found

    def indexed_digests(self, model: Any) -> tuple[array[int], array[int]]:
        """The primary keys of all documents of a model, ascending, and the digests of what was
        indexed; 0 for documents of an older version. For primary keys that are whole numbers.
        Costs 6 microseconds and 16 bytes for each.
        """
        term = type_term(type_names(model)[0])

        def read(database: Any) -> tuple[array[int], array[int]]:
            keys, digests = array("q"), array("Q")
            for posting in database.postlist(term):
                document = database.get_document(posting.docid)
                keys.append(load(document.get_data())[2])
                digests.append(int.from_bytes(document.get_value(DIGEST_SLOT), "big"))
            return keys, digests

        keys, digests = self.store.read(read)
        if all(map(operator.le, keys, islice(keys, 1, None))):
            return keys, digests
        order = sorted(range(len(keys)), key=keys.__getitem__)
        return (
            array("q", map(keys.__getitem__, order)),
            array("Q", map(digests.__getitem__, order)),
        )

    def digests_of(self, model: Any, pks: Iterable[int]) -> dict[int, int]:
        """Primary key -> digest of those of these documents that there are."""
        name = type_names(model)[0]

        def read(database: Any) -> dict[int, int]:
            return {
                pk: int.from_bytes(
                    database.get_document(posting.docid).get_value(DIGEST_SLOT), "big"
                )
                for pk in pks
                for posting in database.postlist(document_term(f"{name}.{pk}"))
            }

        found: dict[int, int] = self.store.read(read)
        return found

    def digest_of(self, index: Any, obj: Any) -> int:
        """The digest of the document that this object would have. Raises whatever the index's
        own preparation raises."""
        return digest(index, index.full_prepare(obj))

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
            parts = [
                self.parser.words(word, prefixes, partial=partial and number == last)
                for number, word in enumerate(words)
            ]
            bonus = Query(xapian.FixedWeightPostingSource(PER_WORD))
            some = [
                Query(Query.OP_AND, filtering(part) if scores else part, bonus)
                for part in parts
                if not part.empty()
            ]
            query = any_of(some) if some else NOTHING
            yield Query(Query.OP_AND_MAYBE, query, any_of(scores)) if scores else query

    def scores(self, text: str, weights: Mapping[str, float], partial: bool) -> list[Any]:
        """What each field says of the text, with its own weight."""
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
        columns = [column for column in self.columns(name) if column.has_words]
        if not columns:
            raise InvalidIndexError(f"The field '{name}' has no words to search for.")
        return columns


def scored(query: Any, scores: list[Any]) -> Any:
    """The matches of a query; the scores, where there are any, take the place of its own."""
    if not scores:
        return query
    return Query(Query.OP_AND_MAYBE, filtering(query), any_of(scores))


def filter_query(columns: list[Column], value: Any) -> Any:
    if value is None:
        return lacking(columns)
    values = value if isinstance(value, list | tuple | set | frozenset) else [value]
    queries = []
    for column in columns:
        try:
            queries.append(one_of(column, values))
        except ValueError:
            continue  # no document has a number that is none
    return any_of(queries) if queries else NOTHING
