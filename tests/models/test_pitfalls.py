"""The traps of being a Django model without columns, each with the test of its cure.

The numbers are those of the list that the design was checked against.
"""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from django import forms
from django.contrib.auth.models import User
from django.core import serializers
from django.core.exceptions import FieldError
from django.core.management import call_command
from django.db import IntegrityError, NotSupportedError, models, transaction
from django.db.models import ProtectedError
from django.db.models.signals import post_save
from django.test.utils import isolate_apps

from sonic_django import SonicObj, obj_field, str_field
from sonic_django.payload.stored import Payload
from tests.testapp.models import Author, Blog, Comment, Described, Everything, Member, Plain

pytestmark = pytest.mark.django_db


class BlogForm(forms.ModelForm):
    class Meta:
        model = Blog
        fields = ("title", "score")


class TestP1FormReplay:
    def test_change_made_between_save_and_m2m_survives(self) -> None:
        form = BlogForm({"title": "from the form", "score": 1}, instance=Blog(title="x"))
        assert form.is_valid()
        blog = form.save(commit=False)
        blog.save()
        blog.title = "changed behind the form"
        form.save_m2m()
        assert blog.title == "changed behind the form"

    def test_form_data_reaches_the_object(self) -> None:
        form = BlogForm({"title": "given", "score": 7})
        saved = form.save()
        assert (saved.title, saved.score) == ("given", 7)
        assert Blog.objects.get(pk=saved.pk).title == "given"


class TestP2Deferred:
    def test_saving_an_object_loaded_without_payload_keeps_it(self) -> None:
        blog = Blog.objects.create(title="kept", score=3)
        bare = Blog.sql.only("id").get(pk=blog.pk)
        bare.save()
        bare.score = 4
        bare.save()
        again = Blog.objects.get(pk=blog.pk)
        assert (again.title, again.score) == ("kept", 4)

    def test_setting_a_field_before_anything_is_decoded(self) -> None:
        blog = Blog.objects.create(title="kept", score=3)
        loaded = Blog.objects.get(pk=blog.pk)
        loaded.score = 5
        assert loaded.save()
        assert Blog.objects.get(pk=blog.pk).to_dict()["title"] == "kept"


class TestP3WritesBehindTheIndex:
    @pytest.mark.parametrize(
        ("call", "instead"),
        [
            (lambda: Blog.sql.all().update(is_deleted=True), "Blog.objects.filter(...).update()"),
            (lambda: Blog.sql.all().delete(), "Blog.objects.filter(...).delete() or .destroy()"),
            (lambda: Blog.sql.bulk_create([Blog()]), "Blog.objects.bulk_create()"),
            (lambda: Blog.sql.bulk_update([Blog()], ["title"]), "Blog.objects.bulk_update()"),
            (lambda: Blog.sql.all()._raw_delete("default"), "Blog.objects.filter(...).destroy()"),
        ],
    )
    def test_are_refused_naming_the_way(self, call, instead) -> None:
        with pytest.raises(NotSupportedError) as caught:
            call()
        assert instead in str(caught.value)

    def test_create_goes_the_right_way(self) -> None:
        plain = Plain.sql.create(name="made")
        assert Plain.objects.filter(name="made").ids() == [plain.pk]

    def test_loaddata_indexes_what_it_loads(self, tmp_path) -> None:
        author = Author.objects.create(username="ann")
        Blog.objects.create(title="one", author=author, tags=["a"])
        deleted = Plain.objects.create(name="gone")
        deleted.delete()
        dump = tmp_path / "dump.json"
        call_command("dumpdata", "testapp", output=str(dump), verbosity=0)
        for model in (Blog, Author, Plain):
            model.objects.all().destroy()
        assert not Blog.objects.filter(tags="a").exists()
        call_command("loaddata", str(dump), verbosity=0)
        blog = Blog.objects.filter(tags="a").get()
        assert (blog.title, blog.author) == ("one", author)
        assert not Plain.objects.filter(name="gone").exists()
        with pytest.raises(IntegrityError), transaction.atomic():
            Author.objects.create(username="ann")


class TestP4VirtualForeignKeys:
    def test_cascade_deletes_softly_and_leaves_the_index_right(self) -> None:
        author = Author.objects.create(username="a")
        member = Member.objects.create(name="m", cascades=author)
        count, by_label = author.delete()
        assert by_label == {"testapp.Member": 1, "testapp.Author": 1}
        assert count == 2
        assert not Member.objects.filter(cascades=author).exists()
        assert Member.objects.deleted().ids() == [member.pk]

    def test_protect_refuses_and_changes_nothing(self) -> None:
        author = Author.objects.create(username="a")
        Member.objects.create(name="m", protects=author)
        with pytest.raises(ProtectedError, match="refer to it by protects"), transaction.atomic():
            author.delete()
        assert Author.objects.filter(username="a").exists()

    def test_set_null(self) -> None:
        author = Author.objects.create(username="a")
        member = Member.objects.create(name="m", nulls=author)
        author.destroy()
        assert Member.objects.get(pk=member.pk).nulls_id is None
        assert Member.objects.filter(nulls__isnull=True).ids() == [member.pk]

    def test_target_that_is_an_ordinary_model(self) -> None:
        user = User.objects.create(username="u")
        member = Member.objects.create(name="m", user=user)
        user.delete()
        assert not Member.objects.filter(pk=member.pk).exists()
        assert Member.objects.deleted().ids() == [member.pk]

    def test_deletion_page_of_the_target_finds_no_column_to_join(self) -> None:
        from django.contrib.admin.utils import NestedObjects

        author = Author.objects.create(username="a")
        Member.objects.create(cascades=author)
        NestedObjects(using="default").collect([author])


