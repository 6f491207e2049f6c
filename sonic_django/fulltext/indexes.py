"""A Haystack SearchIndex for each class that declares ``fulltext_indexes``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from haystack import indexes
from haystack.fields import FacetCharField, FacetMultiValueField

from .availability import term_field

if TYPE_CHECKING:
    from ..schema.schema import Schema, StoredObject


def search_index_for(schema: Schema) -> type[Any]:
    """The SearchIndex class of the model: its weighted fields, its groups, and ``text``.

    ``text`` is the document field that Haystack asks for; the words of every field are searched
    without it, with their weights, so it stays empty instead of doubling the index.
    """

    def get_model(self: Any) -> Any:
        return schema.model

    def index_queryset(self: Any, using: str | None = None) -> Any:
        return schema.model._default_manager.all().order_by("pk")

    def prepare_text(self: Any, obj: Any) -> str:
        return ""

    # Not stored: hits are loaded as objects, and a copy of the texts would double the index.
    body: dict[str, Any] = {
        "text": indexes.CharField(document=True, stored=False),
        "get_model": get_model,
        "index_queryset": index_queryset,
        "prepare_text": prepare_text,
        "__module__": __name__,
    }
    for name, weight in schema.text_weights.items():
        if name == "text":
            # The field of that name is the document field itself.
            body["text"] = indexes.CharField(document=True, boost=weight, stored=False)
            del body["prepare_text"]
        else:
            body[name] = indexes.CharField(boost=weight, stored=False)
        body[f"prepare_{name}"] = _preparer(name, as_text)
    for name in schema.text_groups:
        # Facet fields hold whole values, which are no words that a search would find.
        many = schema.fields[name].many
        term = term_field(name, schema.text_weights)
        kind = FacetMultiValueField if many else FacetCharField
        body[term] = kind(stored=False)
        body[f"prepare_{term}"] = _preparer(name, as_terms if many else as_term)
    bases = (indexes.SearchIndex, indexes.Indexable)
    return type(f"{schema.name}Index", bases, body)


def _preparer(name: str, convert: Any) -> Any:
    def prepare(self: Any, obj: StoredObject) -> Any:
        field = obj._sonic.fields[name]
        return convert(field.to_primitive(field.value_from_object(obj)))

    return prepare


def as_text(value: Any) -> str:
    """The words of a value: of a list those of its elements."""
    if value is None:
        return ""
    if isinstance(value, (list, tuple, set, frozenset)):
        return " ".join(map(as_text, _ordered(value)))
    return str(value)


def as_term(value: Any) -> str:
    """A value to filter on: an id for a reference, the text of anything else."""
    return "" if value is None else str(value)


def as_terms(value: Any) -> list[str]:
    """The terms of a list, sorted."""
    return [as_term(element) for element in _ordered(value or ())]


def _ordered(values: Any) -> Any:
    # A set has another order in each process: the same content would have another digest.
    return sorted(values, key=str) if isinstance(values, (set, frozenset)) else values
