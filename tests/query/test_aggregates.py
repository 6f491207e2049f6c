"""``aggregate()``, ``counts()``, ``facets()``, ``dates()`` and ``datetimes()``, from the index."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import FieldError
from django.db import NotSupportedError
from django.db.models import Avg, Count, F, Max, Min, Q, Sum

from sonic_django.query import aggregates
from tests.query.test_round_trips import costs
from tests.testapp.models import Author, Blog, Everything, Plain

pytestmark = pytest.mark.django_db
UTC = timezone.utc


@pytest.fixture
def everything() -> list[Everything]:
    """Eight; every fourth has no values at all."""
    objects = [
        Everything(whole=i % 3, day=date(2023 + i // 4, 1 + i, 5), words=["a", "b"][: i % 3])
        if i % 4
        else Everything(words=None)
        for i in range(8)
    ]
    made = Everything.objects.bulk_create(objects)
    # So that no test pays for a script that it meets for the first time.
    assert Everything.objects.facet("whole")
    assert Everything.objects.first()
    return made


class TestAggregate:
    def test_numbers(self, everything: list[Everything]) -> None:
        found = Everything.objects.aggregate(
            all=Count("*"),
            ids=Count("pk"),
            with_whole=Count("whole"),
            ones=Count("pk", filter=Q(whole=1)),
            wordy=Count("words", filter=Q(words="a")),
        )
        assert found == {"all": 8, "ids": 8, "with_whole": 6, "ones": 2, "wordy": 4}

    def test_default_names(self, everything: list[Everything]) -> None:
        assert Everything.objects.aggregate(Count("pk"), Max("whole"), Min("pk")) == {
            "pk__count": 8,
            "whole__max": 2,
            "pk__min": everything[0].id,
        }

    def test_different_values(self, everything: list[Everything]) -> None:
        """None is no value, and neither is a list's emptiness."""
        counted = {
            name: Count(name, distinct=True) for name in ("whole", "words", "day", "pk", "flag")
        }
        assert Everything.objects.aggregate(**counted) == {
            "whole": 3, "words": 2, "day": 6, "pk": 8, "flag": 0,
        }  # fmt: skip
        some = Everything.objects.filter(whole__gt=0)
        assert some.aggregate(n=Count("whole", distinct=True)) == {"n": 2}
        assert Everything.objects.scan().aggregate(**counted)["words"] == 2

    def test_first_and_last_values(self, everything: list[Everything]) -> None:
        found = Everything.objects.aggregate(
            first=Min("day"),
            last=Max("day"),
            last_of_two=Max("day", filter=Q(whole=2)),
            of_none=Max("day", filter=Q(whole=99)),
            unset=Min("moment"),
        )
        assert found == {
            "first": date(2023, 2, 5),
            "last": date(2024, 8, 5),
            "last_of_two": date(2024, 6, 5),
            "of_none": None,
            "unset": None,
        }

    def test_among_filtered_and_scanned_objects(self, everything: list[Everything]) -> None:
        wanted = {"n": 4, "last": date(2024, 8, 5), "first": everything[1].id}
        asked = {"n": Count("*"), "last": Max("day"), "first": Min("pk")}
        assert Everything.objects.filter(words="a").aggregate(**asked) == wanted
        assert Everything.objects.scan().filter(words="a").aggregate(**asked) == wanted
        assert Everything.objects.none().aggregate(**asked) == {"n": 0, "last": None, "first": None}

    def test_among_objects_found_by_full_text(self) -> None:
        Author.objects.create(username="ann", intro="sailing")
        Author.objects.create(username="bob", intro="sailing")
        found = Author.objects.search("sailing").aggregate(Count("pk"), Max("username"))
        assert found == {"pk__count": 2, "username__max": "bob"}

    def test_costs(self, everything: list[Everything]) -> None:
        with costs(1, 0):
            Everything.objects.aggregate(
                n=Count("*"), a=Count("whole"), b=Count("pk", filter=Q(whole=1))
            )
        with costs(1, 1):
            Everything.objects.aggregate(Min("whole"))
        with costs(1, 0):
            Everything.objects.aggregate(Max("pk"))
        with costs(1, 0):
            Everything.objects.aggregate(Count("whole", distinct=True))

    @pytest.mark.parametrize(
        "expression",
        [Sum("whole"), Avg("whole"), Count(F("whole") + 1), Max(F("whole") * 2), F("id")],
    )
    def test_what_the_index_does_not_answer(self, expression: Any) -> None:
        with pytest.raises(NotSupportedError) as caught:
            Everything.objects.aggregate(n=expression)
        assert 'The index answers Count("*"), Count("field")' in str(caught.value)

    def test_mistakes(self, everything: list[Everything], monkeypatch: pytest.MonkeyPatch) -> None:
        objects = Everything.objects
        with pytest.raises(FieldError, match="no index orders by long_text"):
            objects.aggregate(Max("long_text"))
        with pytest.raises(FieldError, match="no index answers long_text__isnull=False"):
            objects.aggregate(Count("long_text"))
        with pytest.raises(FieldError, match="has no field 'nope'"):
            objects.aggregate(Count("nope"))
        with pytest.raises(TypeError, match="once a slice has been taken"):
            objects.all()[:2].aggregate(Count("*"))
        with pytest.raises(TypeError, match="conflicts with a default name"):
            objects.aggregate(Max("whole"), whole__max=Count("pk"))
        with pytest.raises(TypeError, match="require an alias"):
            objects.aggregate(F("whole"))
        monkeypatch.setattr(aggregates, "MOST_VALUES", 2)
        with pytest.raises(NotSupportedError, match="more than 2 different values"):
            objects.aggregate(n=Count("day", distinct=True))