class TestP5SoftDeleteAndCascades:
    def test_ordinary_children_go_with_it(self) -> None:
        blog = Blog.objects.create(title="b")
        Comment.objects.create(blog=blog, text="c")
        _, by_label = blog.delete()
        assert by_label["testapp.Comment"] == 1
        assert not Comment.objects.exists()
        assert Blog.objects.deleted().ids() == [blog.pk]


class TestP6ReservedNames:
    def test_users_may_call_their_fields_data_and_version(self) -> None:
        names = {field.name for field in Everything._meta.concrete_fields}
        assert names == {"id", "sonic_payload", "is_deleted", "sonic_version", "sonic_dirty_at"}

    @pytest.mark.parametrize("name", ["id", "save", "objects", "is_deleted", "sonic_payload"])
    def test_names_that_would_break_the_class_are_refused(self, name: str) -> None:
        with pytest.raises(TypeError, match="Rename the field"):
            type("Broken", (SonicObj,), {"__module__": "tests.testapp.models", name: str_field()})


class TestP7PayloadDoesNotLeak:
    def test_its_text_is_its_size(self) -> None:
        plain = Plain.objects.create(name="secret")
        assert str(plain.sonic_payload) == f"<payload {len(bytes(plain.sonic_payload))} bytes>"
        assert "secret" not in repr(plain.sonic_payload)

    def test_fixtures_are_json_and_hold_no_pickle(self) -> None:
        plain = Plain.objects.create(name="näme", number=3)
        dumped = json.loads(serializers.serialize("json", [plain]))
        fields = json.loads(dumped[0]["fields"]["sonic_payload"])
        assert fields == {"name": "näme", "group": "", "number": 3}

    def test_fixture_round_trip_of_every_type(self, everything: Everything) -> None:
        before = everything.to_dict()
        (loaded,) = serializers.deserialize("json", serializers.serialize("json", [everything]))
        assert isinstance(loaded.object.sonic_payload, Payload)
        assert loaded.object.to_dict() == before

    def test_broken_fixture_is_a_clear_error(self) -> None:
        text = '[{"model": "testapp.plain", "pk": 1, "fields": {"sonic_payload": "gASV"}}]'
        with pytest.raises(Exception, match="not the JSON that dumpdata writes"):
            list(serializers.deserialize("json", text))


@pytest.mark.django_db(transaction=True)
class TestP8Transactions:
    def test_index_follows_the_commit(self) -> None:
        with transaction.atomic():
            Plain.objects.create(name="later")
            assert not Plain.objects.filter(name="later").exists()
        assert Plain.objects.filter(name="later").exists()

    def test_rollback_leaves_nothing(self) -> None:
        with pytest.raises(RuntimeError), transaction.atomic():
            Plain.objects.create(name="never")
            raise RuntimeError
        assert not Plain.objects.filter(name="never").exists()
        assert Plain.objects.count() == 0

    def test_savepoint_rollback_takes_only_its_own(self) -> None:
        with transaction.atomic():
            Plain.objects.create(name="outer")
            with pytest.raises(RuntimeError), transaction.atomic():
                Plain.objects.create(name="inner")
                raise RuntimeError
            Plain.objects.create(name="after")
        names = set(Plain.objects.values_list("name", flat=True))
        assert names == {"outer", "after"}
        assert not Plain.objects.filter(name="inner").exists()


class TestP10NotAQuerySet:
    def test_admin_helpers_that_take_it_for_options(self) -> None:
        from django.contrib.admin.utils import model_ngettext

        Blog.objects.create(title="b")
        assert model_ngettext(Blog.objects.all()) == "blogs"

    def test_get_object_or_404_and_list(self) -> None:
        from django.http import Http404
        from django.shortcuts import get_list_or_404, get_object_or_404

        plain = Plain.objects.create(name="x")
        assert get_object_or_404(Plain, name="x") == plain
        assert get_list_or_404(Plain.objects.filter(name="x")) == [plain]
        with pytest.raises(Http404):
            get_object_or_404(Plain, name="y")

    def test_filter_of_an_ordinary_model_takes_it(self) -> None:
        blog = Blog.objects.create(title="b", score=5)
        comment = Comment.objects.create(blog=blog)
        Comment.objects.create()
        assert list(Comment.objects.filter(blog__in=Blog.objects.filter(score=5))) == [comment]


