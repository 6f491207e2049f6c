"""password_field: hashed when set, compared by Django's hashers, shown nowhere."""

from __future__ import annotations

import pytest
from django import forms
from django.contrib.auth.hashers import identify_hasher, make_password
from django.core import serializers
from django.core.exceptions import FieldError, ValidationError
from django.test import override_settings
from django.test.utils import isolate_apps

from sonic_django import SonicObj, password_field
from tests.testapp.kinds import Account
from tests.versions import writes

pytestmark = pytest.mark.django_db

SECRET = "open sesame"
TWO_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.MD5PasswordHasher",
]


@pytest.fixture
def account() -> Account:
    return Account.objects.create(login="ann", password=SECRET)


def test_the_raw_password_is_nowhere(account: Account) -> None:
    assert account.password != SECRET
    assert identify_hasher(account.password).algorithm == "md5"
    assert SECRET.encode() not in bytes(account.sonic_payload)
    assert SECRET not in repr(vars(account))
    assert str(account.password) not in repr(vars(Account(login="x", password=account.password)))


def test_check(account: Account) -> None:
    again = Account.objects.get(login="ann")
    assert again.check_password(SECRET)
    assert not again.check_password("wrong")
    assert not again.check_password(again.password)
    assert not again.check_pin("")
    again.pin = "1234"
    assert again.dirty_fields == ["pin"]
    again.save()
    assert Account.objects.get(login="ann").check_pin("1234")
    assert Account.objects.get(login="ann").save() is False


def test_no_password() -> None:
    account = Account.objects.create(login="bob")
    assert account.password is None
    assert not account.check_password("")
    account.password = SECRET
    account.password = None
    assert not account.check_password(SECRET)


def test_what_looks_like_a_hash_is_hashed_as_any_other_password(account: Account) -> None:
    """Else a person who knows a hash could set it, with any number of rounds."""
    given = make_password("other")
    account.password = given
    assert account.check_password(given)
    assert not account.check_password("other")


def test_update_and_create_hash_too() -> None:
    Account.objects.bulk_create([Account(login="a", password=SECRET)])
    assert Account.objects.get(login="a").check_password(SECRET)
    Account.objects.filter(login="a").update(password="new")
    assert Account.objects.get(login="a").check_password("new")


def test_a_former_hasher_is_replaced(account: Account) -> None:
    before = writes(account)
    with override_settings(PASSWORD_HASHERS=TWO_HASHERS):
        again = Account.objects.get(login="ann")
        assert again.check_password(SECRET)
        assert again.password.startswith("scrypt$")
        again = Account.objects.get(login="ann")
        assert writes(again) == before + 1
        assert again.check_password(SECRET)


def test_it_is_not_listed(account: Account) -> None:
    assert set(account.to_dict()) == {"id", "login"}
    assert set(Account.objects.values().get()) == {"id", "login"}
    assert Account.objects.values_list().get() == (account.pk, "ann")
    with pytest.raises(FieldError, match="Account.password is a password, which values"):
        Account.objects.values("password")


def test_it_is_not_looked_up(account: Account) -> None:
    with pytest.raises(FieldError) as error:
        Account.objects.filter(password=SECRET)
    assert SECRET not in str(error.value)
    assert "find the object by something else and call check_password()" in str(error.value)


@isolate_apps("tests.testapp")
def test_declarations() -> None:
    class Indexed(SonicObj):
        secret = password_field(index=True)

        class Meta:
            app_label = "testapp"

    (problem,) = [m for m in Indexed.check() if m.id.startswith("sonic.")]
    assert problem.id == "sonic.E008"
    assert problem.hint == "A password is in no index; use check_password()."
    with pytest.raises(TypeError, match="takes no default: no two objects should share a password"):
        password_field(default="x")
    with pytest.raises(ValidationError, match="A password is a str, not a int"):
        Account(password=5)


def test_forms(account: Account) -> None:
    form_class = forms.modelform_factory(Account, fields=["login", "password"])
    form = form_class(instance=account)
    assert 'type="password"' in str(form["password"])
    assert str(account.password) not in str(form)
    kept = form_class({"login": "ann", "password": ""}, instance=account)
    assert not kept.has_changed()
    assert kept.save().check_password(SECRET)
    changed = form_class({"login": "ann", "password": " new "}, instance=account)
    assert changed.has_changed()
    changed.save()
    assert Account.objects.get(login="ann").check_password(" new ")


def test_fixtures_keep_the_hash(account: Account) -> None:
    text = serializers.serialize("json", [account])
    assert SECRET not in text
    account.destroy()
    for obj in serializers.deserialize("json", text):
        obj.save()
    assert Account.objects.get(login="ann").check_password(SECRET)
