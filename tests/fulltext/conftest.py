"""A search index of Django's groups in a directory of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from haystack import connections, indexes
from haystack.fields import FacetCharField
from haystack.query import SearchQuerySet

ENGINE = "sonic_django.fulltext.engine.SonicXapianEngine"


class GroupIndex(indexes.SearchIndex, indexes.Indexable):
    """A field of each kind. An object's ``entry`` has the values to index."""

    text = indexes.CharField(document=True, null=True)
    title = indexes.CharField(null=True, boost=5, faceted=True)
    body = indexes.CharField(null=True)
    tag = indexes.CharField(null=True)
    tag2 = indexes.CharField(null=True)
    tags = indexes.MultiValueField(null=True)
    owner = FacetCharField()
    number = indexes.IntegerField(null=True)
    ratio = indexes.FloatField(null=True)
    price = indexes.DecimalField(null=True)
    day = indexes.DateField(null=True)
    moment = indexes.DateTimeField(null=True)
    flag = indexes.BooleanField(null=True)
    parts = indexes.NgramField(null=True)
    starts = indexes.EdgeNgramField(null=True)

    def get_model(self) -> type[Group]:
        return Group

    def prepare(self, obj: Any) -> dict[str, Any]:
        data: dict[str, Any] = super().prepare(obj)
        entry = obj.entry if hasattr(obj, "entry") else {"title": obj.name}
        for name, value in entry.items():
            data[name] = self.fields[name].convert(value)
        return data


class UserIndex(indexes.SearchIndex, indexes.Indexable):
    """A second model, whose ``number`` is a text and whose ``tag`` has many values."""

    text = indexes.CharField(document=True, model_attr="username")
    number = indexes.CharField(null=True)
    tag = indexes.MultiValueField(null=True)

    def get_model(self) -> type[User]:
        return User

    def prepare(self, obj: Any) -> dict[str, Any]:
        data: dict[str, Any] = super().prepare(obj)
        data.update(getattr(obj, "entry", {}))
        return data


class Library:
    """A Haystack connection, and short ways to fill and to ask it."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.index = GroupIndex()
        self.users = UserIndex()
        self.build(self.index, self.users)

    def build(self, *search_indexes: Any) -> None:
        connections[self.alias].get_unified_index().build(list(search_indexes))

    @property
    def backend(self) -> Any:
        return connections[self.alias].get_backend()

    @property
    def path(self) -> Path:
        path: Path = self.backend.store.path
        return path

    def group(self, pk: Any, **entry: Any) -> Any:
        group = Group(pk=pk, name=f"group {pk}")
        group.entry = entry
        return group

    def add(self, **entries: Any) -> None:
        """One group for each value, of the field that is named: pk 1 holds the first."""
        ((name, values),) = entries.items()
        self.put(*({name: value} for value in values))

    def put(self, *entries: dict[str, Any]) -> list[str]:
        """Index a group for each entry, pk 1 for the first."""
        groups = [self.group(pk, **entry) for pk, entry in enumerate(entries, 1)]
        failed: list[str] = self.backend.update(self.index, groups)
        return failed

    def put_users(self, *entries: dict[str, Any]) -> None:
        users = []
        for pk, entry in enumerate(entries, 1):
            user = User(pk=pk, username=entry.pop("username", ""))
            user.entry = entry
            users.append(user)
        self.backend.update(self.users, users)

    def all(self) -> Any:
        return SearchQuerySet(using=self.alias)

    def groups(self) -> Any:
        return self.all().models(Group)

    def filter(self, *args: Any, **lookups: Any) -> list[int]:
        """The keys of the groups that match, in their order."""
        return sorted(result.pk for result in self.groups().filter(*args, **lookups))

    def exclude(self, *args: Any, **lookups: Any) -> list[int]:
        return sorted(result.pk for result in self.groups().exclude(*args, **lookups))

    def typed(self, text: str) -> list[int]:
        """The keys of the groups found by a user's text, best first."""
        return [result.pk for result in self.groups().auto_query(text)]

    def ids(self, text: str, **options: Any) -> list[int]:
        """The same by the lean way."""
        return [pk for _, _, pk in self.backend.search_ids([Group], text, **options)[0]]

    def ordered(self, *names: str) -> list[int]:
        return [result.pk for result in self.groups().order_by(*names)]

    def document(self, pk: int) -> Any:
        """The Xapian document of a group."""
        (posting,) = self.database().postlist(f"Qauth.group.{pk}")
        return self.database().get_document(posting.docid)

    def database(self) -> Any:
        return self.backend.store.open()


@contextmanager
def connected(path: Any, alias: str = "fulltext_tests", **options: Any) -> Iterator[Library]:
    """A library at that path, for the time of the block."""
    settings.HAYSTACK_CONNECTIONS[alias] = {"ENGINE": ENGINE, "PATH": path, **options}
    connections.connections_info[alias] = settings.HAYSTACK_CONNECTIONS[alias]
    connections.reload(alias)
    try:
        yield Library(alias)
    finally:
        del settings.HAYSTACK_CONNECTIONS[alias]
        connections.connections_info.pop(alias, None)
        connections.thread_local.connections.pop(alias, None)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with connected(str(tmp_path / "index"), INCLUDE_SPELLING=True) as library:
        yield library
