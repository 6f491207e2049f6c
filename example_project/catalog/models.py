"""A Debian package and its maintainer.

A stanza of a package list has some thirty possible keys. Those that are worth a query are
declared here; all others are kept as they came and stand in `package.extra`.
"""

from __future__ import annotations

from sonic_django import (
    Index,
    SonicObj,
    email_field,
    int_field,
    list_field,
    obj_field,
    str_field,
    text_field,
    url_field,
)


class Maintainer(SonicObj):
    """A person or a team; two spellings of one address are two maintainers."""

    name = str_field("", index=True)
    email = email_field(unique=True)

    fulltext_indexes = {name: 5, email: 1}

    def __str__(self) -> str:
        return self.name or self.email


class Package(SonicObj):
    """One binary package as one list describes it.

    The same name stands once per archive, version and architecture, so that reading a list
    again updates what is there.
    """

    name = str_field(index=True)
    version = str_field()
    architecture = str_field()
    archive = str_field(help_text="the list it came from", index=True)
    section = str_field("", blank=True, index=True)
    priority = str_field("", blank=True, index=True)
    maintainer = obj_field(Maintainer, null=True, blank=True, index=True)
    tags = list_field(str, blank=True, help_text="debtags, such as game::strategy", index=True)
    depends = list_field(
        str, blank=True, help_text="names in Depends and Pre-Depends, alternatives too", index=True
    )
    # A list may leave the sizes out (dpkg's own status file does), which is not a size of nothing.
    installed_size = int_field(None, null=True, blank=True, help_text="KiB", index=True)
    size = int_field(None, null=True, blank=True, help_text="bytes to download", index=True)
    homepage = url_field("", blank=True)
    description = text_field("", blank=True)

    indexes = {
        "maintainer_tags": [maintainer, tags],
        "section_by_installed_size": Index(fields=["section"], order_by="installed_size"),
        "section_by_name": Index(fields=["section"], order_by="name"),
        "maintainer_by_size": Index(fields=["maintainer"], order_by="size"),
    }
    uniques = {"package": [archive, name, version, architecture]}
    fulltext_indexes = {name: 10, description: 1}

    def __str__(self) -> str:
        return f"{self.name} {self.version}"
