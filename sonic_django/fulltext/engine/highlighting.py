# SPDX-License-Identifier: GPL-2.0-or-later
# Part of an engine that is derived from xapian-haystack, whose licence this is.
"""Highlighting: HTML of a text in which the words of a search are marked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import xapian
from django.apps import apps
from haystack import connections
from haystack.exceptions import NotHandled
from haystack.fields import CharField, FacetField, NgramField

from .values import text_of

BEGIN, END = "<em>", "</em>"
FLAGS = xapian.MSet.SNIPPET_EXHAUSTIVE | xapian.MSet.SNIPPET_CJK_NGRAM

Loaded = tuple[str, str, Any, dict[str, Any]]


class Highlighter:
    """Adds ``highlighted`` to results: {field: HTML} for each text field with a match, and for
    the document field always. All else in the text is escaped, so the HTML is safe to show.
    """

    def __init__(self, mset: Any, language: str, connection_alias: str) -> None:
        self.mset = mset
        self.stemmer = xapian.Stem(language)
        self.indexes = connections[connection_alias].get_unified_index()

    def add_to(self, results: Iterable[Loaded]) -> None:
        """Reads from SQL, in one query for a model, the texts that are not stored."""
        by_model: dict[tuple[str, str], list[Loaded]] = {}
        for result in results:
            by_model.setdefault(result[:2], []).append(result)
        for (app_label, model_name), group in by_model.items():
            try:
                index = self.indexes.get_index(apps.get_model(app_label, model_name))
            except (LookupError, NotHandled):
                continue
            self.add_to_model(index, group)

    def add_to_model(self, index: Any, results: list[Loaded]) -> None:
        """Add ``highlighted`` to the results of one model."""
        texts = [
            field
            for field in index.fields.values()
            if isinstance(field, CharField) and not isinstance(field, FacetField | NgramField)
        ]
        names = {field.index_fieldname: field.document for field in texts}
        objects = {}
        if not all(field.stored for field in texts):
            objects = index.read_queryset().in_bulk([pk for _, _, pk, _ in results])
        by_key = {str(pk): obj for pk, obj in objects.items()}
        for _, _, pk, fields in results:
            obj = by_key.get(str(pk))
            values = {**(index.full_prepare(obj) if obj is not None else {}), **fields}
            marked = {name: self.mark(values.get(name)) for name in names}
            fields["highlighted"] = {
                name: html for name, html in marked.items() if names[name] or BEGIN in html
            }

    def mark(self, value: Any) -> str:
        """The text as HTML with the words of the search marked."""
        if not value:
            return ""
        text = text_of(value)
        size = len(text.encode())
        html: bytes = self.mset.snippet(text, size, self.stemmer, FLAGS, BEGIN, END, "")
        # CJK words are marked letter by letter.
        return html.decode().replace(END + BEGIN, "")
