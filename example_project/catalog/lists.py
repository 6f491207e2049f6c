"""Package lists: where this machine keeps them, and their bytes, unpacked."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import shutil
import subprocess
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

APT_LISTS = Path("/var/lib/apt/lists")
# Apt's own helper is on every machine that has lists, and knows all of apt's formats.
APT_HELPER = Path("/usr/lib/apt/apt-helper")

_OPENERS: dict[str, Callable[..., Any]] = {
    ".gz": gzip.open,
    ".xz": lzma.open,
    ".lzma": lzma.open,
    ".bz2": bz2.open,
}
_COMMANDS = {".lz4": ("lz4", "-dc"), ".zst": ("zstd", "-dc")}
_SUFFIXES = ("", *_OPENERS, *_COMMANDS)


class ListError(Exception):
    """A list that cannot be read; the message names it and the remedy."""


def machine_lists(folder: Path = APT_LISTS) -> list[Path]:
    """The package lists that apt keeps in `folder`, in the order of their names.

    A list that is there in two packings counts once.
    """
    found: dict[str, Path] = {}
    for suffix in _SUFFIXES:
        for path in sorted(folder.glob(f"*_Packages{suffix}")):
            found.setdefault(archive_name(path), path)
    return [found[name] for name in sorted(found)]


def archive_name(path: Path) -> str:
    """The name of a list in the catalog: archive, suite, component and architecture.

    apt writes the address it fetched a list from as a file name, with "_" for "/" (and "%5f" for
    a real "_"): `mirror.example_debian_dists_bookworm_main_binary-amd64_Packages.lz4` is
    `debian bookworm/main amd64`. The mirror is left out: the same list comes from any. A file of
    another name keeps it.
    """
    name = path.name
    if path.suffix in _SUFFIXES:
        name = name.removesuffix(path.suffix)
    address, is_list, _ = name.partition("_Packages")
    if not is_list or not address:
        return name
    address = re.sub("%5f", "_", address.replace("_", "/"), flags=re.IGNORECASE)
    archive, has_suite, suite = address.partition("/dists/")
    if not has_suite:
        return address
    component, _, architecture = suite.rpartition("/binary-")
    return f"{archive.partition('/')[2] or archive} {component} {architecture}"


def list_lines(path: Path) -> Iterator[bytes]:
    """The lines of a list, unpacked, as a stream. Raises ListError."""
    try:
        if path.suffix in _COMMANDS:
            yield from _lines_by_command(path)
        else:
            with _OPENERS.get(path.suffix, open)(path, "rb") as lines:
                yield from lines
    except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
        raise ListError(f"{path} is damaged ({error}); fetch it again: apt-get update") from error
    except OSError as error:
        raise ListError(f"{path} cannot be read: {error.strerror or error}") from error


def _lines_by_command(path: Path) -> Iterator[bytes]:
    # Opened here first: a missing file then reads the same as in every other format.
    path.open("rb").close()
    with TemporaryFile() as complaints:
        process = subprocess.Popen(
            _command_for(path), stdout=subprocess.PIPE, stderr=complaints, stdin=subprocess.DEVNULL
        )
        assert process.stdout is not None
        try:
            yield from process.stdout
            code = process.wait()
        finally:
            # The caller may stop early; the command then writes to a closed pipe.
            process.stdout.close()
            process.kill()
            process.wait()
        if code:
            complaints.seek(0)
            reason = complaints.read().decode(errors="replace").strip() or f"exit code {code}"
            raise ListError(f"{path} is damaged ({reason}); fetch it again: apt-get update")


def _command_for(path: Path) -> list[str]:
    command, *options = _COMMANDS[path.suffix]
    if found := shutil.which(command):
        return [found, *options, "--", str(path)]
    if APT_HELPER.exists():
        return [str(APT_HELPER), "cat-file", str(path)]
    raise ListError(
        f"{path}: nothing here unpacks {path.suffix}; apt-get install {command}, "
        "or give the list unpacked"
    )
