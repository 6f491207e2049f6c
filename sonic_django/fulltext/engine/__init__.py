# SPDX-License-Identifier: GPL-2.0-or-later
# This package is derived from xapian-haystack (GPL-2.0-or-later) and runs on Xapian's bindings
# (GPL-2.0-or-later), so it carries their licence and not that of the rest of Sonic. Nothing in
# Sonic imports it: Haystack does, where HAYSTACK_CONNECTIONS names it.
"""A Haystack engine on Xapian.

It builds on xapian-haystack's engine and keeps its settings, and differs in this:

- Any text can be indexed: whole values too long for a term are hashed, words too long for one are
  left out, and a document that cannot be indexed is logged without costing its neighbours.
- Chinese, Japanese and Korean text is found by any part of it.
- Numbers, dates and times sort and compare by value; a missing value matches no comparison.
- The weight (``boost``) of a field counts with its fraction.
- ``filter(field=...)`` looks for words, as in Haystack's other engines (see query.py).
- Documents keep only the fields with ``stored=True``, as JSON; nothing is ever unpickled.
- Highlighting gives HTML; facets count all matches, whatever their values.
- One writer at a time, ``clear()`` included; readers are never disturbed.
- ``backend.search_ids()`` finds primary keys without the rest of Haystack.
"""

from __future__ import annotations

from haystack.backends import BaseEngine

from .backend import SonicXapianBackend
from .query import SonicXapianQuery

__all__ = ["SonicXapianBackend", "SonicXapianEngine", "SonicXapianQuery"]


class SonicXapianEngine(BaseEngine):  # type: ignore[misc]  # Haystack has no types
    """The ENGINE of a connection whose PATH is the directory of the index."""

    backend = SonicXapianBackend
    query = SonicXapianQuery
