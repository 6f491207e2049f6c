"""The wrong answers of older libraries: for each one a query of its kind.

PySonic, Rom, Walrus, Redisco, Redis-OM and the others are libraries that kept objects and indexes
in Redis before; what went wrong there is named in each docstring.
"""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from django.core.exceptions import FieldError, ValidationError
from django.db.models.signals import post_delete, pre_delete
from django.test.utils import isolate_apps

from sonic_django import Index, SonicObj, str_field
from sonic_django.test import count_redis_calls
from tests.testapp.models import Author, Blog, Everything, Member, Pair, Plain

pytestmark = pytest.mark.django_db


class TestWrongAnswers:
    def test_values_embedded_unescaped_in_keys(self) -> None:
        """PySonic, Redisco, Walrus: ``a:b`` in one field is ``a`` and ``b`` in two; None is ``""``
        is ``[]``."""
        pairs = [(left, i) for left in ("a", "a:b", "a|b", "a|i1", "%3a", "", None) for i in (0, 1)]
        for left, right in pairs:
            Pair.objects.create(left=left, right=right)
        for left, right in pairs:
            assert Pair.objects.filter(left=left, right=right).count() == 1
        values = [None, "", 0, False, "0", "None", "False"]
        Everything.objects.bulk_create([Everything(anything=value) for value in values])
        for value in values:
            found = Everything.objects.filter(anything=value)
            assert [(type(obj.anything), obj.anything) for obj in found] == [(type(value), value)]
        lists = [[], [""], None]
        made = Everything.objects.bulk_create([Everything(words=words) for words in lists])
        for wanted, obj in zip(([], "", None), made, strict=True):
            found = Everything.objects.filter(words=wanted, pk__in=made)
            assert list(found) == [obj]

    @isolate_apps("tests.testapp")
    def test_two_indexes_share_one_key(self) -> None:
        """PySonic: an index on ``a_b`` and one on ``a`` and ``b`` have one name."""

        class Parcel(SonicObj):
            a = str_field("")
            b = str_field("")
            a_b = str_field("")

            indexes = {"x": [a, b], "a_b": [a_b], "y": Index([a], order_by=b), "a": [a]}

            class Meta:
                app_label = "testapp"

        digests = [spec.digest for spec in Parcel._sonic.indexes.values()]
        assert len(set(digests)) == 4
        values = {"a": "1", "b": "2", "a_b": "1"}
        entries = [entry.name for entry in Parcel._sonic.entries(values)]
        assert len(set(entries)) == len(entries) == 4

    def test_the_encoder_is_applied_twice_on_update(self) -> None:
        """Iorm: what was updated is stored encoded once more."""
        plain = Plain.objects.create(name='["x"]', group='"', number=1)
        for number in (2, 3):
            Plain.objects.filter(pk=plain.pk).update(number=number)
            stored = Plain.objects.get(pk=plain.pk)
            assert (stored.name, stored.group, stored.number) == ('["x"]', '"', number)
            stored.number += 10
            Plain.objects.bulk_update([stored], ["number", "name"])
            assert Plain.objects.get(name='["x"]').number == number + 10

    def test_stale_ids_are_returned_as_ghosts_or_end_the_loop(self) -> None:
        """Iorm, Redisco, Walrus: the id of a destroyed object gives an empty object or an error."""
        plains = Plain.objects.bulk_create([Plain(group="g", name=f"n{i}") for i in range(5)])
        plains[1].destroy()
        # And one that only the row knows of, as after a crash between both stores.
        Plain._sonic.table("default").delete(plains[3].id, plains[3].sonic_version)
        wanted = [plains[4], plains[2], plains[0]]
        assert list(Plain.objects.filter(group="g")) == wanted
        assert list(Plain.objects.filter(group="g").iterator(1)) == wanted
        assert list(Plain.objects.in_bulk([plain.pk for plain in plains if plain.pk])) == [
            plains[0].pk, plains[2].pk, plains[4].pk,
        ]  # fmt: skip

    def test_iteration_is_cut_short_silently(self) -> None:
        """Rom, Walrus: results lie in a temporary key, which expires while one reads."""
        plains = Plain.objects.bulk_create([Plain(group="g", name=f"n{i}") for i in range(30)])
        assert Plain.objects.count() == 30
        keys = set(Plain._sonic.store("default").keys())
        iterator = Plain.objects.filter(group="g").order_by("name").iterator(5)
        first = next(iterator)
        assert set(Plain._sonic.store("default").keys()) == keys
        assert {first, *iterator} == set(plains)

    def test_sorting_drops_what_has_no_value(self) -> None:
        """Rom: an object without the value is in no sorted index."""
        for number in (None, 2, 1, None):
            Plain.objects.create(group="g", number=number)
        for order in ("number", "-number"):
            found = Plain.objects.filter(group="g").order_by(order)
            assert len(found) == found.count() == 4
            assert [obj.number for obj in found][2:] == [None, None]

    def test_sorting_looks_at_seven_bytes(self) -> None:
        """Rom: texts are ordered by a score of their first bytes."""
        names = ["same start, b", "same start, a", "same start", "same start, " + "z" * 9000]
        Plain.objects.bulk_create([Plain(name=name) for name in names])
        found = list(Plain.objects.order_by("name").values_list("name", flat=True))
        assert found == sorted(names)
        assert Plain.objects.filter(name__gt="same start, a").count() == 2

    def test_the_count_is_a_guess(self) -> None:
        """Rom: the number is estimated by the filter of least objects."""
        Blog.objects.bulk_create(
            [Blog(tags=["a"] if i % 2 else ["b"], score=i % 3) for i in range(60)]
        )
        found = Blog.objects.filter(tags="a", score=1)
        assert found.count() == len(found) == 10
        assert Blog.objects.exclude(tags="a").filter(score__gt=0).count() == 20

    def test_cursors_differ_between_methods(self) -> None:
        """PySonic: one method begins with the cursor's object, another behind it."""
        plains = Plain.objects.bulk_create([Plain(group="g") for _ in range(5)])
        ids = [plain.id for plain in plains]
        assert Plain.find(2, ids[3], group="g") == ids[2:0:-1]
        assert Plain.get_ids(2, ids[1]) == ids[2:4]
        assert Plain.objects.after(ids[3])[:2].ids() == ids[2:0:-1]
        assert Plain.objects.filter(group="g").order_by("pk").after(ids[1])[:2].ids() == ids[2:4]

    def test_a_lost_cursor_begins_at_the_top(self) -> None:
        """PySonic: the page behind an object that was removed is the first page again."""
        plains = Plain.objects.bulk_create([Plain(group="g", name=f"n{i}") for i in range(5)])
        gone = plains[2].id
        plains[2].destroy()
        assert list(Plain.objects.after(gone)) == [plains[1], plains[0]]
        assert Plain.find(9, gone, group="g") == [plains[1].id, plains[0].id]
        with pytest.raises(Plain.DoesNotExist, match="The cursor"):
            Plain.objects.order_by("name").after(gone)

    def test_none_is_not_kept(self) -> None:
        """Redis-OM, Walrus: None is not written, or comes back as 0, ``""`` or 1970."""
        moment = datetime(2024, 1, 1, tzinfo=timezone.utc)
        obj = Everything.objects.create(text="x", whole=1, moment=moment, words=["a"], flag=True)
        for name in ("text", "whole", "moment", "words", "flag"):
            setattr(obj, name, None)
        obj.save()
        obj = Everything.objects.get(pk=obj.pk)
        for name in ("text", "whole", "moment", "words", "flag"):
            assert getattr(obj, name) is None
            assert Everything.objects.filter(**{name: None}).get() == obj
        assert not Everything.objects.filter(whole=0).exists()

    def test_a_lookup_without_index_finds_nothing(self) -> None:
        """PySonic: no index, no objects, no error."""
        Blog.objects.create(title="x")
        for ask in (
            lambda: Blog.objects.filter(title="x"),
            lambda: Blog.objects.exclude(content="x"),
            lambda: Blog.find_all(title="x"),
            lambda: list(Blog.objects.order_by("title")),
        ):
            with pytest.raises(FieldError, match="no index"):
                ask()
        assert Blog.objects.scan().filter(title="x").count() == 1

    def test_arguments_are_ignored(self) -> None:
        """PySonic, RedisStore: unknown names, terms and the field of a range go unheard."""
        Blog.objects.create(title="fox", tags=["t"])
        with pytest.raises(FieldError, match="has no field 'tittle'"):
            Blog.objects.filter(tittle="fox")
        with pytest.raises(FieldError, match='content is not in the "groups"'):
            Blog.search("fox", terms={"content": "x"})
        assert Blog.search("fox", terms={"tags": "other"}) == []
        with pytest.raises(TypeError, match="unexpected keyword"):
            Blog.objects.filter(tags="t").delete(title="other")  # type: ignore[call-arg]
        with pytest.raises(FieldError, match="'score__nope' is not supported"):
            Blog.objects.filter(score__nope=1)
        with pytest.raises(ValidationError, match="must be an integer"):
            Blog.objects.filter(score__gt="many")

    def test_a_rebuild_visits_nothing_or_leaves_what_is_stale(self) -> None:
        """Rom, Iorm, PySonic: of a database shared with others nothing is found; entries of values
        that objects no longer have stay."""
        plain = Plain.objects.create(group="old")
        payload = Plain._sonic.codec.encode({"name": "", "group": "new", "number": None})
        assert Plain._sonic.table("default").update(plain.id, plain.sonic_version, payload)
        assert Plain.rebuild_all() == 1
        assert Plain.objects.filter(group="old").count() == 0
        assert Plain.objects.filter(group="new").count() == 1


