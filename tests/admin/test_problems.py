"""A store that is away: words and a command, never a trace."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
from django.test import Client

from tests.admin.conftest import form_data, lines, notes, titles, url
from tests.servers import PrivateRedis
from tests.testapp.models import Author, Blog, Member, Plain


def test_without_redis_the_list_says_so(admin: Client, blogs: list[Blog], redis_away: None):
    response = admin.get(url(Blog))
    html = response.content.decode()
    assert response.status_code == 503
    assert "start Redis" in html
    assert "Traceback" not in html
    assert 'name="_open"' in html


@pytest.mark.parametrize("query", ["?q=love", "?score__gte=1", "?o=2", "?all=", "?p=2"])
def test_without_redis_no_list_is_a_crash(
    admin: Client, blogs: list[Blog], redis_away: None, query: str
):
    assert admin.get(url(Blog) + query).status_code == 503


def test_without_redis_the_deleted_view_and_actions_say_so(
    admin: Client, blogs: list[Blog], redis_away: None
):
    assert admin.get(url(Blog, "deleted")).status_code == 503
    data = {"action": "delete_selected", "_selected_action": [blogs[0].pk]}
    assert admin.post(url(Blog), data).status_code == 503


def test_without_redis_an_object_opens_by_its_id(
    admin: Client, blogs: list[Blog], redis_away: None
):
    response = admin.get(url(Blog), {"_open": str(blogs[0].pk)})
    assert response["Location"] == url(Blog, "change", blogs[0].pk)


def test_without_redis_objects_are_edited(admin: Client, blogs: list[Blog], redis_away: None):
    address = url(Blog, "change", blogs[0].pk)
    page = admin.get(address)
    assert page.status_code == 200
    response = admin.post(address, {**form_data(page), "title": "Without"})
    assert response.status_code == 302
    assert Blog.sql.get(pk=blogs[0].pk).title == "Without"
    listed = admin.get(url(Blog))
    assert listed.status_code == 503
    assert "was changed successfully" in notes(listed)[0]


def test_without_redis_objects_are_added_and_deleted(admin: Client, db: None, redis_away: None):
    added = admin.post(url(Plain, "add"), {"name": "n", "group": "g", "number": "1"})
    assert added.status_code == 302
    plain = Plain.sql.get()
    assert admin.get(url(Plain, "delete", plain.pk)).status_code == 200
    deleted = admin.post(url(Plain, "delete", plain.pk), {"post": "yes"})
    assert deleted.status_code == 302
    assert Plain.sql.get().is_deleted


def test_without_redis_a_deletion_that_must_ask_the_index_says_so(
    admin: Client, db: None, redis_away: None
):
    author = Author.objects.create(username="ada")
    assert Member._sonic  # its references to authors have policies
    response = admin.get(url(Author, "delete", author.pk))
    assert response.status_code == 503
    assert "start Redis" in response.content.decode()


def test_an_index_that_was_never_built(admin: Client, blogs: list[Blog], forget_built: Any):
    forget_built(Blog)
    response = admin.get(url(Blog))
    assert response.status_code == 503
    assert "python manage.py sonic_reindex testapp.Blog" in response.content.decode()
    assert admin.get(url(Blog, "change", blogs[0].pk)).status_code == 200


def test_a_new_index_keeps_its_filter_from_the_list_only(
    admin: Client, blogs: list[Blog], forget_built: Any
):
    forget_built(Blog, "author")
    response = admin.get(url(Blog))
    assert response.status_code == 200
    assert len(titles(response)) == 12
    assert "sonic_reindex testapp.Blog" in notes(response)[0]
    assert "Not available: its index is not built." in response.content.decode()
    assert lines(response, "score")["0"] == 3


def test_filtering_by_an_index_that_was_never_built(
    admin: Client, blogs: list[Blog], forget_built: Any
):
    forget_built(Blog, "author")
    response = admin.get(f"{url(Blog)}?author__id__exact={blogs[0].author_id}")
    assert response.status_code == 503
    assert "sonic_reindex testapp.Blog" in response.content.decode()


def test_date_ranges_of_an_index_that_was_never_built(
    admin: Client, blogs: list[Blog], forget_built: Any
):
    forget_built(Blog, "recent")
    response = admin.get(url(Blog))
    assert response.status_code == 200
    assert lines(response, "created")["Today"] is None


@pytest.mark.parametrize("term", ["", "ada"])
def test_without_redis_a_field_that_offers_objects_says_so(
    admin: Client, blogs: list[Blog], redis_away: None, term: str
):
    parameters = {"app_label": "testapp", "model_name": "blog", "field_name": "author"}
    response = admin.get("/admin/autocomplete/", {**parameters, "term": term})
    assert response.status_code == 200
    (offered,) = response.json()["results"]
    assert offered["id"] == ""
    assert "testapp.Author.objects needs the index in Redis" in offered["text"]
    assert "start Redis" in offered["text"]
    assert response.json()["pagination"] == {"more": False}


def test_an_index_that_was_never_built_and_a_field_that_offers_objects(
    admin: Client, db: None, forget_built: Any
):
    Author.objects.create(username="ada")
    forget_built(Author)
    parameters = {"app_label": "testapp", "model_name": "blog", "field_name": "author"}
    (offered,) = admin.get("/admin/autocomplete/", parameters).json()["results"]
    assert "python manage.py sonic_reindex testapp.Author" in offered["text"]


def test_a_redis_that_hangs(
    admin: Client, private_redis: PrivateRedis, blogs: list[Blog], settings: Any
):
    settings.SONIC = {"TIMEOUT": 0.2}
    hanging = {**settings.CACHES["sonic"], "LOCATION": private_redis.url}
    settings.CACHES = {**settings.CACHES, "sonic": hanging}
    assert private_redis.pid
    os.kill(private_redis.pid, signal.SIGSTOP)
    try:
        assert admin.get(url(Blog)).status_code == 503
        page = admin.get(url(Blog, "change", blogs[0].pk))
        data = {**form_data(page), "title": "Without"}
        assert admin.post(url(Blog, "change", blogs[0].pk), data).status_code == 302
    finally:
        os.kill(private_redis.pid, signal.SIGCONT)
    assert Blog.sql.get(pk=blogs[0].pk).title == "Without"
