"""Haystack looks here for SearchIndex classes: one for each with ``fulltext_indexes``."""

from __future__ import annotations

from typing import Any

from .fulltext.indexes import search_index_for
from .schema.registry import sonic_models


def _search_indexes() -> dict[str, type[Any]]:
    return {
        f"{model._meta.app_label}_{model.__name__}Index": search_index_for(model._sonic)
        for model in sonic_models()
        if model._sonic.text_fields
    }


# Haystack takes every SearchIndex class among the module's names.
globals().update(_search_indexes())
