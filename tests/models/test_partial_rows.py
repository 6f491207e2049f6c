"""Objects of which a part was loaded, or loaded again: their next save overwrites nobody's work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import FieldError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sonic_django.exceptions import StaleObjectError
from tests.sync.checking import kinds
from tests.testapp.models import Author, Blog, Comment, Described, Everything

pytestmark = pytest.mark.django_db

TABLE = Blog._meta.db_table


@pytest.fixture
def blog() -> Blog:
    return Blog.objects.create(title="t", content="c", tags=["a"], score=1)


def write(pk: Any, **values: Any) -> None:
    """Another writer's change."""
    obj = Blog.objects.get(pk=pk)
    for name, value in values.items():
        setattr(obj, name, value)
    obj.save()


def stored(pk: Any) -> tuple[str, str, list[str], int]:
    row = Blog.objects.get(pk=pk)
    return row.title, row.content, row.tags, row.score


class TestNamedFields:
    def test_the_next_save_goes_on(self, blog: Blog) -> None:
        write(blog.pk, score=5)
        blog.refresh_from_db(fields=["score"])
        assert blog.score == 5
        assert blog.dirty_fields == []
        blog.title = "mine"
        blog.save()
        assert stored(blog.pk) == ("mine", "c", ["a"], 5)

    def test_a_counter_is_read_and_written(self, blog: Blog) -> None:
        write(blog.pk, score=5)
        blog.refresh_from_db(fields=["score"])
        blog.score += 1
        blog.save()
        assert stored(blog.pk)[3] == 6

    def test_a_field_that_was_not_named_is_merged(self, blog: Blog) -> None:
        write(blog.pk, score=5, title="theirs")
        blog.refresh_from_db(fields=["score"])
        assert blog.title == "t"
        blog.content = "mine"
        blog.save()
        assert stored(blog.pk) == ("theirs", "mine", ["a"], 5)
        assert blog.title == "theirs"

    def test_a_field_that_was_not_named_is_no_ones_to_overwrite(self, blog: Blog) -> None:
        blog.title = "mine"
        write(blog.pk, score=5, title="theirs")
        blog.refresh_from_db(fields=["score"])
        with pytest.raises(StaleObjectError, match="changed title too"):
            blog.save()
        assert stored(blog.pk)[0] == "theirs"

    def test_changes_of_the_field_itself_are_lost(self, blog: Blog) -> None:
        blog.score, blog.title = 9, "mine"
        blog.refresh_from_db(fields=["score"])
        assert (blog.score, blog.dirty_fields) == (1, ["title"])

    def test_nobody_else_wrote(self, blog: Blog) -> None:
        loaded = Blog.objects.get(pk=blog.pk)
        loaded.refresh_from_db(fields=["tags"])
        loaded.tags.append("b")
        with CaptureQueriesContext(connection) as statements:
            loaded.save()
        assert len(statements) <= 3, "nothing is merged"
        assert stored(blog.pk)[2] == ["a", "b"]

    def test_references_and_lists_of_them(self) -> None:
        ann, bob = Author.objects.create(username="ann"), Author.objects.create(username="bob")
        blog = Blog.objects.create(title="t", author=ann)
        assert blog.author == ann
        write(blog.pk, author=bob)
        blog.refresh_from_db(fields=["author"])
        assert blog.author == bob
        friend = Everything.objects.create()
        made = Everything.objects.create()
        Everything.objects.filter(pk=made.pk).update(friends=[friend])
        with CaptureQueriesContext(connection) as statements:
            made.refresh_from_db(fields=["friends"])
        assert len(statements) == 1
        assert made.friends == [friend]

    def test_a_field_that_the_row_lacks_has_its_default(self) -> None:
        payload = Described._sonic.codec.encode({"title": "t", "changed": timezone.now()})
        id = Described._sonic.table("default").insert(payload)
        described = Described.sql.get(pk=id)
        described.kind = "b"
        described.refresh_from_db(fields=["kind", "token"])
        assert (described.kind, described.dirty_fields) == ("a", [])

    def test_beside_a_column(self, blog: Blog) -> None:
        other = Blog.objects.get(pk=blog.pk)
        other.score = 7
        other.save()
        other.delete()
        blog.refresh_from_db(fields=["score", "is_deleted"])
        assert (blog.score, blog.is_deleted) == (7, True)
        blog.refresh_from_db(fields=["id"])

    def test_an_unknown_name(self, blog: Blog) -> None:
        with pytest.raises(FieldError, match="has no field 'nope'"):
            blog.refresh_from_db(fields=["nope"])

    @pytest.mark.parametrize("column", ["sonic_version", "sonic_payload"])
    def test_the_version_is_not_taken_without_its_payload(self, blog: Blog, column: str) -> None:
        blog.title = "mine"
        write(blog.pk, score=5, title="theirs")
        blog.refresh_from_db(fields=[column])
        assert (blog.title, blog.score) == ("theirs", 5)
        assert blog.save() is False


