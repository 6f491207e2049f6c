# SPDX-License-Identifier: GPL-2.0-or-later
# Part of an engine that is derived from xapian-haystack, whose licence this is.
"""Spelling: words of the index that are similar to unknown words of a search."""

from __future__ import annotations

import re
from typing import Any

from .values import text_of

WORD = re.compile(r"\w+")


def suggestion(database: Any, text: str | None) -> str:
    """The text with each unknown word replaced by a like word of the index; "" if none is.

    Xapian keeps words of deleted documents, so a suggestion is checked to be still in use.
    """
    changed = False

    def better(match: re.Match[str]) -> str:
        nonlocal changed
        word = match[0].lower()
        if database.term_exists(word):
            return match[0]
        found: str = database.get_spelling_suggestion(word).decode()
        if not found or not database.term_exists(found):
            return match[0]
        changed = True
        return found

    result = WORD.sub(better, text_of(text or ""))
    return result if changed else ""
