"""The check within a test's transaction, which never commits: a user's tests may call it."""

from __future__ import annotations

import pytest
from django.db import transaction

from tests.sync.checking import checked, is_repaired, kinds, member, redis
from tests.sync.checking import key as key_of
from tests.testapp.models import Author, Plain

pytestmark = pytest.mark.django_db


class _Undo(Exception):
    pass


def test_what_was_rolled_back_is_no_drift() -> None:
    Plain.objects.create(name="kept")
    with pytest.raises(_Undo), transaction.atomic():
        Plain.objects.create(name="undone")
        raise _Undo
    assert kinds(Plain) == {}
    assert kinds(Plain, deep=True) == {}
    assert checked(Plain).rows == 1


def test_repairing(settings) -> None:
    settings.SONIC = {"GRACE": 0.05}
    author = Author.objects.create(username="a", intro="words")
    redis().zrem(key_of(Author, "ids"), member(author.pk))
    assert is_repaired(Author, deep=True)
    assert Author.objects.count() == 1
