"""order_by() and facets: by value, over all matches."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.test import override_settings
from haystack.models import SearchResult
from xapian_backend import InvalidIndexError

from .conftest import Library

UTC = datetime.timezone.utc


def moment(month: int, day: int = 1, hour: int = 0) -> datetime.datetime:
    return datetime.datetime(2024, month, day, hour, tzinfo=UTC)


# Order ------------------------------------------------------------------------------------------

UNORDERED: dict[str, list[Any]] = {
    "number": [10, -(2**63), None, 2**63 - 1, 2**63 - 2, -9],
    "ratio": [10.0, -1e300, None, 1e300, 11.5, -2.5],
    "price": ["10", "-99", None, "100", "10.5", "9.99"],
    "day": [
        datetime.date(2024, 3, 1),
        datetime.date(899, 1, 1),
        None,
        datetime.date(9999, 12, 31),
        datetime.date(2024, 3, 2),
        datetime.date(2024, 2, 29),
    ],
    "title": ["bee", "Ant", None, "dog", "Cat", "Apple pie"],
}
UNORDERED["moment"] = [day and datetime.datetime(*day.timetuple()[:3]) for day in UNORDERED["day"]]


@pytest.mark.parametrize("field", UNORDERED)
def test_order_is_by_value_with_what_has_none_last(library: Library, field: str):
    library.add(**{field: UNORDERED[field]})
    ascending = [2, 6, 1, 5, 4, 3]
    assert library.ordered(field) == ascending
    assert library.ordered(f"-{field}") == [4, 5, 1, 6, 2, 3]


def test_moments_of_different_time_zones_are_ordered_as_moments(library: Library):
    tokyo = datetime.timezone(datetime.timedelta(hours=9))
    library.add(moment=[moment(1, 1, 3), datetime.datetime(2024, 1, 1, 9, tzinfo=tokyo)])
    assert library.ordered("moment") == [2, 1]


def test_order_by_several_fields(library: Library):
    library.put(
        {"title": "a", "number": 10}, {"title": "b", "number": 1}, {"title": "a", "number": 9}
    )
    assert library.ordered("title", "-number") == [1, 3, 2]
    assert library.ordered("-title", "number") == [2, 3, 1]


def test_order_by_the_primary_key(library: Library):
    library.backend.update(library.index, [library.group(pk) for pk in (10, 9, 100)])
    assert library.ordered("django_id") == [9, 10, 100]


@pytest.mark.parametrize("field", ["tags", "id", "nothing"])
def test_what_has_no_order_is_refused(library: Library, field: str):
    with pytest.raises(InvalidIndexError, match=field):
        library.ordered(field)


def test_the_latest_and_the_best(library: Library):
    library.put({"title": "a", "number": 3}, {"title": "b", "number": 7})
    assert library.groups().latest("number").pk == 2
    assert library.groups().auto_query("b").best_match().pk == 2


# Facets -----------------------------------------------------------------------------------------


def fields(library: Library, *names: str) -> Any:
    queryset = library.groups()
    for name in names:
        queryset = queryset.facet(name)
    return queryset.facet_counts()["fields"]


def test_facets_of_every_kind_count_what_has_a_value(library: Library):
    day = datetime.date(2024, 2, 29)
    one = {
        "title": "Still Life",
        "tags": ["x", "y"],
        "owner": "Anna",
        "number": -5,
        "ratio": 0.5,
        "price": "9.50",
        "day": day,
        "moment": moment(2, 29),
        "flag": False,
    }
    library.put(one, {"title": None, "tags": ["y", "y"]}, {**one, "tags": None})
    counts = fields(library, *one)
    assert counts == {
        "title": [("Still Life", 2)],
        "tags": [("y", 2), ("x", 1)],
        "owner": [("Anna", 2)],
        "number": [(-5, 2)],
        "ratio": [(0.5, 2)],
        "price": [("9.5", 2)],
        "day": [(day, 2)],
        "moment": [(moment(2, 29), 2)],
        "flag": [(False, 2)],
    }


def test_facets_count_all_matches_and_not_a_page_of_them(library: Library):
    library.put(*({"tags": [f"tag {n % 2}"], "title": "fox"} for n in range(1500)))
    page = library.groups().auto_query("fox").facet("tags")[:10]
    assert len(page) == 10
    found = library.groups().auto_query("fox").facet("tags")
    assert found.facet_counts()["fields"]["tags"] == [("tag 0", 750), ("tag 1", 750)]
    assert found.count() == 1500


def test_counting_makes_no_results(library: Library):
    library.put(*({"tags": ["a"], "title": "fox"} for _ in range(20)))
    made = []

    class Result(SearchResult):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            made.append(args)
            super().__init__(*args, **kwargs)

    found = library.groups().result_class(Result).facet("tags")
    assert found.facet_counts()["fields"] == {"tags": [("a", 20)]}
    library.groups().result_class(Result).spelling_suggestion("fix")
    assert len(made) <= 2


def test_facets_count_only_matches(library: Library):
    library.put({"title": "fox", "tags": ["a"]}, {"title": "hound", "tags": ["b"]})
    found = library.groups().auto_query("fox").facet("tags")
    assert found.facet_counts()["fields"] == {"tags": [("a", 1)]}
    assert [one.pk for one in found] == [1]


def test_facets_of_models(library: Library):
    library.put({"title": "a"}, {"title": "b"})
    library.put_users({"username": "c"})
    counts = library.all().facet("django_ct").facet_counts()["fields"]
    assert counts == {"django_ct": [("auth.group", 2), ("auth.user", 1)]}


def test_an_unknown_facet_is_refused(library: Library):
    with pytest.raises(InvalidIndexError, match="nothing"):
        fields(library, "nothing")


@pytest.mark.parametrize("aware", [True, False])
def test_date_facets(library: Library, aware: bool):
    library.add(moment=[moment(1), moment(1, 31, 23), moment(2), moment(3, 5), None, moment(5)])
    start, end = moment(1), moment(4)
    if not aware:
        start, end = start.replace(tzinfo=None), end.replace(tzinfo=None)
    queryset = library.groups().date_facet("moment", start, end, "month")
    assert queryset.facet_counts()["dates"] == {
        "moment": [
            (start.replace(month=3), 1),
            (start.replace(month=2), 1),
            (start, 2),
        ]
    }


def test_date_facets_of_days_by_dates(library: Library):
    library.add(day=[datetime.date(2024, 1, 1), datetime.date(2024, 1, 8), None])
    start = datetime.date(2024, 1, 1)
    queryset = library.groups().date_facet("day", start, datetime.date(2024, 1, 15), "day", 7)
    assert queryset.facet_counts()["dates"]["day"] == [(datetime.date(2024, 1, 8), 1), (start, 1)]


@override_settings(USE_TZ=False)
def test_date_facets_without_time_zones(library: Library):
    library.add(moment=[datetime.datetime(2024, 1, 15)])
    start = datetime.datetime(2024, 1, 1)
    queryset = library.groups().date_facet("moment", start, start.replace(month=2), "month")
    assert queryset.facet_counts()["dates"]["moment"] == [(start, 1)]


@pytest.mark.parametrize(
    ("start", "unit", "amount", "beginnings"),
    [
        ((2023, 12, 31), "month", 1, [(2023, 12, 31), (2024, 1, 31), (2024, 2, 29)]),
        ((2024, 2, 29), "year", 1, [(2024, 2, 29), (2025, 2, 28), (2026, 2, 28)]),
        ((2024, 1, 1), "month", 12, [(2024, 1, 1), (2025, 1, 1), (2026, 1, 1)]),
        ((2024, 2, 28), "day", 1, [(2024, 2, 28), (2024, 2, 29), (2024, 3, 1)]),
    ],
)
def test_steps_of_date_facets(
    library: Library, start: Any, unit: str, amount: int, beginnings: list[Any]
):
    days = [datetime.date(*parts) for parts in beginnings]
    end = days[-1] + datetime.timedelta(days=1)
    queryset = library.groups().date_facet("day", days[0], end, unit, amount)
    counts = queryset.facet_counts()["dates"]["day"]
    assert counts == [(day, 0) for day in days[::-1]]


def test_query_facets(library: Library):
    library.put(
        {"title": "Terminal", "number": 5},
        {"title": "terms", "number": 50},
        {"title": "other", "body": "term"},
    )
    queryset = library.groups().query_facet("title", "term*").query_facet("number", "1..9")
    assert queryset.facet_counts()["queries"] == {"title": ("term*", 2), "number": ("1..9", 1)}


def test_query_facets_count_within_the_search(library: Library):
    library.put({"title": "fox", "number": 5}, {"title": "hound", "number": 5})
    queryset = library.groups().auto_query("fox").query_facet("number", "5")
    assert queryset.facet_counts()["queries"] == {"number": ("5", 1)}


def test_several_query_facets_of_a_field(library: Library):
    library.add(number=[5, 50, 60])
    queryset = library.groups().query_facet("number", "1..9").query_facet("number", "10..99")
    assert queryset.facet_counts()["queries"] == {"number": [("1..9", 1), ("10..99", 2)]}
