"""Where Haystack looks for SearchIndex classes: one for each class with ``fulltext_indexes``."""

from __future__ import annotations

from .fulltext.indexes import search_index_for
from .models.registry import sonic_models

for _model in sonic_models():
    if _model._sonic.text_fields and not _model._meta.proxy:
        _index = search_index_for(_model)
        globals()[f"{_model._meta.app_label}_{_index.__name__}"] = _index
