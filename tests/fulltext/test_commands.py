"""Haystack's own commands."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection
from haystack import indexes

from .conftest import Library


class NameIndex(indexes.SearchIndex, indexes.Indexable):
    text = indexes.CharField(document=True, model_attr="name")

    def get_model(self) -> type[Group]:
        return Group


@pytest.fixture
def named(library: Library) -> Library:
    library.build(NameIndex())
    return library


def command(library: Library, name: str, *arguments: Any, **options: Any) -> None:
    call_command(name, *arguments, using=[library.alias], verbosity=0, **options)


def make_groups(count: int) -> list[Group]:
    return [Group.objects.create(name=f"fox {number}") for number in range(count)]


@pytest.mark.django_db
def test_rebuild_index(named: Library):
    groups = make_groups(30)
    command(named, "rebuild_index", interactive=False, batchsize=7)
    assert named.groups().auto_query("fox").count() == 30
    groups[0].delete()
    command(named, "rebuild_index", interactive=False)
    assert named.groups().auto_query("fox").count() == 29


@pytest.mark.django_db
def test_update_index_with_remove(named: Library):
    groups = make_groups(5)
    command(named, "update_index", "auth.Group")
    deleted = groups[2].pk
    groups[2].delete()
    command(named, "update_index", "auth.Group", remove=True)
    left = sorted(result.pk for result in named.groups())
    assert left == [group.pk for group in groups if group.pk and group.pk != deleted]


@pytest.mark.django_db(transaction=True)
def test_update_index_with_two_workers(named: Library):
    make_groups(40)
    command(named, "update_index", "auth.Group", workers=2, batchsize=5)
    # Haystack's workers say goodbye to the database on the connection that they inherited.
    connection.close()
    assert named.groups().auto_query("fox").count() == 40


@pytest.mark.django_db
def test_clear_index(named: Library):
    make_groups(3)
    command(named, "update_index", "auth.Group")
    command(named, "clear_index", interactive=False)
    assert named.groups().count() == 0


@pytest.mark.django_db
def test_an_index_updates_clears_and_removes_its_objects(named: Library):
    groups = make_groups(3)
    index = NameIndex()
    index.update(using=named.alias)
    assert named.groups().count() == 3
    index.remove_object(groups[0], using=named.alias)
    index.update_object(groups[1], using=named.alias)
    assert named.groups().count() == 2
    index.clear(using=named.alias)
    assert named.groups().count() == 0
    index.reindex(using=named.alias)
    assert named.groups().count() == 3
