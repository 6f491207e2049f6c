"""Users, objects and addresses for the tests of the admin."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import path, reverse

from tests.testapp.models import Author, Blog


def url(model: Any, page: str = "changelist", *args: Any) -> str:
    """The address of a page of the admin."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root", password="root")


@pytest.fixture
def client_of() -> Any:
    """A client logged in as a user with these permissions (``view_blog``), staff otherwise."""

    def make(*codenames: str, username: str = "staff") -> Client:
        user = User.objects.create_user(username, password="x", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client = Client()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def admin(root: User) -> Client:
    client = Client()
    client.force_login(root)
    return client


@pytest.fixture
def blogs(db: None) -> list[Blog]:
    """Twelve posts by two authors, with tags, scores and dates."""
    authors = [Author.objects.create(username=name, nick=name.title()) for name in ("ada", "bob")]
    made = []
    for number in range(12):
        made.append(
            Blog.objects.create(
                title=f"Post {number}",
                content="love" if number % 4 == 0 else "war",
                author=authors[number % 2],
                tags=["even" if number % 2 == 0 else "odd", "all"],
                score=number % 5,
            )
        )
    return made


def titles(response: Any) -> list[str]:
    """The objects that a list shows, in order."""
    return [str(obj) for obj in response.context["cl"].result_list]


def lines(response: Any, field: str) -> dict[str, int | None]:
    """The lines of a filter and their numbers."""
    changelist = response.context["cl"]
    (spec,) = [s for s in changelist.filter_specs if s.field_path == field]
    return {str(c["display"]): c["count"] for c in spec.choices(changelist)}


def notes(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


class _Addresses:
    """A URLconf with the views of the admins that a test registers."""

    def __init__(self) -> None:
        self.urlpatterns = [path("admin/", site.urls)]


@pytest.fixture
def register(settings: Any) -> Iterator[Any]:
    """Register a class with another admin until the test ends."""
    before = dict(site._registry)

    def replace(model: Any, admin_class: Any) -> Any:
        if site.is_registered(model):
            site.unregister(model)
        site.register(model, admin_class)
        settings.ROOT_URLCONF = _Addresses()
        return site.get_model_admin(model)

    yield replace
    site._registry.clear()
    site._registry.update(before)


@pytest.fixture
def redis_away(settings: Any) -> None:
    """From here on no server answers at Redis's address."""
    away = {**settings.CACHES["sonic"], "LOCATION": "unix:///nonexistent/redis.sock"}
    settings.CACHES = {**settings.CACHES, "sonic": away}


@pytest.fixture
def forget_built() -> Iterator[Any]:
    """Make an index of a class (or all, its set of ids too) count as never built."""
    states = {}

    def forget(model: Any, *names: str) -> None:
        store = model._sonic.store("default")
        key = f"{store.base}:state"
        states[key] = (store, store._client.hgetall(key))
        digests = [model._sonic.indexes[name].digest for name in names]
        store._client.hdel(key, *(digests or states[key][1]))

    yield forget
    for key, (store, before) in states.items():
        store._client.hset(key, mapping=before)


class _Inputs(HTMLParser):
    """The names and values that a browser would send from the forms with these ids."""

    def __init__(self, html: str, form_id: str) -> None:
        super().__init__()
        self.form_id = form_id
        self.data: dict[str, Any] = {}
        self.inside = False
        self.select: str | None = None
        self.area: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if tag == "form":
            self.inside = given.get("id") == self.form_id
        if not self.inside:
            return
        if tag == "input" and name and given.get("type") != "submit":
            if given.get("type") not in ("checkbox", "radio"):
                self.data[name] = given.get("value") or ""
            elif "checked" in given:
                self.data[name] = given.get("value") or "on"
        elif tag == "select":
            self.select = name
        elif tag == "option" and self.select and ("selected" in given):
            self.data[self.select] = given.get("value") or ""
        elif tag == "textarea":
            self.area = name
            self.data[name] = ""

    def handle_data(self, data: str) -> None:
        if self.area:
            self.data[self.area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self.area:
            # HTML drops the first line break of a text area, and browsers send CR LF.
            self.data[self.area] = self.data[self.area].removeprefix("\n").replace("\n", "\r\n")
            self.area = None
        elif tag == "select":
            self.select = None
        elif tag == "form":
            self.inside = False


def form_data(response: Any, form_id: str = "") -> dict[str, Any]:
    """What a browser would post from the form of a page, unchanged."""
    form_id = form_id or f"{response.context['opts'].model_name}_form"
    data = _Inputs(response.content.decode(), form_id).data
    data.pop("csrfmiddlewaretoken", None)
    assert data, f"no form {form_id}"
    return data
