"""Promise 3: an object handed out satisfies the query by its row, whatever the index says; what
the index had wrong is repaired when it is met."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Q
from redis import Redis

from sonic_django import Index, SonicObj, date_field, int_field, str_field
from sonic_django.fields.scalars import Now
from sonic_django.index.store import Document
from sonic_django.query.verify import needed_predicate
from sonic_django.sync import built, read_repair
from sonic_django.sync.sweep import sweep
from sonic_django.test import count_redis_calls
from sonic_django.transport.client import redis_client
from tests.servers import PrivateRedis
from tests.testapp.models import Author, Blog, Plain
from tests.versions import ahead_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nothing_waits() -> Iterator[None]:
    read_repair._waiting.clear()
    yield
    read_repair._waiting.clear()


def store():
    return Plain._sonic.store("default")


def change_row(plain: Plain, *, version: int | None = None, **values: object) -> None:
    """Write the row and tell the index nothing, as a crash between both would."""
    payload = Plain._sonic.codec.encode(
        {"name": plain.name, "group": plain.group, "number": plain.number, **values}
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE testapp_plain SET data = %s, version = %s WHERE id = %s",
            [payload, version or plain.sonic_version + 1, plain.pk],
        )


def posting(group: str) -> str:
    (spec,) = [s for name, s in Plain._sonic.indexes.items() if name == "group"]
    return f"{store().base}:{spec.posting_name({'group': group}).decode()}"


def put_by_hand(id: int, group: str) -> None:
    redis_client().zadd(posting(group), {f"{len(str(id))}{id}": id})


class TestStaleEntries:
    def test_a_row_that_changed_is_not_handed_out_by_its_former_value(self) -> None:
        plain = Plain.objects.create(group="old")
        change_row(plain, group="new")
        assert list(Plain.objects.filter(group="old")) == []

    def test_and_is_found_by_its_new_one_once_met(self) -> None:
        plain = Plain.objects.create(group="old")
        change_row(plain, group="new")
        assert not Plain.objects.filter(group="new").exists()
        list(Plain.objects.filter(group="old"))
        assert Plain.objects.filter(group="new").ids() == [plain.pk]
        assert Plain.objects.filter(group="old").count() == 0

    def test_also_where_the_version_tells_nothing(self) -> None:
        plain = Plain.objects.create(group="old")
        change_row(plain, version=1, group="new")
        assert list(Plain.objects.filter(group="old")) == []
        assert Plain.objects.filter(group="new").ids() == [plain.pk]

    def test_an_entry_put_in_by_hand(self) -> None:
        plain = Plain.objects.create(group="one")
        put_by_hand(plain.pk, "two")
        assert list(Plain.objects.filter(group="two")) == []
        assert Plain.objects.filter(group="two").count() == 0, "it was taken out"
        assert list(Plain.objects.filter(group="one")) == [plain]

    def test_the_number_of_the_value_is_mended_too(self) -> None:
        plain = Plain.objects.create(group="one")
        other = Plain.objects.create(group="two")
        put_by_hand(plain.pk, "two")
        assert list(Plain.objects.filter(group="two")) == [other]
        assert dict(Plain.objects.facet("group")) == {"one": 1, "two": 1}

    def test_an_entry_of_no_object(self) -> None:
        put_by_hand(12345, "ghost")
        redis_client().zadd(f"{store().base}:ids", {"512345": 12345})
        assert list(Plain.objects.filter(group="ghost")) == []
        assert list(Plain.objects.all()) == []
        assert Plain.objects.count() == 0

    def test_a_row_that_is_gone(self) -> None:
        plain = Plain.objects.create(group="g")
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM testapp_plain WHERE id = %s", [plain.pk])
        assert list(Plain.objects.all()) == []
        assert Plain.objects.count() == 0

    def test_a_row_that_was_deleted(self) -> None:
        plain = Plain.objects.create(group="g")
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE testapp_plain SET is_deleted = 1, version = 2 WHERE id = %s", [plain.pk]
            )
        assert list(Plain.objects.filter(group="g")) == []
        assert Plain.objects.deleted().ids() == [plain.pk]

    def test_an_entry_that_is_missing_makes_no_negation_true(self) -> None:
        plain = Plain.objects.create(group="g")
        redis_client().delete(posting("g"))
        assert list(Plain.objects.exclude(group="g")) == []
        assert Plain.objects.filter(group="g").ids() == [plain.pk], "repaired"

    def test_a_range(self) -> None:
        plain = Plain.objects.create(group="g", number=5)
        change_row(plain, number=50)
        assert list(Plain.objects.filter(group="g", number__lt=10)) == []
        assert list(Plain.objects.filter(group="g", number__gt=10)) == [plain]

    def test_or_nested(self) -> None:
        one, two = Plain.objects.create(group="a"), Plain.objects.create(group="b")
        change_row(one, group="z")
        found = Plain.objects.filter(Q(group="a") | Q(group="b") & ~Q(name="x"))
        assert list(found) == [two]


class TestPages:
    @pytest.fixture
    def plains(self) -> list[Plain]:
        plains = Plain.objects.bulk_create([Plain(group="g", name=f"{n:02}") for n in range(30)])
        return plains[::-1]

    def test_the_page_is_filled_up(self, plains: list[Plain]) -> None:
        for plain in plains[2:5]:
            change_row(plain, group="other")
        page = list(Plain.objects.filter(group="g")[:10])
        assert [p.pk for p in page] == [p.pk for p in [*plains[:2], *plains[5:13]]]

    def test_also_where_what_follows_is_stale_itself(self, plains: list[Plain]) -> None:
        for plain in plains[5:25]:
            change_row(plain, group="other")
        page = list(Plain.objects.filter(group="g")[:8])
        assert [p.pk for p in page] == [p.pk for p in [*plains[:5], *plains[25:28]]]
        assert list(Plain.objects.filter(group="g")) == [*plains[:5], *plains[25:]]

    def test_the_last_page_ends(self, plains: list[Plain]) -> None:
        change_row(plains[-1], group="other")
        assert [p.pk for p in Plain.objects.filter(group="g")[20:40]] == [
            p.pk for p in plains[20:29]
        ]

    def test_first_get_and_random(self, plains: list[Plain]) -> None:
        for plain in plains[:-1]:
            change_row(plain, group="other")
        assert Plain.objects.filter(group="g").first() == plains[-1]
        assert Plain.objects.get(group="g") == plains[-1]
        assert Plain.objects.filter(group="g").random(30) == [plains[-1]]

    def test_an_iteration(self, plains: list[Plain]) -> None:
        for plain in plains[3:20]:
            change_row(plain, group="other")
        found = list(Plain.objects.filter(group="g").iterator(chunk_size=5))
        assert found == [*plains[:3], *plains[20:]]
        assert Plain.objects.filter(group="g").count() == 13

    def test_values(self, plains: list[Plain]) -> None:
        change_row(plains[0], group="other")
        names = Plain.objects.filter(group="g").values_list("name", flat=True)
        assert list(names[:2]) == ["28", "27"]

    def test_nothing_is_updated_or_deleted_that_does_not_match(self, plains: list[Plain]) -> None:
        change_row(plains[0], group="other")
        assert Plain.objects.filter(group="g").update(number=7) == 29
        assert Plain.objects.filter(group="g").delete()[0] == 29
        assert Plain.objects.get(pk=plains[0].pk).number is None

    def test_it_costs_nothing_where_nothing_is_stale(self, plains: list[Plain]) -> None:
        with count_redis_calls() as calls:
            assert len(Plain.objects.filter(group="g")[:10]) == 10
        assert len(calls) == 1


class TestRepair:
    def test_it_waits_within_a_transaction(self) -> None:
        plain = Plain.objects.create(group="old")
        change_row(plain, group="new")
        with transaction.atomic():
            assert list(Plain.objects.filter(group="old")) == []
            assert Plain.objects.filter(group="old").count() == 1
        assert read_repair.waiting(Plain._sonic.at("default")) == 1
        sweep(Plain._sonic.at("default"))
        assert Plain.objects.filter(group="old").count() == 0
        assert read_repair.waiting(Plain._sonic.at("default")) == 0

    def test_it_waits_while_redis_takes_no_writes(
        self, private_redis: PrivateRedis, settings, caplog
    ) -> None:
        sonic = {**settings.CACHES["sonic"], "LOCATION": private_redis.url}
        settings.CACHES = {**settings.CACHES, "sonic": sonic}
        built.forget()  # that the table was not small, or not complete, a moment ago
        plain = Plain.objects.create(group="old")
        change_row(plain, group="new")
        redis = Redis.from_url(private_redis.url)
        redis.execute_command("REPLICAOF", "127.0.0.1", "1")
        assert list(Plain.objects.filter(group="old")) == []
        assert "could not be repaired now" in caplog.text
        assert read_repair.waiting(Plain._sonic.at("default")) == 1
        redis.execute_command("REPLICAOF", "NO", "ONE")
        sweep(Plain._sonic.at("default"))
        assert Plain.objects.filter(group="new").ids() == [plain.pk]

    def test_a_writer_at_work_is_not_disturbed(self) -> None:
        """A reader that still sees the row as it was does not set the index back."""
        plain = Plain.objects.create(group="old")
        options = Plain._sonic
        row = options.table("default").fetch([plain.pk])[plain.pk]
        change_row(plain, group="new")
        newer = options.table("default").fetch([plain.pk])[plain.pk]
        store().apply([options.document(newer)])
        store().apply([options.document(row)], "rebuild")
        assert Plain.objects.filter(group="new").ids() == [plain.pk]

    def test_an_index_ahead_of_the_rows_is_set_back(self) -> None:
        plain = Plain.objects.create(group="committed")
        entries = Plain._sonic.entries({"name": "", "group": "never", "number": None})
        store().apply([Document(plain.pk, ahead_of(plain), "live", entries)])
        assert list(Plain.objects.filter(group="never")) == []
        assert Plain.objects.filter(group="committed").ids() == [plain.pk]

    def test_a_row_that_cannot_be_read_is_given_and_says_so(self) -> None:
        plain = Plain.objects.create(group="g")
        with connection.cursor() as cursor:
            values = [b"no payload", plain.pk]
            cursor.execute("UPDATE testapp_plain SET data = %s WHERE id = %s", values)
        (found,) = Plain.objects.filter(group="g")
        with pytest.raises(ValueError, match=f"testapp.Plain {plain.pk}: the bytes start with"):
            found.group  # noqa: B018


class TestObjects:
    def test_what_was_judged_is_not_decoded_again(self, monkeypatch) -> None:
        Plain.objects.create(group="g", name="n")
        (plain,) = Plain.objects.filter(group="g")
        monkeypatch.setattr(type(Plain._sonic), "decode", None)
        assert (plain.group, plain.name) == ("g", "n")

    def test_an_object_changed_in_place_is_seen_to_be(self) -> None:
        blog = Blog.objects.create(tags=["a"], author=Author.objects.create(username="x"))
        (found,) = Blog.objects.filter(tags="a")
        found.tags.append("b")
        assert found.dirty_fields == ["tags"]
        assert found.save()
        found.revert()
        assert found.tags == ["a", "b"]
        assert Blog.objects.filter(tags="b").ids() == [blog.pk]


def test_a_default_that_differs_each_time_is_left_to_the_index() -> None:
    class Stamped(SonicObj):
        name = str_field("")
        rank = int_field(3)
        made = date_field(Now)
        indexes = {"made": Index(order_by="made"), "rank": ["rank"]}

        class Meta:
            app_label = "nowhere"
            managed = False

    from django.utils import timezone

    now = timezone.now()

    def predicate(queryset: Any) -> Any:
        return needed_predicate(Stamped._sonic, queryset.state.conditions)

    made = predicate(Stamped.objects.filter(made__lt=now))
    not_made = predicate(Stamped.objects.exclude(made__lt=now))
    both = predicate(Stamped.objects.filter(made__lt=now, rank=4))
    ranked = predicate(Stamped.objects.filter(rank=3))
    assert None not in (made, not_made, both, ranked)
    assert (made({}, 1), not_made({}, 1)) == (None, None)
    assert both({}, 1) is False, "whatever the time was, its rank is not 4"
    assert ranked({}, 1) is True, "a steady default counts"
