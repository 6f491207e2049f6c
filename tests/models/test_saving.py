"""Saving: what is written, when nothing is, and what it costs."""

from __future__ import annotations

import uuid

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models.signals import post_delete, post_save, pre_save
from django.test.utils import CaptureQueriesContext

from sonic_django.exceptions import PayloadError, StaleObjectError
from sonic_django.persistence.save import find_change
from sonic_django.test import count_redis_calls
from tests.testapp.models import Author, Blog, Described, Everything, Pair, Plain


@pytest.mark.django_db(transaction=True)
class TestCost:
    """Outside a transaction; the first use of a connection is warmed up before."""

    def costs(self, action) -> tuple[list[str], list[str]]:
        with CaptureQueriesContext(connection) as queries, count_redis_calls() as calls:
            action()
        return [query["sql"].split()[0] for query in queries], list(calls)

    def test_new_object_is_one_statement_and_one_call(self) -> None:
        Plain.objects.create(name="warm")
        assert self.costs(lambda: Plain(name="x", group="g", number=1).save()) == (
            ["INSERT"],
            ["EVALSHA"],
        )

    def test_changed_object_is_one_statement_and_one_call(self) -> None:
        plain = Plain.objects.create(name="x")

        def change() -> None:
            plain.name = "y"
            plain.save()

        assert self.costs(change) == (["UPDATE"], ["EVALSHA"])

    def test_unchanged_object_costs_nothing(self) -> None:
        plain = Plain.objects.create(name="x")
        assert self.costs(plain.save) == ([], [])

    def test_soft_delete_is_one_statement_and_one_call(self) -> None:
        plain = Plain.objects.create(name="x")
        assert self.costs(plain.delete) == (["UPDATE"], ["EVALSHA"])

    def test_saves_of_a_transaction_are_applied_by_one_call(self) -> None:
        Plain.objects.create(name="warm")

        def three() -> None:
            with transaction.atomic():
                for name in "abc":
                    Plain(name=name).save()

        statements, calls = self.costs(three)
        assert statements.count("INSERT") == 3
        assert calls == ["EVALSHA"]

    def test_bulk_create_of_a_thousand(self) -> None:
        Plain.objects.create(name="warm")
        objects = [Plain(name=f"n{i}") for i in range(1000)]
        statements, calls = self.costs(lambda: Plain.objects.bulk_create(objects))
        assert statements.count("INSERT") == 7
        assert len(calls) == 1 + 10  # whether the index is built; entries, as a stream


