"""Conflicts in ``bulk_create``, progress, and who makes or changes an object at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connection

from tests.query.test_round_trips import costs
from tests.testapp.models import Author, Pair, Plain


@pytest.mark.django_db
class TestIgnoringConflicts:
    def test_who_holds_a_value_stays(self) -> None:
        ann = Author.objects.create(username="ann", nick="first")
        made = Author.objects.bulk_create(
            [Author(username=name, nick="new") for name in ("ann", "bob", "bob", "cid")],
            ignore_conflicts=True,
        )
        assert [obj.id is None for obj in made] == [True, False, True, False]
        assert [obj._state.adding for obj in made] == [True, False, True, False]
        assert Author.objects.order_by("username").values_list("username", "nick")[:5] is not None
        found = {obj.username: obj.nick for obj in Author.objects.all()}
        assert found == {"ann": "first", "bob": "new", "cid": "new"}
        assert Author.objects.get(username="ann") == ann

    def test_several_uniques_and_none(self) -> None:
        Pair.objects.create(left="a", right=1, code="x")
        made = Pair.objects.bulk_create(
            [
                Pair(left="a", right=1, code="y"),
                Pair(left="a", right=2, code="x"),
                Pair(left="a", right=None, code=None),
                Pair(left="a", right=None, code=None),
                Pair(left="b", right=1, code="z"),
            ],
            ignore_conflicts=True,
        )
        assert [obj.id is None for obj in made] == [True, True, False, False, False]
        assert Pair.objects.count() == 4

    def test_a_class_without_uniques(self) -> None:
        made = Plain.objects.bulk_create([Plain(), Plain()], ignore_conflicts=True)
        assert Plain.objects.ids() == [made[1].id, made[0].id]

    def test_costs(self) -> None:
        Author.objects.bulk_create([Author(username=f"n{i}") for i in range(100)])
        # A look at who holds the values, rows, their uniques, and a savepoint of three statements
        # around those; Redis: what is built, the entries, and the queue of full text.
        with costs(4, 6):
            Author.objects.bulk_create(
                [Author(username=f"n{i}") for i in range(50, 150)], ignore_conflicts=True
            )


@pytest.mark.django_db
class TestUpdatingConflicts:
    def upsert(self, *pairs: tuple[str, str], **kwargs: Any) -> list[Author]:
        return Author.objects.bulk_create(
            [Author(username=name, nick=nick, intro="new") for name, nick in pairs],
            update_conflicts=True,
            unique_fields=["username"],
            update_fields=["nick"],
            **kwargs,
        )

    def test_who_holds_a_value_is_updated(self) -> None:
        ann = Author.objects.create(username="ann", nick="old", intro="old")
        given = self.upsert(("ann", "one"), ("bob", "two"), ("bob", "three"), ("ann", "four"))
        assert given[0].id == given[3].id == ann.id
        found = {obj.username: (obj.nick, obj.intro) for obj in Author.objects.all()}
        assert found == {"ann": ("four", "old"), "bob": ("three", "new")}
        assert Author.objects.count() == 2

    def test_the_object_given_stands_for_the_row(self) -> None:
        Author.objects.create(username="ann", nick="old", intro="old")
        (given,) = self.upsert(("ann", "one"))
        assert given.dirty_fields == ["intro"]
        given.save()
        assert Author.objects.get(username="ann").intro == "new"
        (given,) = self.upsert(("ann", "one"))
        assert given.dirty_fields == []
        assert given.save() is False

    def test_the_index_follows(self) -> None:
        Pair.objects.create(left="a", right=1, code="x")
        Pair.objects.bulk_create(
            [Pair(left="b", right=2, code="x"), Pair(left="c", right=3, code="y")],
            update_conflicts=True,
            unique_fields=["code"],
            update_fields=["left", "right"],
        )
        assert Pair.objects.get(left="b", right=2).code == "x"
        assert Pair.objects.filter(left="a", right=1).count() == 0
        Pair.objects.create(left="a", right=1)

    def test_another_unique_is_an_error_and_nothing_is_written(self) -> None:
        Pair.objects.create(left="a", right=1, code="x")
        new = [Pair(left="b", right=1, code="z"), Pair(left="a", right=1, code="y")]
        with pytest.raises(IntegrityError, match="another testapp.Pair with left='a', right=1"):
            Pair.objects.bulk_create(
                new, update_conflicts=True, unique_fields=["code"], update_fields=["right"]
            )
        assert Pair.objects.count() == 1
        assert [obj.id for obj in new] == [None, None]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"ignore_conflicts": True, "update_conflicts": True}, "mutually exclusive"),
            ({"update_conflicts": True}, "takes update_fields and unique_fields"),
            ({"update_fields": ["nick"]}, "go with update_conflicts=True"),
            (
                {"update_conflicts": True, "unique_fields": ["nick"], "update_fields": ["intro"]},
                "testapp.Author: nick are not the fields of a unique. The uniques are: username",
            ),
        ],
    )
    def test_mistakes(self, arguments: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            Author.objects.bulk_create([Author(username="ann")], **arguments)


@pytest.mark.django_db
def test_progress() -> None:
    seen: list[tuple[int, int]] = []

    def note(done: int, total: int) -> None:
        seen.append((done, total))

    plains = Plain.objects.bulk_create([Plain(group="g") for _ in range(5)], 2, progress=note)
    assert seen == [(2, 5), (4, 5), (5, 5)]
    for plain in plains:
        plain.number = 1
    seen.clear()
    Plain.objects.bulk_update(plains, ["number"], batch_size=3, progress=note)
    assert seen == [(3, 5), (5, 5)]
    for method in (
        lambda: Plain.objects.filter(group="g").update(number=2, progress=note),
        lambda: Plain.objects.filter(group="g").delete(progress=note),
        lambda: Plain.objects.deleted().destroy(progress=note),
    ):
        seen.clear()
        method()
        assert seen == [(5, 5)]


def at_once(*jobs: Callable[[], Any]) -> list[Any]:
    """The results of jobs that start together, each in a thread with its own connection; an
    exception is a result."""
    start = threading.Barrier(len(jobs))
    results: list[Any] = [None] * len(jobs)

    def run(at: int, job: Callable[[], Any]) -> None:
        try:
            start.wait(10)
            results[at] = job()
        except Exception as error:
            results[at] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


@pytest.mark.django_db(transaction=True)
class TestAtTheSameTime:
    def test_one_makes_it_and_the_others_get_it(self) -> None:
        for turn in range(10):
            make = partial(Author.objects.get_or_create, username=f"n{turn}")
            made = at_once(make, make, make)
            assert sorted(created for _, created in made) == [False, False, True]
            assert len({obj.id for obj, _ in made}) == 1
        assert Author.objects.count() == 10

    def test_the_last_change_wins_and_nobody_gets_an_error(self) -> None:
        for turn in range(10):
            jobs = [
                lambda nick=nick: Author.objects.update_or_create(
                    username="ann", defaults={"nick": nick}
                )
                for nick in (f"a{turn}", f"b{turn}", f"c{turn}")
            ]
            made = at_once(*jobs)
            assert all(isinstance(one, tuple) for one in made), made
            assert Author.objects.get(username="ann").nick in (f"a{turn}", f"b{turn}", f"c{turn}")
        assert Author.objects.count() == 1

    def test_conflicts_that_come_up_meanwhile(self) -> None:
        for turn in range(5):
            names = [f"n{turn}-{i}" for i in range(20)]

            def make(names: list[str] = names) -> list[Author]:
                objects = [Author(username=name) for name in names]
                return Author.objects.bulk_create(objects, ignore_conflicts=True)

            made = at_once(make, make)
            assert all(isinstance(one, list) for one in made), made
            assert sum(obj.id is not None for some in made for obj in some) == 20
        assert Author.objects.count() == 100