def deferring(*names: str) -> Callable[[Any], Blog]:
    return lambda pk: Blog.sql.defer(*names).get(pk=pk)


def only(*names: str) -> Callable[[Any], Blog]:
    return lambda pk: Blog.sql.only(*names).get(pk=pk)


def raw(columns: str) -> Callable[[Any], Blog]:
    return lambda pk: Blog.sql.raw(f"SELECT {columns} FROM {TABLE} WHERE id = %s", [pk])[0]


def through_a_comment(pk: Any) -> Blog:
    comment = Comment.objects.create(blog_id=pk)
    found = Comment.objects.select_related("blog").only("blog__sonic_payload").get(pk=comment.pk)
    return found.blog


PARTS: dict[str, Callable[[Any], Blog]] = {
    "only id": only("id"),
    "only payload": only("sonic_payload"),
    "only version": only("sonic_version"),
    "only the mark of deletion": only("is_deleted"),
    "payload and version": only("sonic_payload", "sonic_version"),
    "without version": deferring("sonic_version"),
    "without payload": deferring("sonic_payload"),
    "without mark of deletion": deferring("is_deleted"),
    "without both": deferring("is_deleted", "sonic_version"),
    "raw, id": raw("id"),
    "raw, without version": raw("id, data"),
    "raw, all": raw("*"),
    "raw, all but payload": raw("id, version, is_deleted"),
    "an ordinary model's": through_a_comment,
}


@pytest.mark.parametrize("load", PARTS.values(), ids=PARTS)
class TestPartsOfRows:
    def test_another_field_is_kept(self, blog: Blog, load: Any) -> None:
        part = load(blog.pk)
        write(blog.pk, score=5, tags=["theirs"])
        part.title = "mine"
        part.save()
        assert stored(blog.pk) == ("mine", "c", ["theirs"], 5)

    def test_another_field_is_kept_after_reading(self, blog: Blog, load: Any) -> None:
        part = load(blog.pk)
        assert part.score == 1
        write(blog.pk, score=5)
        assert part.sonic_version is not None
        part.title = "mine"
        part.save()
        assert stored(blog.pk) == ("mine", "c", ["a"], 5)

    def test_the_same_field_is_refused(self, blog: Blog, load: Any) -> None:
        part = load(blog.pk)
        assert part.score == 1
        write(blog.pk, score=5)
        part.score += 1
        with pytest.raises(StaleObjectError, match="changed score too"):
            part.save()
        assert stored(blog.pk)[3] == 5

    def test_nobody_else_wrote(self, blog: Blog, load: Any) -> None:
        part = load(blog.pk)
        part.score = 2
        assert part.save()
        part.score = 3
        assert part.save()
        assert stored(blog.pk) == ("t", "c", ["a"], 3)
        assert Blog.objects.filter(score=3).ids() == [blog.pk]

    def test_it_is_removed_as_it_is_now(self, blog: Blog, load: Any) -> None:
        part = load(blog.pk)
        write(blog.pk, score=5)
        part.delete()
        assert not Blog.objects.filter(score=5).exists()
        part.undelete()
        assert stored(blog.pk) == ("t", "c", ["a"], 5)

    def test_a_copy(self, blog: Blog, load: Any) -> None:
        part = load(blog.pk)
        part.pk = None
        part.save()
        assert part.pk != blog.pk
        assert stored(part.pk) == ("t", "c", ["a"], 1)
        assert kinds(Blog, deep=True) == {}

    def test_update_of_a_list_of_them(self, blog: Blog, load: Any) -> None:
        part = load(blog.pk)
        write(blog.pk, content="theirs")
        part.score = 8
        Blog.objects.bulk_update([part], ["score"])
        assert stored(blog.pk) == ("t", "theirs", ["a"], 8)


def test_a_deferred_version_is_that_of_the_row(blog: Blog) -> None:
    assert Blog.sql.defer("sonic_version").get(pk=blog.pk).sonic_version == blog.sonic_version
    part = Blog.sql.only("sonic_payload").get(pk=blog.pk)
    write(blog.pk, score=5)
    now = Blog.objects.get(pk=blog.pk).sonic_version
    assert (part.sonic_version, part.score) == (now, 5), "nothing of it had been read"


def test_the_rest_of_a_part_costs_one_statement(blog: Blog) -> None:
    part = Blog.sql.only("id").get(pk=blog.pk)
    with CaptureQueriesContext(connection) as statements:
        part.title, part.sonic_version, part.is_deleted  # noqa: B018 - reads them
    assert len(statements) == 1