@pytest.mark.django_db
class TestDirtyTracking:
    def test_save_says_whether_it_wrote(self) -> None:
        blog = Blog(title="t")
        assert blog.save() is True
        assert blog.save() is False
        blog.title = "t"
        assert blog.save() is False
        blog.title = "u"
        assert blog.dirty_fields == ["title"]
        assert blog.save() is True
        assert blog.dirty_fields == []

    def test_what_was_not_read_is_decoded_once(self, decoded: list[bytes]) -> None:
        plain = Plain.objects.create(name="x", number=1)
        loaded = Plain.objects.get(pk=plain.pk)
        loaded.number = 2
        decoded.clear()
        assert loaded.save()
        assert len(decoded) == 1
        (found,) = Plain.objects.filter(name="x")  # decoded for the filter
        found.number = 3
        assert found.save()
        assert len(decoded) == 2
        assert (found.name, Plain.objects.get(pk=plain.pk).number) == ("x", 3)

    def test_a_field_may_change_its_list_in_place_before_a_save(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tags = Blog._meta.get_field("tags")

        def append(blog: Blog, adding: bool) -> list[str]:
            blog.tags.append("b")
            return blog.tags

        blog = Blog.objects.create(title="t", tags=["a"])
        monkeypatch.setattr(tags, "pre_save", append)
        monkeypatch.setattr(Blog._sonic, "fields_with_pre_save", [tags])
        loaded = Blog.objects.get(pk=blog.pk)
        loaded.title = "u"
        change = find_change(loaded, None)
        assert change is not None
        assert change.names == {"title", "tags"}

    def test_change_in_place_is_seen(self) -> None:
        blog = Blog.objects.create(title="t", tags=["a"])
        loaded = Blog.objects.get(pk=blog.pk)
        loaded.tags.append("b")
        assert loaded.dirty_fields == ["tags"]
        assert loaded.save()
        assert Blog.objects.filter(tags="b").ids() == [blog.pk]
        assert Blog.objects.get(pk=blog.pk).tags == ["a", "b"]

    def test_kinds_of_zero_differ(self) -> None:
        saved = Everything.objects.create(anything=0)
        for value in (False, 0.0, "0", "", None, []):
            saved.anything = value
            assert saved.dirty_fields == ["anything"], value
            saved.save()

    def test_revert(self) -> None:
        blog = Blog.objects.create(title="t", tags=["a"])
        blog.title = "u"
        blog.tags.append("b")
        blog.revert()
        assert (blog.title, blog.tags, blog.dirty_fields) == ("t", ["a"], [])

    def test_mutable_defaults_are_not_shared(self) -> None:
        one, other = Blog(), Blog()
        one.tags.append("x")
        assert other.tags == []
        a, b = Described(), Described()
        a.labels.append("more")
        a.options["k"] = 1
        assert (b.labels, b.options) == (["new"], {})

    def test_new_field_with_default_is_no_change(self) -> None:
        saved = Plain.objects.create(name="x")
        stored = Plain._sonic.decode(saved.sonic_payload, saved.pk)
        del stored["group"]
        Plain._sonic.table("default").update(
            saved.pk, saved.sonic_version, Plain._sonic.codec.encode(stored)
        )
        loaded = Plain.objects.get(pk=saved.pk)
        assert loaded.group == ""
        assert loaded.save() is False

    def test_nondeterministic_default_of_a_new_field_is_no_change_unless_it_is_set(self) -> None:
        saved = Described.objects.create(title="x")
        stored = Described._sonic.decode(saved.sonic_payload, saved.pk)
        del stored["token"]
        Described._sonic.table("default").update(
            saved.pk, saved.sonic_version, Described._sonic.codec.encode(stored)
        )
        loaded = Described.objects.get(pk=saved.pk)
        assert loaded.token is not None
        assert loaded.dirty_fields == []
        loaded.token = uuid.UUID(int=5)
        assert loaded.dirty_fields == ["token"]
        assert loaded.save()
        assert Described.objects.get(pk=saved.pk).token == uuid.UUID(int=5)

    def test_update_fields_writes_only_those(self) -> None:
        blog = Blog.objects.create(title="t", score=1)
        blog.title, blog.score = "u", 2
        blog.save(update_fields=["score"])
        again = Blog.objects.get(pk=blog.pk)
        assert (again.title, again.score) == ("t", 2)
        assert blog.dirty_fields == ["title"]

    def test_update_fields_of_an_unknown_field(self) -> None:
        blog = Blog.objects.create(title="t")
        with pytest.raises(Exception, match="has no field 'nope'. Its fields are id, title"):
            blog.save(update_fields=["nope"])


@pytest.mark.django_db
class TestExtraKeys:
    def test_survive_load_and_save(self) -> None:
        plain = Plain(name="x")
        plain.extra["colour"] = "red"
        plain.save()
        loaded = Plain.objects.get(pk=plain.pk)
        assert loaded.extra == {"colour": "red"}
        loaded.name = "y"
        loaded.save()
        loaded.extra["size"] = 3
        assert loaded.dirty_fields == ["size"]
        assert loaded.save()
        assert Plain.objects.get(pk=plain.pk).to_dict() == {
            "id": plain.pk,
            "name": "y",
            "group": "",
            "number": None,
            "colour": "red",
            "size": 3,
        }

    def test_the_key_of_a_field_is_refused(self) -> None:
        plain = Plain(name="x")
        plain.extra["group"] = "lost otherwise"
        with pytest.raises(ValidationError, match="extra key 'group' is this field's own"):
            plain.save()

    def test_what_a_payload_cannot_hold_is_named(self) -> None:
        plain = Plain(name="x")
        plain.extra["user"] = object()
        with pytest.raises(PayloadError, match=r"user is <object .* which a payload cannot hold"):
            plain.save()
        assert Plain.objects.count() == 0


@pytest.mark.django_db
class TestBadValues:
    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("whole", "abc", "abc"),
            ("whole", 1.5, "1.5 is not a whole number"),
            ("real", "x", "x"),
            ("exact", "1,5", "1,5"),
            ("moment", "yesterday", "yesterday"),
            ("day", "2024-02-30", "2024-02-30"),
            ("code", "no-uuid", "no-uuid"),
            ("raw", "text", "'text' is a str, and this field holds bytes"),
            ("text", b"bytes", "b'bytes' is a bytes, not text"),
            ("words", "one", r"'one' is a str; this field takes a list. For one element write"),
            ("words", ["a", None], "element 1 is None"),
            ("numbers", ["x"], "element 0"),
            ("friends", ["x"], "'x' is neither an object nor an id"),
        ],
    )
    def test_error_names_field_and_value(self, field: str, value: object, message: str) -> None:
        with pytest.raises(ValidationError) as caught:
            Everything(**{field: value}).save()
        assert list(caught.value.message_dict) == [field]
        assert message in str(caught.value)
        assert Everything.objects.count() == 0

    def test_nan_cannot_be_indexed(self) -> None:
        with pytest.raises(ValueError, match="real=nan: NaN has no position in an order"):
            Everything(real=float("nan")).save()
        assert Everything.objects.count() == 0

    def test_unknown_argument(self) -> None:
        with pytest.raises(TypeError, match="unexpected keyword arguments: 'nope'"):
            Blog(nope=1)

    def test_wrong_class_in_a_reference(self) -> None:
        with pytest.raises(ValueError, match='must be a "Author" instance'):
            Blog(author=Plain())

    def test_unsaved_reference(self) -> None:
        with pytest.raises(ValueError, match="prohibited to prevent data loss due to unsaved"):
            Blog(title="t", author=Author(username="a")).save()

    def test_reference_saved_after_it_was_assigned(self) -> None:
        author = Author(username="a")
        blog = Blog(title="t", author=author)
        author.save()
        blog.save()
        assert Blog.objects.filter(author=author).ids() == [blog.pk]


