"""The examples in docs/ are run and give what the comments behind them say.

Three kinds of Python blocks are distinguished:

- a block that declares a class is run by itself, and its classes pass the system checks;
- a block whose first line is a comment with a file's name is not run here, but compiled;
- all others are run one after the other, a page at a time, with ``Author`` and ``Blog`` of the
  README at hand. ``# -> value`` behind a statement, or in the next line, is the repr of its value;
  ``# raises Error: message`` is the error; ``...`` stands for any text.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, models
from django.test.utils import CaptureQueriesContext, isolate_apps

from sonic_django import SonicObj
from sonic_django.fulltext import queue
from sonic_django.test import count_redis_calls
from tests.docs.markdown import PAGES, ROOT, Block, blocks, table_rows
from tests.testapp.models import Author, Blog

_EXPECTED = re.compile(r"(?:^|  )# (->|raises) (.*)$")
_FILE = re.compile(r"^# [\w/]+\.py\b")
_COSTS = "| expression | SQL | Redis |"
#: A reference to a class outside of the isolated registry.
_NOT_IN_ISOLATION = "fields.E300"
_STATEMENTS = ("SELECT", "INSERT", "UPDATE", "DELETE")


def is_file(block: Block) -> bool:
    return bool(_FILE.match(block.text))


def is_declaration(block: Block) -> bool:
    return "(SonicObj)" in block.text and not is_file(block)


def is_session(block: Block) -> bool:
    return not is_file(block) and not is_declaration(block)


def pages_with(kind: Any) -> list[str]:
    return [page.name for page in PAGES if any(map(kind, blocks(page, "python")))]


@pytest.fixture
def at_hand(transactional_db: None) -> dict[str, Any]:
    """The names an example may use; no documents of other tests are in full text."""
    for model in (Author, Blog):
        queue.clear(model._sonic)
    return {"__name__": "example", "Author": Author, "Blog": Blog}


@pytest.mark.parametrize("page", pages_with(is_session))
def test_examples(page: str, at_hand: dict[str, Any]) -> None:
    file = ROOT / "docs" / page
    for block in filter(is_session, blocks(file, "python")):
        run(block, file, at_hand)


def run(block: Block, file: Path, names: dict[str, Any]) -> None:
    lines = block.text.splitlines()
    for node in ast.parse(block.text).body:
        assert node.end_lineno is not None
        following = lines[node.end_lineno : node.end_lineno + 1]
        expected = _EXPECTED.search(lines[node.end_lineno - 1])
        if expected is None and following and following[0].startswith("# "):
            expected = _EXPECTED.search(following[0])
        where = f"{file.name}:{block.line + node.lineno - 1}"
        happened = outcome(node, names, where, raises=bool(expected and expected[1] == "raises"))
        if expected is not None:
            assert matches(happened, expected[2]), f"{where}\n{happened}\nnot: {expected[2]}"


def outcome(node: ast.stmt, names: dict[str, Any], where: str, *, raises: bool) -> str:
    """The repr of the statement's value, or the error if one is expected."""
    try:
        if isinstance(node, ast.Expr):
            return repr(eval(compile(ast.Expression(node.value), where, "eval"), names))
        exec(compile(ast.Module([node], []), where, "exec"), names)
    except Exception as error:
        if not raises:
            raise
        return f"{type(error).__name__}: {error}"
    return "no value"


def matches(text: str, pattern: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\.\.\.", ".*"), text, re.DOTALL) is not None


@pytest.mark.parametrize("page", pages_with(is_declaration))
def test_declarations(page: str) -> None:
    for block in filter(is_declaration, blocks(ROOT / "docs" / page, "python")):
        with isolate_apps("tests.testapp"):
            names: dict[str, Any] = {"__name__": "tests.testapp.models", "Author": Author}
            exec(compile(block.text, f"{page}:{block.line}", "exec"), names)
            made = [
                value
                for value in names.values()
                if isinstance(value, type)
                and issubclass(value, SonicObj)
                and value not in (SonicObj, Author)
            ]
            assert made
            for model in made:
                if not model._meta.abstract:
                    problems = [m for m in model.check() if m.id != _NOT_IN_ISOLATION]
                    assert problems == [], f"{page}:{block.line}"


def rows_of_costs() -> list[Any]:
    found = []
    for page in PAGES:
        for expression, sql, redis in table_rows(page, _COSTS):
            found.append(pytest.param(expression.strip("`"), int(sql), int(redis), id=expression))
    return found


@pytest.mark.parametrize(("expression", "sql", "redis"), rows_of_costs())
def test_costs(expression: str, sql: int, redis: int, at_hand: dict[str, Any]) -> None:
    """Statements and round trips of what the tables say, with connections and scripts warm."""
    author = Author.objects.create(username="warm", intro="warm")
    blogs = [
        Blog.objects.create(title=f"t{number}", author=author, tags=["life"], score=number)
        for number in range(30)
    ]
    names = {**at_hand, "author": author, "blog": blogs[0], "blogs": blogs}
    names |= {"Q": models.Q, "Count": models.Count, "Max": models.Max}
    list(Blog.objects.filter(tags="life").order_by("-score")[:3])
    code = compile(expression, expression, "exec")
    with CaptureQueriesContext(connection) as queries, count_redis_calls() as calls:
        exec(code, names)
    statements = [q["sql"] for q in queries if q["sql"].lstrip("( ").startswith(_STATEMENTS)]
    assert (len(statements), len(calls)) == (sql, redis), (statements, calls)
