"""Keys in Redis that no version of Sonic has written: they are reported and replaced, and stop
neither a save nor a sweep, a check or a rebuild."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from sonic_django.exceptions import SonicError
from sonic_django.sync import background
from sonic_django.sync.check.quick import check
from sonic_django.sync.sweep import sweep
from sonic_django.transport.client import redis_client
from tests.profiles import examples
from tests.sync.checking import key, kinds
from tests.sync.marking import age, write_behind_the_index
from tests.testapp.models import Plain

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def short_grace(settings: Any) -> None:
    """The check looks again behind the grace, before it calls anything drift."""
    settings.SONIC = {"GRACE": 0.05}


OWN = ["ids", "del", "rec", "state", "job", "gone", "text", "run", "sum", "left"]
WRONG = ["list", "string", "set", "stream", "zset", "hash"]
GARBAGE = [b"", b"garbage", b"\xc1", b"\x93\x01", b"\x92\xa1a\x01", b"\x93\x01\x01\x05", b"\x80"]


def put(name: bytes | str, kind: str) -> None:
    """Replace a key by one of the type, unless it has that type."""
    client, full = redis_client(), key(Plain, name)
    if client.type(full) == kind.encode():
        return
    client.delete(full)
    commands: dict[str, tuple[Any, ...]] = {
        "list": ("RPUSH", full, "garbage"),
        "string": ("SET", full, b"\xffgarbage"),
        "set": ("SADD", full, "garbage"),
        "stream": ("XADD", full, "*", "a", "b"),
        "zset": ("ZADD", full, 1, "garbage"),
        "hash": ("HSET", full, "garbage", "garbage"),
    }
    client.execute_command(*commands[kind])


def plains() -> list[Plain]:
    # More than 128, so that sets are packed and have chunks.
    made = [Plain(name=f"n{i % 3}", group="g", number=i) for i in range(140)]
    Plain.objects.bulk_create(made)
    made[0].delete()
    made[1].destroy()
    return made[2:]


def names() -> list[bytes]:
    base = Plain._sonic.store("default").base.encode()
    return sorted(one[len(base) + 1 :] for one in list_of_keys())


def list_of_keys() -> list[bytes]:
    store = Plain._sonic.store("default")
    return list(store.keys())


def assert_right(made: list[Plain]) -> None:
    assert kinds(Plain, deep=True) == {}
    assert Plain.objects.count() == len(made)
    for name in ("n0", "n1", "n2"):
        wanted = {one.pk for one in made if one.name == name}
        assert set(Plain.objects.filter(name=name).ids()) == wanted
        assert {one.pk for one in Plain.objects.filter(name=name)} == wanted


#: A wrong key: its place among the keys there are, and its type. A record: its place and bytes.
DAMAGE = st.tuples(
    st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(WRONG[:4])), max_size=4),
    st.lists(st.tuples(st.integers(0, 137), st.sampled_from(GARBAGE)), max_size=3),
    st.booleans(),
)


def do_damage(damage: Any, made: list[Plain]) -> None:
    keys, records, spoils_digests = damage
    rec = key(Plain, "rec")
    for place, content in records:
        redis_client().hset(rec, made[place % len(made)].pk, content)
    if spoils_digests:
        redis_client().hset(key(Plain, "sum"), mapping={"0": "garbage", "x": "1"})
    for place, kind in keys:
        present = sorted({*names(), *(name.encode() for name in OWN)})
        put(present[place % len(present)], kind)


@pytest.mark.parametrize("command", ["reindex", "repair"])
@examples(12)
@given(damage=DAMAGE)
def test_whatever_is_damaged_ends_in_a_right_index(command: str, damage: Any) -> None:
    stores = Plain._sonic.at("default")
    for row in list(Plain.sql.all()):
        row.destroy()
    stores.index.wipe()
    call_command("sonic_reindex", "testapp.Plain", verbosity=0)
    made = plains()
    do_damage(damage, made)
    saved = Plain(name="n0", group="g")
    assert saved.save()  # whatever is damaged
    made[4].name = "n1"
    assert made[4].save()
    if command == "reindex":
        call_command("sonic_reindex", "testapp.Plain", verbosity=0)
    else:
        check(stores, deep=True, repair=True)
        if check(stores).found["not built"]:
            call_command("sonic_reindex", "testapp.Plain", verbosity=0)
    assert_right([*made, saved])


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("kind", ["list", "string", "stream"])
class TestEachKey:
    def test_a_sweep_applies_what_lags(self, name: str, kind: str) -> None:
        if (name, kind) == ("run", "string"):
            kind = "hash"
        Plain.objects.create(name="a")
        id = write_behind_the_index("behind")
        age(100)
        put(name, kind)
        sweep(Plain._sonic.at("default"))
        try:
            assert Plain.objects.filter(name="behind").ids() == [id]
        except SonicError:
            call_command("sonic_reindex", "testapp.Plain", verbosity=0)
            assert Plain.objects.filter(name="behind").ids() == [id]

    def test_check_names_it(self, name: str, kind: str) -> None:
        if (name, kind) == ("run", "string"):
            kind = "hash"
        Plain.objects.create(name="a")
        put(name, kind)
        found = check(Plain._sonic.at("default"), deep=True)
        assert f"key: {name} is a {kind}" in map(str, found.drifts)
        assert check(Plain._sonic.at("default"), deep=True, repair=True).remaining == 0
        assert kinds(Plain, deep=True) == {}


class TestRecords:
    @pytest.mark.parametrize("content", GARBAGE)
    def test_a_check_repairs_it(self, content: bytes) -> None:
        one, two = Plain.objects.create(name="a"), Plain.objects.create(name="b")
        redis_client().hset(key(Plain, "rec"), one.pk, content)
        found = check(Plain._sonic.at("default"), deep=True)
        assert one.pk in [drift.id for drift in found.drifts]
        check(Plain._sonic.at("default"), deep=True, repair=True)
        assert kinds(Plain, deep=True) == {}
        assert Plain.objects.filter(name__in=["a", "b"]).ids() == [two.pk, one.pk]

    def test_a_rebuild_removes_entries_that_it_named(self) -> None:
        one = Plain.objects.create(name="former")
        redis_client().hset(key(Plain, "rec"), one.pk, b"garbage")
        payload = Plain._sonic.codec.encode({"name": "later", "group": "", "number": None})
        table = Plain._sonic.table("default")
        assert table.update(one.pk, one.sonic_version, payload, is_deleted=False)
        call_command("sonic_reindex", "testapp.Plain", verbosity=0)
        assert Plain.objects.filter(name="former").count() == 0
        assert kinds(Plain, deep=True) == {}

    def test_a_record_of_no_row(self) -> None:
        redis_client().hset(key(Plain, "rec"), "77", b"garbage")
        check(Plain._sonic.at("default"), deep=True, repair=True)
        assert kinds(Plain, deep=True) == {}

    def test_a_sweep_writes_it_again(self) -> None:
        one = Plain.objects.create(name="a")
        age(100)
        redis_client().hset(key(Plain, "rec"), one.pk, b"garbage")
        sweep(Plain._sonic.at("default"))
        assert kinds(Plain, deep=True) == {"digest": 1}
        assert check(Plain._sonic.at("default"), repair=True).remaining == 0


class TestWritingProcesses:
    def test_a_wrong_key_stops_no_pass_of_the_others(self, settings: Any) -> None:
        settings.SONIC = {"SWEEP_EVERY": 0.0}
        background.forget()
        id = write_behind_the_index("behind")
        age(100)
        put("rec", "list")
        for _ in range(60):
            Plain.objects.create(name="x")
        background.forget()
        call_command("sonic_reindex", "testapp.Plain", verbosity=0)
        assert Plain.objects.filter(name="behind").ids() == [id]
        assert Plain.objects.filter(name="x").count() == 60

    def test_a_queue_of_full_text_with_other_contents(self) -> None:
        redis_client().zadd(key(Plain, "text"), {"garbage": 1, "7": 2})
        assert Plain._sonic.store("default").queued_text(10) == [(7, 2)]
