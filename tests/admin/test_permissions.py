"""Who may do what."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from sonic_admin import SonicModelAdmin
from tests.admin.conftest import form_data, url
from tests.testapp.models import Blog


def pages(client: Client, blog: Blog) -> dict[str, int]:
    return {
        "list": client.get(url(Blog)).status_code,
        "add": client.get(url(Blog, "add")).status_code,
        "change": client.get(url(Blog, "change", blog.pk)).status_code,
        "delete": client.get(url(Blog, "delete", blog.pk)).status_code,
        "history": client.get(url(Blog, "history", blog.pk)).status_code,
        "deleted": client.get(url(Blog, "deleted")).status_code,
    }


@pytest.mark.parametrize(
    ("granted", "allowed"),
    [
        ((), set()),
        (("view_blog",), {"list", "change", "history", "deleted"}),
        (("change_blog",), {"list", "change", "history", "deleted"}),
        (("add_blog",), {"add"}),
        (("view_blog", "delete_blog"), {"list", "change", "history", "deleted", "delete"}),
    ],
)
def test_pages(client_of: Any, blogs: list[Blog], granted: tuple[str, ...], allowed: set[str]):
    answers = pages(client_of(*granted), blogs[0])
    assert {page for page, status in answers.items() if status == 200} == allowed
    assert {status for page, status in answers.items() if page not in allowed} <= {403}


def test_an_anonymous_visitor_is_sent_to_the_login(blogs: list[Blog]):
    for page in ("changelist", "deleted", "add"):
        response = Client().get(url(Blog, page))
        assert response.status_code == 302
        assert "/login/" in response["Location"]
    assert "/login/" in Client().post(url(Blog, "undelete", blogs[0].pk))["Location"]


def test_a_viewer_sees_a_form_without_inputs(client_of: Any, blogs: list[Blog]):
    client = client_of("view_blog")
    html = client.get(url(Blog, "change", blogs[0].pk)).content.decode()
    assert 'name="title"' not in html
    assert "Post 0" in html
    data = {"title": "x"}
    assert client.post(url(Blog, "change", blogs[0].pk), data).status_code == 403


def test_undelete_and_destroy_need_the_permission_to_delete(client_of: Any, blogs: list[Blog]):
    blogs[0].delete()
    viewer = client_of("change_blog")
    html = viewer.get(url(Blog, "deleted")).content.decode()
    assert "Post 0" in html
    assert "Undelete selected" not in html
    assert 'type="checkbox"' not in html
    for action in ("undelete", "destroy"):
        data = {"action": action, "_selected_action": [blogs[0].pk], "post": "yes"}
        assert viewer.post(url(Blog, "deleted"), data).status_code == 403
    assert viewer.post(url(Blog, "undelete", blogs[0].pk)).status_code == 403
    assert "Undelete" not in viewer.get(url(Blog, "change", blogs[0].pk)).content.decode()
    assert Blog.sql.get(pk=blogs[0].pk).is_deleted


def test_a_deleted_object_cannot_be_changed(admin: Client, blogs: list[Blog]):
    address = url(Blog, "change", blogs[0].pk)
    data = form_data(admin.get(address))
    blogs[0].delete()
    admin.post(address, {**data, "title": "x"})
    assert Blog.sql.get(pk=blogs[0].pk).title == "Post 0"


def test_the_action_to_delete_is_for_those_who_may(client_of: Any, blogs: list[Blog]):
    assert "delete_selected" not in client_of("change_blog").get(url(Blog)).content.decode()


def test_permissions_by_object(admin: Client, blogs: list[Blog], register: Any):
    class OnlyEven(SonicModelAdmin):
        def has_change_permission(self, request: Any, obj: Any = None) -> bool:
            allowed = super().has_change_permission(request, obj)
            return allowed and (obj is None or "even" in obj.tags)

    register(Blog, OnlyEven)
    assert 'name="_save"' in admin.get(url(Blog, "change", blogs[0].pk)).content.decode()
    assert 'name="_save"' not in admin.get(url(Blog, "change", blogs[1].pk)).content.decode()


def test_a_narrowed_queryset_hides_objects(admin: Client, blogs: list[Blog], register: Any):
    class OnlyEven(SonicModelAdmin):
        def get_queryset(self, request: Any) -> Any:
            return super().get_queryset(request).filter(tags="even")

    register(Blog, OnlyEven)
    assert admin.get(url(Blog)).context["cl"].result_count == 6
    assert admin.get(url(Blog, "change", blogs[1].pk)).status_code == 302
