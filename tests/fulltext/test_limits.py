"""Search texts that ask for too much: bounded time, and a note that names each limit."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonic_django.fulltext.limits import BEGINNINGS, CHARACTERS, WORDS, limited
from tests.profiles import examples

from .conftest import Library

#: Seconds for any text: two orders above the usual, far below what these took.
SECONDS = 3

COSTLY = {
    "one beginning, over and over": "a* " * 1333,
    "many beginnings": " ".join(f"a{n}*" for n in range(700)),
    "wanted and unwanted beginnings": "+a* -b* " * 500,
    "unwanted beginnings": "-a* " * 1000,
    "beginnings in one another": "a*" * 2000,
    "beginnings in a phrase": '"a* b*" ' * 400,
    "beginnings by OR": "a* OR " * 660 + "a*",
    "words": " ".join(f"a{n}" for n in range(4000)),
    "brackets": "(" * 2000 + "a1" + ")" * 2000,
    "words in brackets": "(a1 AND " * 400 + "a" + ")" * 400,
    "NOT": "NOT " * 990 + "a1",
    "NEAR": "a1 NEAR " * 480 + "a2",
    "OR": "a1 OR " * 660 + "a2",
    "a phrase": '"' + "a1 a2 " * 660 + '"',
    "phrases": '"a1 a2" ' * 500,
    "synonyms": "~a1 " * 1000,
    "a long word": "a" * 100_000,
    "a long beginning": "a" * 100_000 + "*",
    "no spaces": "a-b-c-" * 660,
    "n-grams": "日本語" * 30_000,
    "ranges": "a..b " * 800,
    "a megabyte": "love " * 200_000,
}


@pytest.fixture
def crowded(library: Library) -> Library:
    """20,000 words that begin with the same letter."""
    library.put(
        *({"title": " ".join(f"a{n}" for n in range(k * 50, k * 50 + 50))} for k in range(400))
    )
    return library


def test_costly_texts(crowded: Library) -> None:
    for name, text in COSTLY.items():
        started = time.process_time()
        crowded.ids(text, partial=True)
        assert time.process_time() - started < SECONDS, name


@pytest.mark.parametrize(
    ("text", "searched", "note"),
    [
        ("a* " * 1333, "a*", None),
        ("one a* two A* b", "one a* two   b", None),
        ("a* b* cde*", "a*   cde*", "Of the beginnings* with fewer than 3 letters only the first"),
        (
            " ".join(f"abc{n}*" for n in range(20)),
            " ".join(f"abc{n}*" for n in range(BEGINNINGS)),
            f"Only the first {BEGINNINGS} beginnings* are searched.",
        ),
        (
            " ".join(f"w{n}" for n in range(200)),
            " ".join(f"w{n}" for n in range(WORDS)),
            f"Only the first {WORDS} words of the search are used.",
        ),
        (
            "x" * (CHARACTERS + 1),
            "x" * CHARACTERS,
            f"Only the first {CHARACTERS} characters of the search are used.",
        ),
        ('love AND "war peace" -x y*', 'love AND "war peace" -x y*', None),
    ],
)
def test_the_rest_is_left_out_and_named(text: str, searched: str, note: str | None) -> None:
    found = limited(text)
    assert found.text.rstrip() == searched
    assert (note is None) == (found.notes == ())
    assert all(one.startswith(str(note)) for one in found.notes)


@examples(200)
@given(st.text(alphabet='ab1*"() -+ÄORAND~:.', max_size=600))
def test_any_text_ends_within_the_limits(text: str) -> None:
    found = limited(text)
    assert len(found.text) <= CHARACTERS
    again = limited(found.text)
    assert again.text.split() == found.text.split()
    assert again.notes == ()
    if not found.notes and "*" not in text:
        assert found.text == text
