"""An unmodified ModelAdmin over a SonicObj class, and the system checks."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin as django_admin
from django.contrib.admin import AdminSite
from django.test import Client

from sonic_admin import SonicModelAdmin
from sonic_admin.autoregister import check_plain_admins
from tests.admin.conftest import form_data, lines, titles, url
from tests.testapp.models import Author, Blog, Plain


class PlainBlogAdmin(django_admin.ModelAdmin):
    list_display = ("title", "author", "score", "created")
    list_filter = ("author", "tags", "score", "created")
    sortable_by = ("score", "created")
    date_hierarchy = None


class TestPlainAdmin:
    @pytest.fixture(autouse=True)
    def plain(self, register: Any) -> None:
        register(Blog, PlainBlogAdmin)

    @pytest.mark.parametrize(
        "query", ["", "?tags__exact=even", "?score__gte=1", "?all=", "?o=3", "?o=-4", "?p=1",
                  "?created__gte=2020-01-01", "?nothing=1", "?e=1"]
    )  # fmt: skip
    def test_lists(self, admin: Client, blogs: list[Blog], query: str):
        assert admin.get(url(Blog) + query, follow=True).status_code == 200

    def test_filters_have_numbers(self, admin: Client, blogs: list[Blog]):
        assert lines(admin.get(url(Blog)), "author") == {"All": None, "ada": 6, "bob": 6}

    def test_change_and_delete(self, admin: Client, blogs: list[Blog]):
        address = url(Blog, "change", blogs[0].pk)
        data = {**form_data(admin.get(address)), "title": "New"}
        assert admin.post(address, data).status_code == 302
        assert Blog.objects.get(pk=blogs[0].pk).title == "New"
        assert admin.get(url(Blog, "delete", blogs[0].pk)).status_code == 200
        assert admin.post(url(Blog, "delete", blogs[0].pk), {"post": "yes"}).status_code == 302
        assert Blog.sql.get(pk=blogs[0].pk).is_deleted
        assert admin.get(url(Blog, "history", blogs[1].pk)).status_code == 200

    def test_bulk_delete(self, admin: Client, blogs: list[Blog]):
        data: dict[str, Any] = {"action": "delete_selected", "_selected_action": [blogs[0].pk]}
        assert admin.post(url(Blog), data).status_code == 200
        assert admin.post(url(Blog), {**data, "post": "yes"}).status_code == 302
        assert "Post 0" not in titles(admin.get(url(Blog)))

    def test_the_checks_warn(self):
        (warning,) = check_plain_admins()
        assert warning.id == "sonic_admin.W001"
        assert "PlainBlogAdmin" in warning.msg


def problems(model: Any, **attributes: Any) -> list[tuple[str, str]]:
    """(id, hint) of what the checks say of an admin with these attributes."""
    made = type("Made", (SonicModelAdmin,), attributes)(model, AdminSite())
    return [(message.id, message.hint or "") for message in made.check()]


class TestChecks:
    def test_an_admin_that_chooses_by_itself_is_right(self):
        for model, model_admin in django_admin.site._registry.items():
            if isinstance(model_admin, SonicModelAdmin):
                assert model_admin.check() == [], model

    def test_a_filter_without_index(self):
        ((number, hint),) = problems(Blog, list_filter=["title"])
        assert number == "sonic_admin.E001"
        assert 'indexes = {"title": ["title"]}' in hint

    def test_a_filter_through_a_reference(self):
        ((number, _),) = problems(Blog, list_filter=["author__username"])
        assert number == "sonic_admin.E001"

    def test_an_order_without_index(self):
        ((number, hint),) = problems(Blog, ordering=["-title"])
        assert number == "sonic_admin.E002"
        assert 'Index(order_by="title")' in hint
        assert problems(Blog, ordering=["-score"]) == []
        assert problems(Blog, ordering=["-score", "-pk"]) == []

    def test_an_order_of_two_fields(self):
        assert problems(Blog, ordering=["score", "created"]) == []
        ((number, _),) = problems(Blog, ordering=["score", "title"])
        assert number == "sonic_admin.E002"

    def test_a_date_hierarchy_without_index(self):
        class Undated(SonicModelAdmin):
            date_hierarchy = "created"

        assert problems(Blog, date_hierarchy="created") == []
        from tests.testapp.models import Described

        ((number, hint),) = problems(Described, date_hierarchy="changed")
        assert number == "sonic_admin.E003"
        assert 'Index(order_by="changed")' in hint

    @pytest.mark.parametrize(
        ("fields", "wrong"),
        [
            (("title",), False),
            (("score",), True),
            (("^title",), True),
            (("=score",), False),
            (("=pk",), False),
            (("title__icontains",), True),
        ],
    )
    def test_search_fields(self, fields: tuple[str, ...], wrong: bool):
        found = problems(Blog, search_fields=fields)
        assert [number for number, _ in found] == ["sonic_admin.E004"] * wrong

    def test_djangos_own_checks_run_too(self):
        assert ("admin.E109" in {n for n, _ in problems(Blog, list_display=["nothing"])}) or (
            "admin.E108" in {n for n, _ in problems(Blog, list_display=["nothing"])}
        )

    def test_autocomplete_of_a_plain_admin_accepts_an_automatic_search(self):
        class CommentAdmin(django_admin.ModelAdmin):
            autocomplete_fields = ("seen_by",)

        from tests.testapp.models import Comment

        assert CommentAdmin(Comment, django_admin.site).check() == []
        assert django_admin.site.get_model_admin(Author).search_fields


def test_what_an_admin_sets_stays_set(register: Any):
    class Set(SonicModelAdmin):
        list_display = ("name",)
        list_filter = ()
        search_fields = ()

    model_admin = register(Plain, Set)
    assert model_admin.list_display == ("name",)
    assert model_admin.list_filter == ()
    assert model_admin.search_fields == ()
