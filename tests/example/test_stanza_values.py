"""A stanza becomes the values of a package; keys without a field are kept."""

from __future__ import annotations

import pytest

from example_project.catalog.stanza_values import (
    PackageKey,
    PackageValues,
    package_values,
    relation_names,
    split_maintainer,
)
from example_project.catalog.stanzas import Stanza, StanzaError


def values(**fields: str) -> PackageValues:
    named = {"Package": "xterm", "Version": "379-1", **fields}
    return package_values(
        Stanza("a-list", 7, {key.replace("_", "-"): value for key, value in named.items()}),
        "an-archive",
    )


def test_the_key_is_archive_name_version_and_architecture():
    assert values(Architecture="amd64").key == PackageKey("an-archive", "xterm", "379-1", "amd64")


def test_the_fields_take_their_types():
    fields = values(
        Installed_Size="2412",
        Size="828092",
        Tag="role::program, x11::terminal,\n x11::application",
        Pre_Depends="dpkg (>= 1.15)",
        Depends="libc6 (>= 2.34), fonts-a | fonts-b, libc6:any",
        Section="x11",
    ).fields
    assert fields["installed_size"] == 2412
    assert fields["size"] == 828092
    assert fields["tags"] == ["role::program", "x11::terminal", "x11::application"]
    assert fields["depends"] == ["dpkg", "libc6", "fonts-a", "fonts-b"]
    assert fields["section"] == "x11"


def test_a_size_that_is_not_there_is_none():
    assert values().fields["size"] is None


def test_other_keys_are_kept_as_they_are_spelled():
    assert values(SHA256="ab", Multi_Arch="same", X_y="z").extra == {
        "SHA256": "ab",
        "Multi-Arch": "same",
        "X-y": "z",
    }


def test_known_keys_are_known_in_any_spelling():
    package = values(section="x11", SIZE="3")
    assert (package.fields["section"], package.fields["size"], package.extra) == ("x11", 3, {})


@pytest.mark.parametrize("missing", ["Package", "Version"])
def test_a_stanza_without_name_or_version_is_an_error_that_names_the_place(missing: str):
    with pytest.raises(StanzaError, match=rf"^a-list:7: .* has no {missing}; add one$"):
        values(**{missing: ""})


@pytest.mark.parametrize("text", ["12k", "-1", "1.5", "1_000", "٣", "9" * 19, "9" * 5000])
def test_a_size_that_is_no_whole_number_is_an_error_that_names_it(text: str):
    with pytest.raises(StanzaError, match=r"^a-list:7: Installed-Size of xterm is '.*correct it$"):
        values(Installed_Size=text)


@pytest.mark.parametrize("key", ["name", "archive", "tags", "installed_size"])
def test_a_key_that_is_called_as_a_field_is_an_error_and_not_lost(key: str):
    stanza = Stanza("a-list", 7, {"Package": "xterm", "Version": "1", key: "x"})
    with pytest.raises(StanzaError, match=rf"^a-list:7: xterm has a key '{key}', a field's name"):
        package_values(stanza, "an-archive")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A Team <a@example.org>", ("A Team", "a@example.org")),
        ("  A Team<a@example.org> , ", ("A Team", "a@example.org")),
        ("A <a@example.org>, B <b@example.org>", ("A", "a@example.org")),
        ("<a@example.org>", ("", "a@example.org")),
        ("a@example.org", ("", "a@example.org")),
        ("A Team", None),
        ("A Team <nobody>", None),
        ("", None),
    ],
)
def test_a_maintainer_is_a_name_and_an_address(text: str, expected: tuple[str, str] | None):
    assert split_maintainer(text) == expected


@pytest.mark.parametrize("text", ["A Team", "A <a@example.org>, B <b@example.org>"])
def test_a_maintainer_that_the_fields_do_not_hold_whole_is_kept_in_words(text: str):
    assert values(Maintainer=text).extra == {"Maintainer": text}


@pytest.mark.parametrize("text", ["A <a@example.org>", "A <a@example.org>,", "a@example.org"])
def test_a_maintainer_that_the_fields_hold_whole_is_not_kept_twice(text: str):
    assert values(Maintainer=text).extra == {}


def test_relations_give_each_name_once_without_what_qualifies_it():
    assert relation_names("a(>= 1), b [amd64] <!nocheck>,\n c:any | a,,", "") == ["a", "b", "c"]
