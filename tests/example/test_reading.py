"""The stanzas that are taken from the lists, and the report of unusable ones."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from example_project.catalog.generated import ARCHIVE, generated_lines
from example_project.catalog.reading import (
    SHOWN_ERRORS,
    Skipped,
    Source,
    all_stanzas,
    spread,
    usable_packages,
)
from example_project.catalog.stanzas import count_stanzas


def source(name: str, text: str) -> Source:
    return Source(name, f"archive of {name}", lambda: text.encode().splitlines(keepends=True))


@given(total=st.integers(0, 400), share=st.floats(0, 1))
def test_a_spread_is_as_many_as_wanted_and_evenly_spaced(total: int, share: float):
    wanted = int(total * share)
    taken = list(spread(range(total), wanted, total))
    assert len(taken) == wanted
    gaps = {after - before for before, after in pairwise(taken)}
    assert max(gaps, default=0) - min(gaps, default=0) <= 1


def test_a_package_that_stands_twice_is_taken_once():
    stanza = "Package: a\nVersion: 1\n\n"
    skipped = Skipped()
    found = list(usable_packages(all_stanzas([source("x", stanza * 2)]), skipped))
    assert [package.key.name for package in found] == ["a"]
    assert skipped.shown == ["x:4: a 1 was already read from x:1; the first one counts"]


def test_the_same_package_in_two_lists_is_two_packages():
    stanza = "Package: a\nVersion: 1\n"
    found = list(
        usable_packages(all_stanzas([source("x", stanza), source("y", stanza)]), Skipped())
    )
    assert [package.key.archive for package in found] == ["archive of x", "archive of y"]


def test_of_many_errors_the_first_are_shown_and_all_are_counted():
    skipped = Skipped()
    broken = source("x", "Package: a\n\n" * (SHOWN_ERRORS + 5))
    assert list(usable_packages(all_stanzas([broken]), skipped)) == []
    assert (skipped.count, len(skipped.shown)) == (SHOWN_ERRORS + 5, SHOWN_ERRORS)


def test_the_generated_set_is_the_same_each_time_and_wholly_usable():
    assert list(generated_lines()) == list(generated_lines())
    skipped = Skipped()
    packages = list(
        usable_packages(all_stanzas([Source(ARCHIVE, ARCHIVE, generated_lines)]), skipped)
    )
    assert skipped.shown == []
    assert len(packages) == count_stanzas(generated_lines()) == 300


def test_the_generated_set_has_variety():
    packages = list(
        usable_packages(all_stanzas([Source(ARCHIVE, ARCHIVE, generated_lines)]), Skipped())
    )
    names = {package.key.name for package in packages}
    assert min(Counter(package.fields["section"] for package in packages).values()) >= 20
    assert any("terminal emulator" in package.fields["description"] for package in packages)
    assert {name for package in packages for name in package.fields["depends"]} <= names
    assert all(package.maintainer and package.extra["Multi-Arch"] for package in packages)
