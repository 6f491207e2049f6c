"""``scan()``: what no index answers, row by row, with the meaning that the index gives it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.exceptions import FieldError, ValidationError
from django.db import NotSupportedError
from django.db.models import Q

from sonic_django.exceptions import PayloadError
from tests.query.test_round_trips import costs
from tests.testapp.models import Author, Everything, Plain

pytestmark = pytest.mark.django_db


@pytest.fixture
def plains() -> list[Plain]:
    """Seven; the third has no number, the last no name."""
    numbers = [3, 1, None, 1, 2, 9, 9]
    texts = ["Ähre", "bird", "Bird song", "songbird", "", "STRASSE", None]
    return Plain.objects.bulk_create(
        [Plain(name=t, group="g", number=n) for t, n in zip(texts, numbers, strict=True)]
    )


@pytest.mark.parametrize(
    ("lookup", "expected"),
    [
        ({"number": 1}, [1, 3]),
        ({"number": None}, [2]),
        ({"number__isnull": False}, [0, 1, 3, 4, 5, 6]),
        ({"number__in": [2, 3, None]}, [0, 4]),
        ({"number__range": (2, 3)}, [0, 4]),
        ({"number__gt": 1, "number__lt": 9}, [0, 4]),
        ({"name": ""}, [4]),
        ({"name": None}, [6]),
        ({"name__contains": "bird"}, [1, 3]),
        ({"name__contains": ""}, [0, 1, 2, 3, 4, 5]),
        ({"name__icontains": "BIRD"}, [1, 2, 3]),
        ({"name__icontains": "ä"}, [0]),
        ({"name__icontains": "straße"}, [5]),
        ({"name__iexact": "BIRD"}, [1]),
        ({"name__iexact": None}, [6]),
        ({"name__startswith": "bird"}, [1]),
        ({"name__istartswith": "bird"}, [1, 2]),
        ({"name__endswith": "song"}, [2]),
        ({"name__iendswith": "BIRD"}, [1, 3]),
        ({"name__regex": r"^b.rd$"}, [1]),
        ({"name__iregex": r"^b.rd"}, [1, 2]),
        ({"name__regex": re.compile("bird$")}, [1, 3]),
        ({"pk__gt": 0, "number": 9}, [5, 6]),
    ],
)
def test_lookups(plains: list[Plain], lookup: dict[str, Any], expected: list[int]) -> None:
    wanted = [plains[i] for i in expected]
    found = Plain.objects.scan().filter(**lookup)
    assert list(found) == wanted[::-1]
    assert list(found.order_by("pk")) == list(found.reverse()) == wanted
    assert found.count() == len(wanted)
    assert found.exists() is bool(wanted)
    others = [plain for plain in plains if plain not in wanted]
    assert list(Plain.objects.scan().exclude(**lookup).order_by("pk")) == others


def test_elements_of_lists() -> None:
    one = Everything.objects.create(words=["red fox", "dog"])
    Everything.objects.create(words=["foxes"])
    Everything.objects.create(words=[])
    scan = Everything.objects.scan()
    assert scan.filter(words__endswith="fox").get() == one
    assert scan.filter(words__contains="dog").get() == one
    assert scan.filter(words__contains=["dog", "red fox"]).get() == one
    assert scan.filter(words__icontains="FOX").count() == 2
    assert scan.filter(words="dog").count() == scan.filter(words__all=["dog"]).count() == 1


def test_any_nesting(plains: list[Plain]) -> None:
    q = (Q(name__endswith="bird") | ~Q(number__lt=9)) & ~Q(name__icontains="song")
    found = Plain.objects.scan().filter(q)
    assert list(found) == [plains[6], plains[5], plains[1]]


def test_orders_that_no_index_gives(plains: list[Plain]) -> None:
    scan = Plain.objects.scan()
    assert list(scan.order_by("number")) == [plains[i] for i in (1, 3, 4, 0, 5, 6, 2)]
    assert list(scan.order_by("-number")) == [plains[i] for i in (6, 5, 0, 4, 3, 1, 2)]
    assert list(scan.order_by("-number", "pk")) == [plains[i] for i in (5, 6, 0, 4, 1, 3, 2)]
    assert list(scan.order_by("number", "-name")) == [plains[i] for i in (3, 1, 4, 0, 5, 6, 2)]
    assert list(scan.order_by("-number").reverse()) == [plains[i] for i in (1, 3, 4, 0, 5, 6, 2)]
    for low in range(8):
        page = scan.order_by("number")[low : low + 3]
        assert list(page) == [plains[i] for i in (1, 3, 4, 0, 5, 6, 2)][low : low + 3]
    assert scan.order_by("number").first() == plains[1]
    assert scan.filter(number__gt=0).latest("number") == plains[6]


def test_values_and_slices(plains: list[Plain]) -> None:
    scan = Plain.objects.scan().filter(number__gte=2)
    assert list(scan.values_list("name", flat=True)) == [None, "STRASSE", "", "Ähre"]
    assert list(scan.values_list("pk", flat=True)[1:3]) == [plains[5].id, plains[4].id]
    assert scan.ids()[:2] == [plains[6].id, plains[5].id]
    assert list(scan[1:2]) == [plains[5]]
    assert scan[1:3].count() == 2
    assert list(scan.after(plains[5])) == [plains[4], plains[0]]
    assert list(scan.before(plains[5])) == [plains[6]]
    assert scan.contains(plains[0])
    assert not scan.contains(plains[1])
    assert scan.get(name="") == plains[4]
    assert set(scan.random(9)) == {plains[i] for i in (0, 4, 5, 6)}
    assert len(scan.order_by("?")[:2]) == 2
    assert list(scan.in_bulk([plains[0].id, plains[1].id])) == [plains[0].id]
    assert [obj.id for obj in scan.iterator(chunk_size=2)] == scan.ids()


def test_deleted_objects_are_left_out(plains: list[Plain]) -> None:
    plains[0].delete()
    assert not Plain.objects.scan().filter(number=3).exists()
    assert Plain.objects.scan().deleted().filter(number=3).get() == plains[0]
    assert Plain.objects.scan().with_deleted().filter(number__gte=3).count() == 3


def test_writing(plains: list[Plain]) -> None:
    assert Plain.objects.scan().filter(name__contains="song").update(number=7) == 2
    assert Plain.objects.scan().filter(number=7).order_by("pk").ids() == [
        plains[2].id,
        plains[3].id,
    ]
    assert Plain.objects.scan().filter(number=7).delete()[0] == 2
    assert Plain.objects.count() == 5
    assert Plain.objects.scan().filter(number__lt=9).destroy()[0] == 3


def test_a_row_that_another_writer_changed_meanwhile_is_left_alone(plains: list[Plain]) -> None:
    """The rows are compared again when they are loaded to be written."""
    queryset = Plain.objects.scan().filter(name__endswith="bird")

    def overtake(done: int, total: int) -> None:
        other = Plain.objects.get(pk=plains[1].id)
        other.name = "fish"
        other.save()

    assert queryset.scan(progress=overtake).update(number=5) == 1
    assert Plain.objects.get(pk=plains[1].id).number == 1


def test_progress_and_batches(plains: list[Plain]) -> None:
    seen: list[tuple[int, int]] = []
    scan = Plain.objects.scan(lambda done, total: seen.append((done, total)), batch_size=3)
    with costs(0, 4):  # and the number of rows
        assert len(scan.filter(number__gte=0)) == 6
    assert seen == [(3, 7), (6, 7), (7, 7)]
    with costs(0, 3):
        assert Plain.objects.scan(batch_size=3).filter(number=1).count() == 2


def test_a_page_ends_the_scan(plains: list[Plain]) -> None:
    with costs(0, 1):
        assert len(Plain.objects.scan(batch_size=3).filter(number__gte=2)[:2]) == 2
    with costs(0, 1):
        assert Plain.objects.scan(batch_size=3).exists()
    with costs(0, 2):  # and the rows of the page
        assert len(Plain.objects.scan().order_by("number")[:2]) == 2
    ids = [plain.id for plain in plains[:2]]
    with costs(0, 1):
        assert Plain.objects.scan(batch_size=3).filter(pk__in=ids, number=1).count() == 1


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda scan: scan.filter(nope=1), FieldError, "has no field 'nope'"),
        (lambda scan: scan.filter(nope__regex="x"), FieldError, "has no field 'nope'"),
        (lambda scan: scan.filter(number__icontains="1"), FieldError, "is not a text field"),
        (lambda scan: scan.filter(number__nope=1), FieldError, "is not supported"),
        (lambda scan: scan.filter(name__contains=1), ValidationError, "takes a text; got 1"),
        (lambda scan: scan.filter(name__regex="("), ValidationError, "no regular expression"),
        (lambda scan: scan.filter(number="x"), ValidationError, "must be an integer"),
        (lambda scan: scan.order_by("nope"), FieldError, "has no field 'nope'"),
        (lambda scan: scan.facet("name"), NotSupportedError, "counts in the index"),
        (lambda scan: scan.explain(), NotSupportedError, "what the index does"),
        (lambda scan: scan[:2].scan(), TypeError, "scan once a slice has been taken"),
        (lambda scan: scan.scan(batch_size=0), ValueError, "strictly positive"),
        (lambda scan: scan | Plain.objects.all(), TypeError, r"with scan\(\) and one without"),
        (lambda scan: Author.objects.search("x").scan(), TypeError, "cannot be combined with scan"),
    ],
)
def test_mistakes(ask: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ask(Plain.objects.scan())


def test_without_scan_such_lookups_are_refused() -> None:
    with pytest.raises(FieldError):
        Plain.objects.filter(name__icontains="x")
    with pytest.raises(FieldError, match="no index answers number=1"):
        list(Plain.objects.filter(number=1))


def test_a_damaged_row_is_named(plains: list[Plain]) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("UPDATE testapp_plain SET data = %s WHERE id = %s", [b"x", plains[3].id])
    with pytest.raises(PayloadError, match=f"testapp.Plain {plains[3].id}"):
        Plain.objects.scan().filter(number=1).count()
