# SPDX-License-Identifier: GPL-2.0-or-later
# Part of an engine that is derived from xapian-haystack, whose licence this is.
"""The columns of an index: under which terms and in which slot a Haystack field is kept.

==================  ===================================================================
``word``            a word of any text field, for ``content``
``Xname:word``      a word of one field (``Z`` before either: its stem)
``Ename:value``     a whole value: text without regard to case and white space, the values
                    of facet and multi-valued fields letter by letter, all others as bytes
``Qidentifier``     the one document of an object; ``I`` its primary key
``CONTENTTYPE...``  the documents of one model
==================  ===================================================================
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from haystack.constants import DJANGO_CT, DJANGO_ID, ID
from haystack.fields import DecimalField, FacetField, SearchField
from xapian_backend import InvalidIndexError

from .values import encode, encode_list, folded, text_of

# Xapian refuses terms over 245 bytes, a zero byte counting double, and with the term the whole
# batch that is waiting to be written. 64 bytes are left for the prefix.
TERM_BYTES = 180
PREFIX_BYTES = 60
# The whole of a text is only ever compared for equality, so a hash will do early. Every text has
# a term like this of its own, and long ones are an eighth of the index.
TEXT_TERM_BYTES = 40
# Stands before the hash of a longer value. A value that begins like this is hashed as well, so
# that no text can be made to look like the hash of another one.
HASHED = b"#:"

KINDS = {
    "integer": "integer",
    "float": "float",
    "boolean": "boolean",
    "date": "date",
    "datetime": "datetime",
    "ngram": "ngram",
    "edge_ngram": "edge_ngram",
}
TYPE_PREFIX = "CONTENTTYPE"


@dataclass(frozen=True)
class Column:
    """One field as the index keeps it. The same name may be of two kinds in two models."""

    name: str
    kind: str
    many: bool
    verbatim: bool
    has_words: bool
    words: str
    exact: bytes
    slot: int

    def whole(self, value: Any) -> bytes:
        """The term of a whole value. Raises ValueError for a value of another kind."""
        if self.kind in ("text", "keyword", "ngram", "edge_ngram"):
            text = text_of(value)
            if self.verbatim:
                return bounded_term(self.exact, text.encode())
            return bounded_term(self.exact, folded(text).encode(), TEXT_TERM_BYTES)
        if self.kind == "key":
            return bounded_term(self.exact, text_of(value).encode())
        return bounded_term(self.exact, encode(self.kind, value))

    def value(self, value: Any) -> bytes:
        """The bytes for the slot. Raises ValueError for a value of another kind."""
        return encode_list(value) if self.many else encode(self.kind, value)


def bounded_term(prefix: bytes, data: bytes, size: int = TERM_BYTES) -> bytes:
    """The prefix and the data; a hash of the data where they are longer than ``size``."""
    if len(data) + data.count(0) <= size and not data.startswith(HASHED):
        return prefix + data
    return prefix + HASHED + blake2b(data, digest_size=16).hexdigest().encode()


def document_term(identifier: str) -> bytes:
    """The term that only the document of this identifier has."""
    return bounded_term(b"Q", text_of(identifier).encode())


def type_term(content_type: str) -> bytes:
    """The term of all documents of a model, ``app_label.model_name``."""
    return bounded_term(TYPE_PREFIX.encode(), content_type.encode())


@cache
def column(name: str, kind: str, many: bool = False, facet: bool = False) -> Column:
    """The column of a field with these properties."""
    label = name
    if len(name.encode()) > PREFIX_BYTES - 3:
        label = blake2b(name.encode(), digest_size=16).hexdigest()
    if kind == "text" and (facet or many):
        kind = "keyword"
    return Column(
        name=name,
        kind=kind,
        many=many,
        verbatim=kind == "keyword",
        has_words=kind in ("text", "keyword") and not facet,
        # The colon keeps the words of "tag" and of "tag2" apart.
        words=f"X{label}:",
        exact=f"E{label}:".encode(),
        # A name that is added, or a kind that is changed, leaves the other slots where they are:
        # documents indexed before still sort right, and lack the new values.
        slot=zlib.crc32(f"{name}:{kind}:{many:d}".encode()) & 0x7FFFFFFF,
    )


def column_of(field: SearchField) -> Column:
    """The column of a field of a SearchIndex."""
    kind = KINDS.get(field.field_type, "text")
    if isinstance(field, DecimalField):
        kind = "decimal"  # Haystack calls it a string, and so would sort 10 before 9
    return column(field.index_fieldname, kind, field.is_multivalued, isinstance(field, FacetField))


IDENTIFIER = Column(ID, "keyword", False, True, False, "", b"Q", 0)
PRIMARY_KEY = Column(DJANGO_ID, "key", False, True, False, "", b"I", 1)
CONTENT_TYPE = Column(DJANGO_CT, "keyword", False, True, False, "", TYPE_PREFIX.encode(), 2)
RESERVED = (IDENTIFIER, PRIMARY_KEY, CONTENT_TYPE)


class Layout:
    """The columns of all search indexes of a connection."""

    def __init__(self, indexes: Iterable[Any]) -> None:
        self.columns: dict[str, list[Column]] = {one.name: [one] for one in RESERVED}
        self.document_field = ""
        used: dict[int, Column] = {one.slot: one for one in RESERVED}
        for index in indexes:
            for field in index.fields.values():
                if field.document:
                    self.document_field = field.index_fieldname
                if not field.indexed:
                    continue
                one = column_of(field)
                other = used.setdefault(one.slot, one)
                if (other.name, other.kind, other.many) != (one.name, one.kind, one.many):
                    raise ImproperlyConfigured(
                        f"The search fields '{one.name}' and '{other.name}' would share the slot"
                        f" {one.slot}: rename one of them."
                    )
                variants = self.columns.setdefault(one.name, [])
                if one not in variants:
                    variants.append(one)

    def named(self, name: str) -> list[Column]:
        """The columns of that name. InvalidIndexError lists the names that there are."""
        try:
            return self.columns[name]
        except KeyError:
            raise InvalidIndexError(
                f"No search index has a field '{name}'. There are:"
                f" {', '.join(sorted(self.columns))}, and content for all text."
            ) from None
