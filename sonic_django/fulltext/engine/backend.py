# SPDX-License-Identifier: GPL-2.0-or-later
# Part of an engine that is derived from xapian-haystack, whose licence this is.
"""The Haystack back end: indexing, removing, emptying, searching."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import xapian
from django.core.exceptions import ImproperlyConfigured
from haystack import connections
from haystack.constants import DEFAULT_OPERATOR
from haystack.exceptions import SkipDocument
from haystack.utils import get_identifier, get_model_ct
from xapian_backend import XAPIAN_OPTS, InvalidIndexError, XapianSearchBackend

from ...index.keys import database_space, is_in_memory
from .columns import Column, Layout, document_term, type_term
from .documents import DocumentMaker
from .ids import IdsMixin
from .parsing import TextParser
from .search import SearchMixin
from .store import Store

logger = logging.getLogger("sonic_django.fulltext")

#: The indexes of databases in this process's memory.
_end_with_process: set[Path] = set()


class RefusedDocument(Exception):
    """Xapian does not take a document as it is."""

    def __init__(self, unique: bytes) -> None:
        super().__init__(unique)
        self.unique = unique


class SonicXapianBackend(
    IdsMixin,
    SearchMixin,
    XapianSearchBackend,  # type: ignore[misc]  # it has no types
):
    """One index directory for each database under PATH. Options of the connection: PATH (str or
    Path), DATABASE (the alias whose rows are indexed, "default"), INCLUDE_SPELLING, BATCH_SIZE;
    settings as for xapian-haystack: HAYSTACK_XAPIAN_LANGUAGE,
    HAYSTACK_XAPIAN_STEMMING_STRATEGY, HAYSTACK_XAPIAN_WEIGHTING_SCHEME, XAPIAN_NGRAM_MIN_LENGTH
    and XAPIAN_NGRAM_MAX_LENGTH. SILENTLY_FAIL only concerns ``more_like_this``: an index that
    cannot be read, and a field that is not there, are never an empty list.
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

    # What is indexed, and how

    @property
    def layout(self) -> Layout:
        """The columns of the search indexes, made anew when Haystack has built these anew."""
        unified = connections[self.connection_alias].get_unified_index()
        fields = unified.all_searchfields()
        if self._layout is None or self._layout[0] is not fields:
            self._layout = (fields, Layout(unified.get_indexes().values()))
        return self._layout[1]

    @property
    def parser(self) -> TextParser:
        operator = XAPIAN_OPTS[DEFAULT_OPERATOR]
        return TextParser(self.layout, self.language, self.stemming_strategy, operator)

    def columns(self, name: str) -> list[Column]:
        """The columns of that name. Raises InvalidIndexError naming those that there are."""
        try:
            return self.layout.columns[name]
        except KeyError:
            raise InvalidIndexError(
                f"No search index has a field '{name}'. There are:"
                f" {', '.join(sorted(self.layout.columns))}, and content for all text."
            ) from None

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

        Returns the identifiers of those that could not be indexed: what their SearchIndex or
        Xapian said is logged, and the others are indexed. Documents are made before the lock is
        taken. About 0.25 ms for 20 words.
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
                except Exception:
                    # Whatever a project's prepare_...() raises must not cost its neighbours.
                    logger.exception("%s could not be indexed", label(obj))
                    failed.append(label(obj))
                else:
                    documents[unique] = (label(obj), document)
            failed += self.write(documents)
        return failed

    def maker(self) -> DocumentMaker:
        return DocumentMaker(self.language, self.stemming_strategy)

    def write(self, documents: dict[bytes, tuple[str, Any]]) -> list[str]:
        """Write the documents; returns the identifiers of those that Xapian refused.

        A refusal makes Xapian forget what was written before it in the same transaction, so all
        others are written again.
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
        """Keep other processes from such work until the end of the ``with``."""
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

    def document_count(self) -> int:
        count: int = self.store.read(lambda database: database.get_doccount())
        return count


@contextmanager
def naming(unique: bytes) -> Iterator[None]:
    try:
        yield
    except xapian.InvalidArgumentError as error:
        raise RefusedDocument(unique) from error


def label(obj: Any) -> str:
    """The identifier, even of an object that cannot say what it is."""
    try:
        return str(get_identifier(obj))
    except Exception:
        return f"{type(obj).__name__} object"
