"""A stanza as the values of the catalog's fields."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

from example_project.catalog.stanzas import Stanza

# Everything a stanza may hold that has a field of its own; the rest is kept as extra keys.
_KNOWN = frozenset(
    {
        "package",
        "version",
        "architecture",
        "section",
        "priority",
        "maintainer",
        "tag",
        "depends",
        "pre-depends",
        "installed-size",
        "size",
        "homepage",
        "description",
    }
)
# "Name <address>"; some stanzas name several, or end with a comma.
_ADDRESS = re.compile(r"\s*(?P<name>[^<>]*?)\s*<\s*(?P<email>[^<>\s]+@[^<>\s]+)\s*>[\s,]*")
_BARE_ADDRESS = re.compile(r"[^<>\s,]+@[^<>\s,]+\Z")
# The package name at the head of "libc6:any (>= 2.34) [amd64] <!nocheck>".
_RELATION = re.compile(r"\s*([^\s:(\[<]+)")
# More than any disk can store, and the limit of a 64-bit column of another program.
_LARGEST = 2**63 - 1


class PackageKey(NamedTuple):
    """The values that identify a package of the catalog."""

    archive: str
    name: str
    version: str
    architecture: str


@dataclass(frozen=True, slots=True)
class PackageValues:
    """One package, before it is stored: its key, fields, maintainer and remaining keys."""

    key: PackageKey
    fields: dict[str, Any]
    maintainer: tuple[str, str] | None  # name, email
    extra: dict[str, str]


def package_values(stanza: Stanza, archive: str) -> PackageValues:
    """The package that `stanza`, from the list `archive`, describes.

    Raises StanzaError when it has no Package or Version, a size that is no number, or a key that
    is called as a field of the catalog: a package that could not be found again, or would sort
    wrongly, or would lose something, is not stored.
    """
    known = {key.lower(): value for key, value in stanza.fields.items() if key.lower() in _KNOWN}
    extra = {key: value for key, value in stanza.fields.items() if key.lower() not in _KNOWN}
    for required in ("Package", "Version"):
        if not known.get(required.lower()):
            named = f" of {known['package']}" if known.get("package") else ""
            raise stanza.error(f"the stanza{named} has no {required}; add one")
    maintainer = split_maintainer(known.get("maintainer", ""))
    if (written := known.get("maintainer")) and not _says_it_all(maintainer, written):
        extra["Maintainer"] = written
    fields = {
        "section": known.get("section", ""),
        "priority": known.get("priority", ""),
        "tags": _split_tags(known.get("tag", "")),
        "depends": relation_names(known.get("pre-depends", ""), known.get("depends", "")),
        "installed_size": _number(stanza, "Installed-Size", known),
        "size": _number(stanza, "Size", known),
        "homepage": known.get("homepage", ""),
        "description": known.get("description", ""),
    }
    # An object has each key once, and these would stand where its fields do.
    for key in extra.keys() & {*fields, *PackageKey._fields, "maintainer"}:
        raise stanza.error(f"{known['package']} has a key {key!r}, a field's name; rename it")
    return PackageValues(
        PackageKey(archive, known["package"], known["version"], known.get("architecture", "")),
        fields,
        maintainer,
        extra,
    )


def split_maintainer(text: str) -> tuple[str, str] | None:
    """(name, email) of a Maintainer value, the first of several; None when it has no address.

    >>> split_maintainer("Debian Games Team <games@example.org>")
    ('Debian Games Team', 'games@example.org')
    """
    if match := _ADDRESS.match(text):
        return match["name"], match["email"]
    bare = text.strip(" ,")
    return ("", bare) if _BARE_ADDRESS.match(bare) else None


def _says_it_all(maintainer: tuple[str, str] | None, written: str) -> bool:
    if maintainer is None:
        return False
    name, email = maintainer
    return written.rstrip(" ,") in (f"{name} <{email}>", email)


def relation_names(*relations: str) -> list[str]:
    """The package names in Depends-like values, each once, in the order they first stand.

    >>> relation_names("dpkg (>= 1.15)", "libc6 (>= 2.34), fonts-a | fonts-b, libc6:any")
    ['dpkg', 'libc6', 'fonts-a', 'fonts-b']
    """
    parts = re.split("[,|]", ",".join(relations))
    return list(dict.fromkeys(match[1] for part in parts if (match := _RELATION.match(part))))


def _split_tags(text: str) -> list[str]:
    return list(dict.fromkeys(tag for part in text.split(",") if (tag := part.strip())))


def _number(stanza: Stanza, key: str, known: dict[str, str]) -> int | None:
    text = known.get(key.lower(), "")
    if not text:
        return None
    # Not int() alone: it takes "1_000", " 7" and other scripts' digits, which no list means.
    if not re.fullmatch("[0-9]{1,19}", text) or (number := int(text)) > _LARGEST:
        raise stanza.error(
            f"{key} of {known['package']} is {text[:40]!r}, not a whole number; correct it"
        )
    return number
