"""`load_packages` on small files: the objects loaded, a second load, the messages."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from example_project.catalog import loading
from example_project.catalog.management.commands import load_packages
from example_project.catalog.models import Maintainer, Package

pytestmark = pytest.mark.django_db

XTERM = """\
Package: xterm
Version: 379-1
Installed-Size: 2412
Maintainer: Debian X Strike Force <debian-x@lists.debian.org>
Architecture: amd64
Depends: libc6 (>= 2.33), xbitmaps | other
Description: X terminal emulator
Homepage: https://invisible-island.net/xterm/
Multi-Arch: foreign
Tag: role::program, x11::terminal
Section: x11
Priority: optional
Size: 828092
SHA256: 3a2118
"""
XEYES = """\
Package: xeyes
Version: 1.2-1
Installed-Size: 60
Maintainer: Debian X Strike Force <debian-x@lists.debian.org>
Architecture: amd64
Description: eyes that follow the pointer
Section: x11
"""
BASH = """\
Package: bash
Version: 5.2-2
Maintainer: Matthias Klose <doko@debian.org>
Architecture: amd64
Section: shells
"""


@pytest.fixture
def a_list(tmp_path: Path) -> Path:
    path = tmp_path / "deb.example.org_debian_Packages"
    path.write_text("\n".join([XTERM, XEYES, BASH]))
    return path


def load(*args: object, **options: object) -> tuple[dict[str, str], str]:
    """Run the command. Returns its closing table as label and number, and its warnings."""
    out, err = StringIO(), StringIO()
    call_command("load_packages", *map(str, args), stdout=out, stderr=err, **options)
    rows = [line.strip("│┃| ").split("│") for line in out.getvalue().splitlines() if "│" in line]
    return {label.strip(): number.strip() for label, number in rows}, err.getvalue()


def test_a_package_comes_in_with_its_fields(a_list: Path):
    load(a_list)
    xterm = Package.objects.get(name="xterm")
    assert xterm.archive == "deb.example.org/debian"
    assert xterm.version == "379-1"
    assert xterm.maintainer == Maintainer.objects.get(email="debian-x@lists.debian.org")
    assert xterm.maintainer.name == "Debian X Strike Force"
    assert xterm.tags == ["role::program", "x11::terminal"]
    assert xterm.depends == ["libc6", "xbitmaps", "other"]
    assert (xterm.installed_size, xterm.size) == (2412, 828092)


def test_other_keys_are_kept_under_their_own_names(a_list: Path):
    load(a_list)
    assert Package.objects.get(name="xterm").extra == {"Multi-Arch": "foreign", "SHA256": "3a2118"}


def test_what_a_stanza_does_not_say_is_empty_and_not_zero(a_list: Path):
    load(a_list)
    bash = Package.objects.get(name="bash")
    assert (bash.installed_size, bash.tags, bash.description) == (None, [], "")


def test_the_indexes_answer(a_list: Path):
    load(a_list)
    team = Maintainer.objects.get(email="debian-x@lists.debian.org")
    by_size = Package.objects.filter(section="x11").order_by("installed_size")
    assert [package.name for package in by_size] == ["xeyes", "xterm"]
    assert Package.objects.get(maintainer=team, tags="x11::terminal").name == "xterm"
    assert Package.objects.get(depends="xbitmaps").name == "xterm"
    assert Package.objects.get(installed_size__gte=100, installed_size__lt=5000).name == "xterm"


def test_the_table_counts(a_list: Path):
    table, complaints = load(a_list)
    assert table["stanzas read"] == "3"
    assert table["packages new"] == "3"
    assert table["maintainers new"] == "2"
    assert complaints == ""


def test_a_second_load_of_the_same_list_writes_nothing(a_list: Path):
    load(a_list)
    before = list(Package.sql.order_by("pk").values_list("pk", "sonic_version"))
    table, _ = load(a_list)
    assert (table["packages new"], table["packages changed"]) == ("0", "0")
    assert table["packages unchanged"] == "3"
    assert table["maintainers new"] == "0"
    assert list(Package.sql.order_by("pk").values_list("pk", "sonic_version")) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Size: 828092", "Size: 9"),
        ("x11::terminal", "x11::other"),
        ("SHA256: 3a2118", "SHA256: ff"),
        ("SHA256: 3a2118\n", ""),
        ("Force <debian-x@lists.debian.org>", "Force <other@example.org>"),
    ],
)
def test_a_changed_stanza_updates_its_package_and_no_other(a_list: Path, old: str, new: str):
    load(a_list)
    ids = set(Package.objects.all().ids())
    a_list.write_text("\n".join([XTERM.replace(old, new, 1), XEYES, BASH]))
    table, _ = load(a_list)
    assert (table["packages changed"], table["packages unchanged"]) == ("1", "2")
    assert set(Package.objects.all().ids()) == ids
    table, _ = load(a_list)
    assert table["packages unchanged"] == "3"


def test_a_changed_value_is_found_and_the_old_one_is_not(a_list: Path):
    load(a_list)
    a_list.write_text(XTERM.replace("x11::terminal", "x11::other"))
    load(a_list)
    assert Package.objects.filter(tags="x11::terminal").count() == 0
    assert Package.objects.get(tags="x11::other").extra["SHA256"] == "3a2118"


def test_a_new_version_is_a_new_package(a_list: Path):
    load(a_list)
    a_list.write_text(XTERM.replace("379-1", "380-1"))
    load(a_list)
    assert Package.objects.filter(name="xterm").count() == 2


def test_batches_are_of_the_size_asked_for_and_share_maintainers(a_list: Path):
    table, _ = load(a_list, "--batch-size", 1)
    assert (table["packages new"], table["maintainers new"]) == ("3", "2")


def test_a_known_address_keeps_its_name(a_list: Path):
    load(a_list)
    a_list.write_text(XTERM.replace("Debian X Strike Force", "X Team"))
    load(a_list)
    assert Maintainer.objects.get(email="debian-x@lists.debian.org").name == (
        "Debian X Strike Force"
    )


def test_a_limit_takes_that_many_spread_over_the_lists(a_list: Path, tmp_path: Path):
    (tmp_path / "second_Packages").write_text(XTERM)
    load(a_list, tmp_path / "second_Packages", "--limit", 2)
    assert sorted(package.name for package in Package.objects.all()) == ["xeyes", "xterm"]


def test_what_cannot_be_used_is_named_counted_and_skipped(a_list: Path):
    broken = XEYES.replace("Installed-Size: 60", "Installed-Size: many")
    a_list.write_text("\n".join([XTERM, broken, "Version: 1\n", BASH]))
    table, complaints = load(a_list)
    assert (table["stanzas read"], table["skipped"], table["packages new"]) == ("4", "2", "2")
    assert f"Skipped {a_list}:16: Installed-Size of xeyes is 'many'" in complaints
    assert f"Skipped {a_list}:24: the stanza has no Package; add one" in complaints


def test_a_file_of_something_else_is_an_error(tmp_path: Path):
    path = tmp_path / "notes.txt"
    path.write_text("Dear diary,\n")
    with pytest.raises(CommandError, match=r"No package in .*notes.txt. Is it a Packages list\?"):
        load(path)


def test_an_empty_file_is_an_error(tmp_path: Path):
    path = tmp_path / "empty_Packages"
    path.touch()
    with pytest.raises(CommandError, match=r"No package in .*empty_Packages"):
        load(path)


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path):
    with pytest.raises(CommandError, match="nowhere_Packages cannot be read: No such file"):
        load(tmp_path / "nowhere_Packages")


def test_a_package_that_another_load_brings_meanwhile_is_an_error_that_says_so(
    a_list: Path, monkeypatch: pytest.MonkeyPatch
):
    load(a_list)
    # The state that this load saw before the other one's rows existed.
    monkeypatch.setattr(loading, "_stored_packages", lambda batch: {})
    with pytest.raises(CommandError, match=r"already another .*xterm.* another load is running"):
        load(a_list)


@pytest.mark.parametrize("option", ["--limit", "--batch-size"])
@pytest.mark.parametrize("number", ["0", "-3", "many"])
def test_a_number_below_one_is_an_error(a_list: Path, option: str, number: str):
    with pytest.raises(CommandError, match=f"{number} is not a whole number from 1 up"):
        load(a_list, f"{option}={number}")


def test_all_and_a_limit_contradict_each_other(a_list: Path):
    with pytest.raises(CommandError, match="not allowed with"):
        load(a_list, "--all", "--limit", 2)


def test_a_machine_without_lists_gets_the_generated_set_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(load_packages, "machine_lists", list)
    table, complaints = load()
    assert "GENERATED" in complaints
    assert table["packages new"] == "300"
    assert Package.objects.filter(archive="generated").count() == 300
    table, _ = load()
    assert table["packages unchanged"] == "300"
