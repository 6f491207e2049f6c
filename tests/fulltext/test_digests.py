"""Each document has a digest of its content, which is the same in any process."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group, User

from sonic_django.fulltext.engine.documents import DIGEST_SLOT, digest

from .conftest import Library


def kept(library: Library) -> dict[int, int]:
    keys, digests = library.backend.indexed_digests(Group)
    return dict(zip(keys, digests, strict=True))


def test_the_digests_of_all_documents_of_a_model(library: Library) -> None:
    library.put({"title": "fox"}, {"title": "hound"}, {"title": "fox"})
    library.put_users({"username": "someone"})
    found = kept(library)
    assert list(found) == [1, 2, 3]
    index, backend = library.index, library.backend
    for pk, title in ((1, "fox"), (2, "hound")):
        assert found[pk] == backend.digest_of(index, library.group(pk, title=title))
    assert found[1] != found[2]
    assert list(backend.indexed_digests(User)[0]) == [1]


def test_keys_are_ascending_whatever_was_indexed_first(library: Library) -> None:
    for pk in (30, 2, 10**9, 1):
        library.backend.update(library.index, [library.group(pk, title=f"t{pk}")])
    keys, digests = library.backend.indexed_digests(Group)
    assert list(keys) == [1, 2, 30, 10**9]
    assert dict(zip(keys, digests, strict=True)) == library.backend.digests_of(Group, keys)


def test_the_digests_of_some(library: Library) -> None:
    library.put({"title": "fox"}, {"title": "hound"})
    found = library.backend.digests_of(Group, [2, 7])
    assert found == {2: kept(library)[2]}


@pytest.mark.parametrize(
    "entry",
    [
        {"title": "foxes"},
        {"body": "fox"},
        {"tags": ["a", "b"]},
        {"number": 3},
        {"price": Decimal("1.50")},
        {"moment": datetime(2024, 5, 6, 7, 8, 9)},
    ],
)
def test_any_field_counts(library: Library, entry: dict[str, Any]) -> None:
    digest_of, index = library.backend.digest_of, library.index
    plain = digest_of(index, library.group(1, title="fox"))
    assert digest_of(index, library.group(1, **{"title": "fox", **entry})) != plain


def test_the_weight_of_a_field_counts(library: Library) -> None:
    data = library.index.full_prepare(library.group(1, title="fox"))
    before = digest(library.index, data)
    library.index.fields["title"].boost = 7
    assert digest(library.index, data) != before


def test_a_document_of_an_older_version_has_none(library: Library) -> None:
    library.put({"title": "fox"})
    document = library.document(1)
    document.remove_value(DIGEST_SLOT)
    with library.backend.store.write() as database:
        database.replace_document(b"Qauth.group.1", document)
    assert kept(library) == {1: 0}


def test_an_index_without_documents(library: Library) -> None:
    assert kept(library) == {}
    assert library.backend.digests_of(Group, [1]) == {}


_PROGRAM = """
from sonic_django.fulltext.indexes import as_terms, as_text
print(as_text({"a", "b", "c", "d"}), as_terms({"a", "b", "c", "d"}))
"""


def test_sets_are_prepared_alike_by_every_process() -> None:
    """Python orders a set of strings differently in each process."""
    said = {
        subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in range(4)
    }
    assert said == {"a b c d ['a', 'b', 'c', 'd']\n"}