@pytest.mark.django_db
class TestVersions:
    def test_an_object_destroyed_meanwhile_is_not_resurrected(self) -> None:
        first = Blog.objects.create(title="t")
        second = Blog.objects.get(pk=first.pk)
        first.destroy()
        second.title = "late"
        with pytest.raises(StaleObjectError, match="was destroyed by another writer"):
            second.save()
        assert Blog.objects.count() == 0

    def test_delete_wins_over_a_write_meanwhile(self) -> None:
        first = Blog.objects.create(title="t")
        second = Blog.objects.get(pk=first.pk)
        first.title = "newer"
        first.save()
        assert second.delete() == (1, {"testapp.Blog": 1})
        assert Blog.objects.count() == 0
        second.undelete()
        assert Blog.objects.get(pk=first.pk).title == "newer"

    def test_an_id_can_be_used_again_after_destroy(self) -> None:
        first = Plain.objects.create(name="one")
        id = first.id
        first.destroy()
        assert first.id is None
        Plain(id=id, name="two").save()
        assert Plain.objects.filter(name="two").ids() == [id]
        assert not Plain.objects.filter(name="one").exists()

    def test_an_id_as_text(self) -> None:
        """As it comes from a form or an address."""
        plain = Plain(id="77", name="x")
        plain.save()
        assert plain.id == 77
        assert Plain.objects.filter(name="x").ids() == [77]
        again = Plain(id="77")
        again.refresh_from_db()
        assert (again.id, again.name) == (77, "x")

    @pytest.mark.parametrize("method", ["save", "refresh_from_db"])
    def test_an_id_that_is_no_number(self, method: str) -> None:
        with pytest.raises(ValueError, match="'id' of testapp.Plain expected a number but got 'x'"):
            getattr(Plain(id="x"), method)()

    def test_force_insert_of_a_taken_id(self) -> None:
        first = Plain.objects.create(name="one")
        with pytest.raises(IntegrityError), transaction.atomic():
            Plain(id=first.id, name="two").save(force_insert=True)

    def test_copy_as_in_django(self) -> None:
        plain = Plain.objects.create(name="one")
        plain.pk = None
        plain._state.adding = True
        plain.save()
        assert Plain.objects.filter(name="one").count() == 2


