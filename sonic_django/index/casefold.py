"""Case folding, for ``iexact`` and ``istartswith``."""

from __future__ import annotations

from unicodedata import normalize


def fold(text: str) -> str:
    """The common form of all texts that differ in case or in composition only.

    Unicode's canonical caseless matching (D145): decomposed, ``str.casefold``, and composed again,
    so that no letter is the beginning of the same letter with an accent. ``"Straße"`` and
    ``"STRASSE"`` are one text; a Turkish dotless i is not an i.
    """
    if text.isascii():
        return text.lower()
    return normalize("NFC", normalize("NFD", text).casefold())
