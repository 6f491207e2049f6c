"""The filters: each kind of field, with the numbers that the index knows."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import User
from django.test import Client

from sonic_django.test.counting import count_redis_calls
from tests.admin.conftest import lines, notes, titles, url
from tests.testapp.models import Blog, Described, Everything, Plain


def shown(client: Client, model: Any, query: str) -> set[Any]:
    response = client.get(f"{url(model)}?{query}")
    assert response.status_code == 200, query
    return {obj.pk for obj in response.context["cl"].result_list}


def test_they_are_chosen_from_the_indexes():
    assert site.get_model_admin(Blog).list_filter == ["author", "tags", "score", "created"]
    assert site.get_model_admin(Plain).list_filter == ["group"]


def test_fields_that_no_index_answers_alone_have_none():
    chosen = site.get_model_admin(Everything).list_filter
    assert "long_text" not in chosen
    assert "url" not in chosen
    assert {"flag", "moment", "words", "owner", "exact"} <= set(chosen)


def test_references_show_names_and_numbers(admin: Client, blogs: list[Blog]):
    response = admin.get(url(Blog))
    assert lines(response, "author") == {"All": None, "ada": 6, "bob": 6}
    author = blogs[0].author_id
    assert titles(admin.get(f"{url(Blog)}?author__id__exact={author}"))[0] == "Post 10"


def test_a_chosen_reference_is_marked_and_can_be_taken_back(admin: Client, blogs: list[Blog]):
    html = admin.get(f"{url(Blog)}?author__id__exact={blogs[0].author_id}").content.decode()
    assert 'aria-current="true">ada' in html
    assert "Clear all filters" in html


def test_an_id_that_is_none_explains_itself(admin: Client, blogs: list[Blog]):
    response = admin.get(f"{url(Blog)}?author__id__exact=ada", follow=True)
    assert response.redirect_chain[0][0].endswith("?e=1")
    assert "ada" in notes(response)[0]


def test_lists_filter_by_element(admin: Client, blogs: list[Blog]):
    response = admin.get(f"{url(Blog)}?tags__exact=even")
    assert set(titles(response)) == {f"Post {n}" for n in range(0, 12, 2)}


def test_numbers_within_the_other_filters(admin: Client, blogs: list[Blog]):
    response = admin.get(f"{url(Blog)}?tags__exact=even")
    # Scores of posts 0, 2, 4, 6, 8, 10; lines without any are left out.
    assert lines(response, "score") == {"All": None, "0": 2, "1": 1, "2": 1, "3": 1, "4": 1}
    response = admin.get(f"{url(Blog)}?score__exact=1")
    assert lines(response, "author") == {"All": None, "ada": 1, "bob": 2}
    # Its own filter does not narrow a field's numbers.
    assert lines(response, "score")["2"] == 2


def test_all_numbers_within_filters_are_one_call(admin: Client, blogs: list[Blog]):
    admin.get(f"{url(Blog)}?tags__exact=even")
    with count_redis_calls() as calls:
        admin.get(f"{url(Blog)}?tags__exact=even")
    assert len(calls) == 3  # count, total and ids; values; numbers of the spans of time


def test_few_numbers_are_listed_and_many_asked_for(admin: Client, db: None):
    for number in range(5):
        Everything.objects.create(whole=number % 2, real=number / 2)
    response = admin.get(url(Everything))
    assert lines(response, "whole") == {"All": None, "0": 3, "1": 2}
    for number in range(20):
        Everything.objects.create(whole=number + 10)
    response = admin.get(url(Everything))
    assert not set(lines(response, "whole")) - {"All", "(none)"}
    assert 'name="whole__gte"' in response.content.decode()


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("score__gte=3", {3, 4}),
        ("score__lte=1", {0, 1}),
        ("score__gte=1&score__lte=2", {1, 2}),
        ("score__gte=&score__lte=0", {0}),
        ("score__gte=&score__lte=", {0, 1, 2, 3, 4}),
    ],
)
def test_a_range_of_numbers(admin: Client, blogs: list[Blog], query: str, numbers: set[int]):
    response = admin.get(f"{url(Blog)}?{query}")
    assert {obj.score for obj in response.context["cl"].result_list} == numbers


def test_a_range_of_words_explains_itself(admin: Client, blogs: list[Blog]):
    response = admin.get(f"{url(Blog)}?score__gte=many", follow=True)
    assert notes(response) == ["score: “many”: Enter a whole number."]


class TestDates:
    @pytest.fixture
    def days(self, db: None) -> dict[str, int]:
        now = datetime.now(timezone.utc)
        moments = {
            "now": now,
            "three days": now - timedelta(days=3),
            "two years": now - timedelta(days=730),
            "never": None,
        }
        return {
            name: Everything.objects.create(moment=moment, day=moment.date() if moment else None).pk
            for name, moment in moments.items()
        }

    @pytest.mark.parametrize("field", ["moment", "day"])
    def test_spans_with_numbers(self, admin: Client, days: dict[str, int], field: str):
        numbers = lines(admin.get(url(Everything)), field)
        assert numbers["Today"] == 1
        assert numbers["Past 7 days"] == 2
        assert numbers["(none)"] == 1

    @pytest.mark.parametrize("field", ["moment", "day"])
    def test_a_last_day_counts_to_its_end(self, admin: Client, days: dict[str, int], field: str):
        today = date.today()
        assert shown(admin, Everything, f"{field}__gte={today}&{field}__lte={today}") == {
            days["now"]
        }
        assert shown(admin, Everything, f"{field}__isnull=True") == {days["never"]}

    def test_a_span_is_marked_when_chosen(self, admin: Client, days: dict[str, int]):
        response = admin.get(url(Everything))
        (spec,) = [s for s in response.context["cl"].filter_specs if s.field_path == "moment"]
        today = next(iter(list(spec.choices(response.context["cl"]))[1:]))
        chosen = admin.get(url(Everything) + today["query_string"])
        assert 'aria-current="true">Today' in chosen.content.decode()
        assert titles(chosen) == [str(Everything.objects.get(pk=days["now"]))]

    def test_what_is_no_date_explains_itself(self, admin: Client, days: dict[str, int]):
        response = admin.get(f"{url(Everything)}?moment__gte=soon", follow=True)
        assert "Enter a valid date/time" in notes(response)[0]


@pytest.mark.parametrize(
    ("values", "query"),
    [
        ({"flag": True}, "flag__exact=1"),
        ({"flag": False}, "flag__exact=0"),
        ({"text": "a b&c"}, "text__exact=a+b%26c"),
        ({"text": "water"}, "text__startswith=wat"),
        ({"text": ""}, "text__isempty=1"),
        ({"real": 1.5}, "real__exact=1.5"),
        ({"exact": Decimal("1.10")}, "exact__gte=1.1&exact__lte=1.1"),
        ({"code": UUID(int=5)}, f"code__exact={UUID(int=5)}"),
        ({"words": ["x", "y"]}, "words__exact=y"),
        ({"words": []}, "words__isempty=1"),
        ({"numbers": [4, 5]}, "numbers__exact=5"),
        ({"whole": 3}, "whole__exact=3"),
    ],
)
def test_each_kind_finds_its_object(admin: Client, db: None, values: dict[str, Any], query: str):
    name = next(iter(values))
    Everything.objects.create(
        flag=None, text="other", real=9.0, exact=Decimal(9), words=["z"], numbers=[9], whole=9
    )
    wanted = Everything.objects.create(**{"text": "t", "words": ["w"], **values})
    assert shown(admin, Everything, query) == {wanted.pk}, name


def test_references_to_ordinary_models_and_to_lists_of_objects(admin: Client, root: User):
    friend = Everything.objects.create(text="friend")
    wanted = Everything.objects.create(text="wanted", owner=root, friends=[friend])
    response = admin.get(url(Everything))
    assert lines(response, "owner")["root"] == 1
    assert lines(response, "friends")[str(friend)] == 1
    assert shown(admin, Everything, f"owner__id__exact={root.pk}") == {wanted.pk}
    assert shown(admin, Everything, f"friends__exact={friend.pk}") == {wanted.pk}


def test_yes_and_no_and_unknown(admin: Client, db: None):
    for flag in (True, True, False, None):
        Everything.objects.create(flag=flag)
    numbers = lines(admin.get(url(Everything)), "flag")
    assert numbers == {"All": None, "Yes": 2, "No": 1, "(none)": 1}


def test_choices_are_shown_by_their_labels_in_their_order(admin: Client, db: None):
    Described.objects.create(title="x", kind="b")
    assert lines(admin.get(url(Described)), "kind") == {"All": None, "Alpha": 0, "Beta": 1}


def test_the_most_frequent_values_come_first_and_the_rest_has_an_input(admin: Client, db: None):
    for number in range(30):
        for _ in range(2 if number == 7 else 1):
            Plain.objects.create(group=f"group {number:02}")
    response = admin.get(url(Plain))
    numbers = list(lines(response, "group").items())
    assert numbers[1] == ("group 07", 2)
    assert len(numbers) == 11
    assert 'name="group__exact"' in response.content.decode()


def test_a_rare_value_that_is_chosen_is_shown(admin: Client, db: None):
    for number in range(30):
        Plain.objects.create(group=f"group {number:02}")
    response = admin.get(f"{url(Plain)}?group__exact=group+29")
    assert "group 29" in lines(response, "group")
    assert titles(response) == [str(Plain.find_one(group="group 29"))]


def test_a_text_with_too_many_values_is_asked_for_by_its_beginning(admin: Client, db: None):
    Everything.objects.bulk_create([Everything(text=f"t{n}") for n in range(210)])
    response = admin.get(url(Everything))
    assert lines(response, "text") == {}
    assert 'name="text__startswith"' in response.content.decode()
    assert len(shown(admin, Everything, "text__startswith=t20")) == 11


@pytest.mark.parametrize(
    "query", ["title__exact=x", "content__contains=x", "nothing=1", "author__username=ada"]
)
def test_a_lookup_that_no_index_answers_is_no_error(admin: Client, blogs: list[Blog], query: str):
    response = admin.get(f"{url(Blog)}?{query}", follow=True)
    assert response.status_code in (200, 400)
    if response.status_code == 200:
        assert len(titles(response)) == 12
        assert notes(response)


def test_other_filters_and_the_search_stay_when_an_input_is_sent(admin: Client, blogs: list[Blog]):
    query = "score__gte=1&q=war&created__gte=2020-01-01"
    html = admin.get(f"{url(Blog)}?{query}").content.decode()
    form = html[html.index('data-filter-title="created"') :].split("</form>")[0]
    assert '<input type="hidden" name="score__gte" value="1">' in form
    assert '<input type="hidden" name="q" value="war">' in form
    assert 'type="hidden" name="created__gte"' not in form
    assert 'name="created__gte" value="2020-01-01"' in form


def test_rare_values_are_shown_within_a_filter(admin: Client, db: None):
    for number in range(40):
        Plain.objects.create(name=f"n{number // 10}", group=f"group {number % 20:02}")
    response = admin.get(f"{url(Plain)}?q=n3")
    assert len(lines(response, "group")) == 11
    assert lines(response, "group")["group 19"] == 1


def test_where_too_many_are_left_numbers_are_counted_on_request(
    admin: Client, blogs: list[Blog], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sonic_admin.listing.facet_counts.MOST_OBJECTS", 3)
    monkeypatch.setattr("sonic_admin.listing.filters.MOST_OBJECTS", 3)
    query = f"{url(Blog)}?tags__exact=even&score__gte=0"
    assert lines(admin.get(query), "author") == {"All": None, "ada": None, "bob": None}
    assert "Show counts" in admin.get(query).content.decode()
    assert lines(admin.get(f"{query}&_facets=True"), "author") == {"All": None, "ada": 6}
