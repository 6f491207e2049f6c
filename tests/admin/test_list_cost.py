"""What a list costs with all it can show: round trips, those of session and user included."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.contrib.admin import ModelAdmin
from django.core.paginator import Paginator
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from sonic_admin import SonicModelAdmin
from sonic_django.test.counting import count_redis_calls
from tests.admin.conftest import lines, notes, titles, url
from tests.testapp.models import Author, Blog

#: Redis calls and SQL statements that a list may make.
MOST_ROUND_TRIPS = 14


class Everything(SonicModelAdmin):
    """Filters by references, elements, numbers and dates, and the date hierarchy."""

    date_hierarchy = "created"
    list_per_page = 10


@pytest.fixture
def years(db: None) -> list[Blog]:
    """Forty posts over eight years, of two authors."""
    authors = [Author.objects.create(username=name, nick=name.title()) for name in ("ada", "bob")]
    start = datetime(2016, 1, 1, 12, tzinfo=timezone.utc)
    return Blog.objects.bulk_create(
        [
            Blog(
                title=f"Post {number}",
                author=authors[number % 2],
                tags=["even" if number % 2 == 0 else "odd", "all"],
                score=number,
                created=start + timedelta(days=73 * number),
            )
            for number in range(40)
        ]
    )


def round_trips(client: Client, address: str) -> tuple[int, int, Any]:
    """(Redis calls, SQL statements, the answer) of a page that has been shown before."""
    client.get(address)
    with count_redis_calls() as calls, CaptureQueriesContext(connection) as statements:
        response = client.get(address)
    assert response.status_code == 200
    return len(calls), len(statements), response


def dates(response: Any) -> str:
    """The links of the date hierarchy."""
    html: str = response.content.decode()
    return html.partition('<nav class="toplinks">')[2].partition("</nav>")[0]


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("", 40),
        ("p=3", 40),
        ("tags__exact=even", 20),
        ("tags__exact=even&score__gte=10", 15),
        ("created__year=2018", 5),
        ("created__year=2018&created__month=3", 1),
        ("created__year=2018&tags__exact=even", 2),
        ("q=Post&tags__exact=odd", 0),
        ("o=4.-5", 40),
    ],
)
def test_round_trips_do_not_grow_with_what_is_shown(
    admin: Client, years: list[Blog], register: Any, query: str, number: int
):
    register(Blog, Everything)
    redis, sql, response = round_trips(admin, f"{url(Blog)}?{query}&_facets=True")
    if not query.startswith("q="):
        assert response.context["cl"].result_count == number
    assert all(n is not None for n in list(lines(response, "author").values())[1:])
    assert redis + sql <= MOST_ROUND_TRIPS, (redis, sql)


def test_the_date_hierarchy_adds_one_statement(admin: Client, years: list[Blog], register: Any):
    register(Blog, type("Plain", (Everything,), {"date_hierarchy": None}))
    redis, sql, _ = round_trips(admin, url(Blog))
    register(Blog, Everything)
    with_bar = round_trips(admin, url(Blog))
    assert with_bar[:2] == (redis, sql + 1)
    assert "2016" in with_bar[2].content.decode()


def test_a_paginator_of_the_project_counts_in_its_way(
    admin: Client, years: list[Blog], register: Any
):
    class Short(Paginator):  # type: ignore[type-arg]
        count = 15

    register(Blog, type("Counted", (Everything,), {"paginator": Short}))
    response = admin.get(url(Blog) + "?p=2")
    assert response.context["cl"].result_count == 15
    assert titles(response) == [f"Post {number}" for number in range(29, 24, -1)]


@pytest.mark.parametrize("page", ["0", "-1", "5", str(10**30)])
def test_pages_that_are_not_there(admin: Client, years: list[Blog], register: Any, page: str):
    register(Blog, Everything)
    response = admin.get(f"{url(Blog)}?p={page}", follow=True)
    assert response.status_code == 200
    assert "no such page" in notes(response)[0]


def test_the_last_page(admin: Client, years: list[Blog], register: Any):
    register(Blog, type("Odd", (Everything,), {"list_per_page": 13}))
    assert titles(admin.get(url(Blog) + "?p=4")) == ["Post 0"]


def test_a_row_without_its_object_is_made_up_for(admin: Client, years: list[Blog], register: Any):
    register(Blog, Everything)
    gone = years[35]
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {Blog._meta.db_table} WHERE id = %s", [gone.pk])
    shown = titles(admin.get(url(Blog)))
    assert shown == [f"Post {number}" for number in range(39, 28, -1) if number != 35]


def test_an_edge_without_its_object_is_made_up_for(admin: Client, years: list[Blog], register: Any):
    register(Blog, Everything)
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {Blog._meta.db_table} WHERE id <= %s", [years[5].pk])
    assert "2017" in dates(admin.get(url(Blog)))
    assert "2016" not in dates(admin.get(url(Blog)))


def test_the_checkboxes_are_those_of_django(admin: Client, db: None, register: Any):
    blog = Blog.objects.create(title="""<a "b" 'c' & {d}>""", content="c")
    model_admin = register(Blog, Everything)
    by_django = ModelAdmin.action_checkbox(model_admin, blog)
    assert model_admin.action_checkbox(blog) == by_django
    html = admin.get(url(Blog)).content.decode()
    assert by_django in html
    assert escape(blog.title) in by_django
