"""Stanzas are read as deb822 says; errors in the format name file and line."""

from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from example_project.catalog.stanzas import (
    Stanza,
    StanzaError,
    count_stanzas,
    format_stanza,
    read_stanzas,
)


def read(text: str | bytes) -> list[Stanza | StanzaError]:
    data = text.encode() if isinstance(text, str) else text
    return list(read_stanzas(data.splitlines(keepends=True), "a-list"))


def fields(text: str | bytes) -> list[dict[str, str]]:
    stanzas = read(text)
    assert all(isinstance(stanza, Stanza) for stanza in stanzas), stanzas
    return [dict(stanza.fields) for stanza in stanzas if isinstance(stanza, Stanza)]


def test_blocks_are_parted_by_blank_lines():
    text = "\n\nPackage: a\nVersion: 1\n\n \t \nPackage: b\n\n\n"
    assert fields(text) == [{"Package": "a", "Version": "1"}, {"Package": "b"}]


def test_a_stanza_knows_the_line_it_begins_at():
    lines = [stanza.line for stanza in read("\nA: 1\nB: 2\n\n\nA: 3\n")]
    assert lines == [2, 6]


def test_continuation_lines_keep_their_inner_indentation_and_empty_lines():
    text = "Description: short\n first\n .\n   indented\nSection: x\n"
    assert fields(text) == [{"Description": "short\nfirst\n\n  indented", "Section": "x"}]


def test_a_value_may_be_empty_or_hold_colons_and_accents():
    assert fields("A:\nB: http://x:80/\nC:none\nD: Žižka\n") == [
        {"A": "", "B": "http://x:80/", "C": "none", "D": "Žižka"}
    ]


def test_the_last_stanza_needs_no_newline_and_windows_line_ends_do_not_matter():
    assert fields("A: 1\r\n\r\nA: 2") == [{"A": "1"}, {"A": "2"}]


def test_comment_lines_are_no_part_of_a_stanza():
    assert fields("# all of it\nA: 1\n# between\n more\n") == [{"A": "1\nmore"}]


def test_a_bad_byte_costs_one_character_and_not_the_stanza():
    assert fields(b"A: caf\xe9\nB: 2\n") == [{"A": "caf\ufffd", "B": "2"}]


def test_a_control_character_is_not_white_space():
    assert fields(b"A: x\x0b\n \x1c\n\nA: y\xc2\xa0\n") == [{"A": "x\x0b\n\x1c"}, {"A": "y\xa0"}]


def test_a_line_without_a_colon_is_an_error_at_its_line_and_the_next_stanza_is_read():
    first, second = read("A: 1\nwhat is this\n\nA: 2\n")
    assert isinstance(first, StanzaError)
    assert str(first) == "a-list:2: 'what is this' is not \"Key: value\"; is this a Packages list?"
    assert isinstance(second, Stanza)


def test_a_continuation_before_any_key_is_an_error():
    (error,) = read("\n lost\n")
    assert isinstance(error, StanzaError)
    assert str(error).startswith("a-list:2: a continuation line comes before any key")


def test_a_key_that_stands_twice_is_an_error_in_any_spelling():
    (error,) = read("Tag: a\nSize: 1\ntag: b\n")
    assert isinstance(error, StanzaError)
    assert str(error) == "a-list:3: tag stands twice; leave one of them"


def test_a_key_is_printable_ascii():
    for key in ("two words", "é", "-dash", ""):
        (error,) = read(f"A: 1\n{key}: 2\n")
        assert isinstance(error, StanzaError), key


KEYS = st.text(
    st.sampled_from([c for c in string.printable if c.isprintable() and c not in ": "]), min_size=1
).filter(lambda key: key[0] not in "#-")
# Texts that the format allows: no line ends within lines, no space at their ends, no lone dot.
LINES = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=30).map(
    lambda line: line.rstrip(" \t")
)
VALUES = st.builds(
    lambda first, more: "\n".join([first.strip(" \t"), *more]),
    LINES,
    st.lists(LINES.filter(lambda line: line.strip(" \t") != "."), max_size=4),
)
BLOCKS = st.dictionaries(KEYS, VALUES, min_size=1, max_size=6).filter(
    lambda block: len({key.lower() for key in block}) == len(block)
)


@given(st.lists(BLOCKS, max_size=4))
def test_what_is_written_is_read_again(blocks: list[dict[str, str]]):
    text = "\n".join(format_stanza(block) for block in blocks).encode()
    lines = [line + b"\n" for line in text.split(b"\n")]
    stanzas = list(read_stanzas(lines, "a-list"))
    assert [dict(stanza.fields) for stanza in stanzas if isinstance(stanza, Stanza)] == blocks
    assert len(stanzas) == len(blocks)


@given(st.binary(max_size=300))
def test_any_bytes_give_stanzas_or_errors_and_are_counted_alike(data: bytes):
    lines = data.splitlines(keepends=True)
    assert len(list(read_stanzas(lines, "a-list"))) == count_stanzas(lines)
