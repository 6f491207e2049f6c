"""The synthetic blog: posts as a Sonic model and as two Django models."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from sonic_django import Index, SonicObj, date_field, int_field, list_field, str_field, text_field

_BINARY = "utf8mb4_bin"


class Post(SonicObj):
    """About seven index entries each."""

    title = str_field("")
    text = text_field("")
    author = int_field(0)
    tags = list_field(str)
    views = int_field(0, index=True)
    created = date_field()

    indexes = {"author": [author], "tags": [tags], "recent": Index(order_by="created")}


class OrmTag(models.Model):
    """A tag of OrmPost and JsonPost."""

    name = models.CharField(max_length=100, unique=True)

    def __str__(self) -> str:
        return self.name


class OrmPost(models.Model):
    """The same post in columns, with the indexes that a Django engineer would give it."""

    title = models.CharField(max_length=200)
    text = models.TextField()
    author = models.IntegerField()
    views = models.IntegerField(db_index=True)
    created = models.DateTimeField(db_index=True)
    tags = models.ManyToManyField(OrmTag)

    class Meta:
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["author", "created"], name="ormpost_author_created")
        ]

    def __str__(self) -> str:
        return self.title


class JsonPost(models.Model):
    """The same post in one JSON column; generated columns carry the indexes.

    MariaDB has no index over the elements of a JSON list: a query by tag reads rows.
    """

    data = models.JSONField()
    author = models.GeneratedField(
        expression=Cast(KT("data__author"), models.IntegerField()),
        output_field=models.IntegerField(),
        db_persist=True,
    )
    views = models.GeneratedField(
        expression=Cast(KT("data__views"), models.IntegerField()),
        output_field=models.IntegerField(),
        db_persist=True,
        db_index=True,
    )
    #: A point in time as text of a fixed form, whose order is that of time.
    created = models.GeneratedField(
        expression=KT("data__created"),
        output_field=models.CharField(max_length=32),
        db_persist=True,
        db_index=True,
    )

    class Meta:
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["author", "created"], name="jsonpost_author_created")
        ]

    def __str__(self) -> str:
        return str(self.data["title"])


class Article(SonicObj):
    """A post in full text."""

    title = str_field("")
    text = text_field("")

    fulltext_indexes = {title: 5, text: 1}


class Package(SonicObj):
    """A package of Debian."""

    name = str_field(index=True)
    section = str_field("", index=True)
    maintainer = str_field("", index=True)
    tags = list_field(str, index=True)
    installed_size = int_field(0, index=True)
    description = text_field("")

    indexes = {"section_by_name": Index(fields=["section"], order_by="name")}


class OrmPackage(models.Model):
    """The same package in columns, whose texts differ by case as Sonic's do."""

    name = models.CharField(max_length=200, db_index=True, db_collation=_BINARY)
    section = models.CharField(max_length=100, db_collation=_BINARY)
    maintainer = models.CharField(max_length=200, db_index=True, db_collation=_BINARY)
    tags = models.ManyToManyField(OrmTag)
    installed_size = models.BigIntegerField(db_index=True)
    description = models.TextField()

    class Meta:
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["section", "name"], name="ormpackage_section_name")
        ]

    def __str__(self) -> str:
        return self.name
