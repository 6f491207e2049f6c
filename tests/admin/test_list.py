"""The list: columns, order, pages, and what it costs."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin as django_admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from sonic_admin import SonicModelAdmin
from sonic_django.test.counting import count_redis_calls
from tests.admin.conftest import form_data, lines, notes, titles, url
from tests.testapp.models import Author, Blog, Described, Everything, Pair, Plain
from tests.versions import writes


def columns(model: Any) -> list[str]:
    model_admin = django_admin.site.get_model_admin(model)
    return [getattr(c, "__name__", c) for c in model_admin.list_display]


def test_the_first_column_names_the_object_and_indexed_short_fields_follow():
    assert columns(Blog) == ["__str__", "author", "tags", "score", "created"]


def test_a_name_that_an_index_orders_is_the_first_column():
    assert columns(Plain)[0] == "name"


def test_long_texts_bytes_and_reference_lists_are_no_columns():
    assert not {"long_text", "raw", "anything", "friends", "url"} & set(columns(Everything))


def test_every_class_has_a_list_and_an_add_page(admin: Client):
    for model in (Author, Blog, Plain, Everything, Described, Pair):
        assert admin.get(url(model)).status_code == 200
        assert admin.get(url(model, "add")).status_code == 200


def test_newest_first_without_any_order(admin: Client, blogs: list[Blog]):
    assert titles(admin.get(url(Blog)))[:3] == ["Post 11", "Post 10", "Post 9"]


def test_a_page_costs_three_calls_and_five_statements_with_filters_and_numbers(
    admin: Client, blogs: list[Blog]
):
    admin.get(url(Blog))  # content types and scripts are known from now on
    with count_redis_calls() as calls, CaptureQueriesContext(connection) as statements:
        response = admin.get(url(Blog))
    assert lines(response, "author") == {"All": None, "ada": 6, "bob": 6}
    # Redis: count and ids, values of all filters, numbers of the date ranges.
    assert len(calls) == 3
    # SQL: session, user, rows, authors of the column, authors of the filter.
    assert len(statements) == 5


def test_a_page_loads_its_own_rows_only(admin: Client, blogs: list[Blog], register: Any):
    class Small(SonicModelAdmin):
        list_per_page = 5

    register(Blog, Small)
    with CaptureQueriesContext(connection) as statements:
        response = admin.get(url(Blog) + "?p=2")
    assert titles(response) == ["Post 6", "Post 5", "Post 4", "Post 3", "Post 2"]
    (rows,) = [s["sql"] for s in statements if "FROM `testapp_blog`" in s["sql"]
               or 'FROM "testapp_blog"' in s["sql"]]  # fmt: skip
    assert rows.count(",") == 3 + 4  # four columns, five ids
    assert response.context["cl"].result_count == 12


def test_a_page_that_is_not_there_says_so(admin: Client, blogs: list[Blog], register: Any):
    class Small(SonicModelAdmin):
        list_per_page = 5

    register(Blog, Small)
    response = admin.get(url(Blog) + "?p=99", follow=True)
    assert response.status_code == 200
    assert "no such page" in notes(response)[0]


def test_show_all(admin: Client, blogs: list[Blog], register: Any):
    class Small(SonicModelAdmin):
        list_per_page = 5

    register(Blog, Small)
    assert len(titles(admin.get(url(Blog) + "?all="))) == 12


class TestOrder:
    def test_by_a_column_that_an_index_orders(self, admin: Client, blogs: list[Blog]):
        number = 1 + columns(Blog).index("score")
        up = titles(admin.get(f"{url(Blog)}?o={number}"))
        down = titles(admin.get(f"{url(Blog)}?o=-{number}"))
        assert up[:3] == ["Post 0", "Post 5", "Post 10"]
        assert down[:2] == ["Post 9", "Post 4"]

    @pytest.mark.parametrize("order", ["1", "2", "-2", "2.1.-4", "99", "x", "-", "0", "3.5"])
    def test_by_anything_is_never_an_error(self, admin: Client, blogs: list[Blog], order: str):
        response = admin.get(f"{url(Blog)}?o={order}")
        assert response.status_code == 200
        assert len(titles(response)) == 12

    def test_only_columns_that_an_index_orders_have_a_link(self, admin: Client, blogs: list[Blog]):
        html = admin.get(url(Blog)).content.decode()
        assert 'class="sortable column-score"' in html
        assert 'class="sortable column-created' in html
        assert 'class="column-author"' in html
        assert 'class="column-tags"' in html

    def test_an_index_within_a_filter_orders_there(self, admin: Client, register: Any):
        class Narrow(SonicModelAdmin):
            list_display = ("name", "number")
            list_filter = ("group",)

        register(Plain, Narrow)
        for number in (3, 1, 2):
            Plain.objects.create(name=f"n{number}", group="g", number=number)
        Plain.objects.create(name="other", group="h", number=0)
        assert 'class="column-number"' in admin.get(url(Plain)).content.decode()
        response = admin.get(f"{url(Plain)}?group__exact=g&o=2")
        assert [obj.number for obj in response.context["cl"].result_list] == [1, 2, 3]
        assert "sortable column-number" in response.content.decode()
        response = admin.get(f"{url(Plain)}?o=2")
        assert response.status_code == 200

    def test_of_the_admin(self, admin: Client, blogs: list[Blog], register: Any):
        class ByScore(SonicModelAdmin):
            ordering = ("-score",)

        register(Blog, ByScore)
        assert titles(admin.get(url(Blog)))[:2] == ["Post 9", "Post 4"]

    def test_by_two_columns(self, admin: Client, blogs: list[Blog], register: Any):
        class Both(SonicModelAdmin):
            list_display = ("title", "score", "created")

        register(Blog, Both)
        response = admin.get(f"{url(Blog)}?o=-2.3")
        expected = sorted(blogs, key=lambda blog: (-blog.score, blog.created))
        assert list(response.context["cl"].result_list) == expected
        html = response.content.decode()
        assert 'class="sortable column-score sorted descending"' in html
        assert 'class="sortable column-created sorted ascending"' in html

    def test_by_a_method_that_names_an_ordered_field(
        self, admin: Client, blogs: list[Blog], register: Any
    ):
        class Method(SonicModelAdmin):
            list_display = ("title", "stars")

            @django_admin.display(ordering="-score")
            def stars(self, obj: Blog) -> str:
                return "*" * obj.score

        register(Blog, Method)
        assert titles(admin.get(url(Blog) + "?o=2"))[:2] == ["Post 9", "Post 4"]


def test_lists_are_shortened(admin: Client, db: None):
    Blog.objects.create(title="t", content="c", tags=["a", "b", "c", "d", "e"])
    assert ">a, b, c +2</td>" in admin.get(url(Blog)).content.decode()


def test_a_reference_to_a_destroyed_row_is_no_error(admin: Client, blogs: list[Blog]):
    blogs[0].author.destroy()
    response = admin.get(url(Blog))
    assert response.status_code == 200
    assert "(destroyed)" in " ".join(lines(response, "author"))


class TestEditableRows:
    @pytest.fixture
    def data(self, admin: Client, blogs: list[Blog], register: Any) -> dict[str, Any]:
        class Editable(SonicModelAdmin):
            list_display = ("title", "score")
            list_editable = ("score",)

        register(Blog, Editable)
        return {**form_data(admin.get(url(Blog)), "changelist-form"), "_save": "Save"}

    def test_the_page_carries_the_versions(self, admin: Client, data: dict[str, Any]):
        assert data["form-0-sonic_seen_version"] == "1"

    def test_save(self, admin: Client, blogs: list[Blog], data: dict[str, Any]):
        response = admin.post(url(Blog), {**data, "form-0-score": 77}, follow=True)
        assert "1 blog was changed successfully." in notes(response)
        assert Blog.objects.get(pk=blogs[11].pk).score == 77
        assert writes(Blog.objects.get(pk=blogs[10].pk)) == 1

    def test_a_row_that_another_changed_is_refused(
        self, admin: Client, blogs: list[Blog], data: dict[str, Any]
    ):
        blogs[11].score = 5
        blogs[11].save()
        response = admin.post(url(Blog), {**data, "form-0-score": 77})
        assert "was changed elsewhere" in response.content.decode()
        assert Blog.objects.get(pk=blogs[11].pk).score == 5

    def test_a_bad_value_is_shown_at_its_row(self, admin: Client, data: dict[str, Any]):
        response = admin.post(url(Blog), {**data, "form-3-score": "many"})
        assert response.context["cl"].formset.errors[3] == {"score": ["Enter a whole number."]}


class HighScore(django_admin.SimpleListFilter):
    """A filter as a user would write one."""

    title = "rank"
    parameter_name = "rank"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        return [("high", "High")]

    def queryset(self, request: Any, queryset: Any) -> Any:
        return queryset.filter(score__gte=4) if self.value() == "high" else queryset


@pytest.mark.parametrize("query", ["", "?rank=high", "?rank=high&_facets=True", "?_facets=True"])
def test_a_filter_of_the_user(admin: Client, blogs: list[Blog], register: Any, query: str):
    class Ranked(SonicModelAdmin):
        list_filter = (HighScore, "tags")

    register(Blog, Ranked)
    response = admin.get(url(Blog) + query)
    assert response.status_code == 200
    assert len(titles(response)) == (2 if "high" in query else 12)


@pytest.mark.parametrize(
    ("query", "number"),
    [("", 12), ("?created__year=2001", 0), ("?created__year=2001&created__month=2", 0)],
)
def test_a_date_hierarchy(admin: Client, blogs: list[Blog], register: Any, query: str, number: int):
    class Dated(SonicModelAdmin):
        date_hierarchy = "created"

    register(Blog, Dated)
    response = admin.get(url(Blog) + query)
    assert response.status_code == 200
    assert len(titles(response)) == number
