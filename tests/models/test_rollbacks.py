"""After a rollback an object is what it was: its next save writes what the rollback undid."""

from __future__ import annotations

import copy
import pickle

import pytest
from django.db import transaction

from tests.testapp.models import Author, Pair, Plain
from tests.versions import writes


class Undo(Exception):
    pass


def run(block) -> None:
    """Run it in a transaction that is rolled back."""
    with pytest.raises(Undo), transaction.atomic():
        block()
        raise Undo


@pytest.fixture(autouse=True)
def kind(request) -> None:
    """Each test runs twice: where transactions are committed, and within a test's own."""


pytestmark = pytest.mark.parametrize(
    "kind",
    [
        pytest.param("committing", marks=pytest.mark.django_db(transaction=True)),
        pytest.param("within a test's transaction", marks=pytest.mark.django_db),
    ],
    indirect=True,
)


def stored(plain: Plain) -> str:
    return Plain.objects.get(pk=plain.pk).name


class TestSave:
    def test_a_change_that_was_rolled_back_is_saved_again(self) -> None:
        plain = Plain.objects.create(name="old")
        plain.name = "new"
        run(plain.save)
        assert stored(plain) == "old"
        assert plain.dirty_fields == ["name"]
        assert plain.save()
        assert stored(plain) == "new"
        assert Plain.objects.filter(name="new").ids() == [plain.pk]
        assert not Plain.objects.filter(name="old").exists()

    def test_several_saves(self) -> None:
        plain = Plain.objects.create(name="0", group="g")

        def save_thrice() -> None:
            for name in ("1", "2", "3"):
                plain.name = name
                plain.save()

        run(save_thrice)
        assert writes(plain) in (1, 4)
        plain.group = "h"
        plain.save()
        assert (stored(plain), Plain.objects.get(pk=plain.pk).group) == ("3", "h")
        assert writes(plain) == 2

    def test_a_new_object_is_inserted_again(self) -> None:
        plain = Plain(name="x")
        run(plain.save)
        assert Plain.objects.count() == 0
        assert plain.save()
        assert Plain.objects.filter(name="x").ids() == [plain.pk]

    def test_a_new_object_with_an_id_of_its_own(self) -> None:
        plain = Plain(id=77, name="x")
        run(plain.save)
        plain.save()
        assert Plain.objects.filter(name="x").ids() == [77]

    def test_bulk_create(self) -> None:
        plains = [Plain(name="a"), Plain(name="b")]
        run(lambda: Plain.objects.bulk_create(plains))
        for plain in plains:
            plain.save()
        assert sorted(p.name for p in Plain.objects.all()) == ["a", "b"]

    def test_bulk_update(self) -> None:
        plain = Plain.objects.create(name="old")
        plain.name = "new"
        run(lambda: Plain.objects.bulk_update([plain], ["name"]))
        assert Plain.objects.bulk_update([plain], ["name"]) == 1
        assert stored(plain) == "new"

    def test_values_that_were_never_read(self) -> None:
        made = Plain.objects.create(name="n", group="g")
        plain = Plain.objects.get(pk=made.pk)
        plain.name = "new"
        run(lambda: plain.save(update_fields=["name"]))
        plain.save()
        assert (plain.name, plain.group) == ("new", "g")
        assert (stored(plain), Plain.objects.get(pk=made.pk).group) == ("new", "g")

    def test_an_id_that_another_object_got_meanwhile(self) -> None:
        plain = Plain(name="one")
        run(plain.save)
        other = Plain.objects.create(name="other")
        plain.group = "g"
        plain.save()
        assert plain.pk != other.pk
        assert (stored(plain), stored(other)) == ("one", "other")


class TestSavepoints:
    def test_an_inner_rollback_undoes_the_inner_save(self) -> None:
        plain = Plain.objects.create(name="0")
        with transaction.atomic():
            plain.name = "1"
            plain.save()
            plain.name = "2"
            run(plain.save)
            assert plain.dirty_fields == ["name"]
            assert writes(plain) == 2
            plain.name = "3"
            plain.save()
        assert stored(plain) == "3"
        assert Plain.objects.filter(name="3").ids() == [plain.pk]

    def test_an_outer_rollback_undoes_both(self) -> None:
        plain = Plain.objects.create(name="0")

        def outer() -> None:
            plain.name = "1"
            plain.save()
            with transaction.atomic():
                plain.name = "2"
                plain.save()

        run(outer)
        plain.save()
        assert stored(plain) == "2"
        assert writes(plain) == 2

    def test_a_commit_leaves_nothing_behind(self) -> None:
        plain = Plain.objects.create(name="0")
        with transaction.atomic():
            plain.name = "1"
            plain.save()
        assert plain.save() is False
        plain.name = "2"
        assert plain.save()
        assert stored(plain) == "2"


class TestRemoval:
    def test_a_deletion_that_was_rolled_back(self) -> None:
        plain = Plain.objects.create(name="x")
        run(plain.delete)
        plain.name = "y"
        assert plain.save()
        assert plain.is_deleted is False
        assert Plain.objects.filter(name="y").ids() == [plain.pk]

    def test_it_can_be_deleted_again(self) -> None:
        plain = Plain.objects.create(name="x")
        run(plain.delete)
        assert plain.delete()[0] == 1
        assert Plain.objects.count() == 0

    def test_an_undeletion(self) -> None:
        plain = Plain.objects.create(name="x")
        plain.delete()
        run(plain.undelete)
        assert Plain.objects.count() == 0
        plain.undelete()
        assert Plain.objects.filter(name="x").ids() == [plain.pk]

    def test_a_destruction(self) -> None:
        plain = Plain.objects.create(name="x")
        id = plain.pk
        run(plain.destroy)
        assert Plain.objects.filter(name="x").ids() == [id]
        plain.name = "y"
        plain.save()
        assert Plain.objects.filter(name="y").ids() == [id], "it is the same object"

    def test_an_undeletion_that_a_unique_refuses(self) -> None:
        pair = Pair.objects.create(code="1")
        pair.delete()
        Pair.objects.create(code="1")
        with pytest.raises(Exception, match="already another testapp.Pair"), transaction.atomic():
            pair.undelete()
        assert (pair.is_deleted, writes(pair)) == (True, 2)
        pair.code = "2"
        pair.save()
        pair.undelete()
        assert Pair.objects.filter(code="2").ids() == [pair.pk]


class TestUniquesAndText:
    def test_a_taken_unique_is_free_again(self) -> None:
        author = Author(username="ann", nick="one")
        run(author.save)
        # On SQLite it gets the id that the rollback has set free.
        other = Author.objects.create(username="ann", nick="other")
        with pytest.raises(Exception, match="username='ann'"), transaction.atomic():
            author.save()
        other.destroy()
        author.save()
        assert Author.objects.get(username="ann") == author

    def test_full_text_is_that_of_the_row(self) -> None:
        author = Author.objects.create(username="ann", intro="sailing")
        author.intro = "rowing"
        run(author.save)
        assert [found.pk for found in Author.search("sailing")] == [author.pk]
        assert Author.search("rowing") == []
        author.save()
        assert [found.pk for found in Author.search("rowing")] == [author.pk]


def test_an_object_can_be_pickled_and_copied_within_a_transaction() -> None:
    with transaction.atomic():
        plain = Plain.objects.create(name="x")
        assert pickle.loads(pickle.dumps(plain)).name == "x"
        assert copy.deepcopy(plain).name == "x"
