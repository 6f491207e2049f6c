"""The most that one search text may ask for: what is beyond is left out, and named.

A search box passes on whatever is typed into it. Each word opens a posting list in each field, and
each beginning* reads all words that begin so: ``a*`` takes most of a second among 100,000 words,
1,333 of it half a minute.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

CHARACTERS = 4000
WORDS = 100
BEGINNINGS = 8
#: Letters from which on a beginning leaves few enough words.
LETTERS = 3

_WORD = re.compile(r"\w+")
_BEGINNING = re.compile(r"(\w+)\*+")


@dataclass(frozen=True)
class Limited:
    """A search text within the limits, and a sentence for each limit that left something out."""

    text: str
    notes: tuple[str, ...] = ()


def limited(text: str) -> Limited:
    """The part of a search text that is searched. Linear in its length."""
    notes: list[str] = []
    if len(text) > CHARACTERS:
        notes.append(f"Only the first {CHARACTERS} characters of the search are used.")
        text = text[:CHARACTERS]
    if "*" in text:
        text = _with_few_beginnings(text, notes)
    words = [found.end() for found in _WORD.finditer(text)]
    if len(words) > WORDS:
        notes.append(f"Only the first {WORDS} words of the search are used.")
        end = words[WORDS - 1]
        text = text[: end + 1] if text[end : end + 1] == "*" else text[:end]
    return Limited(text, tuple(notes))


def _with_few_beginnings(text: str, notes: list[str]) -> str:
    """The text with each beginning* once, since ``a* a*`` means ``a*``, and few of them."""
    kept = dict.fromkeys(found[1].lower() for found in _BEGINNING.finditer(text))
    short = [word for word in kept if len(word) < LETTERS]
    if len(short) > 1:
        notes.append(
            f"Of the beginnings* with fewer than {LETTERS} letters only the first is searched."
        )
        kept = dict.fromkeys(word for word in kept if word not in short[1:])
    if len(kept) > BEGINNINGS:
        notes.append(f"Only the first {BEGINNINGS} beginnings* are searched.")
        kept = dict.fromkeys(list(kept)[:BEGINNINGS])

    def once(found: re.Match[str]) -> str:
        word = found[1].lower()
        if word not in kept:
            return " "
        del kept[word]
        return found[0]

    return _BEGINNING.sub(once, text)