class TestTogether:
    def test_counts(self, everything: list[Everything]) -> None:
        wanted = [Q(whole=0), Q(whole__gt=0), Q(), Q(pk__in=[])]
        with costs(1, 0):
            assert Everything.objects.counts(wanted) == [2, 4, 8, 0]
        assert Everything.objects.filter(words="a").counts(wanted) == [0, 4, 4, 0]
        assert Everything.objects.counts([]) == []
        assert Everything.objects.scan().counts(wanted) == [2, 4, 8, 0]
        assert Everything.objects.with_deleted().counts([Q(), Q(pk__in=[])]) == [8, 0]
        with pytest.raises(TypeError, match="once a slice has been taken"):
            Everything.objects.all()[:1].counts([Q()])

    def test_facets(self, everything: list[Everything]) -> None:
        with costs(1, 0):
            found = Everything.objects.facets(["whole", "words"])
        assert found == {name: Everything.objects.facet(name) for name in ("whole", "words")}
        assert Counter(dict(found["whole"])) == {0: 2, 1: 2, 2: 2, None: 2}
        assert len(Everything.objects.facets(["whole"], limit=2)["whole"]) == 2
        assert Everything.objects.facets([]) == {}
        with pytest.raises(FieldError, match="no index holds the values of long_text"):
            Everything.objects.facets(["whole", "long_text"])


class TestDates:
    @pytest.mark.parametrize("kind", ["year", "month", "week", "day"])
    @pytest.mark.parametrize("order", ["ASC", "DESC"])
    def test_of_days(self, everything: list[Everything], kind: str, order: str) -> None:
        days = {obj.day for obj in everything if obj.day}
        starts = {
            "year": lambda day: day.replace(month=1, day=1),
            "month": lambda day: day.replace(day=1),
            "week": lambda day: day - timedelta(days=day.weekday()),
            "day": lambda day: day,
        }
        wanted = sorted(set(map(starts[kind], days)), reverse=order == "DESC")
        assert Everything.objects.dates("day", kind, order) == wanted
        assert Everything.objects.scan().dates("day", kind, order) == wanted

    def test_filtered(self, everything: list[Everything]) -> None:
        assert Everything.objects.filter(whole=2).dates("day", "year") == [
            date(2023, 1, 1),
            date(2024, 1, 1),
        ]
        assert Everything.objects.filter(whole=99).dates("day", "year") == []
        assert Everything.objects.none().dates("day", "year") == []

    def test_at_the_ends_of_time(self) -> None:
        for day in (date(1, 1, 1), date(9999, 12, 31)):
            Everything.objects.create(day=day)
        years = [date(1, 1, 1), date(9999, 1, 1)]
        assert Everything.objects.dates("day", "year") == years
        assert Everything.objects.dates("day", "year", "DESC") == years[::-1]
        assert Everything.objects.dates("day", "day")[1] == date(9999, 12, 31)

    def test_the_cost_is_by_the_periods_not_by_the_objects(self) -> None:
        Everything.objects.bulk_create(
            [Everything(day=date(2020 + i % 3, 1 + i % 12, 1)) for i in range(120)]
        )
        assert Everything.objects.first()
        with costs(4, 3):  # the last call finds nothing behind the last year
            assert len(Everything.objects.dates("day", "year")) == 3


