"""The Lua files: their headers, how scripts are put together, and Lua's limit of locals."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from sonic_django.index import lua
from sonic_django.transport.client import redis_client
from sonic_django.transport.scripts import Script, ScriptFolder

FILES = sorted(Path(lua.__file__).parent.joinpath("scripts").glob("*.lua"))

#: Lua refuses a function with more locals than this in scope at one point.
MOST_LOCALS = 200


def number_of_locals(client: Redis, source: str) -> int:
    """The largest number of locals of the chunk that are in scope at one point.

    Redis has the Lua compiler that counts, so it is asked: the source is loaded behind more and
    more locals of no use, until the compiler says that there are too many. A block of its own
    counts with the locals that it sees; a function inside counts for itself.
    """
    low, high = 0, MOST_LOCALS
    while low < high:
        middle = (low + high + 1) // 2
        names = ", ".join(f"spare{number}" for number in range(middle))
        try:
            client.script_load(f"local {names}\n{source}")
        except ResponseError as error:
            if "more than 200 local variables" not in str(error):
                raise
            high = middle - 1
        else:
            low = middle
    return MOST_LOCALS - low


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_begins_with_what_it_is_for_and_what_it_takes_and_gives(path: Path) -> None:
    header = []
    for line in path.read_text().splitlines():
        if not line.startswith("--"):
            break
        header.append(line)
    text = "\n".join(header)
    assert re.match(r"-- [A-Z]", text)
    for word in ("KEYS", "ARGV", "returns", "cost"):
        assert re.search(rf"^-- {word}\b", text, re.MULTILINE), f"{path.name} lacks {word}"


@pytest.mark.parametrize("script", lua.ALL, ids=lambda script: script.name)
def test_locals_stay_far_from_the_limit(script: Script) -> None:
    number = number_of_locals(redis_client(), script.source)
    print(f"{script.name}: {number} locals")
    assert number < (100 if script is lua.QUERY else 120)


def test_locals_are_counted_as_lua_counts_them() -> None:
    source = """
        local a, b = 1, 2
        local function c(d) local e, f, g, h = d return e end
        do
          local i, j, k = 1, 2, 3
          if a then local l = 1 else local m, n = 1, 2 end
        end
        local o
    """
    # a, b, c, i, j, k, m, n
    assert number_of_locals(redis_client(), source) == 8


def test_every_file_is_a_script_or_part_of_one() -> None:
    used = {part for script in lua.ALL for part in lua.FOLDER.parts(script.name)}
    assert used == {path.stem for path in FILES}


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., ScriptFolder]:
    def write(**files: str) -> ScriptFolder:
        for name, text in files.items():
            (tmp_path / f"{name}.lua").write_text(text)
        return ScriptFolder(tmp_path)

    return write


class TestRequires:
    def test_parts_come_first_and_each_once(self, folder: Callable[..., ScriptFolder]) -> None:
        files = folder(
            script="-- requires: left right\nreturn 1",
            left="-- requires: base\nlocal left",
            right="-- requires: base left\nlocal right",
            base="local base",
        )
        assert files.parts("script") == ("base", "left", "right", "script")
        assert files.source("script").count("local base") == 1

    def test_a_circle_is_named(self, folder: Callable[..., ScriptFolder]) -> None:
        files = folder(a="-- requires: b\n", b="-- requires: a\n")
        with pytest.raises(ValueError, match="a -> b -> a"):
            files.parts("a")

    def test_a_part_that_is_missing(self, folder: Callable[..., ScriptFolder]) -> None:
        with pytest.raises(FileNotFoundError, match="nowhere"):
            folder(a="-- requires: nowhere\n").source("a")
