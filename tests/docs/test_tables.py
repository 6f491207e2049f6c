"""What the pages list is what the code has: settings, reserved names, checks, names, what is
not there yet."""

from __future__ import annotations

import re
from dataclasses import fields

import sonic_django
from sonic_django.conf import SonicSettings
from sonic_django.fields.names import LOOKUPS
from sonic_django.models.metaclass import RESERVED_NAMES
from sonic_django.sync.status import ModelStatus
from tests.docs.markdown import ROOT, table_rows
from tests.testapp.models import Blog

DOCS = ROOT / "docs"


def section(page: str, heading: str) -> str:
    text = (DOCS / page).read_text("utf-8")
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def test_settings() -> None:
    shown = {
        row[0].strip("`"): row[1].strip("`")
        for row in table_rows(DOCS / "settings.md", "| key | default | |")
    }
    defaults = {field.name: repr(field.default) for field in fields(SonicSettings)}
    assert {name: value.replace('"', "'") for name, value in shown.items()} == defaults


def test_reserved_names() -> None:
    named = set(quoted(section("models.md", "Reserved names")))
    assert named >= RESERVED_NAMES
    assert named - RESERVED_NAMES == {
        "SonicObj",
        "_sonic",
        "TypeError",
        "data",
        "version",
        "dirty_at",
    }


def test_checks() -> None:
    shown = {row[0].strip("`") for row in table_rows(DOCS / "models.md", "| id | |")}
    package = ROOT / "sonic_django"
    source = "".join(file.read_text("utf-8") for file in package.rglob("*.py"))
    assert shown == set(re.findall(r'"(sonic\.[EW]\d{3})"', source))


def test_fields() -> None:
    header = "| field | value | without a default | filter with `index=True` |"
    shown = {
        name
        for row in table_rows(DOCS / "models.md", header)
        for name in re.findall(r"\w+_field", row[0])
    }
    assert shown == {name for name in sonic_django.__all__ if name.endswith("_field")}


def test_columns_of_status() -> None:
    shown = [row[0] for row in table_rows(DOCS / "commands.md", "| column | |")]
    counted = {"rows", "indexed", "deleted", "dirty", "text queue", "redis", "built"}
    assert set(shown) == counted
    assert {"rows", "indexed", "deleted", "dirty", "text_queue", "redis_bytes"} < {
        field.name for field in fields(ModelStatus)
    }


def test_lookups() -> None:
    header = "| lookup | on | index that answers it |"
    cells = " ".join(row[0] for row in table_rows(DOCS / "queries.md", header))
    shown = set(re.findall(r"\w+", cells.replace("__", " ")))
    assert LOOKUPS - shown - {"exact"} == set()


def test_classmethods_of_pysonic() -> None:
    page = (DOCS / "pysonic.md").read_text("utf-8")
    named = set(re.findall(r"`(\w+)\(", page))
    assert {name for name in named if not hasattr(Blog, name)} == set()