class TestDatetimes:
    @pytest.fixture
    def moments(self) -> list[datetime]:
        moments = [
            datetime(2023, 12, 31, 23, 30, tzinfo=UTC),
            datetime(2024, 3, 31, 0, 30, 15, 7, tzinfo=UTC),
            datetime(2024, 3, 31, 1, 30, tzinfo=UTC),
            datetime(2024, 10, 27, 0, 30, tzinfo=UTC),
            datetime(2024, 10, 27, 1, 30, tzinfo=UTC),
            datetime(2024, 10, 27, 1, 30, 59, 9, tzinfo=UTC),
        ]
        Everything.objects.bulk_create([Everything(moment=moment) for moment in moments])
        Everything.objects.create()
        return moments

    @pytest.mark.parametrize("zone", [UTC, ZoneInfo("Europe/Oslo"), ZoneInfo("Asia/Kolkata")])
    @pytest.mark.parametrize("kind", ["year", "month", "week", "day", "hour", "minute", "second"])
    def test_in_a_zone(self, moments: list[datetime], kind: str, zone: Any) -> None:
        def start(moment: datetime) -> datetime:
            local = moment.astimezone(zone).replace(microsecond=0)
            for unit in ("second", "minute", "hour"):
                if unit == kind:
                    return local
                local = local.replace(**{unit: 0})
            if kind == "week":
                local -= timedelta(days=local.weekday())
            if kind in ("month", "year"):
                local = local.replace(day=1)
            return (local.replace(month=1) if kind == "year" else local).replace(fold=0)

        wanted = sorted({start(moment) for moment in moments})
        for objects in (Everything.objects, Everything.objects.scan()):
            assert objects.datetimes("moment", kind, tzinfo=zone) == wanted
            assert objects.datetimes("moment", kind, "DESC", zone) == wanted[::-1]

    def test_in_the_current_zone(self, moments: list[datetime]) -> None:
        from django.utils import timezone as current

        with current.override(ZoneInfo("Europe/Oslo")):
            (year,) = Everything.objects.datetimes("moment", "year")
        assert (year.year, year.utcoffset()) == (2024, timedelta(hours=1))
        assert len(Everything.objects.datetimes("moment", "year", tzinfo=UTC)) == 2

    def test_where_clocks_go_back_by_half_an_hour(self) -> None:
        zone = ZoneInfo("Australia/Lord_Howe")
        first = datetime(2024, 4, 6, 14, tzinfo=UTC)
        for minutes in range(0, 180, 15):
            Everything.objects.create(moment=first + timedelta(minutes=minutes))
        for order in ("ASC", "DESC"):
            hours = Everything.objects.datetimes("moment", "hour", order, zone)
            assert [hour.hour for hour in hours] == ([1, 2, 3] if order == "ASC" else [3, 2, 1])


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda: Everything.objects.dates("day", "hour"), ValueError, "one of year, month, week"),
        (lambda: Everything.objects.dates("day", "year", "UP"), ValueError, "'ASC' or 'DESC'"),
        (lambda: Everything.objects.dates("moment", "year"), FieldError, r"take datetimes\(\)"),
        (lambda: Everything.objects.datetimes("day", "year"), FieldError, "is no date_field"),
        (lambda: Everything.objects.datetimes("moment", "age"), ValueError, "year, month, week"),
        (lambda: Everything.objects.dates("nope", "year"), FieldError, "has no field 'nope'"),
        (lambda: Plain.objects.dates("number", "year"), FieldError, "is no day_field"),
        (lambda: Blog.objects.all()[:1].datetimes("created", "year"), TypeError, "slice"),
    ],
)
def test_mistakes_with_dates(ask: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ask()
