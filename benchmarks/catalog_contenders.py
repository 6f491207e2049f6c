"""Debian's packages in Sonic and in Django's ORM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Count

from .contenders.base import PAGE, Answering
from .models import OrmPackage, OrmTag, Package

_Through: Any = OrmPackage.tags.through


class PackageRow(NamedTuple):
    """A stanza's values."""

    name: str
    section: str
    maintainer: str
    tags: list[str]
    installed_size: int
    description: str


class CatalogSonic(Answering):
    name, label = "sonic", "Sonic"

    def load(self, packages: Sequence[PackageRow]) -> None:
        Package.objects.bulk_create([Package(**package._asdict()) for package in packages])

    def by_name(self, name: str) -> list[str]:
        return _sections(Package.objects.filter(name=name))

    def prefix(self, prefix: str) -> list[str]:
        found = Package.objects.filter(name__startswith=prefix).order_by("name")
        return _names(found[:PAGE])

    def section_page(self, section: str) -> list[str]:
        return _names(Package.objects.filter(section=section).order_by("name")[:PAGE])

    def maintainer_page(self, maintainer: str) -> list[str]:
        return _names(Package.objects.filter(maintainer=maintainer)[:PAGE])

    def depth_page(self, start: int) -> list[str]:
        return _names(Package.objects.order_by("name")[start : start + PAGE])

    def size_range(self, least: int) -> list[int]:
        found = Package.objects.filter(installed_size__gte=least).order_by("installed_size")
        return [package.installed_size for package in found[:PAGE]]

    def section_count(self, section: str) -> int:
        return int(Package.objects.filter(section=section).count())

    def tag_count(self, tag: str) -> int:
        return int(Package.objects.filter(tags=tag).count())

    def two_tags_count(self, tags: tuple[str, str]) -> int:
        return int(Package.objects.filter(tags__all=tags).count())

    def section_tag_count(self, given: tuple[str, str]) -> int:
        section, tag = given
        return int(Package.objects.filter(section=section, tags=tag).count())

    def sections_facet(self, _: None) -> list[int]:
        return [number for _, number in Package.objects.facet("section", limit=PAGE)]

    def tags_facet(self, _: None) -> list[int]:
        # packages without tags are listed under the empty list, which SQL's join has not
        found = Package.objects.facet("tags", limit=PAGE + 1)
        return [number for value, number in found if value != []][:PAGE]

    def section_tags_facet(self, section: str) -> list[int]:
        found = Package.objects.filter(section=section).facet("tags", limit=PAGE + 1)
        return [number for value, number in found if value != []][:PAGE]


class CatalogOrm(Answering):
    """``istartswith``, because ``startswith`` is LIKE BINARY, which uses no index; the columns'
    collation makes it tell case apart all the same."""

    name, label = "orm", "Django ORM, columns"

    def __init__(self) -> None:
        self._tag_ids: dict[str, int] = {}

    def load(self, packages: Sequence[PackageRow]) -> None:
        with transaction.atomic():
            new = {tag for package in packages for tag in package.tags} - self._tag_ids.keys()
            for tag in OrmTag.objects.bulk_create([OrmTag(name=name) for name in sorted(new)]):
                self._tag_ids[tag.name] = tag.pk
            made = OrmPackage.objects.bulk_create([_package(package) for package in packages])
            _Through.objects.bulk_create(
                [
                    _Through(ormpackage_id=stored.pk, ormtag_id=self._tag_ids[tag])
                    for stored, package in zip(made, packages, strict=True)
                    for tag in package.tags
                ]
            )

    def by_name(self, name: str) -> list[str]:
        return _sections(OrmPackage.objects.filter(name=name).order_by("-id"))

    def prefix(self, prefix: str) -> list[str]:
        found = OrmPackage.objects.filter(name__istartswith=prefix).order_by("name")
        return _names(found[:PAGE])

    def section_page(self, section: str) -> list[str]:
        return _names(OrmPackage.objects.filter(section=section).order_by("name")[:PAGE])

    def maintainer_page(self, maintainer: str) -> list[str]:
        return _names(OrmPackage.objects.filter(maintainer=maintainer).order_by("-id")[:PAGE])

    def depth_page(self, start: int) -> list[str]:
        return _names(OrmPackage.objects.order_by("name")[start : start + PAGE])

    def size_range(self, least: int) -> list[int]:
        found = OrmPackage.objects.filter(installed_size__gte=least).order_by("installed_size")
        return [package.installed_size for package in found[:PAGE]]

    def section_count(self, section: str) -> int:
        return OrmPackage.objects.filter(section=section).count()

    def tag_count(self, tag: str) -> int:
        return OrmPackage.objects.filter(tags__name=tag).count()

    def two_tags_count(self, tags: tuple[str, str]) -> int:
        return OrmPackage.objects.filter(tags__name=tags[0]).filter(tags__name=tags[1]).count()

    def section_tag_count(self, given: tuple[str, str]) -> int:
        section, tag = given
        return OrmPackage.objects.filter(section=section, tags__name=tag).count()

    def sections_facet(self, _: None) -> list[int]:
        found = OrmPackage.objects.values("section").annotate(number=Count("id"))
        return [row["number"] for row in found.order_by("-number")[:PAGE]]

    def tags_facet(self, _: None) -> list[int]:
        found = _Through.objects.values("ormtag__name").annotate(number=Count("id"))
        return [row["number"] for row in found.order_by("-number")[:PAGE]]

    def section_tags_facet(self, section: str) -> list[int]:
        found = _Through.objects.filter(ormpackage__section=section).values("ormtag__name")
        counted = found.annotate(number=Count("id")).order_by("-number")
        return [row["number"] for row in counted[:PAGE]]


def _names(packages: Any) -> list[str]:
    return [package.name for package in packages]


def _sections(packages: Any) -> list[str]:
    return [package.section for package in packages]


def _package(package: PackageRow) -> OrmPackage:
    return OrmPackage(
        name=package.name,
        section=package.section,
        maintainer=package.maintainer,
        installed_size=package.installed_size,
        description=package.description,
    )
