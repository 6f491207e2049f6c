"""The search box: full text by relevance, beginnings where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin import site
from django.test import Client

from sonic_admin import SonicModelAdmin
from sonic_django.test.counting import count_redis_calls
from tests.admin.conftest import lines, notes, titles, url
from tests.testapp.models import Author, Blog, Described, Pair, Plain


@pytest.fixture
def love(db: None) -> list[Blog]:
    """Relevance against the order of ids: the title weighs five times the content."""
    return [
        Blog.objects.create(title="love love", content="love", score=1, tags=["a"]),
        Blog.objects.create(title="peace", content="a word of love in many others", score=3),
        Blog.objects.create(title="love", content="war", score=2, tags=["a"]),
        Blog.objects.create(title="war", content="war", score=4, tags=["a"]),
    ]


def test_by_relevance(admin: Client, love: list[Blog]):
    found = titles(admin.get(url(Blog) + "?q=love"))
    assert set(found[:2]) == {"love love", "love"}
    assert found[2:] == ["peace"]


def test_beginnings_of_the_last_word_count(admin: Client, love: list[Blog]):
    assert len(titles(admin.get(url(Blog) + "?q=lov"))) == 3


def test_sorted_by_a_column_on_request(admin: Client, love: list[Blog]):
    model_admin = site.get_model_admin(Blog)
    number = 1 + list(model_admin.list_display).index("score")
    assert titles(admin.get(f"{url(Blog)}?q=love&o=-{number}")) == ["peace", "love", "love love"]


def test_combined_with_filters_and_their_numbers(admin: Client, love: list[Blog]):
    response = admin.get(url(Blog) + "?q=love&tags__exact=a")
    assert set(titles(response)) == {"love love", "love"}
    assert lines(response, "score") == {"All": None, "1": 1, "2": 1}


def test_pages_by_relevance(admin: Client, register: Any, db: None):
    class Small(SonicModelAdmin):
        list_per_page = 2

    register(Blog, Small)
    for number in range(1, 6):
        Blog.objects.create(title="love " * number + "x " * (6 - number), content="")
    pages = [titles(admin.get(f"{url(Blog)}?q=love&p={page}")) for page in (1, 2, 3)]
    together = [title for page in pages for title in page]
    assert len(together) == len(set(together)) == 5
    assert together == titles(admin.get(f"{url(Blog)}?q=love&all="))


def test_the_best_matches_only_and_saying_so(admin: Client, love: list[Blog], register: Any):
    class Few(SonicModelAdmin):
        search_limit = 2

    register(Blog, Few)
    response = admin.get(url(Blog) + "?q=love")
    assert set(titles(response)) == {"love love", "love"}
    assert notes(response)[0].startswith("Only the 2 best matches are listed, of about 3.")


def test_a_search_is_one_search_and_as_many_calls_as_a_list(admin: Client, love: list[Blog]):
    admin.get(url(Blog) + "?q=love")
    with count_redis_calls() as calls:
        admin.get(url(Blog) + "?q=love")
    assert len(calls) == 4  # count and total, ids, values, numbers of the spans of time


def test_nothing_found(admin: Client, love: list[Blog]):
    response = admin.get(url(Blog) + "?q=zeppelin")
    assert titles(response) == []
    assert "0 results" in response.content.decode()


@pytest.mark.parametrize("text", ['"', "(", "AND", "*", "a:b", "\x00", "-", "é" * 300, "' OR 1"])
def test_odd_texts_are_no_error(admin: Client, love: list[Blog], text: str):
    assert admin.get(url(Blog), {"q": text}).status_code == 200


def test_a_deleted_object_is_not_found(admin: Client, love: list[Blog]):
    love[0].delete()
    assert "love love" not in titles(admin.get(url(Blog) + "?q=love"))


def test_without_full_text_what_begins_so(admin: Client, db: None):
    for name in ("alpha", "alps", "beta"):
        Plain.objects.create(name=name)
    assert site.get_model_admin(Plain).search_fields == ("^name",)
    response = admin.get(url(Plain) + "?q=al")
    assert [obj.name for obj in response.context["cl"].result_list] == ["alps", "alpha"]
    assert "begins with" in response.content.decode()


def test_with_nothing_to_search_there_is_no_box(admin: Client, db: None, register: Any):
    class Without(SonicModelAdmin):
        search_fields = ()

    register(Blog, Without)
    assert 'id="searchbar"' not in admin.get(url(Blog)).content.decode()
    assert 'id="searchbar"' in admin.get(url(Author)).content.decode()
    assert site.get_model_admin(Pair).search_fields == ("^code",)
    assert site.get_model_admin(Described).search_fields == ("^title",)


def test_fields_and_beginnings_together(admin: Client, register: Any, db: None):
    class Both(SonicModelAdmin):
        search_fields = ("nick", "^username", "=pk")

    register(Author, Both)
    by_nick = Author.objects.create(username="one", nick="water")
    by_name = Author.objects.create(username="waterfall", nick="x")
    intro = Author.objects.create(username="two", intro="water")
    found = admin.get(url(Author) + "?q=water").context["cl"].result_list
    assert {obj.pk for obj in found} == {by_nick.pk, by_name.pk}
    found = admin.get(f"{url(Author)}?q={intro.pk}").context["cl"].result_list
    assert intro.pk in {obj.pk for obj in found}


@pytest.fixture
def foreign_index(tmp_path: Path) -> Iterator[None]:
    """Where the full text should be there is the index of another engine."""
    from haystack import connections

    (tmp_path / "iamglass").write_bytes(b"the index of another engine")
    connection = connections.connections_info["default"]
    before, connection["PATH"] = connection["PATH"], str(tmp_path)
    connections.reload("default")
    yield
    connection["PATH"] = before
    connections.reload("default")


def test_a_full_text_that_fails_is_told_and_not_a_crash(
    admin: Client, love: list[Blog], foreign_index: None
):
    response = admin.get(url(Blog) + "?q=love")
    assert response.status_code == 200
    assert titles(response) == []
    assert "sonic_reindex --fulltext testapp.Blog" in notes(response)[0]


def test_without_haystack_it_says_what_to_install(
    admin: Client, love: list[Blog], register: Any, settings: Any
):
    class Tailored(SonicModelAdmin):
        search_fields = ("title",)

    register(Blog, Tailored)
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "haystack"]
    response = admin.get(url(Blog) + "?q=love")
    assert response.status_code == 200
    assert "pip install" in notes(response)[0]


def test_autocomplete_finds_by_full_text(admin: Client, db: None):
    wanted = Author.objects.create(username="ada", nick="Countess")
    Author.objects.create(username="bob", nick="Builder")
    response = admin.get(
        "/admin/autocomplete/",
        {"app_label": "testapp", "model_name": "blog", "field_name": "author", "term": "count"},
    )
    assert response.json() == {
        "results": [{"id": str(wanted.pk), "text": "ada"}],
        "pagination": {"more": False},
    }


def test_autocomplete_lists_a_page_of_all(admin: Client, db: None):
    for number in range(25):
        Author.objects.create(username=f"u{number}")
    parameters = {"app_label": "testapp", "model_name": "blog", "field_name": "author"}
    response = admin.get("/admin/autocomplete/", parameters)
    assert len(response.json()["results"]) == 20
    assert response.json()["pagination"] == {"more": True}


def test_a_text_that_asks_for_too_much(admin: Client, love: list[Blog]):
    text = "lov* " * 400 + "l* w* " + "love " * 200
    response = admin.get(url(Blog), {"q": text})
    assert len(titles(response)) == 3
    assert notes(response) == [
        "Of the beginnings* with fewer than 3 letters only the first is searched.",
        "Only the first 100 words of the search are used.",
    ]