class TestP11Coercion:
    def test_values_are_coerced_when_saved(self) -> None:
        saved = Everything(exact="0.50", whole="7", flag=1, day="2024-02-29")
        saved.save()
        assert saved.exact == Decimal("0.50")
        again = Everything.objects.get(pk=saved.pk)
        assert (again.exact, again.whole, again.flag) == (Decimal("0.50"), 7, True)
        assert again.day.isoformat() == "2024-02-29"


class TestP12Migrations:
    def test_changing_fields_makes_no_migration(self, capsys) -> None:
        call_command(
            "makemigrations", "testapp", "sonic_django", "--check", "--dry-run", verbosity=1
        )
        assert "No changes detected in apps" in capsys.readouterr().out

    def test_historical_models_keep_the_five_columns(self) -> None:
        from django.db import connection
        from django.db.migrations.executor import MigrationExecutor

        state = MigrationExecutor(connection).loader.project_state(("testapp", "0001_initial"))
        fields = state.models["testapp", "everything"].fields
        assert set(fields) == {
            "id",
            "sonic_payload",
            "is_deleted",
            "sonic_version",
            "sonic_dirty_at",
        }


class TestP15WhatCannotBe:
    def make(self, bases: tuple[type, ...] = (SonicObj,), **body: object) -> type:
        return type("Broken", bases, {"__module__": "tests.testapp.models", **body})

    def test_many_to_many(self) -> None:
        with pytest.raises(TypeError, match=r"Broken.friends is a ManyToManyField.*list_field"):
            self.make(friends=models.ManyToManyField("testapp.Author"))

    def test_concrete_inheritance(self) -> None:
        with pytest.raises(TypeError, match="Make Plain abstract"):
            self.make((Plain,), more=str_field())

    def test_generated_field(self) -> None:
        generated = models.GeneratedField(
            expression=models.F("id"), output_field=models.IntegerField(), db_persist=True
        )
        with pytest.raises(TypeError, match="Broken.twice is a GeneratedField"):
            self.make(twice=generated)

    def test_primary_key(self) -> None:
        with pytest.raises(TypeError, match="Broken.code is a primary key"):
            self.make(code=str_field(primary_key=True))


class TestForeignKeysFromOrdinaryModels:
    def test_access_and_select_related(self, django_assert_num_queries) -> None:
        blog = Blog.objects.create(title="b")
        Comment.objects.create(blog=blog)
        with django_assert_num_queries(1):
            assert Comment.objects.select_related("blog").get().blog.title == "b"

    def test_many_to_many_from_an_ordinary_model(self) -> None:
        author = Author.objects.create(username="a", nick="n")
        comment = Comment.objects.create()
        comment.seen_by.add(author)
        assert [a.nick for a in comment.seen_by.all()] == ["n"]
        assert list(author.seen_comments.all()) == [comment]
        prefetched = Comment.objects.prefetch_related("seen_by").get()
        assert list(prefetched.seen_by.all()) == [author]

    def test_what_sql_cannot_do_through_it_is_refused_clearly(self) -> None:
        with pytest.raises(FieldError, match="lives in the payload and has no column"):
            list(Comment.objects.order_by("blog__title"))


class TestPlainDjangoFields:
    def test_a_field_that_sets_itself_is_declared_after_the_row(self) -> None:
        table = Described._sonic.table("default")
        id = table.insert(Described._sonic.codec.encode({"title": "old"}))
        described = Described.objects.get(pk=id)
        assert described.changed is None
        described.title = "new"
        described.save()
        assert Described.objects.get(pk=id).changed is not None

    def test_auto_now_default_and_choices(self) -> None:
        saved = Described.objects.create(title="t")
        first = saved.changed
        assert first is not None
        saved.title = "u"
        assert saved.save()
        assert saved.changed > first
        assert saved.get_kind_display() == "Alpha"
        assert Described.objects.filter(kind="a").ids() == [saved.pk]

    def test_key_in_the_payload_is_db_column(self) -> None:
        saved = Described.objects.create(title="t", count_of=3)
        stored = Described._sonic.decode(saved.sonic_payload, saved.pk)
        assert stored["cnt"] == 3
        assert "count_of" not in stored

    def test_none_is_refused_as_its_column_would(self) -> None:
        with pytest.raises(Exception, match="title"):
            Described.objects.create(title=None)


def test_post_save_says_created(db) -> None:
    seen: list[bool] = []

    def receiver(sender: object, created: bool, **kwargs: object) -> None:
        seen.append(created)

    post_save.connect(receiver, sender=Plain)
    try:
        plain = Plain.objects.create(name="x")
        plain.save()
        plain.name = "y"
        plain.save()
    finally:
        post_save.disconnect(receiver, sender=Plain)
    assert seen == [True, False]


@isolate_apps("tests.testapp")
def test_reference_by_name_is_lazy() -> None:
    class Early(SonicObj):
        friend = obj_field("Late")

        class Meta:
            app_label = "testapp"

    class Late(SonicObj):
        class Meta:
            app_label = "testapp"

    assert Early._meta.get_field("friend").related_model is Late
