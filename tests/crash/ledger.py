"""The knowledge of one writer: the state of its items, kept on disk so that a kill loses nothing.

A line of JSON is one ``write`` to a file opened for appending: it survives the death of the
process, which is what the harness inflicts. The lines of an operation:

=====================================  =========================================================
``{"n": 7, "do": "bulk_update"}``      it begins; nothing has been written
``{"n": 7, "after": {...}, ...}``      from here on it may be committed, and then all of this is so
``{"n": 7, "end": "committed", ...}``  it was confirmed
``{"n": 7, "end": "failed", ...}``     it was refused or rolled back
``{"n": 7, "end": "found"/"lost"}``    it was in doubt, and the rows have resolved it
=====================================  =========================================================

A new process of the writer loads the last snapshot and replays the lines behind it.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

#: Lines behind a snapshot that a new process may have to replay.
_LINES_PER_FILE = 20_000


@dataclass(frozen=True)
class State:
    """An item as it should be; ``id`` is None until the row's id is known."""

    id: int | None
    deleted: bool
    values: dict[str, Any]


@dataclass
class Intent:
    """The changes of an operation once it is committed."""

    number: int
    #: By code; None where the item will be destroyed.
    items: dict[str, State | None] = field(default_factory=dict)
    #: By the counter's id: the writer's share.
    shares: dict[int, int] = field(default_factory=dict)
    #: Whether each item is written or not for itself.
    each: bool = False


class Ledger:
    """The ledger of the writer ``writer``; its files are in ``directory``."""

    def __init__(self, directory: Path, writer: int) -> None:
        self.directory = directory
        self.writer = writer
        self.items: dict[str, State] = {}
        self.shares: dict[int, int] = {}
        #: The operation that may or may not have been committed.
        self.pending: Intent | None = None
        #: How often operations of each kind ended in each way.
        self.counts: Counter[str] = Counter()
        self.number = 0
        self._kind = ""
        self._part = 0
        self._lines = 0
        self._file: int | None = None
        self._load()

    # Writing ------------------------------------------------------------------------------------

    def begin(self, kind: str) -> None:
        """The next operation begins."""
        self._write({"n": self.number + 1, "do": kind})

    def intend(self, intent: Intent) -> None:
        """From here on this may be committed."""
        states = {code: state and asdict(state) for code, state in intent.items.items()}
        shares = {str(id): share for id, share in intent.shares.items()}
        line = {"n": intent.number, "after": states, "shares": shares, "each": intent.each}
        self._write(line)

    def commit(self, ids: dict[str, int], unchanged: set[str]) -> None:
        """The operation was confirmed; with the ids of new items, without what stayed as it was."""
        self._write({"n": self.number, "end": "committed", "ids": ids, "not": sorted(unchanged)})

    def fail(self, reason: str) -> None:
        """The operation was not committed."""
        self._write({"n": self.number, "end": "failed", "why": reason})

    def resolve(self, ids: dict[str, int], unchanged: set[str], *, found: bool) -> None:
        """An operation that was in doubt: its changes were found in the rows, or are lost."""
        end = "found" if found else "lost"
        self._write({"n": self.number, "end": end, "ids": ids, "not": sorted(unchanged)})

    def note(self, text: str) -> None:
        """Something a reader of the log should know."""
        self._write({"n": self.number, "note": text})

    def snapshot(self) -> None:
        """Keep the whole state, and go on in a new file."""
        path = self._snapshot_path()
        draft = path.with_suffix(".new")
        draft.write_text(
            json.dumps(
                {
                    "part": self._part + 1,
                    "number": self.number,
                    "items": {code: asdict(state) for code, state in self.items.items()},
                    "shares": self.shares,
                    "counts": self.counts,
                }
            )
        )
        assert self.pending is None, "a snapshot holds what is certain"
        os.replace(draft, path)
        self._part += 1
        self._lines = 0
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _write(self, line: dict[str, Any]) -> None:
        if self._file is None:
            path = self._log_path(self._part)
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(self._file, json.dumps(line).encode() + b"\n")
        self._take(line)
        self._lines += 1
        if self._lines >= _LINES_PER_FILE and self.pending is None:
            self.snapshot()

    # Reading ------------------------------------------------------------------------------------

    def _take(self, line: dict[str, Any]) -> None:
        """Let the state follow a line; the same when it is written and when it is replayed."""
        if "do" in line:
            self.number, self._kind = line["n"], line["do"]
        elif "after" in line:
            items = {code: state and State(**state) for code, state in line["after"].items()}
            shares = {int(id): share for id, share in line["shares"].items()}
            self.pending = Intent(line["n"], items, shares, line["each"])
        elif "end" in line:
            self.counts[f"{self._kind} {line['end']}"] += 1
            if line["end"] in ("committed", "found") and self.pending is not None:
                self._keep(self.pending, line["ids"], set(line["not"]))
            self.pending = None

    def _keep(self, intent: Intent, ids: dict[str, int], unchanged: set[str]) -> None:
        for code, state in intent.items.items():
            if code in unchanged:
                continue
            self.items.pop(code, None)  # what was written last stands last
            if state is not None:
                id = state.id if state.id is not None else ids[code]
                self.items[code] = State(id, state.deleted, state.values)
        self.shares.update(intent.shares)

    def _load(self) -> None:
        try:
            kept = json.loads(self._snapshot_path().read_text())
        except FileNotFoundError:
            pass
        else:
            self._part, self.number = kept["part"], kept["number"]
            self.items = {code: State(**state) for code, state in kept["items"].items()}
            self.shares = {int(id): share for id, share in kept["shares"].items()}
            self.counts.update(kept["counts"])
        path = self._log_path(self._part)
        if path.exists():
            whole = path.read_bytes()
            # A kill can tear the last line: it was not written, so what it announces was not done.
            end = whole.rfind(b"\n") + 1
            os.truncate(path, end)
            for line in whole[:end].splitlines():
                self._take(json.loads(line))
                self._lines += 1

    def _snapshot_path(self) -> Path:
        return self.directory / f"writer{self.writer}.json"

    def _log_path(self, part: int) -> Path:
        return self.directory / f"writer{self.writer}-{part:04d}.log"


