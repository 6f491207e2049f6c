"""Deleting softly, looking at what was deleted, bringing it back, destroying it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.test import Client

from sonic_admin import SonicModelAdmin
from tests.admin.conftest import notes, titles, url
from tests.testapp.models import Author, Blog, Comment, Member


def flags(obj_id: int) -> list[tuple[int, str]]:
    entries = LogEntry.objects.filter(object_id=str(obj_id)).order_by("pk")
    return [(entry.action_flag, entry.get_change_message()) for entry in entries]


class TestDeletingOne:
    def test_the_page_says_that_it_is_kept(self, admin: Client, blogs: list[Blog]):
        html = admin.get(url(Blog, "delete", blogs[0].pk)).content.decode()
        assert "can be brought back" in html
        assert "Are you sure" in html

    def test_it_is_soft_and_in_the_history(self, admin: Client, blogs: list[Blog]):
        response = admin.post(url(Blog, "delete", blogs[0].pk), {"post": "yes"}, follow=True)
        assert "was deleted successfully" in notes(response)[0]
        assert "Post 0" not in titles(response)
        assert Blog.sql.get(pk=blogs[0].pk).is_deleted
        assert flags(blogs[0].pk) == [(DELETION, "")]

    def test_what_goes_with_it_is_named(self, admin: Client, blogs: list[Blog]):
        Comment.objects.create(blog=blogs[0], text="x")
        html = admin.get(url(Blog, "delete", blogs[0].pk)).content.decode()
        assert "Comments: 1" in html

    def test_sonic_objects_that_go_with_it_are_named(self, admin: Client, blogs: list[Blog]):
        member = Member.objects.create(name="m", cascades=blogs[0].author)
        response = admin.get(url(Author, "delete", blogs[0].author_id))
        assert f"/admin/testapp/member/{member.pk}/change/" in response.content.decode()
        assert dict(response.context["model_count"])["members"] == 1
        admin.post(url(Author, "delete", blogs[0].author_id), {"post": "yes"})
        assert Member.sql.get(pk=member.pk).is_deleted

    def test_a_protected_one_cannot_be(self, admin: Client, blogs: list[Blog]):
        Member.objects.create(name="m", protects=blogs[0].author)
        address = url(Author, "delete", blogs[0].author_id)
        assert "protected related objects" in admin.get(address).content.decode()
        assert admin.post(address, {"post": "yes"}).status_code == 200
        assert not Author.sql.get(pk=blogs[0].author_id).is_deleted

    def test_deleting_what_is_deleted_leads_to_its_page(self, admin: Client, blogs: list[Blog]):
        blogs[0].delete()
        response = admin.get(url(Blog, "delete", blogs[0].pk), follow=True)
        assert "was deleted meanwhile" in notes(response)[0]


class TestDeletingMany:
    def test_one_confirmation_then_all_softly(self, admin: Client, blogs: list[Blog]):
        chosen = [blog.pk for blog in blogs[:3]]
        data: dict[str, Any] = {"action": "delete_selected", "_selected_action": chosen}
        page = admin.post(url(Blog), data)
        assert "can be brought back" in page.content.decode()
        assert Blog.objects.count() == 12
        response = admin.post(url(Blog), {**data, "post": "yes"}, follow=True)
        assert "Successfully deleted 3 blogs." in notes(response)
        assert Blog.objects.count() == 9
        assert Blog.sql.filter(is_deleted=True).count() == 3
        assert all(flags(pk) == [(DELETION, "")] for pk in chosen)

    def test_all_of_a_filter_across_pages(self, admin: Client, blogs: list[Blog]):
        address = f"{url(Blog)}?tags__exact=even"
        data = {"action": "delete_selected", "_selected_action": [blogs[0].pk], "index": "0",
                "select_across": "1"}  # fmt: skip
        html = admin.post(address, data).content.decode()
        assert '<input type="hidden" name="select_across" value="1">' in html
        assert html.count('name="_selected_action"') == 1
        del data["index"]
        admin.post(address, {**data, "post": "yes"})
        assert Blog.objects.count() == 6
        assert Blog.objects.filter(tags="even").count() == 0


@pytest.fixture
def gone(blogs: list[Blog], admin: Client) -> list[Blog]:
    """Three deleted posts, the last two in the admin."""
    blogs[0].delete()
    for blog in blogs[1:3]:
        admin.post(url(Blog, "delete", blog.pk), {"post": "yes"})
    return blogs[:3]


class TestTheDeletedView:
    def test_the_list_links_to_it(self, admin: Client, blogs: list[Blog]):
        assert f'href="{url(Blog, "deleted")}"' in admin.get(url(Blog)).content.decode()

    def test_newest_first_with_who_and_when(self, admin: Client, gone: list[Blog]):
        response = admin.get(url(Blog, "deleted"))
        rows = response.context["rows"]
        assert [str(obj) for obj, _ in rows] == ["Post 2", "Post 1", "Post 0"]
        assert [entry and entry.user.username for _, entry in rows] == ["root", "root", None]

    def test_empty(self, admin: Client, blogs: list[Blog]):
        assert "There are no deleted blogs." in admin.get(url(Blog, "deleted")).content.decode()

    def test_pages(self, admin: Client, gone: list[Blog], register: Any):
        class Small(SonicModelAdmin):
            list_per_page = 2

        register(Blog, Small)
        first = admin.get(url(Blog, "deleted"))
        second = admin.get(url(Blog, "deleted") + "?p=2")
        assert [str(obj) for obj, _ in first.context["rows"]] == ["Post 2", "Post 1"]
        assert [str(obj) for obj, _ in second.context["rows"]] == ["Post 0"]
        assert 'href="?p=2"' in first.content.decode()
        assert admin.get(url(Blog, "deleted") + "?p=x").status_code == 200

    def test_undelete_those_chosen(self, admin: Client, gone: list[Blog]):
        chosen = [gone[0].pk, gone[2].pk]
        data = {"action": "undelete", "_selected_action": chosen}
        response = admin.post(url(Blog, "deleted"), data, follow=True)
        assert notes(response)[-1] == "2 blogs were undeleted."
        assert Blog.objects.count() == 11
        assert flags(gone[0].pk) == [(CHANGE, "Undeleted.")]
        assert Blog.objects.filter(tags="even").count() == 6

    def test_nothing_chosen(self, admin: Client, gone: list[Blog]):
        response = admin.post(url(Blog, "deleted"), {"action": "undelete"}, follow=True)
        assert "Items must be selected" in notes(response)[-1]

    def test_a_clash_of_uniques_is_told_and_the_others_come_back(
        self, admin: Client, blogs: list[Blog]
    ):
        first, second = blogs[0].author, blogs[1].author
        first.delete()
        second.delete()
        Author.objects.create(username="ada")
        data = {"action": "undelete", "_selected_action": [first.pk, second.pk]}
        response = admin.post(url(Author, "deleted"), data, follow=True)
        assert notes(response)[0] == "“bob” was undeleted."
        assert "“ada” cannot be undeleted" in notes(response)[1]
        assert "username='ada'" in notes(response)[1]
        assert Author.sql.get(pk=first.pk).is_deleted
        assert {author.username for author in Author.objects.all()} == {"ada", "bob"}
        assert flags(first.pk) == []

    def test_destroy_asks_first(self, admin: Client, gone: list[Blog]):
        data: dict[str, Any] = {"action": "destroy", "_selected_action": [gone[0].pk, gone[1].pk]}
        html = admin.post(url(Blog, "deleted"), data).content.decode()
        assert "cannot be undone" in html
        assert "Post 0" in html
        assert Blog.sql.count() == 12
        response = admin.post(url(Blog, "deleted"), {**data, "post": "yes"}, follow=True)
        assert notes(response)[-1] == "2 blogs were destroyed for good."
        assert Blog.sql.count() == 10
        assert flags(gone[0].pk) == [(DELETION, "Destroyed for good.")]

    def test_only_deleted_ones_can_be_destroyed(self, admin: Client, blogs: list[Blog]):
        data = {"action": "destroy", "_selected_action": [blogs[0].pk], "post": "yes"}
        admin.post(url(Blog, "deleted"), data)
        assert Blog.sql.count() == 12


class TestThePageOfADeletedObject:
    def test_shows_it_read_only_with_a_button(self, admin: Client, gone: list[Blog]):
        response = admin.get(url(Blog, "change", gone[0].pk))
        html = response.content.decode()
        assert "This blog is deleted." in html
        assert f'action="{url(Blog, "undelete", gone[0].pk)}"' in html
        assert 'name="title"' not in html
        assert 'name="_save"' not in html
        assert 'class="deletelink"' not in html

    def test_undelete(self, admin: Client, gone: list[Blog]):
        response = admin.post(url(Blog, "undelete", gone[0].pk), follow=True)
        assert notes(response)[-1] == "“Post 0” was undeleted."
        assert response.redirect_chain[-1][0] == url(Blog, "change", gone[0].pk)
        assert 'name="_save"' in response.content.decode()

    def test_undelete_only_by_post(self, admin: Client, gone: list[Blog]):
        assert admin.get(url(Blog, "undelete", gone[0].pk)).status_code == 405

    def test_undeleting_what_is_live_or_never_was(self, admin: Client, blogs: list[Blog]):
        assert admin.post(url(Blog, "undelete", blogs[0].pk)).status_code == 302
        assert admin.post(url(Blog, "undelete", 999999)).status_code == 302
        assert admin.post(url(Blog, "undelete", "x")).status_code == 302

    def test_history_goes_on(self, admin: Client, gone: list[Blog]):
        assert admin.get(url(Blog, "history", gone[1].pk)).status_code == 200


def test_an_admin_that_narrows_its_queryset_shows_no_deleted_ones_by_default(
    admin: Client, gone: list[Blog], register: Any
):
    class Narrow(SonicModelAdmin):
        def get_queryset(self, request: Any) -> Any:
            return super().get_queryset(request).filter(tags="even")

    register(Blog, Narrow)
    assert admin.get(url(Blog, "deleted")).context["rows"] == []
    response = admin.get(url(Blog, "change", gone[0].pk), follow=True)
    assert "Perhaps it was deleted?" in notes(response)[-1]
