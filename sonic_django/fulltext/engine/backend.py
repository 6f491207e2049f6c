# SPDX-License-Identifier: GPL-2.0-or-later
# Part of an engine that is derived from xapian-haystack, whose licence this is.
"""The Haystack back end: one index directory, in which objects are indexed and searched."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import xapian
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from haystack import connections
from haystack.backends import log_query
from haystack.constants import DEFAULT_OPERATOR
from haystack.exceptions import SkipDocument
from haystack.models import SearchResult
from haystack.utils import get_identifier, get_model_ct
from xapian_backend import XAPIAN_OPTS, InvalidIndexError, XapianSearchBackend

from ...index.keys import database_space, is_in_memory
from ...interruptions import is_interruption
from . import digests
from .columns import Layout, document_term, type_term
from .documents import DocumentMaker, digest
from .lookups import NOTHING, Query, any_of, without
from .parsing import TextParser
from .primary_keys import PrimaryKeySearch
from .query import of_types, type_names
from .search import Search, SearchRequest, telling_terms
from .store import Store

logger = logging.getLogger("sonic_django.fulltext")

#: The indexes of databases in this process's memory: they end with the process.
_end_with_process: set[Path] = set()
#: Haystack's searches by distance.
UNSUPPORTED = ("within", "dwithin", "distance_point")


class RefusedDocument(Exception):
    """Xapian refuses a document; ``unique`` is its term."""

    def __init__(self, unique: bytes) -> None:
        super().__init__(unique)
        self.unique = unique


class SonicXapianBackend(XapianSearchBackend):  # type: ignore[misc]  # it has no types
    """One index directory for each database under PATH.

    Options of the connection: PATH (str or Path), DATABASE (the alias whose rows are indexed,
    "default"), INCLUDE_SPELLING, BATCH_SIZE. Settings are those of xapian-haystack:
    HAYSTACK_XAPIAN_LANGUAGE, HAYSTACK_XAPIAN_STEMMING_STRATEGY, HAYSTACK_XAPIAN_WEIGHTING_SCHEME,
    XAPIAN_NGRAM_MIN_LENGTH and XAPIAN_NGRAM_MAX_LENGTH. SILENTLY_FAIL only concerns
    ``more_like_this``: an index that cannot be read, and a field that is not there, always raise
    InvalidIndexError.
    """

    def __init__(self, connection_alias: str, **options: Any) -> None:
        options["PATH"] = os.fspath(options.get("PATH") or "")
        if options["PATH"] in ("", ":memory:"):
            # Xapian's memory databases have neither transactions nor spelling.
            raise ImproperlyConfigured(
                f"HAYSTACK_CONNECTIONS['{connection_alias}'] needs a PATH: the directory of the"
                " index."
            )
        super().__init__(connection_alias, **options)
        #: The alias whose rows are indexed.
        self.database = options.get("DATABASE", "default")
        self._layout: tuple[Any, Layout] | None = None

    @property
    def store(self) -> Store:
        """The index of the database in use: like the keys in Redis it follows the database, so a
        test run or a staging copy with the same PATH never touches another's index.
        """
        path = Path(self.path) / database_space(self.database)
        if is_in_memory(self.database) and path not in _end_with_process:
            _end_with_process.add(path)
            atexit.register(shutil.rmtree, path, ignore_errors=True)
        return Store(path)

    # The columns of the index

    @property
    def layout(self) -> Layout:
        """The columns of the search indexes. Rebuilt when Haystack has rebuilt the indexes."""
        unified = connections[self.connection_alias].get_unified_index()
        fields = unified.all_searchfields()
        if self._layout is None or self._layout[0] is not fields:
            self._layout = (fields, Layout(unified.get_indexes().values()))
        return self._layout[1]

    @property
    def parser(self) -> TextParser:
        """Text as queries, with the language and the columns of this connection."""
        operator = XAPIAN_OPTS[DEFAULT_OPERATOR]
        return TextParser(self.layout, self.language, self.stemming_strategy, operator)

    def build_schema(self, fields: Any) -> tuple[str, list[dict[str, Any]]]:
        """The columns as Haystack's back ends describe them."""
        layout = self.layout
        schema = [
            {
                "field_name": name,
                "type": columns[0].kind,
                "multi_valued": "true" if columns[0].many else "false",
                "column": columns[0].slot,
            }
            for name, columns in layout.columns.items()
        ]
        self._columns = {one["field_name"]: one["column"] for one in schema}
        return layout.document_field, schema

    # Writing

    def update(self, index: Any, iterable: Iterable[Any], commit: bool = True) -> list[str]:
        """Index the objects, each BATCH_SIZE (1,000) in one transaction; ``commit`` is ignored.

        Returns the identifiers of the objects that could not be indexed: the error of their
        SearchIndex or of Xapian is logged, and the others are indexed. Documents are made before
        the lock is taken. About 0.25 ms for 20 words.
        """
        maker = self.maker()
        objects = iter(iterable)
        failed: list[str] = []
        while batch := list(islice(objects, self.batch_size)):
            documents: dict[bytes, tuple[str, Any]] = {}
            for obj in batch:
                try:
                    unique, document = maker.make(index, obj)
                except SkipDocument:
                    logger.debug("%s is not to be indexed", label(obj))
                except Exception as error:
                    if is_interruption(error):
                        raise
                    # An error in a project's prepare_...() must not cost the object's neighbours.
                    logger.exception("%s could not be indexed", label(obj))
                    failed.append(label(obj))
                else:
                    documents[unique] = (label(obj), document)
            failed += self.write(documents)
        return failed

    def maker(self) -> DocumentMaker:
        """A maker of documents, for this thread alone."""
        return DocumentMaker(self.language, self.stemming_strategy)

    def write(self, documents: dict[bytes, tuple[str, Any]]) -> list[str]:
        """Write the documents; returns the identifiers of those that Xapian refused.

        A refusal makes Xapian drop the documents written before it in the same transaction, so
        all others are written again.
        """
        failed = []
        while documents:
            try:
                with self.store.write() as database:
                    for unique, (_, document) in documents.items():
                        with naming(unique):
                            database.replace_document(unique, document)
                    if self.include_spelling:
                        self.add_spellings(database, documents)
                break
            except RefusedDocument as error:
                name, _ = documents.pop(error.unique)
                logger.exception("%s could not be indexed", name)
                failed.append(name)
        return failed

    @staticmethod
    def add_spellings(database: Any, documents: dict[bytes, tuple[str, Any]]) -> None:
        """Count the words of the documents for suggestions."""
        for _, document in documents.values():
            for item in document.termlist():
                # Prefixes begin with a capital; words never do.
                if not b"A" <= item.term[:1] <= b"Z":
                    database.add_spelling(item.term)

    def exclusively(self) -> AbstractContextManager[None]:
        """Keep other processes out until the end of the ``with``.

        For work that reads rows and then writes their documents.
        """
        return self.store.exclusively()

    def remove(self, obj_or_string: Any, commit: bool = True) -> None:
        """Remove one object's document, if there is one. Costs a commit: see ``remove_many``."""
        self.remove_many([obj_or_string])

    def remove_many(self, objects: Iterable[Any]) -> None:
        """Remove the documents of objects or identifiers in one transaction."""
        # Haystack refuses identifiers whose key is not made of word characters.
        names = [one if isinstance(one, str) else get_identifier(one) for one in objects]
        if self.store.current() is None or not names:
            return
        with self.store.write() as database:
            for name in names:
                database.delete_document(document_term(name))

    def clear(self, models: Iterable[Any] | None = None, commit: bool = True) -> None:
        """Remove the documents of these models, or with none given all: at once, and of an index
        in any state. For models it costs 0.1 ms a document. Readers see all or none of it.
        """
        models = list(models or ())
        if not models:
            self.store.empty()
        elif self.store.current() is not None:
            with self.store.write() as database:
                for model in models:
                    database.delete_document(type_term(get_model_ct(model)))

    # Reading

    def document_count(self) -> int:
        """The number of documents of all models."""
        count: int = self.store.read(lambda database: database.get_doccount())
        return count

    @log_query  # type: ignore[untyped-decorator]  # Haystack has no types
    def search(
        self,
        query: Any,
        sort_by: Sequence[str] | None = None,
        start_offset: int = 0,
        end_offset: int | None = None,
        highlight: Any = False,
        highlight_texts: Sequence[str] = (),
        facets: Iterable[str] | None = None,
        date_facets: Mapping[str, dict[str, Any]] | None = None,
        query_facets: Sequence[tuple[str, str]] | None = None,
        narrow_queries: Iterable[str] | None = None,
        spelling_query: str | None = None,
        limit_to_registered_models: bool | None = None,
        result_class: Any = None,
        models: Iterable[Any] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """The results from ``start_offset`` to ``end_offset`` of a query (or its syntax in text).

        Hits and facets are exact: every match is looked at, 63,000 in about 7 ms. Raises
        InvalidIndexError for a field that is not there and for an index that cannot be read.
        """
        for name in UNSUPPORTED:
            if options.get(name):
                raise NotImplementedError(f"Xapian has no '{name}': there are no places in it.")
        parser = self.parser
        query = parser.syntax(query) if isinstance(query, str) else query
        for narrow in narrow_queries or ():
            query = Query(Query.OP_FILTER, query, parser.syntax(narrow))
        query = self.limited(query, limit_to_registered_models, models)
        request = SearchRequest(
            sort_by=sort_by or (),
            start_offset=start_offset,
            end_offset=end_offset,
            highlight=bool(highlight),
            highlight_texts=highlight_texts,
            facets=facets or (),
            date_facets=date_facets or {},
            query_facets=query_facets or (),
            spelling_query=spelling_query,
            result_class=result_class or SearchResult,
        )
        search = Search(parser, self.connection_alias, self.include_spelling)
        return self.store.read(lambda database: search.run(database, query, request))

    def limited(self, query: Any, registered: bool | None, models: Iterable[Any] | None) -> Any:
        """Only documents of the models asked for, and of models that have a search index."""
        if models:
            query = of_types(query, type_names(models))
        if registered is None:
            registered = getattr(settings, "HAYSTACK_LIMIT_TO_REGISTERED_MODELS", True)
        if registered and (types := self.build_models_list()):
            query = of_types(query, types)
        return query

    def more_like_this(
        self,
        model_instance: Any,
        additional_query: Any = None,
        start_offset: int = 0,
        end_offset: int | None = None,
        models: Iterable[Any] | None = None,
        limit_to_registered_models: bool | None = None,
        result_class: Any = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Documents that share the most telling words with the object's document.

        An object without a document has nothing like it, or with SILENTLY_FAIL off raises
        InvalidIndexError.
        """
        unique = document_term(get_identifier(model_instance))

        def read(database: Any) -> Any:
            for posting in database.postlist(unique):
                terms = telling_terms(database, database.get_document(posting.docid))
                return any_of([Query(term) for term in terms]) if terms else NOTHING
            if not self.silently_fail:
                raise InvalidIndexError(f"{get_identifier(model_instance)} is not indexed.")
            return NOTHING

        query = without(self.store.read(read), Query(unique))
        if additional_query is not None:
            query = Query(Query.OP_FILTER, query, additional_query)
        results: dict[str, Any] = self.search(
            query,
            start_offset=start_offset,
            end_offset=end_offset,
            models=models,
            limit_to_registered_models=limit_to_registered_models,
            result_class=result_class,
        )
        return results

    # For Sonic itself

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
        """((app label, model name, primary key) of the matches, best first; their number).

        ``models``: model classes or "app_label.model_name"; no document of another model is
        found, whatever the text contains. ``text``: words, "phrases", -unwanted, AND, OR and
        beginnings*; it never raises. Documents with all words are found; only where there is
        none, those with some of them, more words first. Without words in the text, nothing is
        found, unless there are ``filter_terms``, which then decide alone, newest first.

        ``fields``: only these fields are searched. ``weights`` (field: number) are multiplied
        with the weights of the index. ``partial``: the last word may be a beginning.
        ``filter_terms`` (field: value, or a list of which one must match): as ``exact``.

        The number is exact up to 10,000, beyond an estimate. ``end=None`` is all matches.
        Primary keys are int where they are int, and else str. Raises InvalidIndexError for a
        field that is not there or an index that cannot be read. Costs 0.2 to 3 ms, a
        beginning of one letter 12 ms, among 63,000 documents.
        """
        search = PrimaryKeySearch(self.store, self.parser)
        return search.search(models, text, fields, weights, start, end, partial, filter_terms)

    def indexed_pks(self, model: Any) -> set[Any]:
        """The primary keys of all documents of a model. Costs 6 microseconds for each."""
        name = type_names(model)[0]
        return self.store.read(lambda database: digests.primary_keys(database, name))

    def indexed_digests(self, model: Any) -> tuple[array[int], array[int]]:
        """(primary keys, digests) of all documents of a model, by ascending key.

        For primary keys that are whole numbers. The digest of a document that an older version
        wrote is 0. Costs 6 microseconds and 16 bytes for each.
        """
        name = type_names(model)[0]
        return self.store.read(lambda database: digests.all_digests(database, name))

    def digests_of(self, model: Any, pks: Iterable[int]) -> dict[int, int]:
        """Primary key -> digest; a key without a document is left out."""
        name = type_names(model)[0]
        return self.store.read(lambda database: digests.digests_of(database, name, pks))

    def digest_of(self, index: Any, obj: Any) -> int:
        """The digest of the document that this object would have.

        An error of the index's own preparation is not caught.
        """
        return digest(index, index.full_prepare(obj))


@contextmanager
def naming(unique: bytes) -> Iterator[None]:
    """Turn Xapian's refusal into a RefusedDocument of this term."""
    try:
        yield
    except xapian.InvalidArgumentError as error:
        raise RefusedDocument(unique) from error


def label(obj: Any) -> str:
    """The identifier, or the class for an object that raises when asked for it."""
    try:
        return str(get_identifier(obj))
    except Exception:
        return f"{type(obj).__name__} object"