@pytest.mark.django_db
class TestDeleting:
    def test_twice_is_once(self) -> None:
        plain = Plain.objects.create(name="x")
        assert plain.delete() == (1, {"testapp.Plain": 1})
        assert plain.delete() == (0, {})
        assert plain.is_deleted

    def test_reading_deleted_ones(self) -> None:
        plain = Plain.objects.create(name="x")
        plain.delete()
        with pytest.raises(Plain.DoesNotExist):
            Plain.objects.get(pk=plain.pk)
        assert Plain.objects.in_bulk([plain.pk]) == {}
        assert Plain.objects.deleted().get(pk=plain.pk).name == "x"
        assert list(Plain.objects.deleted()) == [plain]

    def test_undelete(self) -> None:
        plain = Plain.objects.create(name="x")
        plain.delete()
        plain.undelete()
        assert Plain.objects.filter(name="x").ids() == [plain.pk]
        assert not Plain.objects.deleted().exists()

    def test_saving_a_deleted_object_keeps_it_deleted(self) -> None:
        plain = Plain.objects.create(name="x")
        plain.delete()
        plain.name = "y"
        plain.save()
        assert not Plain.objects.filter(name="y").exists()
        plain.undelete()
        assert Plain.objects.filter(name="y").exists()

    def test_unsaved(self) -> None:
        with pytest.raises(ValueError, match="can't be deleted: its id is None"):
            Plain().delete()

    def test_signals(self) -> None:
        seen: list[str] = []

        def on_delete(sender: object, instance: Plain, **kwargs: object) -> None:
            seen.append(instance.name)

        post_delete.connect(on_delete, sender=Plain)
        try:
            Plain.objects.create(name="one").delete()
            Plain.objects.create(name="two").destroy()
            Plain.objects.create(name="three")
            Plain.objects.filter(name="three").delete()
        finally:
            post_delete.disconnect(on_delete, sender=Plain)
        assert seen == ["one", "two", "three"]


@pytest.mark.django_db
class TestUniques:
    def test_one_field(self) -> None:
        Author.objects.create(username="admin")
        message = "another testapp.Author with username='admin'"
        with pytest.raises(IntegrityError, match=message), transaction.atomic():
            Author.objects.create(username="admin")
        assert Author.objects.count() == 1

    def test_change_frees_the_old_and_takes_the_new(self) -> None:
        one, two = Author.objects.create(username="1"), Author.objects.create(username="2")
        one.username = "3"
        one.save()
        two.username = "1"
        two.save()
        one.username = "1"
        with pytest.raises(IntegrityError, match="username='1'"), transaction.atomic():
            one.save()

    def test_composite_and_none(self) -> None:
        Pair.objects.create(left="a", right=1)
        Pair.objects.create(left="a", right=None)
        Pair.objects.create(left="a", right=None)
        with pytest.raises(IntegrityError, match="left='a', right=1"), transaction.atomic():
            Pair.objects.create(left="a", right=1)
        assert Pair.objects.get(left="a", right=1).right == 1

    def test_freed_by_delete_and_refused_by_undelete(self) -> None:
        first = Author.objects.create(username="x")
        first.delete()
        second = Author.objects.create(username="x")
        with pytest.raises(IntegrityError, match="username='x'"), transaction.atomic():
            first.undelete()
        assert first.is_deleted
        assert Author.objects.filter(username="x").ids() == [second.pk]

    def test_destroying_a_deleted_object_leaves_a_value_that_another_took(self) -> None:
        first = Author.objects.create(username="x")
        first.delete()
        second = Author.objects.create(username="x")
        first.destroy()
        with pytest.raises(IntegrityError, match="username='x'"), transaction.atomic():
            Author.objects.create(username="x")
        second.destroy()
        Author.objects.create(username="x")

    def test_bulk_create_is_all_or_nothing(self) -> None:
        Author.objects.create(username="x")
        with pytest.raises(IntegrityError, match="username='x'"), transaction.atomic():
            Author.objects.bulk_create([Author(username="y"), Author(username="x")])
        with pytest.raises(IntegrityError, match="username='z'"), transaction.atomic():
            doubles = [Author(username="z"), Author(username="z")]
            Author.objects.bulk_create(doubles)
        assert [double.id for double in doubles] == [None, None]
        assert Author.objects.count() == 1

    def test_validation_names_the_field(self) -> None:
        Author.objects.create(username="x")
        with pytest.raises(ValidationError) as caught:
            Author(username="x", nick="n", intro="i").full_clean()
        assert caught.value.message_dict == {
            "username": ["Author with this Username already exists."]
        }
        Pair.objects.create(left="a", right=1)
        with pytest.raises(ValidationError, match="Pair with this Left and Right already exists"):
            Pair(left="a", right=1, code="c").full_clean()

    def test_own_value_is_no_clash(self) -> None:
        author = Author.objects.create(username="x", nick="n", intro="i")
        author.full_clean()
        author.nick = "m"
        author.save()

    def test_get_or_create(self) -> None:
        one, created = Author.objects.get_or_create(username="x", defaults={"nick": "n"})
        two, again = Author.objects.get_or_create(username="x", defaults={"nick": "m"})
        assert (created, again, one, two.nick) == (True, False, two, "n")
        three, created = Author.objects.update_or_create(username="x", defaults={"nick": "o"})
        assert (created, three.nick, Author.objects.get(pk=one.pk).nick) == (False, "o", "o")


