"""Hashes of passwords whose field was renamed or removed: kept, and shown nowhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.core import serializers
from django.test import Client, override_settings

from sonic_django.fields.passwords import holds_hash, is_hash
from tests.admin.conftest import url
from tests.testapp.models import Account, Plain

pytestmark = pytest.mark.django_db

HASHERS = [
    "PBKDF2PasswordHasher", "PBKDF2SHA1PasswordHasher", "ScryptPasswordHasher", "MD5PasswordHasher",
]  # fmt: skip


def former(hashed: Any) -> Plain:
    """An object as the class with a password field wrote it."""
    obj = Plain(name="x")
    obj.extra["secret"] = hashed
    obj.extra["colour"] = "red"
    obj.save()
    return Plain.objects.get(pk=obj.pk)


@pytest.fixture
def hashed() -> str:
    return make_password("letmein")


def test_hidden_and_kept(hashed: str) -> None:
    obj = former(hashed)
    assert obj.extra == {"colour": "red"}
    assert obj.to_dict() == {
        "id": obj.pk, "name": "x", "group": "", "number": None, "colour": "red",
    }  # fmt: skip
    assert obj.dirty_fields == []
    obj.name = "y"
    obj.extra["size"] = 3
    obj.save()
    loaded = Plain.objects.get(pk=obj.pk)
    assert loaded.extra == {"colour": "red", "size": 3}
    assert Plain._sonic.stored_values(loaded)["secret"] == hashed


def test_kept_by_every_write(hashed: str) -> None:
    obj = former(hashed)
    Plain.objects.filter(pk=obj.pk).update(name="a")
    obj = Plain.objects.get(pk=obj.pk)
    obj.name = "b"
    Plain.objects.bulk_update([obj], ["name"])
    obj.save(update_fields=["name"])
    other, mine = Plain.objects.get(pk=obj.pk), Plain.objects.get(pk=obj.pk)
    other.group = "other's"
    other.save()
    mine.name = "mine"
    mine.save()  # merged
    mine.delete()
    mine.undelete()
    mine.refresh_from_db()
    assert (mine.name, mine.group) == ("mine", "other's")
    assert mine.extra == {"colour": "red"}
    assert Plain._sonic.stored_values(mine)["secret"] == hashed


def test_the_key_of_a_hash_may_be_set_anew(hashed: str) -> None:
    obj = former(hashed)
    obj.extra["secret"] = "no hash"
    obj.save()
    assert Plain.objects.get(pk=obj.pk).extra == {"colour": "red", "secret": "no hash"}


def test_a_renamed_field_reads_the_former_key(hashed: str) -> None:
    """``db_column`` is the way to go on with it."""
    account = Account(login="x")
    account.password = "letmein"
    account.save()
    stored = Account._sonic.stored_values(Account.objects.get(pk=account.pk))
    obj = former(stored["password"])
    assert Plain._sonic.stored_values(obj)["secret"] == stored["password"]
    assert "password" not in Account.objects.get(pk=account.pk).to_dict()


def test_within_lists_and_dicts(hashed: str) -> None:
    for value in ([hashed], {"of": {"ann": hashed}}, ("a", [hashed])):
        assert former(value).extra == {"colour": "red"}


def test_the_admin_shows_nothing_of_it(hashed: str, admin_user: Any) -> None:
    obj = former(hashed)
    client = Client()
    client.force_login(admin_user)
    for page in (url(Plain, "change", obj.pk), url(Plain), url(Plain, "history", obj.pk)):
        html = client.get(page).content.decode()
        assert hashed not in html
        assert "secret" not in html
    assert "colour" in client.get(url(Plain, "change", obj.pk)).content.decode()


def test_fixtures_keep_it(hashed: str) -> None:
    """As Django's keep the passwords of users: a fixture is a copy of the rows."""
    obj = former(hashed)
    (record,) = json.loads(serializers.serialize("json", [obj]))
    assert hashed in json.dumps(record)


@pytest.mark.parametrize("hasher", HASHERS)
def test_hashes_of_all_hashers(hasher: str) -> None:
    with override_settings(PASSWORD_HASHERS=[f"django.contrib.auth.hashers.{hasher}"]):
        hashed = make_password("x")
    assert is_hash(hashed)  # also once the project has another hasher


@pytest.mark.parametrize(
    "value",
    [
        "argon2$argon2id$v=19$m=102400,t=2,p=8$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo",
        "bcrypt_sha256$$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
        "sha1$salt$8f1d9f1b9b7a0b3f3a4c5f6a7b8c9d0e1f2a3b4c",
        "own_hasher$10$c2FsdA$" + "Ab3/" * 10,
    ],
)
def test_hashes_of_hashers_that_are_not_here(value: str) -> None:
    assert is_hash(value)
    assert holds_hash({"a": [value]})


@pytest.mark.parametrize(
    "value", ["", "red", "$5", "US$5 and US$6", "a$b$c", "price$ is $ high", 5, None, b"md5$a$b"]
)
def test_other_values_are_shown(value: Any) -> None:
    assert former(value).extra == {"secret": value, "colour": "red"}
