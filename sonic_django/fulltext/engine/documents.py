# SPDX-License-Identifier: GPL-2.0-or-later
# Part of an engine that is derived from xapian-haystack, whose licence this is.
"""An object as a Xapian document, and a document as the fields of a search result."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import xapian
from haystack.constants import DJANGO_CT, DJANGO_ID, ID
from haystack.utils import get_model_ct_tuple
from xapian_backend import NGRAM_MAX_LENGTH, NGRAM_MIN_LENGTH, InvalidIndexError

from .columns import CONTENT_TYPE, PRIMARY_KEY, Column, column_of, document_term, type_term
from .values import calendar_time, text_of

# The weight of a field is how often each of its words counts, and Xapian counts in whole numbers:
# a field of weight 1 counts ten times, so that 1.5 or 0.3 keep their ratio. BM25's k1 is raised by
# the same factor (see search.py), which cancels it.
WEIGHT_SCALE = 10
# Words beyond this many bytes are no words. Whole values are found at any length.
WORD_BYTES = 120
# Phrases must not reach from one field into the next.
POSITION_GAP = 100
# SearchResult's own arguments: a field of such a name cannot be handed to it as well.
RESULT_ARGUMENTS = frozenset({"app_label", "model_name", "pk", "score"})
# The slot of a document's digest. The slots of columns have 31 bits: none of them can meet it.
DIGEST_SLOT = 0x80000000
DIGEST_BYTES = 8
# How values that JSON does not know are stored, by the name of their type.
STORED_TYPE = "\0type"


class DocumentMaker:
    """Makes documents; it holds a term generator, so one per thread."""

    def __init__(self, language: str, stemming: Any) -> None:
        generator = xapian.TermGenerator()
        generator.set_stemmer(xapian.Stem(language))
        generator.set_stemming_strategy(stemming)
        generator.set_flags(xapian.TermGenerator.FLAG_CJK_NGRAM)
        generator.set_max_word_length(WORD_BYTES)
        self.generator = generator

    def make(self, index: Any, obj: Any) -> tuple[bytes, Any]:
        """The term that only this document has, and the document.

        An error of the index's own preparation is not caught; ValueError for a value that is not
        of its field's kind. Costs 75 microseconds for 20 words in two fields.
        """
        data = index.full_prepare(obj)
        weights = index.get_field_weights()
        document = xapian.Document()
        self.generator.set_document(document)
        stored: dict[str, Any] = {}
        for field_name, field in index.fields.items():
            value = data.get(field.index_fieldname)
            if value is None:
                continue
            if field.is_multivalued:
                value = [value] if isinstance(value, str) else list(value)
            if field.indexed:
                weight = max(1, round(weights.get(field_name, 1) * WEIGHT_SCALE))
                self.add(document, column_of(field), value, weight)
            if field.stored and field.index_fieldname not in RESULT_ARGUMENTS:
                stored[field.index_fieldname] = value
        identifier = data[ID]
        unique = document_term(identifier)
        app_label, model_name = get_model_ct_tuple(index.get_model())
        document.add_boolean_term(unique)
        document.add_boolean_term(type_term(data[DJANGO_CT]))
        document.add_boolean_term(PRIMARY_KEY.whole(data[DJANGO_ID]))
        document.add_value(PRIMARY_KEY.slot, PRIMARY_KEY.value(data[DJANGO_ID]))
        document.add_value(CONTENT_TYPE.slot, CONTENT_TYPE.value(data[DJANGO_CT]))
        document.add_value(DIGEST_SLOT, digest(index, data).to_bytes(DIGEST_BYTES, "big"))
        document.set_data(dump(app_label, model_name, obj.pk, identifier, stored))
        return unique, document

    def add(self, document: Any, column: Column, value: Any, weight: int) -> None:
        """Add the terms and the slot of one field."""
        values = value if column.many else [value]
        if column.kind == "date" and isinstance(value, datetime.datetime):
            values = [calendar_time(value).date()]
        for one in values:
            document.add_boolean_term(column.whole(one))
            if column.kind in ("ngram", "edge_ngram"):
                for gram in ngrams(text_of(one), edge=column.kind == "edge_ngram"):
                    document.add_term(column.words + gram, weight)
            elif column.has_words:
                self.add_words(column, text_of(one), weight)
        document.add_value(column.slot, column.value(values if column.many else values[0]))

    def add_words(self, column: Column, text: str, weight: int) -> None:
        """Add the words of a text, in this field and in all text."""
        for prefix in (column.words, ""):
            self.generator.index_text(text, weight, prefix)
            self.generator.increase_termpos(POSITION_GAP)


def digest(index: Any, data: dict[str, Any]) -> int:
    """A hash of an object's indexed content: its prepared fields and their weights. Never 0.

    Costs 10 microseconds for 20 words.
    """
    weights = index.get_field_weights()
    content = [
        (name, weights.get(name, 1), data.get(field.index_fieldname))
        for name, field in sorted(index.fields.items())
    ]
    canonical = json.dumps(content, default=dump_other, separators=(",", ":")).encode()
    return int.from_bytes(blake2b(canonical, digest_size=DIGEST_BYTES).digest(), "big") or 1


def ngrams(text: str, edge: bool) -> set[str]:
    """The parts of 2 to 15 letters (XAPIAN_NGRAM_*_LENGTH) of each word, or its beginnings."""
    grams = set()
    for word in text.lower().split():
        for size in range(NGRAM_MIN_LENGTH, min(NGRAM_MAX_LENGTH, len(word)) + 1):
            for start in range(1 if edge else len(word) - size + 1):
                grams.add(word[start : start + size])
    return grams


def dump(app_label: str, model_name: str, pk: Any, identifier: str, stored: dict[str, Any]) -> str:
    """A document's data: model, primary key, and the fields with ``stored=True``, as JSON."""
    parts: list[Any] = [app_label, model_name, pk if isinstance(pk, int) else str(pk)]
    usual = f"{app_label}.{model_name}.{pk}"
    if stored or identifier != usual:
        parts.append(stored)
    if identifier != usual:
        parts.append(identifier)
    return json.dumps(parts, default=dump_other, separators=(",", ":"))


