"""The front page: counts, search, and words instead of a traceback when a store is away."""

from __future__ import annotations

import pytest
from django.test import Client, override_settings

from example_project.catalog.models import Package

pytestmark = [pytest.mark.django_db, pytest.mark.urls("example_project.urls")]


@pytest.fixture
def packages() -> None:
    for number in range(25):
        Package(
            name=f"term{number}",
            version="1",
            architecture="all",
            archive="test",
            description="a terminal emulator",
        ).save()


def page(client: Client, query: str = "") -> str:
    response = client.get(f"/{query}")
    assert response.status_code == 200
    return response.content.decode()


def test_it_counts_every_model_and_links_to_its_list(client: Client, packages: None):
    html = page(client)
    assert "<b>25</b> packages" in html
    assert 'href="/admin/catalog/package/"' in html
    assert 'href="/admin/blog/author/"' in html


def test_a_search_shows_packages_with_links_into_the_admin(client: Client, packages: None):
    html = page(client, "?q=terminal+emulator")
    assert html.count('href="/admin/catalog/package/') == 20 + 1
    assert 'href="?q=terminal%20emulator&amp;pos=20"' in html


def test_the_next_page_has_the_rest(client: Client, packages: None):
    html = page(client, "?q=terminal&pos=20")
    assert html.count('href="/admin/catalog/package/') == 5 + 1
    assert 'rel="next"' not in html
    assert 'href="?q=terminal&amp;pos=0"' in html


def test_a_search_that_finds_nothing_says_so(client: Client, packages: None):
    assert "Nothing found for “zeppelin”" in page(client, "?q=zeppelin")


@pytest.mark.parametrize("position", ["-1", "many", "٣", "9" * 30, ""])
def test_an_odd_position_is_no_error(client: Client, packages: None, position: str):
    page(client, f"?q=terminal&pos={position}")


def test_words_are_text_and_not_markup(client: Client):
    html = page(client, "?q=%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script" not in html


def test_with_redis_away_the_page_says_what_is_wrong(client: Client):
    away = {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": "unix:///nowhere/at/all.sock",
    }
    local = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    with override_settings(CACHES={"default": local, "sonic": away}):
        assert 'role="alert"' in page(client)
