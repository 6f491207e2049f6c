"""Lists are found, named and unpacked, however apt keeps them."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
from pathlib import Path

import pytest

from example_project.catalog import lists
from example_project.catalog.lists import ListError, archive_name, list_lines, machine_lists

TEXT = b"Package: a\nVersion: 1\n"
# The same as `lz4 -c` and `zstd -c` pack it.
LZ4 = bytes.fromhex(
    "04224d186440a7160000805061636b6167653a20610a56657273696f6e3a20310a0000000066584208"
)
ZSTD = bytes.fromhex("28b52ffd2416b100005061636b6167653a20610a56657273696f6e3a20310ae5c3950d")
APT_NAME = "deb.example.org_debian_dists_stable_main_binary-amd64_Packages"


def test_a_list_is_called_by_its_archive_whatever_the_mirror():
    assert archive_name(Path("/lists", APT_NAME)) == "debian stable/main amd64"
    assert archive_name(Path("/lists", APT_NAME + ".lz4")) == "debian stable/main amd64"
    other_mirror = APT_NAME.replace("deb.example.org", "mirror.example.net")
    assert archive_name(Path(other_mirror)) == "debian stable/main amd64"
    assert archive_name(Path("deb.example.org_a%5fb_Packages")) == "deb.example.org/a_b"


def test_any_other_file_is_called_by_its_name():
    assert archive_name(Path("/x/my-packages.txt")) == "my-packages.txt"
    assert archive_name(Path("/x/Packages.xz")) == "Packages"
    assert archive_name(Path("/var/lib/dpkg/status")) == "status"


def test_the_machines_lists_are_found_in_order_and_once_each(tmp_path: Path):
    for name in ("b_Packages.lz4", "a_Packages", "b_Packages", "c_Packages.xz", "a_Sources"):
        (tmp_path / name).touch()
    found = [path.name for path in machine_lists(tmp_path)]
    assert found == ["a_Packages", "b_Packages", "c_Packages.xz"]


def test_a_machine_without_lists_has_none(tmp_path: Path):
    assert machine_lists(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    ("suffix", "pack"), [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress)]
)
def test_lists_are_unpacked_by_the_library(tmp_path: Path, suffix: str, pack):
    path = tmp_path / f"a_Packages{suffix}"
    path.write_bytes(pack(TEXT))
    assert b"".join(list_lines(path)) == TEXT


@pytest.mark.parametrize(("suffix", "packed"), [(".lz4", LZ4), (".zst", ZSTD)])
def test_lists_are_unpacked_by_what_the_machine_has(tmp_path: Path, suffix: str, packed: bytes):
    """A program of that name, or apt's helper; on Debian there always is one of them."""
    path = tmp_path / f"a_Packages{suffix}"
    path.write_bytes(packed)
    assert b"".join(list_lines(path)) == TEXT


def test_apts_helper_stands_in_for_a_missing_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tmp_path / "a_Packages.lz4"
    path.write_bytes(LZ4)
    assert b"".join(list_lines(path)) == TEXT


def test_a_damaged_list_is_an_error_that_names_it(tmp_path: Path):
    for suffix, pack in ((".gz", gzip.compress), (".xz", lzma.compress), (".bz2", bz2.compress)):
        path = tmp_path / f"a_Packages{suffix}"
        path.write_bytes(pack(TEXT * 500)[:-9])
        with pytest.raises(ListError, match=rf"a_Packages\{suffix} is damaged"):
            list(list_lines(path))
        path.write_bytes(b"no such thing")
        with pytest.raises(ListError, match=rf"a_Packages\{suffix} "):
            list(list_lines(path))


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz", ".lz4", ".zst"])
def test_a_missing_list_is_an_error_that_names_it(tmp_path: Path, suffix: str):
    path = tmp_path / f"a_Packages{suffix}"
    with pytest.raises(ListError, match=r"a_Packages\S* cannot be read: No such file"):
        list(list_lines(path))


class TestByCommand:
    """lz4 and zstd, with a program in the place of the real one, which need not be installed."""

    @pytest.fixture
    def program(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        def install(script: str) -> None:
            path = tmp_path / "bin" / "lz4"
            path.parent.mkdir()
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)
            monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")

        return install

    @pytest.fixture
    def packed(self, tmp_path: Path) -> Path:
        path = tmp_path / "a_Packages.lz4"
        path.write_bytes(TEXT)
        return path

    def test_its_output_is_the_list(self, program, packed: Path):
        program('test "$1 $2" = "-dc --" && cat "$3"')
        assert b"".join(list_lines(packed)) == TEXT

    def test_its_complaint_is_in_the_error(self, program, packed: Path):
        program("echo 'bad magic' >&2; exit 3")
        with pytest.raises(ListError, match=r"a_Packages.lz4 is damaged \(bad magic\)"):
            list(list_lines(packed))

    def test_it_is_ended_when_the_reader_stops_early(self, program, packed: Path, tmp_path: Path):
        program(f"echo $$ > {tmp_path}/pid; exec yes")
        lines = list_lines(packed)
        assert next(iter(lines)) == b"y\n"
        lines.close()
        with pytest.raises(ProcessLookupError):
            os.kill(int((tmp_path / "pid").read_text()), 0)

    def test_without_any_program_the_error_says_what_to_install(
        self, packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr(lists, "APT_HELPER", tmp_path / "none")
        with pytest.raises(ListError, match=r"nothing here unpacks \.lz4; apt-get install lz4"):
            list(list_lines(packed))
