"""PySonic's README, and the rest of the PySonic-compatible API."""

from __future__ import annotations

import shutil

import pytest
from django.core.exceptions import FieldError
from django.core.management import call_command

from sonic_django.exceptions import IndexNotBuilt
from tests.testapp.models import Author, Blog, Plain

pytestmark = pytest.mark.django_db


def test_the_readme_example() -> None:
    author = Author()
    author.username = "admin"
    author.nick = "Great Author"
    author.intro = "I love blog"
    assert author.save()

    blog = Blog()
    blog.author = author
    blog.title = "Hello world"
    blog.content = "foo bar"
    blog.tags = ["life", "testing"]
    assert blog.save()

    assert [a.nick for a in Author.walk_all_objs()] == ["Great Author"]
    assert Author.search(key="love", pos=0, count=10) == [author]
    assert Author.find_one(username="admin") == author
    assert Blog.find_all_objs(author=author, tags="life") == [blog]
    assert Blog.find_all_objs(author=author, tags="testing") == [blog]
    assert Blog.find_all_objs(author=author, tags="other") == []


@pytest.fixture
def plains() -> list[Plain]:
    return Plain.objects.bulk_create([Plain(name=f"n{i}", group="g", number=i) for i in range(5)])


class TestGetting:
    def test_by_id_and_by_list(self, plains: list[Plain]) -> None:
        ids = [p.id for p in plains]
        plains[1].delete()
        assert Plain.get(ids[0]) == plains[0]
        assert Plain.get(10**9) is None
        assert Plain.get([ids[2], ids[1], 10**9, ids[2]]) == [plains[2], None, None, plains[2]]
        assert Plain.get(ids[1], read_deleted=True) == plains[1]

    def test_find_one(self, plains: list[Plain]) -> None:
        assert Plain.find_one(group="g") == plains[0]
        assert Plain.find_one_obj(name="n3") == plains[3]
        assert Plain.find_one_id(name="n3") == plains[3].id
        assert Plain.find_one(name="nope") is None
        assert Plain.find_one_id(name="nope") is None
        new = Plain.find_one_or_new(name="nope")
        assert (new.id, new.name) == (None, "nope")
        assert Plain.find_one_or_new(name="n1") == plains[1]


class TestListing:
    def test_find_with_cursor(self, plains: list[Plain]) -> None:
        ids = [p.id for p in plains]
        assert Plain.find(2, name__gte="n") == [ids[4], ids[3]]
        assert Plain.find(2, cursor=ids[3], name__gte="n") == [ids[2], ids[1]]
        assert Plain.find(2, cursor=ids[1], desc=False, name__gte="n") == [ids[2], ids[3]]
        assert Plain.find_objs(1, name="n2") == [plains[2]]

    def test_the_cursor_may_be_gone(self, plains: list[Plain]) -> None:
        ids = [p.id for p in plains]
        plains[3].destroy()
        assert Plain.find(10, cursor=ids[3], name__gte="n") == [ids[2], ids[1], ids[0]]
        assert Plain.get_ids(10, cursor=ids[3]) == [ids[4]]

    def test_find_by_the_order_in_the_index_name(self) -> None:
        blogs = [Blog.objects.create(title=str(n), tags=["x"]) for n in range(3)]
        blogs[0].created, blogs[2].created = blogs[2].created, blogs[0].created
        blogs[0].save()
        blogs[2].save()
        assert Blog.find(10, tags="x") == [blogs[0].id, blogs[1].id, blogs[2].id]
        assert Blog.find(10, cursor=blogs[0].id, tags="x") == [blogs[1].id, blogs[2].id]
        middle = blogs[1].created
        assert Blog.find(10, tags="x", created__gte=middle) == [blogs[0].id, blogs[1].id]

    def test_find_all_and_count(self, plains: list[Plain]) -> None:
        ids = [p.id for p in plains]
        assert Plain.find_all(group="g") == ids[::-1]
        assert Plain.find_all_ids(group="g") == ids[::-1]
        assert Plain.find_all_objs(desc=False, group="g") == plains
        assert Plain.count(group="g") == 5
        assert Plain.count() == 5

    def test_get_ids(self, plains: list[Plain]) -> None:
        ids = [p.id for p in plains]
        assert Plain.get_ids(2) == ids[:2]
        assert Plain.get_ids(2, cursor=ids[1]) == ids[2:4]
        assert Plain.get_ids(2, cursor=ids[3], forwarding=False) == [ids[2], ids[1]]
        assert Plain.get_objs(1) == plains[:1]

    def test_random(self, plains: list[Plain]) -> None:
        ids = {p.id for p in plains}
        assert {Plain.get_random_id() for _ in range(200)} == ids
        assert Plain.get_random_obj() in plains
        Plain.objects.all().destroy()
        assert Plain.get_random_id() is None
        assert Plain.get_random_obj() is None

    def test_walk_while_the_object_at_hand_disappears(self, plains: list[Plain]) -> None:
        seen = []
        for obj in Plain.walk_all_objs(count=2):
            seen.append(obj.name)
            Plain.get(obj.id).destroy()
        assert seen == ["n0", "n1", "n2", "n3", "n4"]

    def test_undeclared_index_is_loud(self) -> None:
        with pytest.raises(FieldError, match="no index answers title='x'"):
            Blog.find_all(title="x")


