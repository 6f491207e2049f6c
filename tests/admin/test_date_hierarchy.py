"""``date_hierarchy``: the bar of years, months and days above a list, from the ordered index."""

from __future__ import annotations

import re
from datetime import date, datetime, timezone
from html import unescape
from typing import Any

import pytest
from django.contrib import admin as django_admin
from django.test import Client, override_settings

from sonic_admin import SonicModelAdmin
from tests.admin.conftest import titles, url
from tests.testapp.models import Blog, Everything

pytestmark = pytest.mark.django_db
UTC = timezone.utc


@pytest.fixture
def dated() -> list[Blog]:
    moments = [(2022, 5, 1), (2023, 1, 31), (2023, 2, 1), (2023, 2, 28), (2024, 7, 1)]
    return Blog.objects.bulk_create(
        [
            Blog(
                title=f"of {year}-{month}-{day}", created=datetime(year, month, day, 12, tzinfo=UTC)
            )
            for year, month, day in moments
        ]
    )


@pytest.fixture(params=[SonicModelAdmin, django_admin.ModelAdmin])
def bar(request: pytest.FixtureRequest, register: Any, admin: Client) -> Any:
    register(Blog, type("Dated", (request.param,), {"date_hierarchy": "created"}))

    def choices(query: str = "") -> list[str]:
        response = admin.get(url(Blog) + query)
        assert response.status_code == 200
        html = response.content.decode()
        bar = re.search(r'<nav class="toplinks">(.*?)</nav>', html, re.DOTALL)
        texts = re.sub("<[^>]*>", "\n", bar[1]).splitlines() if bar else []
        return [unescape(text).strip("\u2039 ") for text in texts if text.strip()]

    return choices


@override_settings(TIME_ZONE="UTC")
def test_years_months_and_days(bar: Any, dated: list[Blog]) -> None:
    assert bar() == ["2022", "2023", "2024"]
    assert bar("?created__year=2023") == ["All dates", "January 2023", "February 2023"]
    assert bar("?created__year=2023&created__month=2") == ["2023", "February 1", "February 28"]
    assert bar("?created__year=2023&created__month=2&created__day=28") == [
        "February 2023",
        "February 28",
    ]


@override_settings(TIME_ZONE="UTC")
def test_the_list_is_of_the_chosen_period(
    bar: Any, admin: Client, dated: list[Blog], register: Any
) -> None:
    response = admin.get(url(Blog) + "?created__year=2023&created__month=2")
    assert sorted(titles(response)) == ["of 2023-2-1", "of 2023-2-28"]


def test_of_nothing(bar: Any) -> None:
    assert bar() == []


@override_settings(TIME_ZONE="America/New_York")
def test_periods_begin_by_the_clock_of_the_time_zone(bar: Any, admin: Client) -> None:
    # In New York it is still December, and still January.
    for moment in (datetime(2023, 1, 1, 3, tzinfo=UTC), datetime(2023, 2, 1, 4, tzinfo=UTC)):
        Blog.objects.create(title="t", created=moment)
    assert bar() == ["2022", "2023"]
    assert bar("?created__year=2023") == ["All dates", "January 2023"]
    assert bar("?created__year=2023&created__month=1") == ["2023", "January 31"]


@override_settings(TIME_ZONE="UTC")
def test_one_year_opens_at_its_months_and_one_month_at_its_days(bar: Any) -> None:
    for day in (3, 5):
        Blog.objects.create(title="t", created=datetime(2023, 2, day, 12, tzinfo=UTC))
    assert bar() == ["2023", "February 3", "February 5"]
    Blog.objects.create(title="t", created=datetime(2023, 12, 31, 23, tzinfo=UTC))
    assert bar() == ["All dates", "February 2023", "December 2023"]


@override_settings(TIME_ZONE="UTC")
def test_more_years_than_are_asked_for_at_once(bar: Any) -> None:
    for year in (1, 1850, 2023, 9998):
        Blog.objects.create(title="t", created=datetime(year, 12, 31, 12, tzinfo=UTC))
    assert bar() == ["1", "1850", "2023", "9998"]
    assert bar("?created__year=9998") == ["All dates", "December 9998"]
    assert bar("?created__year=9998&created__month=12") == ["9998", "December 31"]


@override_settings(TIME_ZONE="UTC")
def test_within_a_filter(bar: Any, dated: list[Blog]) -> None:
    (tagged,) = [blog for blog in dated if blog.title == "of 2023-2-1"]
    tagged.tags = ["x"]
    tagged.save()
    assert bar("?tags__exact=x&created__year=2023") == ["All dates", "February 2023"]


def test_of_a_field_of_days(register: Any, admin: Client) -> None:
    register(Everything, type("Dated", (SonicModelAdmin,), {"date_hierarchy": "day"}))
    for day in (date(2021, 5, 1), date(2021, 5, 31), date(2022, 1, 1), None):
        Everything.objects.create(day=day)
    for query, shown in (
        ("", ["2021", "2022"]),
        ("?day__year=2021", ["May 2021"]),
        ("?day__year=2021&day__month=5", ["May 1", "May 31"]),
    ):
        html = admin.get(url(Everything) + query).content.decode()
        links = html.partition('<nav class="toplinks">')[2].partition("</nav>")[0]
        assert re.findall(r"<a href=[^>]*>([^<&]*)</a>", links) == shown