class TestTrapsOfObjects:
    def test_mutable_defaults_are_shared(self) -> None:
        """PySonic, Walrus: one list is the default of all objects."""
        one, other = Blog(), Blog()
        one.tags.append("x")
        assert other.tags == []
        assert Blog().tags == []

    def test_changes_in_place_are_not_seen(self) -> None:
        """PySonic, Rom: ``append`` is no assignment, so nothing is saved."""
        blog = Blog.objects.create(tags=["a"])
        loaded = Blog.objects.get(pk=blog.pk)
        loaded.tags.append("b")
        assert loaded.dirty_fields == ["tags"]
        assert loaded.save() is True
        assert Blog.objects.get(pk=blog.pk).tags == ["a", "b"]

    def test_references_are_loaded_along_for_ever(self) -> None:
        """Rom: each object loads what it refers to, and two that refer to each other never end."""
        one = Everything.objects.create()
        other = Everything.objects.create(parent=one)
        one.parent = other
        one.save()
        loaded = Everything.objects.get(pk=one.pk)
        assert "parent" not in loaded._state.fields_cache
        assert loaded.parent.parent == loaded

    def test_objects_of_two_classes_with_one_id_are_equal(self) -> None:
        """PySonic, Redisco: equality is by id alone, and what is unsaved is all one."""
        author, plain = Author(id=7), Plain(id=7)
        assert author != plain
        assert Plain(id=7) == plain
        assert Plain() != Plain()
        assert len({author, plain, Plain(id=7)}) == 2

    @isolate_apps("tests.testapp")
    def test_what_a_class_declares_leaks_into_others(self) -> None:
        """PySonic, Redisco: subclasses share the dicts and the fields of their base."""

        class Base(SonicObj):
            name = str_field("", index=True)

            class Meta:
                app_label = "testapp"
                abstract = True

        class One(Base):
            more = str_field("", index=True)

            class Meta:
                app_label = "testapp"

        class Two(Base):
            class Meta:
                app_label = "testapp"

        assert list(One._sonic.fields) == ["name", "more"]
        assert list(Two._sonic.indexes) == ["name"]
        assert One._sonic.fields["name"] is not Two._sonic.fields["name"]
        assert One._sonic.fields["name"].model is One

    def test_partial_objects_look_like_whole_ones(self) -> None:
        """Iorm: an object loaded by ``only()`` saves its unloaded fields as empty."""
        plain = Plain.objects.create(name="n", group="g", number=1)
        partial = Plain.objects.only("name").get(pk=plain.pk)
        partial.name = "m"
        partial.save()
        stored = Plain.objects.get(pk=plain.pk)
        assert (stored.name, stored.group, stored.number) == ("m", "g", 1)

    @isolate_apps("tests.testapp")
    def test_declaring_or_making_an_object_talks_to_a_server(
        self, django_assert_num_queries: object
    ) -> None:
        """PySonic, Rom, Redis-OM: a class statement connects, a constructor reads a counter."""
        with count_redis_calls() as calls, django_assert_num_queries(0):  # type: ignore[operator]

            class Parcel(SonicObj):
                name = str_field("", index=True, unique=True)

                class Meta:
                    app_label = "testapp"

            Parcel(name="x")
            assert Parcel._sonic.indexes
        assert calls == []

    def test_hooks_are_passed_over(self) -> None:
        """PySonic, Rom: deleting many, by cascade or for good runs none of the class's hooks."""
        seen: list[tuple[str, str]] = []

        def note(sender: type, signal: object, **kwargs: object) -> None:
            seen.append((sender.__name__, "pre" if signal is pre_delete else "post"))

        for name in ("ann", "bob"):
            Member.objects.create(cascades=Author.objects.create(username=name))
        for signal in (pre_delete, post_delete):
            signal.connect(note, sender=Member)
            signal.connect(note, sender=Author)
        order = [("Author", "pre"), ("Member", "pre"), ("Member", "post"), ("Author", "post")]
        try:
            Author.objects.filter(username="ann").delete()
            assert seen == order
            Author.objects.filter(username="bob").destroy()
            assert seen == order * 2
        finally:
            for signal in (pre_delete, post_delete):
                signal.disconnect(note, sender=Member)
                signal.disconnect(note, sender=Author)
