"""Stanzas: the "Key: value" blocks of Debian's control files (deb822), read as a stream.

Memory is one stanza, whatever the size of the list. The text is UTF-8; bytes that are not
become U+FFFD, since one bad byte in a maintainer's name is no reason to lose a package.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

# deb822(5): printable ASCII but space and colon, and neither a comment nor a list dash first.
_KEY = re.compile(r"[!-\"$-,.-9;-~][!-9;-~]*\Z")

# White space to the format; str.strip() alone would take Unicode's and the control codes too.
_SPACE = " \t\r\n"


class StanzaError(ValueError):
    """A stanza that cannot be used; the message has the file, the line and the remedy."""

    def __init__(self, source: str, line: int, problem: str) -> None:
        super().__init__(f"{source}:{line}: {problem}")
        self.source = source
        self.line = line
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Stanza:
    """One block: its keys as they are spelled, in their order, and where it begins (line 1 up)."""

    source: str
    line: int
    fields: Mapping[str, str]

    def error(self, problem: str) -> StanzaError:
        """An error that names this stanza's place, to raise."""
        return StanzaError(self.source, self.line, problem)


def read_stanzas(lines: Iterable[bytes], source: str) -> Iterator[Stanza | StanzaError]:
    """Each block of `lines` in order; for one that breaks the format, the error in its place.

    The errors are yielded and not raised, so that the caller can report one and go on. A value
    of several lines holds newlines, without the leading space and with the lone dot of an
    empty line taken off: the inverse of `format_stanza`.
    """
    block: list[tuple[int, str]] = []
    for number, raw in enumerate(lines, start=1):
        line = raw.decode("utf-8", "replace").rstrip(_SPACE)
        if not line:
            if block:
                yield _parse(block, source)
                block = []
        elif line[0] != "#":
            block.append((number, line))
    if block:
        yield _parse(block, source)


def count_stanzas(lines: Iterable[bytes]) -> int:
    """How many blocks `read_stanzas` would yield, without parsing them."""
    count = 0
    between = True
    for line in lines:
        if not line.strip(b" \t\r\n"):
            between = True
        elif between and not line.startswith(b"#"):
            between = False
            count += 1
    return count


def format_stanza(fields: Mapping[str, str]) -> str:
    """The text of one block, ending in a newline but no blank line.

    Raises ValueError for a key that a control file cannot hold. White space at the ends of lines
    and before the first has no meaning in the format and does not survive; a line that is one
    dot means an empty line.
    """
    lines = []
    for key, value in fields.items():
        if not _KEY.match(key):
            raise ValueError(f"{key!r} cannot be a key: printable ASCII without space or colon")
        first, *more = value.split("\n")
        lines.append(f"{key}: {first.strip(_SPACE)}".rstrip(_SPACE))
        lines += [f" {text.rstrip(_SPACE)}" if text.strip(_SPACE) else " ." for text in more]
    return "\n".join(lines) + "\n"


def _parse(block: list[tuple[int, str]], source: str) -> Stanza | StanzaError:
    fields: dict[str, str] = {}
    spellings: set[str] = set()
    key = None
    for number, line in block:
        if line[0] in " \t":
            if key is None:
                problem = "a continuation line comes before any key; put the key before it"
                return StanzaError(source, number, problem)
            fields[key] += "\n" + ("" if line.strip(_SPACE) == "." else line[1:])
            continue
        key, colon, value = line.partition(":")
        if not colon or not _KEY.match(key):
            problem = f'{line[:60]!r} is not "Key: value"; is this a Packages list?'
            return StanzaError(source, number, problem)
        if key.lower() in spellings:
            return StanzaError(source, number, f"{key} stands twice; leave one of them")
        spellings.add(key.lower())
        fields[key] = value.strip(_SPACE)
    return Stanza(source, block[0][0], fields)
