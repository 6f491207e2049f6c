"""The richer kinds of fields in the admin: dynamic, embedded, places, passwords."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from tests.testapp.kinds import Account, Address, Order, Pinned, Place
from tests.testapp.models import Author

pytestmark = pytest.mark.django_db


def url(model: type, page: str, *args: Any) -> str:
    return reverse(f"admin:testapp_{model.__name__.lower()}_{page}", args=args)


@pytest.mark.parametrize("model", [Account, Order, Pinned, Place])
def test_pages(admin_client: Client, model: type) -> None:
    assert model in admin.site._registry
    assert admin_client.get(url(model, "changelist")).status_code == 200
    assert admin_client.get(url(model, "add")).status_code == 200


def test_lists_and_forms_of_objects(admin_client: Client) -> None:
    author = Author.objects.create(username="ann")
    for obj in (
        Order.objects.create(address=Address(city="Oslo"), lines=[{"sku": "a"}]),
        Pinned.objects.create(subject=author, others=[author, 5], title="t"),
        Place.objects.create(name="Oslo", location=(10.75, 59.91)),
    ):
        listed = admin_client.get(url(type(obj), "changelist"))
        assert listed.status_code == 200
        shown = admin_client.get(url(type(obj), "change", obj.pk))
        assert shown.status_code == 200
        form = shown.context["adminform"].form
        values = {name: form[name].value() for name in form.fields}
        data = {name: "" if value is None else value for name, value in values.items()}
        saved = admin_client.post(url(type(obj), "change", obj.pk), data)
        assert saved.status_code == 302, saved.context["errors"]
        assert type(obj).objects.get(pk=obj.pk).sonic_version == obj.sonic_version


def test_passwords_are_set_and_never_shown(admin_client: Client) -> None:
    data = {"login": "ann", "password": "open sesame", "pin": ""}
    assert admin_client.post(url(Account, "add"), data).status_code == 302
    account = Account.objects.get(login="ann")
    assert account.check_password("open sesame")
    assert account.pin is None
    pages = [url(Account, "changelist"), url(Account, "change", account.pk)]
    for page in [*pages, url(Account, "history", account.pk)]:
        text = admin_client.get(page).content.decode()
        assert str(account.password) not in text
        assert "open sesame" not in text
    account.login = "bob"
    account.save()
    # The message about the conflict shows what is stored.
    late = {"login": "cy", "password": "new", "sonic_seen_version": "1"}
    text = admin_client.post(url(Account, "change", account.pk), late).content.decode()
    assert "Nothing was saved" in text
    assert str(account.password) not in text
