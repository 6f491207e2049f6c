"""An answer of the admin never tells what the asking user may not read.

Questions are generated from the declarations: each way from a class across its references, and each
field, id and computed value at its end. Each is asked in two worlds that differ in a value that the
user may not read. The answers must be equal, or the question refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.urls import reverse

from sonic_admin import SonicModelAdmin
from sonic_django.fields.names import LOOKUPS
from sonic_django.query.joins import target_of
from tests.admin.conftest import titles, url
from tests.testapp.models import Author, Blog, Book, Company, Everything, Worker

pytestmark = pytest.mark.django_db

#: The values of the two worlds: text, number and truth.
WORLDS: list[dict[type, Any]] = [
    {str: "aaa", int: 1, bool: False},
    {str: "zzz", int: 9, bool: True},
]
DEPTH = 2
CLASSES = [Worker, Blog, Book]


def steps(model: Any) -> Iterator[tuple[str, Any]]:
    for field in model._meta.get_fields():
        target = target_of(field)
        if target is not None and isinstance(target, type) and not field.auto_created:
            yield field.name, target


def ends(model: Any) -> Iterator[str]:
    """What can be asked of objects of a class: its fields, and what indexes hold beside them."""
    yield from (field.name for field in model._meta.get_fields() if not field.is_relation)
    yield from (field.name for field in model._meta.get_fields() if field.is_relation)
    yield from getattr(getattr(model, "_sonic", None), "derived", ())


def ways(model: Any, depth: int = DEPTH) -> Iterator[str]:
    """The lookups across references of a class, without the last part."""
    for name, target in steps(model):
        yield from (f"{name}__{end}" for end in ends(target))
        yield f"{name}__pk"
        if depth > 1:
            yield from (f"{name}__{beyond}" for beyond in ways(target, depth - 1))
            yield from (f"{name}__pk__{beyond}" for beyond in ends(target))


def questions(model: Any) -> Iterator[tuple[str, str]]:
    for way in ways(model):
        for lookup in ("", *sorted(LOOKUPS - {"near", "all"})):
            name = f"{way}__{lookup}" if lookup else way
            yield name, "True" if lookup == "isnull" else "aaa"


class World:
    """Objects that refer to others, of which the user may read nothing."""

    def __init__(self) -> None:
        self.user = User.objects.create_user("someone")
        self.company = Company.objects.create()
        self.author = Author.objects.create(username="name")
        self.book = Book.objects.create(title="book")
        self.friend = Worker.objects.create(name="friend", company=self.company, user=self.user)
        Worker.objects.create(
            name="worker", company=self.company, former=self.company, user=self.user,
            users=[self.user], clients=[self.company], chief=self.friend, friends=[self.friend],
        )  # fmt: skip
        Blog.objects.create(title="post", author=self.author)
        Book.objects.create(title="second", author=self.book)

    def become(self, values: dict[type, Any]) -> None:
        User.objects.filter(pk=self.user.pk).update(
            password=values[str], email=values[str], first_name=values[str], last_name=values[str],
            is_active=values[bool], is_superuser=values[bool],
        )  # fmt: skip
        self.company.name = self.company.town = values[str]
        self.company.is_large = values[bool]
        self.company.save()
        self.author.intro = self.author.nick = values[str]
        self.author.save()


def answer(client: Client, address: str, data: Any) -> Any:
    """What the page tells: its status, and the objects and numbers that it shows."""
    response = client.get(address, data)
    if response.status_code != 200:
        return response.status_code
    changelist = response.context["cl"] if response.context else None
    if changelist is None:
        return response.content
    choices = [
        [(str(c["display"]), c.get("count")) for c in spec.choices(changelist)]
        for spec in changelist.filter_specs
    ]
    return titles(response), changelist.result_count, changelist.full_result_count, choices


def told(client: Client, model: Any, world: World, asked: list[Any]) -> list[Any]:
    """The questions whose answers differ between the worlds."""
    answers = []
    for values in WORLDS:
        world.become(values)
        answers.append([answer(client, url(model), {name: value}) for name, value in asked])
    return [asked[n] for n, (one, two) in enumerate(zip(*answers, strict=True)) if one != two]


@pytest.fixture
def viewer(client_of: Any) -> Client:
    """Somebody who may view the objects of these classes, and nothing else."""
    client: Client = client_of("view_worker", "view_blog", "view_book")
    return client


def allowed(model: Any, asked: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The questions that the list does not refuse at once."""
    model_admin = site.get_model_admin(model)
    request = RequestFactory().get(url(model))
    return [one for one in asked if model_admin.lookup_allowed(*one, request)]


