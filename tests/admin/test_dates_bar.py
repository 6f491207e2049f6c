"""``date_hierarchy``: the bar of years, months and days above a list, from the ordered index."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from html import unescape
from typing import Any

import pytest
from django.contrib import admin as django_admin
from django.test import Client, override_settings

from sonic_admin import SonicModelAdmin
from tests.admin.conftest import titles, url
from tests.testapp.models import Blog

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
