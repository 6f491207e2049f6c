"""Adding and changing: fields of every kind, references, other keys, uniques, conflicts."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin as django_admin
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError
from django.test import Client

from sonic_admin import SonicModelAdmin
from sonic_django.exceptions import UniqueViolation
from tests.admin.conftest import form_data, notes, url
from tests.testapp.models import Author, Blog, Comment, Described, Everything, Member, Pair
from tests.versions import writes


def save(client: Client, obj: Any, **changes: Any) -> Any:
    """Open the form of an object, change some inputs, save."""
    address = url(type(obj), "change", obj.pk)
    return client.post(address, {**form_data(client.get(address)), **changes})


def errors(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 200
    return dict(response.context["adminform"].form.errors)


def history(obj: Any) -> list[tuple[int, str]]:
    content_type = ContentType.objects.get_for_model(type(obj))
    entries = LogEntry.objects.filter(content_type=content_type, object_id=str(obj.pk))
    return [(e.action_flag, e.get_change_message()) for e in entries.order_by("pk")]


class TestSaving:
    def test_add(self, admin: Client, db: None):
        author = Author.objects.create(username="ada")
        data = {"title": "T", "content": "C", "author": author.pk, "tags": "a\nb", "score": 3,
                "created_0": "2026-01-02", "created_1": "03:04:05"}  # fmt: skip
        response = admin.post(url(Blog, "add"), data)
        assert response.status_code == 302
        blog = Blog.objects.get()
        assert (blog.title, blog.author, blog.tags, blog.score) == ("T", author, ["a", "b"], 3)
        assert history(blog) == [(ADDITION, "Added.")]

    def test_change(self, admin: Client, blogs: list[Blog]):
        response = save(admin, blogs[0], title="New", tags="one\ntwo")
        assert response.status_code == 302
        blog = Blog.objects.get(pk=blogs[0].pk)
        assert (blog.title, blog.tags, blog.content) == ("New", ["one", "two"], "love")
        assert history(blog) == [(CHANGE, "Changed Title and Tags.")]

    def test_nothing_changed_writes_nothing(self, admin: Client, blogs: list[Blog]):
        assert save(admin, blogs[0]).status_code == 302
        assert writes(Blog.objects.get(pk=blogs[0].pk)) == 1

    def test_every_kind_of_field_survives_a_round(self, admin: Client, root: User):
        from tests.admin.every import every_value

        friend = Everything.objects.create()
        obj = Everything.objects.create(**every_value(friend, root))
        before = Everything.objects.get(pk=obj.pk).to_dict()
        assert save(admin, obj).status_code == 302
        assert Everything.objects.get(pk=obj.pk).to_dict() == before
        assert save(admin, obj, long_text="x").status_code == 302
        assert Everything.objects.get(pk=obj.pk).to_dict() == {**before, "long_text": "x"}

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("whole", "1.5", "Enter a whole number."),
            ("exact", "x", "Enter a number."),
            ("email", "nobody", "Enter a valid email address."),
            ("numbers", "1\nx", "Line 2, “x”: Enter a whole number."),
            ("code", "5", "Enter a valid UUID."),
            ("anything", "{", "Enter a valid JSON."),
            ("parent", "999", "Select a valid choice."),
        ],
    )
    def test_a_bad_value_is_told_at_its_field(
        self, admin: Client, db: None, name: str, value: str, message: str
    ):
        obj = Everything.objects.create(text="t", url="http://example.org/", email="a@example.org")
        response = save(admin, obj, **{name: value})
        assert message in errors(response)[name][0]
        assert writes(Everything.objects.get(pk=obj.pk)) == 1

    def test_save_as_new(self, admin: Client, blogs: list[Blog], register: Any):
        class Copying(SonicModelAdmin):
            save_as = True

        register(Blog, Copying)
        assert save(admin, blogs[0], title="Copy", _saveasnew="1").status_code == 302
        copy = Blog.objects.first()
        assert (copy.title, copy.content) == ("Copy", "love")
        assert copy.pk != blogs[0].pk
        assert Blog.objects.get(pk=blogs[0].pk).title == "Post 0"

    def test_a_popup_answers_with_the_new_object(self, admin: Client, db: None):
        response = admin.post(
            url(Author, "add") + "?_popup=1", {"username": "ada", "nick": "a", "intro": "i",
                                               "_popup": "1"}
        )  # fmt: skip
        author = Author.objects.get()
        assert response.context["popup_response_data"] == (
            f'{{"value": "{author.pk}", "obj": "ada"}}'
        )

    def test_plain_django_fields_with_choices_and_defaults(self, admin: Client, db: None):
        response = admin.get(url(Described, "add"))
        data = {**form_data(response), "title": "x", "kind": "b"}
        assert admin.post(url(Described, "add"), data).status_code == 302
        described = Described.objects.get()
        assert (described.kind, described.labels) == ("b", ["new"])

    def test_what_save_model_changes_stays(self, admin: Client, blogs: list[Blog], register: Any):
        seen = []

        class Shouting(SonicModelAdmin):
            def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:
                obj.title = obj.title.upper()
                super().save_model(request, obj, form, change)

            def log_change(self, request: Any, obj: Any, message: Any) -> Any:
                seen.append((obj.title, obj.dirty_fields))
                return super().log_change(request, obj, message)

        register(Blog, Shouting)
        assert save(admin, blogs[0], title="loud").status_code == 302
        assert seen == [("LOUD", [])]
        assert Blog.objects.get(pk=blogs[0].pk).title == "LOUD"

    def test_what_is_empty_by_default_may_be_left_empty(self, admin: Client, db: None):
        assert admin.post(url(Author, "add"), {"username": "ada"}).status_code == 302
        assert Author.objects.get().intro == ""
        response = admin.post(url(Blog, "add"), {"title": "", "content": "", "score": ""})
        assert set(errors(response)) == {"title", "content", "author", "score", "created"}

    def test_line_breaks_of_a_browser_change_nothing(self, admin: Client, blogs: list[Blog]):
        blogs[0].content = "two\nlines\n\nand more"
        blogs[0].save()
        assert save(admin, blogs[0]).status_code == 302
        assert writes(Blog.objects.get(pk=blogs[0].pk)) == 2
        assert history(blogs[0]) == [(CHANGE, "No fields changed.")]


class TestReferences:
    def test_by_autocomplete_where_the_target_can_be_searched(
        self, admin: Client, blogs: list[Blog]
    ):
        html = admin.get(url(Blog, "change", blogs[0].pk)).content.decode()
        assert 'class="admin-autocomplete"' in html
        assert f'<option value="{blogs[0].author_id}" selected>ada</option>' in html

    def test_by_id_where_it_cannot(self, admin: Client, register: Any, blogs: list[Blog]):
        class Unsearched(SonicModelAdmin):
            search_fields = ()

        register(Author, Unsearched)
        html = admin.get(url(Blog, "change", blogs[0].pk)).content.decode()
        assert "vForeignKeyRawIdAdminField" in html
        assert ">ada</a>" in html

    def test_a_deleted_one_is_shown_and_may_stay(self, admin: Client, blogs: list[Blog]):
        blogs[0].author.delete()
        html = admin.get(url(Blog, "change", blogs[0].pk)).content.decode()
        assert "ada (deleted)</option>" in html
        assert save(admin, blogs[0], title="New").status_code == 302
        assert Blog.objects.get(pk=blogs[0].pk).author_id == blogs[0].author_id

    def test_a_deleted_one_cannot_be_chosen(self, admin: Client, blogs: list[Blog]):
        gone = Author.objects.create(username="gone")
        gone.delete()
        assert "is deleted" in errors(save(admin, blogs[0], author=gone.pk))["author"][0]

    def test_the_form_page_loads_the_chosen_target_only(
        self, admin: Client, blogs: list[Blog], django_assert_num_queries: Any
    ):
        address = url(Blog, "change", blogs[0].pk)
        admin.get(address)
        with django_assert_num_queries(4):  # session, user, row, name of the target
            admin.get(address)


class TestOtherKeys:
    def test_are_shown_and_kept(self, admin: Client, blogs: list[Blog]):
        blogs[0].extra["Vcs-Git"] = "https://example.org/<x>"
        blogs[0].save()
        html = admin.get(url(Blog, "change", blogs[0].pk)).content.decode()
        assert "Other keys (1)" in html
        assert "https://example.org/&lt;x&gt;" in html
        save(admin, blogs[0], title="New")
        assert Blog.objects.get(pk=blogs[0].pk).extra == {"Vcs-Git": "https://example.org/<x>"}

    def test_without_any_there_is_no_panel(self, admin: Client, blogs: list[Blog]):
        html = admin.get(url(Blog, "change", blogs[0].pk)).content.decode()
        assert "Other keys" not in html


class TestUniques:
    def test_a_taken_value_is_told_at_its_field(self, admin: Client, blogs: list[Blog]):
        response = admin.post(url(Author, "add"), {"username": "ada", "nick": "x", "intro": "y"})
        assert errors(response)["username"] == ["Author with this Username already exists."]

    def test_a_taken_pair_is_told_on_the_form(self, admin: Client, db: None):
        Pair.objects.create(left="l", right=1)
        response = admin.post(url(Pair, "add"), {"left": "l", "right": "1", "code": "c"})
        assert "already exists" in errors(response)["__all__"][0]

    def test_a_value_lost_in_a_race_is_an_error_of_the_form(
        self, admin: Client, db: None, register: Any
    ):
        class Slow(SonicModelAdmin):
            def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:
                # Between the check and the save another one takes it.
                if not hasattr(request, "raced"):
                    request.raced = True
                    Author.objects.create(username="ada")
                super().save_model(request, obj, form, change)

        register(Author, Slow)
        response = admin.post(url(Author, "add"), {"username": "ada", "nick": "x", "intro": "y"})
        # Here the other one was in the same transaction and is rolled back with it.
        assert (
            "There is already another testapp.Author with username='ada'"
            in (errors(response)["__all__"][0])
        )
        assert Author.objects.count() == 0

    def test_a_value_that_another_has_committed_is_told_at_its_field(
        self, admin: Client, db: None, register: Any
    ):
        class Lost(UniqueViolation):
            def __str__(self) -> str:
                # Where the admin reads the error, its transaction is over, and the other's is too.
                Author.objects.create(username="ada", nick="first")
                return "lost"

        class Slow(SonicModelAdmin):
            def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:
                raise Lost("lost", ["username"])

        register(Author, Slow)
        response = admin.post(url(Author, "add"), {"username": "ada", "nick": "x", "intro": "y"})
        assert errors(response)["username"] == ["Author with this Username already exists."]
        assert Author.objects.get().nick == "first"

    def test_another_integrity_error_is_not_hidden(self, admin: Client, db: None, register: Any):
        class Broken(SonicModelAdmin):
            def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:
                raise IntegrityError("a foreign key of something else")

        register(Author, Broken)
        with pytest.raises(IntegrityError, match="something else"):
            admin.post(url(Author, "add"), {"username": "ada"})


class TestConflicts:
    def test_the_form_carries_the_version(self, admin: Client, blogs: list[Blog]):
        html = admin.get(url(Blog, "change", blogs[0].pk)).content.decode()
        version = blogs[0].sonic_version
        assert f'type="hidden" name="sonic_seen_version" value="{version}"' in html

    def test_a_change_meanwhile_is_told_and_not_lost(
        self, admin: Client, client_of: Any, blogs: list[Blog]
    ):
        address = url(Blog, "change", blogs[0].pk)
        opened = form_data(admin.get(address))
        other = client_of("change_blog", "view_author", username="eve")
        assert save(other, blogs[0], title="Theirs").status_code == 302

        response = admin.post(address, {**opened, "title": "Mine", "content": "mine too"})
        (message,) = errors(response)["__all__"]
        assert "eve" in message
        assert "Changed Title." in message
        assert "<li>Title: Theirs</li>" in message
        html = response.content.decode()
        assert 'value="Mine"' in html
        version = Blog.objects.get(pk=blogs[0].pk).sonic_version
        assert f'name="sonic_seen_version" value="{version}"' in html
        assert Blog.objects.get(pk=blogs[0].pk).title == "Theirs"

    def test_a_second_save_overwrites_knowingly(self, admin: Client, blogs: list[Blog]):
        address = url(Blog, "change", blogs[0].pk)
        opened = form_data(admin.get(address))
        blogs[0].title = "Theirs"
        blogs[0].save()
        response = admin.post(address, {**opened, "title": "Mine"})
        assert "was changed elsewhere" in errors(response)["__all__"][0]
        again = admin.post(address, {**form_data(response), "title": "Mine"})
        assert again.status_code == 302
        assert Blog.objects.get(pk=blogs[0].pk).title == "Mine"

    def test_a_third_change_meanwhile_is_told_again(self, admin: Client, blogs: list[Blog]):
        address = url(Blog, "change", blogs[0].pk)
        data = form_data(admin.get(address))
        for theirs in ("Theirs", "Theirs again"):
            blogs[0].title = theirs
            blogs[0].save()
            response = admin.post(address, {**data, "title": "Mine"})
            assert theirs in errors(response)["__all__"][0]
            data = form_data(response)

    def test_what_both_entered_alike_is_no_conflict(self, admin: Client, blogs: list[Blog]):
        address = url(Blog, "change", blogs[0].pk)
        opened = form_data(admin.get(address))
        blogs[0].title = "Same"
        blogs[0].save()
        assert admin.post(address, {**opened, "title": "Same"}).status_code == 302

    def test_a_row_that_changed_while_it_was_saved(
        self, admin: Client, blogs: list[Blog], register: Any
    ):
        class Slow(SonicModelAdmin):
            def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:
                if not hasattr(request, "raced"):
                    request.raced = True
                    other = Blog.objects.get(pk=obj.pk)
                    other.title = "Theirs"
                    other.save()
                super().save_model(request, obj, form, change)

        register(Blog, Slow)
        response = save(admin, blogs[0], title="Mine")
        assert "was changed by another writer" in errors(response)["__all__"][0]
        assert Blog.objects.get(pk=blogs[0].pk).title == "Post 0"  # all of it rolled back

    def test_deleted_meanwhile(self, admin: Client, blogs: list[Blog]):
        address = url(Blog, "change", blogs[0].pk)
        opened = form_data(admin.get(address))
        blogs[0].delete()
        response = admin.post(address, {**opened, "title": "Mine"}, follow=True)
        assert "was deleted meanwhile" in notes(response)[0]
        assert "Undelete" in response.content.decode()

    def test_a_form_class_of_the_user_has_it_too(
        self, admin: Client, blogs: list[Blog], register: Any
    ):
        from django import forms

        class OwnForm(forms.ModelForm):
            class Meta:
                model = Blog
                fields = ("title",)

        class Own(SonicModelAdmin):
            form = OwnForm
            fieldsets = ((None, {"fields": ("title",)}),)

        register(Blog, Own)
        address = url(Blog, "change", blogs[0].pk)
        opened = form_data(admin.get(address))
        assert opened["sonic_seen_version"] == str(blogs[0].sonic_version)
        blogs[0].title = "Theirs"
        blogs[0].save()
        assert "__all__" in errors(admin.post(address, {**opened, "title": "Mine"}))


class TestInlines:
    def test_an_ordinary_model(self, admin: Client, blogs: list[Blog], register: Any):
        class CommentInline(django_admin.TabularInline):
            model = Comment
            fields = ("text",)
            extra = 1

        class WithComments(SonicModelAdmin):
            inlines = (CommentInline,)

        register(Blog, WithComments)
        response = save(admin, blogs[0], **{"comment_set-0-text": "first!"})
        assert response.status_code == 302
        comment = Comment.objects.get()
        assert (comment.text, comment.blog) == ("first!", blogs[0])

    def test_a_sonic_class(self, admin: Client, blogs: list[Blog], register: Any):
        class BlogInline(django_admin.StackedInline):
            model = Blog
            fields = ("title", "content")
            extra = 0

        class WithBlogs(SonicModelAdmin):
            inlines = (BlogInline,)

        register(Author, WithBlogs)
        author = blogs[0].author
        response = admin.get(url(Author, "change", author.pk))
        (formset,) = response.context["inline_admin_formsets"]
        assert len(formset.formset.forms) == 6
        data = form_data(response)
        changed = formset.formset.forms[0]
        data[changed["title"].html_name] = "By inline"
        assert admin.post(url(Author, "change", author.pk), data).status_code == 302
        assert Blog.objects.get(pk=changed.instance.pk).title == "By inline"


def test_history_page(admin: Client, blogs: list[Blog]):
    save(admin, blogs[0], title="New")
    html = admin.get(url(Blog, "history", blogs[0].pk)).content.decode()
    assert "Changed Title." in html


def test_references_with_policies_have_a_form(admin: Client, db: None):
    assert admin.get(url(Member, "add")).status_code == 200