def histories(directory: Path, differences: Iterable[str], lines: int = 20) -> list[str]:
    """The last lines of the logs about each item that is named, by its code or as ``item #id``."""
    text = "\n".join(differences)
    named = dict.fromkeys(_CODE.findall(text))
    ids = set(re.findall(r"#(\d+)", text))
    logs = sorted(directory.glob("writer*-*.log"))
    for path in logs:
        for code, id in _MADE.findall(path.read_text()):
            if id in ids:
                named[code] = None
    found: list[str] = []
    for code in named:
        about = [line for path in logs for line in _lines_about(path, code)]
        found += [f"\nWhat was done to {code}:", *(f"  {line}" for line in about[-lines:])]
    return found


_CODE = re.compile(r"\bc\d+n\d+k\d+\b")
#: Where a log names an item and its id.
_MADE = re.compile(r'"(c\d+n\d+k\d+)": (?:\{"id": )?(\d+)')


def _lines_about(path: Path, code: str) -> Iterator[str]:
    numbers: set[int] = set()
    for text in path.read_text().splitlines():
        line = json.loads(text)
        if f'"{code}"' in text:
            numbers.add(line["n"])
        if line["n"] in numbers and "do" not in line:
            yield f"{path.stem}: {_shortened(line, code)}"


def _shortened(line: dict[str, Any], code: str) -> str:
    after = line.get("after")
    if isinstance(after, dict) and code in after:
        line = {**line, "after": {code: after[code], "others": len(after) - 1}}
    return json.dumps(line)
