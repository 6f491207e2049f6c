"""The example's models have a str(), and their tables no columns for fields."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command

from example_project.blog.models import Author, Blog
from example_project.catalog.models import Maintainer, Package


@pytest.mark.parametrize("model", [Author, Blog, Maintainer, Package])
def test_the_table_has_five_columns(model):
    columns = [field.column for field in model._meta.concrete_fields]
    assert columns == ["id", "data", "is_deleted", "version", "dirty_at"]


@pytest.mark.django_db
def test_the_migrations_are_complete():
    out = StringIO()
    call_command("makemigrations", "blog", "catalog", check=True, dry_run=True, stdout=out)
    assert "No changes detected" in out.getvalue()


def test_objects_say_what_they_are():
    assert str(Author(username="admin")) == "admin"
    assert str(Author(username="admin", nick="Ada")) == "Ada"
    assert str(Blog(title="On love")) == "On love"
    assert str(Maintainer(email="a@example.org")) == "a@example.org"
    assert str(Maintainer(name="A", email="a@example.org")) == "A"
    assert str(Package(name="xterm", version="379-1")) == "xterm 379-1"