def load(data: bytes) -> tuple[str, str, Any, dict[str, Any]]:
    """App label, model name, primary key (an int or a str), and the fields of a result.

    Raises InvalidIndexError for data that ``dump`` has not written.
    """
    try:
        parts = json.loads(data, object_hook=load_other if STORED_MARK in data else None)
        app_label, model_name, pk = parts[:3]
    except (ValueError, TypeError, ArithmeticError) as error:
        raise InvalidIndexError(
            f"A document of the index cannot be read ({error}). Run `rebuild_index` (or"
            " `sonic_reindex --fulltext`)."
        ) from error
    fields: dict[str, Any] = parts[3] if len(parts) > 3 else {}
    fields[ID] = parts[4] if len(parts) > 4 else f"{app_label}.{model_name}.{pk}"
    fields[DJANGO_CT] = f"{app_label}.{model_name}"
    fields[DJANGO_ID] = str(pk)
    return app_label, model_name, pk, fields


STORED_MARK = json.dumps(STORED_TYPE)[1:-1].encode()
OTHERS: dict[str, Any] = {
    "datetime": datetime.datetime.fromisoformat,
    "date": datetime.date.fromisoformat,
    "time": datetime.time.fromisoformat,
    "Decimal": Decimal,
}


def dump_other(value: Any) -> Any:
    """JSON for a date, time, Decimal or set; the text of any other value."""
    for name, kind in (
        ("datetime", datetime.datetime),  # before date, which it is as well
        ("date", datetime.date),
        ("time", datetime.time),
        ("Decimal", Decimal),
    ):
        if isinstance(value, kind):
            return {STORED_TYPE: name, "value": str(value)}
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    return text_of(value)


def load_other(value: dict[str, Any]) -> Any:
    """The value that ``dump_other`` wrote."""
    maker = OTHERS.get(value.get(STORED_TYPE, ""))
    return maker(value["value"]) if maker else value