@pytest.mark.django_db
class TestBulk:
    def test_update_by_query(self) -> None:
        Plain.objects.bulk_create([Plain(name=str(i), group="g") for i in range(5)])
        assert Plain.objects.filter(group="g").update(group="h", number=3) == 5
        assert Plain.objects.filter(group="g").count() == 0
        assert Plain.objects.filter(group="h").order_by("number").count() == 5

    def test_bulk_update(self) -> None:
        objects = Plain.objects.bulk_create([Plain(name=str(i)) for i in range(3)])
        for obj in objects:
            obj.name, obj.number = "all", 7
        assert Plain.objects.bulk_update(objects, ["number"]) == 3
        assert Plain.objects.filter(name="all").count() == 0
        assert {p.number for p in Plain.objects.all()} == {7}

    def test_delete_and_destroy_by_query(self) -> None:
        Plain.objects.bulk_create([Plain(name=str(i), group="g") for i in range(3)])
        assert Plain.objects.filter(name="1").delete() == (1, {"testapp.Plain": 1})
        assert Plain.objects.filter(group="g").destroy() == (2, {"testapp.Plain": 2})
        assert Plain.sql.count() == 1
        assert Plain.objects.deleted().destroy()[0] == 1
        assert Plain.sql.count() == 0

    def test_bulk_create_gives_ids_in_order(self) -> None:
        objects = Plain.objects.bulk_create([Plain(name=f"n{i}") for i in range(400)])
        for obj in objects[::57]:
            assert Plain.objects.get(pk=obj.pk).name == obj.name


@pytest.mark.django_db
def test_pre_save_may_change_the_object() -> None:
    def receiver(sender: object, instance: Plain, **kwargs: object) -> None:
        instance.group = instance.name.upper()

    pre_save.connect(receiver, sender=Plain)
    try:
        plain = Plain.objects.create(name="x")
    finally:
        pre_save.disconnect(receiver, sender=Plain)
    assert Plain.objects.filter(group="X").ids() == [plain.pk]


@pytest.mark.django_db
def test_nothing_is_sent_for_an_unchanged_object() -> None:
    plain = Plain.objects.create(name="x")
    sent: list[object] = []

    def receiver(**kwargs: object) -> None:
        sent.append(kwargs)

    post_save.connect(receiver, sender=Plain)
    try:
        plain.save()
    finally:
        post_save.disconnect(receiver, sender=Plain)
    assert sent == []