class TestDeleting:
    def test_by_ids_and_objects(self, plains: list[Plain]) -> None:
        ids = [p.id for p in plains]
        assert Plain.delete_id(ids[0])
        assert not Plain.delete_id(ids[0])
        assert Plain.delete_ids([ids[0], ids[1], 10**9]) == 1
        assert Plain.delete_obj(plains[2])
        assert Plain.delete_objs(plains[2:4]) == 1
        assert Plain.find_all() == [ids[4]]
        assert Plain.destroy_ids([*ids, 10**9]) == 5
        assert Plain.sql.count() == 0


class TestSearching:
    def test_terms_and_fields(self) -> None:
        ann, bob = Author.objects.create(username="ann"), Author.objects.create(username="bob")
        one = Blog.objects.create(title="red fox", content="hound", author=ann, tags=["a b"])
        two = Blog.objects.create(title="hound", content="red fox", author=bob, tags=["c"])
        assert Blog.search("fox") == [one, two]
        assert Blog.search("fox", pos=1, count=1) == [two]
        assert Blog.search_ids("fox", terms={"author": bob}) == [two.id]
        assert Blog.search("fox", terms={"tags": "a b"}) == [one]
        assert Blog.search_by_field([Blog._meta.get_field("title")], "hound") == [two]
        assert Blog.search_by_field(["content"], "hound") == [one]

    def test_follows_saves_and_deletes(self) -> None:
        author = Author.objects.create(username="a", intro="sailing")
        author.intro = "climbing"
        author.save()
        assert Author.search("sailing") == []
        assert Author.search("climbing") == [author]
        author.delete()
        assert Author.search("climbing") == []
        author.undelete()
        assert Author.search("climbing") == [author]

    def test_group_changes_are_followed(self) -> None:
        blog = Blog.objects.create(title="fox", tags=["old"])
        blog.tags = ["new"]
        blog.save()
        assert Blog.search("fox", terms={"tags": "old"}) == []
        assert Blog.search("fox", terms={"tags": "new"}) == [blog]

    def test_groups_are_filtered_on_and_not_searched(self) -> None:
        author = Author.objects.create(username="a")
        Blog.objects.create(title="fox", author=author, tags=["work"])
        assert Blog.search("work") == []
        assert Blog.search(str(author.pk)) == []

    def test_a_removed_directory_is_loud_and_reindex_brings_all_back(self) -> None:
        from haystack import connections

        blog = Blog.objects.create(title="fox")
        shutil.rmtree(connections["default"].get_backend().path)
        with pytest.raises(IndexNotBuilt, match="sonic_reindex --fulltext testapp.Blog"):
            Blog.search("fox")
        call_command("sonic_reindex", "testapp.Blog", "--fulltext", verbosity=0)
        assert Blog.search("fox") == [blog]

    def test_a_damaged_index_is_given_up_for_a_new_one(self) -> None:
        from haystack import connections

        blog = Blog.objects.create(title="fox")
        (connections["default"].get_backend().store.current() / "iamglass").write_bytes(b"junk")
        with pytest.raises(Exception, match="cannot be read .*sonic_reindex --fulltext"):
            Blog.search("fox")
        call_command("sonic_reindex", "testapp.Blog", "--fulltext", verbosity=0)
        assert Blog.search("fox") == [blog]

    def test_mistakes_are_loud(self) -> None:
        with pytest.raises(FieldError, match="declares no full text"):
            Plain.search("x")
        with pytest.raises(FieldError, match="score is not in the full text"):
            Blog.search_by_field(["score"], "x")
        with pytest.raises(FieldError, match='score is not in the "groups"'):
            Blog.search("x", terms={"score": 1})


class TestTables:
    def test_ddl(self) -> None:
        sql = Plain.get_create_table_sql()
        assert "testapp_plain" in sql
        assert "dirty_at" in sql
        assert Plain.build_table() is False

    def test_rebuilds(self, plains: list[Plain]) -> None:
        assert Plain.rebuild_all() == 5
        assert Plain.rebuild_ids() == 5
        assert Plain.rebuild_index("group") == 5
        with pytest.raises(FieldError, match="no index 'nope'. It has: ids, group"):
            Plain.rebuild_index("nope")
        assert Plain.count(group="g") == 5