@pytest.mark.parametrize("model", CLASSES, ids=lambda model: model.__name__)
def test_no_lookup_tells(model: Any, viewer: Client) -> None:
    asked = list(questions(model))
    assert len(asked) > 100
    few = allowed(model, asked)
    assert len(few) < len(asked) / 5
    assert told(viewer, model, World(), few) == []


def test_the_questions_tell_where_they_are_allowed(
    viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def allow(self: Any, lookup: str, value: Any, request: Any) -> bool:
        return True

    monkeypatch.setattr(SonicModelAdmin, "lookup_allowed", allow)
    telling = {
        "users__password__startswith", "user__password__startswith", "clients__name__startswith",
        "users__email__exact", "friends__company__name__exact", "friends__user__password__exact",
    }  # fmt: skip
    asked = [one for one in questions(Worker) if one[0] in telling]
    assert {name for name, _ in told(viewer, Worker, World(), asked)} == telling


REFUSED = [
    (Worker, "users__password__startswith"), (Worker, "users__password"), (Worker, "user__email"),
    (Worker, "friends__users__password__startswith"), (Worker, "clients__pk__name"),
    (Worker, "friends__friends"), (Worker, "clients__isnull__exact"), (Book, "author__initial"),
    (Book, "author__word__contains"), (Blog, "author__username__in"), (Blog, "author_id__username"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "lookup"), REFUSED)
def test_refused(model: Any, lookup: str, viewer: Client) -> None:
    assert viewer.get(url(model), {lookup: "x"}).status_code == 400


ANSWERED = [
    "company", "company__exact", "company__id__exact", "company__pk__in", "company__isnull",
    "users", "users__contains", "users__in", "users__id__exact", "users__isnull", "users__isempty",
    "name", "name__startswith", "chief__pk",
]  # fmt: skip


@pytest.mark.parametrize("lookup", ANSWERED)
def test_answered(lookup: str, viewer: Client) -> None:
    world = World()
    value = "True" if lookup.endswith(("isnull", "isempty")) else str(world.company.pk)
    response = viewer.get(url(Worker), {lookup: value})
    assert response.status_code == 200, response.headers


def test_a_field_of_the_target_that_is_named_as_a_lookup() -> None:
    """``friends__exact``: the lookup goes first, and what comes behind the field is refused."""
    assert allowed(Everything, [("friends__exact", "3")])
    assert not allowed(Everything, [("friends__exact__gt", "3"), ("parent__exact__exact", "3")])


def test_what_the_admin_itself_names_is_answered(viewer: Client, register: Any) -> None:
    class Across(SonicModelAdmin):
        list_filter = ("clients__name", "company")

    register(Worker, Across)
    World().become(WORLDS[0])
    assert site.get_model_admin(Worker).lookup_allowed(
        "clients__name__startswith", "aaa", RequestFactory().get("/")
    )
    assert viewer.get(url(Worker), {"clients__town": "aaa"}).status_code == 400


@pytest.mark.parametrize("model", CLASSES, ids=lambda model: model.__name__)
def test_no_other_parameter_tells(model: Any, viewer: Client) -> None:
    """Orders, searches, popups, numbers, pages, and the trash."""
    columns = range(-9, 10)
    asked: list[tuple[str, str]] = [("o", str(column)) for column in columns]
    asked += [("q", text) for text in ("aaa", "a*", "password:a*", "XPASSWORDaaa", '"aaa"')]
    asked += [("_facets", "True"), ("_popup", "1"), ("p", "2"), ("all", ""), ("e", "1")]
    asked += [("_to_field", name) for name in ("id", "password", "users__password", "company")]
    world = World()
    assert told(viewer, model, world, asked) == []
    answers = []
    for values in WORLDS:
        world.become(values)
        trash = url(model, "deleted")
        answers.append([viewer.get(trash, dict([one])).status_code for one in asked])
    assert answers[0] == answers[1]


def test_autocomplete_asks_for_the_right_to_view_the_targets(viewer: Client) -> None:
    World()
    for model in CLASSES:
        for name, target in steps(model):
            data = {
                "app_label": "testapp", "model_name": model.__name__.lower(), "field_name": name,
                "term": "a",
            }  # fmt: skip
            response = viewer.get(reverse("admin:autocomplete"), data)
            assert response.status_code != 200 or target in CLASSES, (model, name)
